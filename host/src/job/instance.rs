//! An instance of a connector that has not started to work yet.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tracing::Instrument;
use wasmtime::{Store, UpdateDeadline};

use super::config::JobConfig;
use super::handle::{COMMANDS, Commands, JobHandle};
use super::run::{GRACE, Guest, Job, classify};
use crate::bindings::Connector as Bindings;
use crate::egress::Egress;
use crate::egress::origins::AllowedOrigins;
use crate::egress::tls::TlsConfig;
use crate::engine::{Connector, TICK};
use crate::error::JobError;
use crate::limits::{Limiter, Limits, Usage};
use crate::state::StoreState;

/// An instance, and what it needs to become a job.
pub(super) struct Instance {
    pub(super) store: Store<StoreState>,
    pub(super) bindings: Bindings,
    egress: Egress,
    usage: Arc<Usage>,
    cancel: watch::Sender<bool>,
    cancelled: watch::Receiver<bool>,
    config: JobConfig,
}

impl Instance {
    /// Instantiates the component. Its network allows nothing yet.
    pub(super) async fn new(connector: &Connector, mut config: JobConfig) -> Result<Self, JobError> {
        let tls = match config.tls.take() {
            Some(tls) => tls,
            None => TlsConfig::builder().build()?,
        };
        if let Some(memory) = connector.memory {
            config.limits.memory = config.limits.memory.min(memory);
        }
        let limits = config.limits;
        let usage = Arc::new(Usage::default());
        let (cancel, cancelled) = watch::channel(false);
        let egress = Egress::new(&tls, limits, Arc::clone(&usage), cancelled.clone());
        let state = StoreState::new(egress.clone(), Limiter::new(limits, Arc::clone(&usage)));
        let mut store = store(&connector.engine, state, limits, Arc::clone(&usage), cancelled.clone());
        let instantiated = connector.pre.instantiate_async(&mut store).await;
        let bindings = instantiated.map_err(|error| classify(&error, &limits, &usage, false))?;
        Ok(Self { store, bindings, egress, usage, cancel, cancelled, config })
    }

    /// Returns the reason why a call of the guest failed.
    pub(super) fn failed(&self, error: &wasmtime::Error) -> JobError {
        classify(error, &self.config.limits, &self.usage, false)
    }

    /// Allows requests to the origins that the connector asked for, if the configuration does.
    pub(super) fn grant_origins(&self, asked: &[String]) -> Result<(), JobError> {
        let asked = asked.iter().map(String::as_str);
        let added = self.config.allowed_hosts.iter().map(String::as_str);
        let origins = AllowedOrigins::new(asked.clone(), added, self.config.plain_http)
            .inspect_err(|error| tracing::warn!(%error, "origins refused"))?;
        tracing::debug!(origins = ?asked.collect::<Vec<_>>(), "origins granted");
        self.egress.allow(origins);
        Ok(())
    }

    /// Starts the job on a task of its own: from now on it takes commands.
    pub(super) fn start<G: Guest>(self, guest: impl FnOnce(Bindings) -> G) -> Commands<G::Command> {
        let (sender, inbox) = mpsc::channel(COMMANDS);
        let (publish, end) = watch::channel(None);
        let job = Job {
            store: self.store,
            guest: guest(self.bindings),
            inbox,
            cancelled: self.cancelled,
            limits: self.config.limits,
            usage: Arc::clone(&self.usage),
        };
        tokio::spawn(job.run(publish).instrument(tracing::Span::current()));
        Commands::new(sender, JobHandle::new(self.config.label, self.usage, self.cancel, end))
    }
}

/// Creates the store of a job under its limits.
fn store(
    engine: &wasmtime::Engine,
    state: StoreState,
    limits: Limits,
    usage: Arc<Usage>,
    cancelled: watch::Receiver<bool>,
) -> Store<StoreState> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits.hostcall_bytes);
    store.set_max_component_handles(limits.handles);
    store.set_epoch_deadline(1);
    // At every tick in which the guest computes, other tasks get their turn, and the guest is stopped if it has to be.
    let most = u32::try_from(limits.unbroken_cpu.as_millis() / TICK.as_millis()).unwrap_or(u32::MAX);
    let mut seen = (0, 0_u32);
    let mut after_cancel = 0;
    store.epoch_deadline_callback(move |_| {
        let progress = usage.requests() + usage.received();
        seen = if seen.0 == progress { (progress, seen.1 + 1) } else { (progress, 0) };
        after_cancel += u32::from(*cancelled.borrow());
        if seen.1 > most || u128::from(after_cancel) * TICK.as_millis() > GRACE.as_millis() {
            return Ok(UpdateDeadline::Interrupt);
        }
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    });
    store
}
