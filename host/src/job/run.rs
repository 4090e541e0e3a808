//! The task of a job, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use wasmtime::component::Accessor;
use wasmtime::{PoolConcurrencyLimitError, Store, Trap};

use super::handle::End;
use crate::error::{Deadline, JobError};
use crate::limits::{Limits, Usage};
use crate::state::StoreState;

/// Time that a guest has to end after it was cancelled.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// Calls of one guest that are under way at once; more commands wait.
const MAX_CALLS: usize = 64;

/// One side of a connector, and what it can be asked to do.
pub(super) trait Guest: Send + Sync + 'static {
    /// A request, with the channels that its answers go into.
    type Command: Send + 'static;

    /// Runs one command. An error is a trap: the instance is lost.
    fn handle<'a>(
        &'a self,
        accessor: &'a Accessor<StoreState>,
        command: Self::Command,
    ) -> BoxFuture<'a, wasmtime::Result<()>>;
}

/// A job about to run.
pub(super) struct Job<G: Guest> {
    pub(super) store: Store<StoreState>,
    pub(super) guest: G,
    pub(super) inbox: mpsc::Receiver<G::Command>,
    pub(super) cancelled: watch::Receiver<bool>,
    pub(super) limits: Limits,
    pub(super) usage: Arc<Usage>,
}

impl<G: Guest> Job<G> {
    /// Runs the job to its end, and publishes it when the instance is freed: a service that waits for the end may start
    /// the next job at once, also in a full pool. Users of the streams, which close before, wait for the end as well.
    pub(super) async fn run(mut self, publish: watch::Sender<End>) {
        let end = self.work().await;
        let (requests, received, memory) =
            (self.usage.requests(), self.usage.received(), self.usage.memory());
        match &end {
            Ok(()) => tracing::debug!(requests, received, memory, "job ended"),
            Err(error) => {
                tracing::warn!(code = error.code(), %error, requests, received, memory, "job failed");
            }
        }
        drop(self);
        publish.send_replace(Some(end));
    }

    /// Takes commands until the last user is gone, time is up, or the job is cancelled and does not end by itself.
    async fn work(&mut self) -> Result<(), JobError> {
        let Self { store, guest, inbox, cancelled, limits, usage } = self;
        let serving = store.run_concurrent(async |accessor| dispatch(accessor, guest, inbox).await);
        let cancelled_for = cancelled.clone();
        // Around `run_concurrent`, not in it: a guest that computes would keep a timer in it from firing.
        let result = tokio::select! {
            result = serving => result.and_then(|result| result),
            () = grace_is_over(cancelled_for) => return Err(JobError::Cancelled),
            limit = reached(limits.wall_clock) => {
                return Err(JobError::DeadlineExceeded(Deadline::WallClock(limit)));
            }
        };
        let is_cancelled = *cancelled.borrow();
        match result {
            Ok(()) if is_cancelled => Err(JobError::Cancelled),
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::debug!(trap = format!("{error:?}"), "the connector trapped");
                Err(classify(&error, limits, usage, is_cancelled))
            }
        }
    }
}

/// Waits until a job was cancelled and has had its time to end.
async fn grace_is_over(mut cancelled: watch::Receiver<bool>) {
    if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
        // Nobody holds the job any more, so nobody can cancel it.
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(GRACE).await;
}

/// Waits for the time in `limit` and returns it; forever without a limit.
async fn reached(limit: Option<Duration>) -> Duration {
    match limit {
        Some(limit) => {
            tokio::time::sleep(limit).await;
            limit
        }
        None => std::future::pending().await,
    }
}

/// Takes commands and runs them at once, up to [`MAX_CALLS`], until there is nobody left to send one.
async fn dispatch<G: Guest>(
    accessor: &Accessor<StoreState>,
    guest: &G,
    inbox: &mut mpsc::Receiver<G::Command>,
) -> wasmtime::Result<()> {
    let mut running = FuturesUnordered::new();
    loop {
        tokio::select! {
            command = inbox.recv(), if running.len() < MAX_CALLS => match command {
                Some(command) => running.push(guest.handle(accessor, command)),
                None => return Ok(()),
            },
            Some(done) = running.next(), if !running.is_empty() => done?,
        }
    }
}

/// Returns the reason behind a trap. A guest that was refused memory usually aborts at once, so any trap after a
/// refusal counts as one of memory.
pub(super) fn classify(
    error: &wasmtime::Error,
    limits: &Limits,
    usage: &Usage,
    is_cancelled: bool,
) -> JobError {
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        return JobError::NoCapacity(error.root_cause().to_string());
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        return if is_cancelled {
            JobError::Cancelled
        } else {
            JobError::DeadlineExceeded(Deadline::UnbrokenCpu(limits.unbroken_cpu))
        };
    }
    if usage.was_refused_memory() {
        return JobError::OutOfMemory { limit: limits.memory };
    }
    JobError::Trapped(error.root_cause().to_string())
}

#[cfg(test)]
mod tests {
    use wasmtime::ResourceLimiter;

    use super::*;
    use crate::limits::Limiter;

    fn reason(error: impl Into<wasmtime::Error>, usage: &Usage, is_cancelled: bool) -> JobError {
        let error = error.into().context("error while executing at wasm backtrace");
        classify(&error, &Limits::default(), usage, is_cancelled)
    }

    #[test]
    fn a_trap_is_told_from_a_deadline_and_from_a_cancellation() {
        let usage = Usage::default();
        let unreachable = JobError::Trapped(Trap::UnreachableCodeReached.to_string());
        assert_eq!(reason(Trap::UnreachableCodeReached, &usage, false), unreachable);
        assert_eq!(reason(Trap::UnreachableCodeReached, &usage, true), unreachable);
        assert_eq!(reason(Trap::Interrupt, &usage, true), JobError::Cancelled);
        let deadline = Deadline::UnbrokenCpu(Limits::default().unbroken_cpu);
        assert_eq!(reason(Trap::Interrupt, &usage, false), JobError::DeadlineExceeded(deadline));
    }

    #[test]
    fn a_trap_after_memory_was_refused_is_one_of_memory() {
        let usage = Arc::new(Usage::default());
        let limit = Limits::default().memory;
        let refused = Limiter::new(Limits::default(), Arc::clone(&usage)).memory_growing(0, limit + 1, None);
        assert!(!refused.unwrap());
        assert_eq!(reason(Trap::UnreachableCodeReached, &usage, false), JobError::OutOfMemory { limit });
    }
}
