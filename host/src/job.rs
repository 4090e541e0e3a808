//! One run of a connector for one tenant: a store, an instance and a way out of its own. The job lives
//! on a task of its own; what others hold is a handle that sends it commands, so that many callers can
//! use one instance at once, from any thread.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::channel::{mpsc, oneshot};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;
use wasmtime::component::{Accessor, ResourceAny, ResourceTable, StreamReader};
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::exports::plakar::connector::source;
use crate::bindings::{Connector as Bindings, Content, Error, Finding, Identity, ScanItem};
use crate::egress::policy::Policy;
use crate::egress::{Egress, Tls};
use crate::engine::{Connector, TICK};
use crate::limits::{Limiter, Limits, Usage};
use crate::mirror::Source;
use crate::streams::{ByteOutlet, Inlet, Once, Outlet};

/// How long a cancelled guest has to stop on its own.
const GRACE: Duration = Duration::from_secs(2);

/// What a job is given.
#[derive(Clone, Debug)]
pub struct Grant {
    /// How servers are recognised.
    pub tls: Tls,
    /// Whether plain http is all right.
    pub insecure: bool,
    /// Hosts that may be reached besides those the connector asks for: `host`, `host:port`, `*.host`.
    pub allow_hosts: Vec<String>,
    /// How much of everything.
    pub limits: Limits,
}

/// What belongs to one store.
pub(crate) struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    egress: Egress,
    limiter: Limiter,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.egress }
    }
}

/// A source that is open. Dropping every clone ends the job.
#[derive(Clone)]
pub struct Importer {
    commands: mpsc::UnboundedSender<Command>,
    identity: Identity,
    usage: Arc<Usage>,
    cancel: Arc<watch::Sender<bool>>,
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

/// Pieces of a stream that may wait in a channel.
const WAITING: usize = 2;

impl Importer {
    /// Starts a job: instantiates the component, asks it what it needs, grants that or not, and opens
    /// its importer. No request is made.
    pub async fn open(
        connector: &Connector,
        options: Vec<(String, String)>,
        grant: Grant,
    ) -> Result<Self, Error> {
        let usage = Arc::new(Usage::default());
        let (cancel, cancelled) = watch::channel(false);
        let egress = Egress::new(&grant.tls, grant.limits, Arc::clone(&usage), cancelled.clone());
        let mut store = store(connector, egress.clone(), grant.limits, Arc::clone(&usage), cancelled.clone());
        let bindings = connector.pre.instantiate_async(&mut store).await.map_err(trapped)?;
        let guest = bindings.plakar_connector_source().importer();
        let asked = guest.call_origins(&mut store, &options).await.map_err(trapped)??;
        let policy = Policy::new(
            asked.iter().map(String::as_str),
            grant.allow_hosts.iter().map(String::as_str),
            grant.insecure,
        )
        .map_err(|error| Error::InvalidOptions(format!("{error}.")))?;
        egress.allow(policy);
        let importer = guest.call_open(&mut store, &options).await.map_err(trapped)??;
        let identity = guest.call_identity(&mut store, importer).await.map_err(trapped)?;
        let (commands, inbox) = mpsc::unbounded();
        tokio::spawn(live(store, bindings, importer, inbox, cancelled, grant.limits.wall_clock));
        Ok(Self { commands, identity, usage, cancel: Arc::new(cancel) })
    }

    /// What the job has used so far.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Asks the job to stop: requests fail, and a guest that does not notice is stopped.
    pub fn cancel(&self) {
        self.cancel.send_replace(true);
    }

    /// Signs in.
    pub async fn ping(&self) -> Result<(), Error> {
        self.ask(Command::Ping).await?
    }

    /// What the other side is and can do.
    pub async fn check(&self) -> Result<Vec<Finding>, Error> {
        self.ask(Command::Check).await?
    }

    /// Opens one file of a scan.
    pub async fn read(&self, path: &str) -> Result<Body, Error> {
        self.ask(|reply| Command::Read(path.to_owned(), reply)).await?
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply));
        answer.await.map_err(|_| gone())
    }

    /// A job that has ended drops the command, and with it the channels that the caller waits for.
    fn send(&self, command: Command) {
        self.commands.unbounded_send(command).ok();
    }
}

