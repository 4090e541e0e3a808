//! The side that a backup is made from.

use bytes::Bytes;
use futures::channel::{mpsc, oneshot};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use wasmtime::component::{Accessor, ResourceAny, StreamReader};

use super::{Grant, Guest, Handle, Seed, State, WAITING, gone, trapped};
use crate::api::Source;
use crate::bindings::{Connector as Bindings, Content, Error, Finding, Identity, ScanItem};
use crate::engine::Connector;
use crate::limits::Usage;
use crate::streams::{ByteOutlet, Inlet, Once, Outlet};

/// A source that is open. Dropping every clone ends the job.
#[derive(Clone)]
pub struct Importer {
    handle: Handle<Command>,
    identity: Identity,
}

/// What a job can be asked to do, with where the answers go.
enum Command {
    Ping(oneshot::Sender<Result<(), Error>>),
    Check(oneshot::Sender<Result<Vec<Finding>, Error>>),
    Scan(mpsc::Sender<Vec<ScanItem>>, oneshot::Sender<Result<(), Error>>),
    Read(String, oneshot::Sender<Result<Body, Error>>),
    ReadAll(mpsc::Receiver<Vec<String>>, mpsc::Sender<Vec<Content>>),
}

/// The bytes of one file, and at their end whether they are all of it.
pub struct Body {
    /// The bytes.
    pub bytes: mpsc::Receiver<Bytes>,
    /// How it ended; no answer means that the job ended.
    pub end: oneshot::Receiver<Result<(), Error>>,
}

impl Importer {
    /// Starts a job: instantiates the component, asks it what it needs, grants that or not, and opens
    /// its importer. No request is made.
    pub async fn open(
        connector: &Connector,
        options: Vec<(String, String)>,
        grant: Grant,
    ) -> Result<Self, Error> {
        let mut seed = Seed::plant(connector, grant).await?;
        let guest = seed.bindings.plakar_connector_source().importer();
        let asked = guest.call_origins(&mut seed.store, &options).await.map_err(trapped)??;
        seed.allow(&asked)?;
        let importer = guest.call_open(&mut seed.store, &options).await.map_err(trapped)??;
        let identity = guest.call_identity(&mut seed.store, importer).await.map_err(trapped)?;
        Ok(Self { handle: seed.grow(|bindings| Side { bindings, importer }), identity })
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

    /// Signs in.
    pub async fn ping(&self) -> Result<(), Error> {
        self.handle.ask(Command::Ping).await?
    }

    /// What the other side is and can do.
    pub async fn check(&self) -> Result<Vec<Finding>, Error> {
        self.handle.ask(Command::Check).await?
    }

    /// Opens one file of a scan.
    pub async fn read(&self, path: &str) -> Result<Body, Error> {
        self.handle.ask(|reply| Command::Read(path.to_owned(), reply)).await?
    }
}

impl Source for Importer {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn scan(&self) -> (mpsc::Receiver<Vec<ScanItem>>, BoxFuture<'static, Result<(), Error>>) {
        let (items, receiver) = mpsc::channel(WAITING);
        let (end, ended) = oneshot::channel();
        self.handle.send(Command::Scan(items, end));
        (receiver, ended.map(|ended| ended.unwrap_or_else(|_| Err(gone()))).boxed())
    }

    fn read_all(&self) -> (mpsc::Sender<Vec<String>>, mpsc::Receiver<Vec<Content>>) {
        let (paths, wanted) = mpsc::channel(WAITING);
        let (contents, receiver) = mpsc::channel(WAITING);
        self.handle.send(Command::ReadAll(wanted, contents));
        (paths, receiver)
    }

    fn is_cancelled(&self) -> bool {
        self.handle.is_cancelled()
    }
}

/// The guest's side of it.
struct Side {
    bindings: Bindings,
    importer: ResourceAny,
}

impl Guest for Side {
    type Command = Command;

    fn obey<'a>(
        &'a self,
        accessor: &'a Accessor<State>,
        command: Command,
    ) -> BoxFuture<'a, wasmtime::Result<()>> {
        obey(accessor, &self.bindings, self.importer, command).boxed()
    }
}

async fn obey(
    accessor: &Accessor<State>,
    bindings: &Bindings,
    importer: ResourceAny,
    command: Command,
) -> wasmtime::Result<()> {
    let guest = bindings.plakar_connector_source().importer();
    // Callers that no longer wait for an answer do not need it: failed sends are of no interest.
    match command {
        Command::Ping(reply) => drop(reply.send(guest.call_ping(accessor, importer).await?)),
        Command::Check(reply) => drop(reply.send(guest.call_check(accessor, importer).await?)),
        Command::Scan(items, end) => {
            let (stream, outcome) = guest.call_scan(accessor, importer).await?;
            accessor.with(|mut store| {
                stream.pipe(&mut store, Outlet(items))?;
                outcome.pipe(&mut store, Once(Some(end)))
            })?;
        }
        Command::Read(path, reply) => {
            let opened = match guest.call_read(accessor, importer, path).await? {
                Ok((stream, outcome)) => {
                    let (sender, bytes) = mpsc::channel(WAITING);
                    let (ender, end) = oneshot::channel();
                    accessor.with(|mut store| {
                        stream.pipe(&mut store, ByteOutlet(sender))?;
                        outcome.pipe(&mut store, Once(Some(ender)))
                    })?;
                    Ok(Body { bytes, end })
                }
                Err(error) => Err(error),
            };
            drop(reply.send(opened));
        }
        Command::ReadAll(paths, contents) => {
            let paths = accessor.with(|mut store| StreamReader::new(&mut store, Inlet(paths)))?;
            let stream = guest.call_read_all(accessor, importer, paths).await?;
            accessor.with(|mut store| stream.pipe(&mut store, Outlet(contents)))?;
        }
    }
    Ok(())
}

impl Body {
    /// All of it.
    pub async fn collect(mut self) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        while let Some(bytes) = self.bytes.next().await {
            all.extend_from_slice(&bytes);
        }
        self.end.await.map_err(|_| gone())?.map(|()| all)
    }
}
