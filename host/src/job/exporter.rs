//! The side that a restore is made to.

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::BoxFuture;
use tracing::Instrument;
use wasmtime::component::{Accessor, ResourceAny, StreamReader};

use super::config::JobConfig;
use super::handle::{Commands, JobHandle};
use super::instance::Instance;
use super::run::Guest;
use crate::api::{Destination, WriteSession};
use crate::batches::{BatchReceiver, BatchSender, batches};
use crate::bindings::Connector as Bindings;
use crate::engine::Connector;
use crate::error::JobError;
use crate::limits::Usage;
use crate::state::StoreState;
use crate::streams::{ChannelToStream, FutureToOneshot, StreamToChannel};
use crate::types::{Error, Finding, Identity, Item, WriteItem};

/// A destination that is open. Cheap to clone; dropping every clone ends the job.
#[derive(Clone)]
pub struct Exporter {
    commands: Commands<ExporterCommand>,
    identity: Identity,
}

/// Channel for the single answer of a command.
type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Commands of the job, with the channels for their answers.
enum ExporterCommand {
    Ping(Reply<()>),
    Check(Reply<Vec<Finding>>),
    Write(BatchReceiver<Item>, BatchSender<WriteItem>, Reply<()>),
}

impl Exporter {
    /// Starts a job: instantiates the component, asks it which origins it needs, allows or refuses them, and opens
    /// its exporter. No request is sent.
    ///
    /// # Errors
    ///
    /// The connector did not accept the options, asked for an origin that `config` does not allow, or crashed.
    pub async fn open(
        connector: &Connector,
        options: Vec<(String, String)>,
        config: JobConfig,
    ) -> Result<Self, JobError> {
        let span = tracing::info_span!("job", label = config.label, side = "destination");
        let opening = async {
            let mut instance = Instance::new(connector, config).await?;
            let bindings = instance.bindings.plakar_connector_destination();
            let guest = bindings.exporter();
            let asked = guest.call_origins(&mut instance.store, &options).await;
            let asked = asked.map_err(|error| instance.failed(&error))??;
            instance.grant_origins(&asked)?;
            let exporter = guest.call_open(&mut instance.store, &options).await;
            let exporter = exporter.map_err(|error| instance.failed(&error))??;
            let identity = guest.call_identity(&mut instance.store, exporter).await;
            let identity = identity.map_err(|error| instance.failed(&error))?;
            let commands = instance.start(|bindings| ExporterGuest { bindings, exporter });
            Ok(Self { commands, identity })
        };
        opening.instrument(span).await
    }

    /// Returns the handle of the job, which outlives the exporter.
    #[must_use]
    pub fn job(&self) -> &JobHandle {
        &self.commands.job
    }

    /// Drops this exporter and waits for the end of its job. Other clones keep the job alive.
    ///
    /// # Errors
    ///
    /// As for [`JobHandle::join`].
    pub async fn join(self) -> Result<(), JobError> {
        let job = self.job().clone();
        drop(self);
        job.join().await
    }

    /// Returns the account that is written to.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns true if the job was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.job().is_cancelled()
    }

    /// Returns what the job has used so far.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        self.job().usage()
    }

    /// Asks the job to stop: see [`JobHandle::cancel`].
    pub fn cancel(&self) {
        self.job().cancel();
    }

    /// Signs in.
    ///
    /// # Errors
    ///
    /// The connector reported a failure, or the job ended.
    pub async fn ping(&self) -> Result<(), JobError> {
        self.commands.call(ExporterCommand::Ping).await
    }

    /// Returns what the other side is and can do.
    ///
    /// # Errors
    ///
    /// The connector reported a failure, or the job ended.
    pub async fn check(&self) -> Result<Vec<Finding>, JobError> {
        self.commands.call(ExporterCommand::Check).await
    }
}

impl Destination for Exporter {
    fn write(&self) -> WriteSession {
        let (items, wanted) = batches();
        let (out, reports) = batches();
        let (verdict, ended) = oneshot::channel();
        self.commands.start(ExporterCommand::Write(wanted, out, verdict));
        WriteSession::new(items, reports, self.job().clone().verdict(ended))
    }
}

/// The opened exporter within the guest.
struct ExporterGuest {
    bindings: Bindings,
    exporter: ResourceAny,
}

impl Guest for ExporterGuest {
    type Command = ExporterCommand;

    fn handle<'a>(
        &'a self,
        accessor: &'a Accessor<StoreState>,
        command: ExporterCommand,
    ) -> BoxFuture<'a, wasmtime::Result<()>> {
        handle(accessor, &self.bindings, self.exporter, command).boxed()
    }
}

async fn handle(
    accessor: &Accessor<StoreState>,
    bindings: &Bindings,
    exporter: ResourceAny,
    command: ExporterCommand,
) -> wasmtime::Result<()> {
    let guest = bindings.plakar_connector_destination().exporter();
    // A caller that no longer waits for an answer does not need it: failed sends are ignored.
    match command {
        ExporterCommand::Ping(reply) => drop(reply.send(guest.call_ping(accessor, exporter).await?)),
        ExporterCommand::Check(reply) => drop(reply.send(guest.call_check(accessor, exporter).await?)),
        ExporterCommand::Write(items, out, end) => {
            let items = accessor.with(|mut store| StreamReader::new(&mut store, ChannelToStream(items)))?;
            let (stream, outcome) = guest.call_write(accessor, exporter, items).await?;
            accessor.with(|mut store| {
                stream.pipe(&mut store, StreamToChannel(out))?;
                outcome.pipe(&mut store, FutureToOneshot(Some(end)))
            })?;
        }
    }
    Ok(())
}