impl Source for Importer {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn scan(&self) -> (mpsc::Receiver<Vec<ScanItem>>, BoxFuture<'static, Result<(), Error>>) {
        let (items, receiver) = mpsc::channel(WAITING);
        let (end, ended) = oneshot::channel();
        self.send(Command::Scan(items, end));
        (receiver, ended.map(|ended| ended.unwrap_or_else(|_| Err(gone()))).boxed())
    }

    fn read_all(&self) -> (mpsc::Sender<Vec<String>>, mpsc::Receiver<Vec<Content>>) {
        let (paths, wanted) = mpsc::channel(WAITING);
        let (contents, receiver) = mpsc::channel(WAITING);
        self.send(Command::ReadAll(wanted, contents));
        (paths, receiver)
    }

    fn is_cancelled(&self) -> bool {
        *self.cancel.borrow()
    }
}

fn store(
    connector: &Connector,
    egress: Egress,
    limits: Limits,
    usage: Arc<Usage>,
    cancelled: watch::Receiver<bool>,
) -> Store<State> {
    let spins = Arc::clone(&usage);
    let state = State {
        // No arguments, no environment, no files, and standard streams that lead nowhere.
        wasi: WasiCtx::builder().build(),
        http: WasiHttpCtx::new(),
        table: ResourceTable::new(),
        egress,
        limiter: Limiter { limits, usage },
    };
    let mut store = Store::new(&connector.engine, state);
    store.data_mut().table.set_max_capacity(limits.handles);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits.hostcall_bytes);
    store.set_max_component_handles(limits.handles);
    store.set_epoch_deadline(1);
    // Every tick in which the guest computes: let others run, and see whether it still may.
    let most = u32::try_from(limits.unbroken_cpu.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX);
    let mut seen = (0, 0_u32);
    let mut after_cancel = 0;
    store.epoch_deadline_callback(move |_| {
        let progress = spins.requests() + spins.received();
        seen = if seen.0 == progress { (progress, seen.1 + 1) } else { (progress, 0) };
        after_cancel += u32::from(*cancelled.borrow());
        if seen.1 > most || u128::from(after_cancel) * TICK.as_millis() > GRACE.as_millis() {
            return Ok(UpdateDeadline::Interrupt);
        }
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store
}

/// The life of a job: from its first command until the last handle is dropped, time is up, or it is
/// cancelled and does not stop.
async fn live(
    mut store: Store<State>,
    bindings: Bindings,
    importer: ResourceAny,
    inbox: mpsc::UnboundedReceiver<Command>,
    mut cancelled: watch::Receiver<bool>,
    wall_clock: Option<Duration>,
) {
    let serving = store.run_concurrent(async |accessor| serve(accessor, &bindings, importer, inbox).await);
    let stopped = async {
        let asked = cancelled.wait_for(|cancelled| *cancelled).await.is_ok();
        if !asked {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(GRACE).await;
    };
    let too_late = async {
        match wall_clock {
            Some(time) => tokio::time::sleep(time).await,
            None => std::future::pending().await,
        }
    };
    // Around `run_concurrent`, not in it: a guest that computes would keep a timer in it from firing.
    // A trap, like the end, closes every channel: callers learn it from there.
    tokio::select! {
        _ = serving => {}
        () = stopped => {}
        () = too_late => {}
    }
}

async fn serve(
    accessor: &Accessor<State>,
    bindings: &Bindings,
    importer: ResourceAny,
    mut inbox: mpsc::UnboundedReceiver<Command>,
) {
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            command = inbox.next() => match command {
                Some(command) => running.push(obey(accessor, bindings, importer, command)),
                None => return,
            },
            Some(done) = running.next(), if !running.is_empty() => {
                if done.is_err() {
                    return;
                }
            }
        }
    }
}

/// Runs one command. An error is a trap: the instance is lost.
async fn obey(
    accessor: &Accessor<State>,
    bindings: &Bindings,
    importer: ResourceAny,
    command: Command,
) -> wasmtime::Result<()> {
    let source = bindings.plakar_connector_source();
    let guest: source::GuestImporter<'_> = source.importer();
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

/// A guest that trapped before it was open.
#[allow(clippy::needless_pass_by_value)] // As `map_err` wants it.
fn trapped(error: wasmtime::Error) -> Error {
    Error::Other(format!("The connector failed: {error:#}."))
}

/// The job ended before it answered.
fn gone() -> Error {
    Error::Cancelled(
        "The connector stopped before it was done: it was cancelled, ran out of time or memory, or failed."
            .to_owned(),
    )
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
