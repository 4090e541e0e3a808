//! The side that a backup is made from.

use futures::FutureExt;
use futures::channel::{mpsc, oneshot};
use futures::future::BoxFuture;
use tracing::Instrument;
use wasmtime::component::{Accessor, ResourceAny, StreamReader};

use super::config::JobConfig;
use super::handle::{Commands, JobHandle};
use super::instance::Instance;
use super::run::Guest;
use crate::api::{FileStream, ReadSession, ScanStream, Source};
use crate::batches::{BatchReceiver, BatchSender, batches};
use crate::bindings::Connector as Bindings;
use crate::engine::Connector;
use crate::error::JobError;
use crate::limits::Usage;
use crate::state::StoreState;
use crate::streams::{BytesToChannel, ChannelToStream, FutureToOneshot, StreamToChannel};
use crate::types::{Content, Error, Finding, Identity, ScanItem};

/// A source that is open. Cheap to clone; dropping every clone ends the job.
#[derive(Clone)]
pub struct Importer {
    commands: Commands<ImporterCommand>,
    identity: Identity,
}

/// Pieces of a file that may wait to be taken.
const CHANNEL_CAPACITY: usize = 2;

/// Channel for the single answer of a command.
type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// The bytes of a file, and the verdict after the last of them.
type Pieces = (mpsc::Receiver<bytes::Bytes>, oneshot::Receiver<Result<(), Error>>);

/// Commands of the job, with the channels for their answers.
enum ImporterCommand {
    Ping(Reply<()>),
    Check(Reply<Vec<Finding>>),
    Scan(BatchSender<ScanItem>, Reply<()>),
    Read(String, Reply<Pieces>),
    ReadAll(BatchReceiver<String>, BatchSender<Content>),
}

impl Importer {
    /// Starts a job: instantiates the component, asks it which origins it needs, allows or refuses them, and opens
    /// its importer. No request is sent.
    ///
    /// # Errors
    ///
    /// The connector did not accept the options, asked for an origin that `config` does not allow, or crashed.
    pub async fn open(
        connector: &Connector,
        options: Vec<(String, String)>,
        config: JobConfig,
    ) -> Result<Self, JobError> {
        let span = tracing::info_span!("job", label = config.label, side = "source");
        let opening = async {
            let mut instance = Instance::new(connector, config).await?;
            let bindings = instance.bindings.plakar_connector_source();
            let guest = bindings.importer();
            let asked = guest.call_origins(&mut instance.store, &options).await;
            let asked = asked.map_err(|error| instance.failed(&error))??;
            instance.grant_origins(&asked)?;
            let importer = guest.call_open(&mut instance.store, &options).await;
            let importer = importer.map_err(|error| instance.failed(&error))??;
            let identity = guest.call_identity(&mut instance.store, importer).await;
            let identity = identity.map_err(|error| instance.failed(&error))?;
            let commands = instance.start(|bindings| ImporterGuest { bindings, importer });
            Ok(Self { commands, identity })
        };
        opening.instrument(span).await
    }

    /// Returns the handle of the job, which outlives the importer.
    #[must_use]
    pub fn job(&self) -> &JobHandle {
        &self.commands.job
    }

    /// Drops this importer and waits for the end of its job. Other clones keep the job alive.
    ///
    /// # Errors
    ///
    /// As for [`JobHandle::join`].
    pub async fn join(self) -> Result<(), JobError> {
        let job = self.job().clone();
        drop(self);
        job.join().await
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
        self.commands.call(ImporterCommand::Ping).await
    }

    /// Returns what the other side is and can do.
    ///
    /// # Errors
    ///
    /// The connector reported a failure, or the job ended.
    pub async fn check(&self) -> Result<Vec<Finding>, JobError> {
        self.commands.call(ImporterCommand::Check).await
    }

    /// Opens one file of a scan that has begun.
    ///
    /// # Errors
    ///
    /// The connector reported a failure, or the job ended.
    pub async fn read(&self, path: &str) -> Result<FileStream, JobError> {
        let (bytes, verdict) =
            self.commands.call(|reply| ImporterCommand::Read(path.to_owned(), reply)).await?;
        Ok(FileStream::new(bytes, self.job().clone().verdict(verdict)))
    }
}

impl Source for Importer {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn scan(&self) -> ScanStream {
        let (items, receiver) = batches();
        let (verdict, ended) = oneshot::channel();
        self.commands.start(ImporterCommand::Scan(items, verdict));
        ScanStream::new(receiver, self.job().clone().verdict(ended))
    }

    fn read_all(&self) -> ReadSession {
        let (paths, wanted) = batches();
        let (contents, receiver) = batches();
        self.commands.start(ImporterCommand::ReadAll(wanted, contents));
        let job = self.job().clone();
        ReadSession::new(paths, receiver, async move { job.reason().await })
    }

    fn is_cancelled(&self) -> bool {
        self.job().is_cancelled()
    }
}

/// The opened importer within the guest.
struct ImporterGuest {
    bindings: Bindings,
    importer: ResourceAny,
}

impl Guest for ImporterGuest {
    type Command = ImporterCommand;

    fn handle<'a>(
        &'a self,
        accessor: &'a Accessor<StoreState>,
        command: ImporterCommand,
    ) -> BoxFuture<'a, wasmtime::Result<()>> {
        handle(accessor, &self.bindings, self.importer, command).boxed()
    }
}

async fn handle(
    accessor: &Accessor<StoreState>,
    bindings: &Bindings,
    importer: ResourceAny,
    command: ImporterCommand,
) -> wasmtime::Result<()> {
    let guest = bindings.plakar_connector_source().importer();
    // A caller that no longer waits for an answer does not need it: failed sends are ignored.
    match command {
        ImporterCommand::Ping(reply) => drop(reply.send(guest.call_ping(accessor, importer).await?)),
        ImporterCommand::Check(reply) => drop(reply.send(guest.call_check(accessor, importer).await?)),
        ImporterCommand::Scan(items, end) => {
            let (stream, outcome) = guest.call_scan(accessor, importer).await?;
            accessor.with(|mut store| {
                stream.pipe(&mut store, StreamToChannel(items))?;
                outcome.pipe(&mut store, FutureToOneshot(Some(end)))
            })?;
        }
        ImporterCommand::Read(path, reply) => {
            let opened = match guest.call_read(accessor, importer, path).await? {
                Ok((stream, outcome)) => {
                    let (sender, bytes) = mpsc::channel(CHANNEL_CAPACITY);
                    let (ender, end) = oneshot::channel();
                    accessor.with(|mut store| {
                        stream.pipe(&mut store, BytesToChannel(sender))?;
                        outcome.pipe(&mut store, FutureToOneshot(Some(ender)))
                    })?;
                    Ok((bytes, end))
                }
                Err(error) => Err(error),
            };
            drop(reply.send(opened));
        }
        ImporterCommand::ReadAll(paths, contents) => {
            let paths = accessor.with(|mut store| StreamReader::new(&mut store, ChannelToStream(paths)))?;
            let stream = guest.call_read_all(accessor, importer, paths).await?;
            accessor.with(|mut store| stream.pipe(&mut store, StreamToChannel(contents)))?;
        }
    }
    Ok(())
}
