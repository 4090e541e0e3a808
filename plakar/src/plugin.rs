//! Needs of both services: the decisions of the program, and the job that `Init` opens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connector_host::engine::Connector;
use connector_host::{Error, JobConfig, JobError};
use tonic::Status;

use crate::records::{sentence, status};

/// Flags of a location. STREAM: there is one listing, and it is long; without it, Plakar starts a second process
/// that lists everything again, to count. NOMERGE: two sources of one account are an error; without it, Plakar
/// drops one of them silently.
pub(super) const FLAGS: u32 = STREAM | NOMERGE;
const STREAM: u32 = 4;
const NOMERGE: u32 = 16;

/// Options of a location, split: the configuration of the job, and the options that the connector gets.
pub type SplitOptions = (JobConfig, Vec<(String, String)>);

type Split = dyn Fn(Vec<(String, String)>) -> Result<SplitOptions, Error> + Send + Sync;
type Load = dyn Fn() -> Result<Connector, String> + Send + Sync;

/// Decisions that a plugin leaves to the program.
#[derive(Clone)]
pub struct Plugin {
    split: Arc<Split>,
    load: Arc<Load>,
    pub(super) on_notice: fn(&str),
    explain: fn(&JobError) -> String,
}

impl Plugin {
    /// Creates a plugin. All functions may block.
    ///
    /// - `split` takes the options of a location. Its error is reported to Plakar's user.
    /// - `load` returns the component, each time that Plakar calls `Init`. Its error is a text for people.
    /// - `on_notice` gets lines of text that Plakar has no place for.
    pub fn new(
        split: impl Fn(Vec<(String, String)>) -> Result<SplitOptions, Error> + Send + Sync + 'static,
        load: impl Fn() -> Result<Connector, String> + Send + Sync + 'static,
        on_notice: fn(&str),
    ) -> Self {
        Self { split: Arc::new(split), load: Arc::new(load), on_notice, explain: JobError::to_string }
    }

    /// Sets the text for errors of opening a job: a program can add what its user can do.
    #[must_use]
    pub fn explain(mut self, explain: fn(&JobError) -> String) -> Self {
        self.explain = explain;
        self
    }

    /// Returns the status of a call that could not open a job.
    pub(super) fn not_opened(&self, error: &JobError) -> Status {
        Status::new(status(error).code(), sentence(&(self.explain)(error)))
    }

    /// Returns the connector, and the options of a location as a job takes them.
    pub(super) async fn prepare(
        &self,
        options: BTreeMap<String, String>,
    ) -> Result<(Connector, JobConfig, Vec<(String, String)>), Status> {
        let (split, load) = (Arc::clone(&self.split), Arc::clone(&self.load));
        // Loading takes milliseconds, but compiling takes seconds, and a command that prints the password takes as long
        // as it likes. HTTP/2 has to continue meanwhile.
        let prepared = tokio::task::spawn_blocking(move || {
            let (config, options) = split(options.into_iter().collect())?;
            Ok((load().map_err(Error::Other)?, config, options))
        });
        prepared
            .await
            .unwrap_or_else(|error| Err(Error::Other(error.to_string())))
            .map_err(|error| status(&JobError::Connector(error)))
    }
}

/// Importer or exporter that `Init` opens and `Close` drops.
pub(super) struct OpenJob<T>(Mutex<Option<T>>);

impl<T: Clone> OpenJob<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(None))
    }

    pub(super) fn get(&self) -> Result<T, Status> {
        let closed = || Status::failed_precondition("called before Init or after Close");
        locked(&self.0).clone().ok_or_else(closed)
    }

    pub(super) fn set(&self, job: Option<T>) {
        *locked(&self.0) = job;
    }
}

/// Locks a mutex whose content no panic can leave half changed.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[tokio::test]
    async fn an_error_of_the_program_is_the_status_of_init() {
        let load = || Err("/nowhere/connector.wasm:\nthere is no component".to_owned());
        let refusing = Plugin::new(|_| Err(Error::InvalidOptions("one: wrong".to_owned())), load, |_| ());
        let refused = refusing.prepare(BTreeMap::new()).await.err().unwrap();
        assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, "one: wrong"));
        let empty = Plugin::new(|options| Ok((JobConfig::new(), options)), load, |_| ());
        let missing = empty.prepare(BTreeMap::new()).await.err().unwrap();
        assert_eq!(missing.message(), "/nowhere/connector.wasm: there is no component");
        let broken = Plugin::new(|_| panic!("for this test"), load, |_| ());
        assert_eq!(broken.prepare(BTreeMap::new()).await.err().unwrap().code(), Code::Unknown);
    }

    #[test]
    fn the_program_words_the_errors_of_opening_a_job() {
        let plugin = Plugin::new(|_| panic!("unused"), || panic!("unused"), |_| ());
        assert_eq!(plugin.not_opened(&JobError::Cancelled).message(), "the job was cancelled");
        let plugin = plugin.explain(|error| format!("{error}.\nTry again"));
        assert_eq!(plugin.not_opened(&JobError::Cancelled).message(), "the job was cancelled. Try again");
    }

    #[test]
    fn a_job_is_open_from_init_to_close() {
        let job = OpenJob::new();
        assert_eq!(job.get().unwrap_err().code(), Code::FailedPrecondition);
        job.set(Some(1));
        assert_eq!(job.get().unwrap(), 1);
        job.set(None);
        assert!(job.get().is_err());
    }
}
