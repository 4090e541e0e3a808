//! What both services need.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connector_host::engine::Connector;
use connector_host::{Error, JobConfig, JobError};
use tonic::Status;

use crate::records::{sentence, status};

/// Flags of a location. STREAM: there is one listing, and it is long; without it Plakar starts a second process
/// that lists everything again, to count. NOMERGE: two sources of one account are an error; without it Plakar
/// drops one of them in silence.
pub(super) const FLAGS: u32 = STREAM | NOMERGE;
const STREAM: u32 = 4;
const NOMERGE: u32 = 16;

/// What a job is given, and what the connector is told.
pub type Prepared = (JobConfig, Vec<(String, String)>);

/// Makes of the options of a location what a job is given and what the connector is told.
type Split = dyn Fn(Vec<(String, String)>) -> Result<Prepared, Error> + Send + Sync;

/// What a plugin is made of.
#[derive(Clone)]
pub struct Plugin {
    split: Arc<Split>,
    load: Arc<dyn Fn() -> Result<Connector, String> + Send + Sync>,
    pub(super) remark: fn(&str),
    explain: fn(&JobError) -> String,
}

impl Plugin {
    /// A plugin whose component is loaded by `load` when it is needed; its error is a sentence. `split` makes of the
    /// options of a location what a job is given and what the connector is told. `remark` gets what Plakar has no
    /// place for.
    pub fn new(
        split: impl Fn(Vec<(String, String)>) -> Result<Prepared, Error> + Send + Sync + 'static,
        load: impl Fn() -> Result<Connector, String> + Send + Sync + 'static,
        remark: fn(&str),
    ) -> Self {
        Self { split: Arc::new(split), load: Arc::new(load), remark, explain: JobError::to_string }
    }

    /// Sets how the reasons are told for which a job was not opened: a program can add what its user can do.
    #[must_use]
    pub fn explain(mut self, explain: fn(&JobError) -> String) -> Self {
        self.explain = explain;
        self
    }

    /// The status of a call that could not open a job.
    pub(super) fn not_opened(&self, error: &JobError) -> Status {
        Status::new(status(error).code(), sentence(&(self.explain)(error)))
    }

    /// The connector, and what a job gets by these options.
    pub(super) async fn prepare(
        &self,
        config: BTreeMap<String, String>,
    ) -> Result<(Connector, JobConfig, Vec<(String, String)>), Status> {
        let (split, load) = (Arc::clone(&self.split), Arc::clone(&self.load));
        // Loading takes milliseconds, but compiling takes seconds and a command that gives the password as long as
        // it likes: meanwhile HTTP/2 has to go on.
        let prepared = tokio::task::spawn_blocking(move || {
            let (grant, options) = split(config.into_iter().collect())?;
            Ok((load().map_err(Error::Other)?, grant, options))
        });
        prepared
            .await
            .unwrap_or_else(|error| Err(Error::Other(error.to_string())))
            .map_err(|error| status(&JobError::Connector(error)))
    }
}

/// What `Init` made and `Close` drops: an importer or an exporter.
pub(super) struct Opened<T>(Mutex<Option<T>>);

impl<T: Clone> Opened<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(None))
    }

    pub(super) fn get(&self) -> Result<T, Status> {
        let closed = || Status::failed_precondition("called before Init or after Close");
        locked(&self.0).clone().ok_or_else(closed)
    }

    pub(super) fn set(&self, opened: Option<T>) {
        *locked(&self.0) = opened;
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
