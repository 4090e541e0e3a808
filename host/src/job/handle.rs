//! Handles of a job, for its users.

use std::sync::Arc;

use futures::channel::oneshot;
use tokio::sync::{mpsc, watch};

use crate::error::{Error, JobError};
use crate::limits::Usage;

/// The end of a job: none while it runs.
pub(super) type End = Option<Result<(), JobError>>;

/// Watches a job, and stops it. A handle does not keep the job alive: the importer or exporter does. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JobHandle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    label: String,
    usage: Arc<Usage>,
    cancel: watch::Sender<bool>,
    end: watch::Receiver<End>,
}

impl JobHandle {
    pub(super) fn new(
        label: String,
        usage: Arc<Usage>,
        cancel: watch::Sender<bool>,
        end: watch::Receiver<End>,
    ) -> Self {
        Self(Arc::new(Shared { label, usage, cancel, end }))
    }

    /// Returns the [label](crate::JobConfig::label) of the job.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.0.label
    }

    /// Returns what the job has used so far.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.0.usage
    }

    /// Asks the job to stop. Requests under way fail at once; a guest that does not end within two seconds is stopped.
    pub fn cancel(&self) {
        self.0.cancel.send_replace(true);
    }

    /// Returns true if the job was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.0.cancel.borrow()
    }

    /// Waits for the end of the job, which comes when every clone of its importer or exporter is dropped, or before if
    /// it fails. The memory of the job is free by then. Can be called any number of times.
    ///
    /// # Errors
    ///
    /// The connector crashed, a limit was reached, or the job was cancelled. Errors that the connector reports do not end
    /// a job.
    pub async fn join(&self) -> Result<(), JobError> {
        let mut end = self.0.end.clone();
        let ended = end.wait_for(Option::is_some).await.map(|end| end.clone());
        // Without a sender, the task of the job is gone: the runtime is shutting down.
        ended.ok().flatten().unwrap_or(Err(JobError::Cancelled))
    }

    /// Waits for the end of the job, and returns why a stream ended with it.
    pub(super) async fn reason(&self) -> JobError {
        // A job that succeeded while one of its streams was open: its owner no longer wanted it.
        self.join().await.err().unwrap_or(JobError::Cancelled)
    }

    /// Waits for the verdict that comes at the end of a stream, or for the end of the job.
    pub(super) async fn verdict(self, verdict: oneshot::Receiver<Result<(), Error>>) -> Result<(), JobError> {
        match verdict.await {
            Ok(verdict) => verdict.map_err(JobError::Connector),
            Err(_) => Err(self.reason().await),
        }
    }
}

/// Commands that may wait to be taken by a job. More make the callers wait.
pub(super) const COMMANDS: usize = 16;

/// The way to the commands of a job. Dropping every clone ends the job.
pub(super) struct Commands<C> {
    sender: mpsc::Sender<C>,
    pub(super) job: JobHandle,
}

impl<C> Clone for Commands<C> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone(), job: self.job.clone() }
    }
}

impl<C: Send + 'static> Commands<C> {
    pub(super) fn new(sender: mpsc::Sender<C>, job: JobHandle) -> Self {
        Self { sender, job }
    }

    /// Sends a command, and waits for its answer.
    pub(super) async fn call<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> C,
    ) -> Result<T, JobError> {
        let (reply, answer) = oneshot::channel();
        // A job that has ended drops the command, and the reply with it.
        self.sender.send(command(reply)).await.ok();
        match answer.await {
            Ok(answer) => answer.map_err(JobError::Connector),
            Err(_) => Err(self.job.reason().await),
        }
    }

    /// Sends a command whose answers go into channels, without waiting.
    pub(super) fn start(&self, command: C) {
        if let Err(mpsc::error::TrySendError::Full(command)) = self.sender.try_send(command) {
            let sender = self.sender.clone();
            tokio::spawn(async move { sender.send(command).await.ok() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> (JobHandle, watch::Sender<End>) {
        let (end, ended) = watch::channel(None);
        (JobHandle::new(String::new(), Arc::default(), watch::channel(false).0, ended), end)
    }

    #[tokio::test]
    async fn a_stream_without_a_verdict_ends_as_the_job_does() {
        for (end, expected) in [
            (Err(JobError::Trapped("unreachable".to_owned())), JobError::Trapped("unreachable".to_owned())),
            (Ok(()), JobError::Cancelled),
        ] {
            let (job, sender) = job();
            let (verdict, receiver) = oneshot::channel();
            drop(verdict);
            sender.send_replace(Some(end));
            assert_eq!(job.verdict(receiver).await, Err(expected));
        }
    }

    #[tokio::test]
    async fn a_verdict_is_the_connectors_even_if_the_job_has_ended() {
        let (job, sender) = job();
        let (verdict, receiver) = oneshot::channel();
        verdict.send(Err(Error::NotFound("x".to_owned()))).unwrap();
        sender.send_replace(Some(Ok(())));
        assert_eq!(job.verdict(receiver).await, Err(JobError::Connector(Error::NotFound("x".to_owned()))));
    }

    #[tokio::test]
    async fn a_job_whose_task_is_gone_was_cancelled() {
        let (job, sender) = job();
        drop(sender);
        assert_eq!(job.join().await, Err(JobError::Cancelled));
    }
}
