//! One run of a connector for one tenant: a store, an instance and a way out of its own. The job lives
//! on a task of its own; what others hold is a handle that sends it commands, so that many callers can
//! use one instance at once, from any thread.

mod exporter;
mod importer;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;
use wasmtime::component::{Accessor, ResourceTable};
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::bindings::{Connector as Bindings, Error};
use crate::egress::policy::Policy;
use crate::egress::{Egress, Tls};
use crate::engine::{Connector, TICK};
use crate::limits::{Limiter, Limits, Usage};
pub use exporter::Exporter;
pub use importer::{Body, Importer};

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

/// Pieces of a stream that may wait in a channel.
const WAITING: usize = 2;

/// What every handle of a job has: the way to its commands, what it used, and the switch to stop it.
struct Handle<C> {
    commands: mpsc::UnboundedSender<C>,
    usage: Arc<Usage>,
    cancel: Arc<watch::Sender<bool>>,
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Self {
            commands: self.commands.clone(),
            usage: Arc::clone(&self.usage),
            cancel: Arc::clone(&self.cancel),
        }
    }
}

impl<C> Handle<C> {
    /// Asks for something, and waits for the answer.
    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> C) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply));
        answer.await.map_err(|_| gone())
    }

    /// A job that has ended drops the command, and with it the channels that the caller waits for.
    fn send(&self, command: C) {
        self.commands.unbounded_send(command).ok();
    }

    fn cancel(&self) {
        self.cancel.send_replace(true);
    }

    fn is_cancelled(&self) -> bool {
        *self.cancel.borrow()
    }
}

/// An instance that has not been asked for anything yet.
struct Seed {
    store: Store<State>,
    bindings: Bindings,
    egress: Egress,
    usage: Arc<Usage>,
    cancel: watch::Sender<bool>,
    cancelled: watch::Receiver<bool>,
    grant: Grant,
}

impl Seed {
    async fn plant(connector: &Connector, grant: Grant) -> Result<Self, Error> {
        let usage = Arc::new(Usage::default());
        let (cancel, cancelled) = watch::channel(false);
        let egress = Egress::new(&grant.tls, grant.limits, Arc::clone(&usage), cancelled.clone());
        let mut store = store(connector, egress.clone(), grant.limits, Arc::clone(&usage), cancelled.clone());
        let bindings = connector.pre.instantiate_async(&mut store).await.map_err(trapped)?;
        Ok(Self { store, bindings, egress, usage, cancel, cancelled, grant })
    }

    /// Grants what the connector asks for, or not.
    fn allow(&self, origins: &[String]) -> Result<(), Error> {
        let asked = origins.iter().map(String::as_str);
        let granted = self.grant.allow_hosts.iter().map(String::as_str);
        let policy = Policy::new(asked, granted, self.grant.insecure);
        self.egress.allow(policy.map_err(|error| Error::InvalidOptions(format!("{error}.")))?);
        Ok(())
    }

    /// Starts the job: from now on it obeys commands.
    fn grow<G: Guest>(self, guest: impl FnOnce(Bindings) -> G) -> Handle<G::Command> {
        let Self { store, bindings, usage, cancel, cancelled, grant, .. } = self;
        let (commands, inbox) = mpsc::unbounded();
        tokio::spawn(live(store, guest(bindings), inbox, cancelled, grant.limits.wall_clock));
        Handle { commands, usage, cancel: Arc::new(cancel) }
    }
}

/// One side of a connector, and what it can be asked to do.
trait Guest: Send + Sync + 'static {
    /// What it can be asked, with where the answers go.
    type Command: Send + 'static;

    /// Runs one command. An error is a trap: the instance is lost.
    fn obey<'a>(
        &'a self,
        accessor: &'a Accessor<State>,
        command: Self::Command,
    ) -> BoxFuture<'a, wasmtime::Result<()>>;
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
async fn live<G: Guest>(
    mut store: Store<State>,
    guest: G,
    inbox: mpsc::UnboundedReceiver<G::Command>,
    mut cancelled: watch::Receiver<bool>,
    wall_clock: Option<Duration>,
) {
    let serving = store.run_concurrent(async |accessor| serve(accessor, &guest, inbox).await);
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

async fn serve<G: Guest>(
    accessor: &Accessor<State>,
    guest: &G,
    mut inbox: mpsc::UnboundedReceiver<G::Command>,
) {
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            command = inbox.next() => match command {
                Some(command) => running.push(guest.obey(accessor, command)),
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

/// A guest that trapped before it was open.
#[allow(clippy::needless_pass_by_value)] // As `map_err` wants it.
fn trapped(error: wasmtime::Error) -> Error {
    Error::Other(format!("The connector failed: {error:#}."))
}

/// The job ended before it answered.
#[must_use]
pub fn gone() -> Error {
    Error::Cancelled(
        "The connector stopped before it was done: it was cancelled, ran out of time or memory, or failed."
            .to_owned(),
    )
}
