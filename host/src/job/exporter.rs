//! The side that a restore is made to.

use futures::FutureExt;
use futures::channel::{mpsc, oneshot};
use futures::future::BoxFuture;
use wasmtime::component::{Accessor, ResourceAny, StreamReader};

use super::{Grant, Guest, Handle, Seed, State, WAITING, gone, trapped};
use crate::api::{Destination, Writing};
use crate::bindings::{Connector as Bindings, Error, Finding, Identity, Item, WriteItem};
use crate::engine::Connector;
use crate::limits::Usage;
use crate::streams::{Inlet, Once, Outlet};

/// A destination that is open. Dropping every clone ends the job.
#[derive(Clone)]
pub struct Exporter {
    handle: Handle<Command>,
    identity: Identity,
}

/// What a job can be asked to do, with where the answers go.
enum Command {
    Ping(oneshot::Sender<Result<(), Error>>),
    Check(oneshot::Sender<Result<Vec<Finding>, Error>>),
    Write(mpsc::Receiver<Vec<Item>>, mpsc::Sender<Vec<WriteItem>>, oneshot::Sender<Result<(), Error>>),
}

impl Exporter {
    /// Starts a job: as for an importer. No request is made.
    pub async fn open(
        connector: &Connector,
        options: Vec<(String, String)>,
        grant: Grant,
    ) -> Result<Self, Error> {
        let mut seed = Seed::plant(connector, grant).await?;
        let guest = seed.bindings.plakar_connector_destination().exporter();
        let asked = guest.call_origins(&mut seed.store, &options).await.map_err(trapped)??;
        seed.allow(&asked)?;
        let exporter = guest.call_open(&mut seed.store, &options).await.map_err(trapped)??;
        let identity = guest.call_identity(&mut seed.store, exporter).await.map_err(trapped)?;
        Ok(Self { handle: seed.grow(|bindings| Side { bindings, exporter }), identity })
    }

    /// What is written to.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the job has used so far.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.handle.usage
    }

    /// Asks the job to stop: requests fail, and a guest that does not notice is stopped.
    pub fn cancel(&self) {
        self.handle.cancel();
    }

    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.handle.is_cancelled()
    }

    /// Signs in.
    pub async fn ping(&self) -> Result<(), Error> {
        self.handle.ask(Command::Ping).await?
    }

    /// What the other side is and can do.
    pub async fn check(&self) -> Result<Vec<Finding>, Error> {
        self.handle.ask(Command::Check).await?
    }
}

impl Destination for Exporter {
    fn write(&self) -> Writing {
        let (items, wanted) = mpsc::channel(WAITING);
        let (out, reports) = mpsc::channel(WAITING);
        let (end, ended) = oneshot::channel();
        self.handle.send(Command::Write(wanted, out, end));
        Writing { items, reports, end: ended.map(|ended| ended.unwrap_or_else(|_| Err(gone()))).boxed() }
    }
}

/// The guest's side of it.
struct Side {
    bindings: Bindings,
    exporter: ResourceAny,
}

impl Guest for Side {
    type Command = Command;

    fn obey<'a>(
        &'a self,
        accessor: &'a Accessor<State>,
        command: Command,
    ) -> BoxFuture<'a, wasmtime::Result<()>> {
        obey(accessor, &self.bindings, self.exporter, command).boxed()
    }
}

async fn obey(
    accessor: &Accessor<State>,
    bindings: &Bindings,
    exporter: ResourceAny,
    command: Command,
) -> wasmtime::Result<()> {
    let guest = bindings.plakar_connector_destination().exporter();
    // Callers that no longer wait for an answer do not need it: failed sends are of no interest.
    match command {
        Command::Ping(reply) => drop(reply.send(guest.call_ping(accessor, exporter).await?)),
        Command::Check(reply) => drop(reply.send(guest.call_check(accessor, exporter).await?)),
        Command::Write(items, out, end) => {
            let items = accessor.with(|mut store| StreamReader::new(&mut store, Inlet(items)))?;
            let (stream, outcome) = guest.call_write(accessor, exporter, items).await?;
            accessor.with(|mut store| {
                stream.pipe(&mut store, Outlet(out))?;
                outcome.pipe(&mut store, Once(Some(end)))
            })?;
        }
    }
    Ok(())
}
