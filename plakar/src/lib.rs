//! A connector as a plugin of Plakar 1.1: both of its gRPC services on the two pipes Plakar starts a plugin
//! with. HTTP/2 answers at once; the component is loaded when Plakar first says what it wants (`Init`).
//!
//! What Plakar makes of these calls, and what it does not survive, was measured on the program; where a line
//! looks odd, a comment says what goes wrong without it.

mod exporter;
mod importer;
mod pipe;
mod records;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connector_host::engine::Connector;
use connector_host::{Error, JobConfig, JobError};
use futures::{StreamExt, stream};
use tonic::Status;
use tonic::transport::Server;

pub use pipe::Pipes;
use protocol::importer::importer_server::ImporterServer;
use protocol::plakar::exporter::exporter_server::ExporterServer;
use records::{sentence, status};

/// What `proto/` says, as Rust.
#[allow(missing_docs, unreachable_pub, clippy::pedantic, clippy::large_enum_variant)]
pub mod protocol {
    include!(concat!(env!("OUT_DIR"), "/protocol.rs"));
}

/// Flags of a location. STREAM: there is one listing, and it is long; without it Plakar starts a second process
/// that lists everything again, to count. NOMERGE: two sources of one account are an error; without it Plakar
/// drops one of them in silence.
const FLAGS: u32 = STREAM | NOMERGE;
const STREAM: u32 = 4;
const NOMERGE: u32 = 16;

/// Bytes that may be on their way to this process before it reads them: a chunk of Plakar's and some more.
const WINDOW: u32 = 2 << 20;

/// What a job is given, and what the connector is told.
pub type Prepared = (JobConfig, Vec<(String, String)>);

/// Makes of the options of a location what a job is given and what the connector is told.
type Split = dyn Fn(Vec<(String, String)>) -> Result<Prepared, Error> + Send + Sync;

/// What a plugin is made of.
#[derive(Clone)]
pub struct Plugin {
    split: Arc<Split>,
    load: Arc<dyn Fn() -> Result<Connector, String> + Send + Sync>,
    remark: fn(&str),
    explain: fn(&JobError) -> String,
}

/// Serves Plakar until it closes its end.
pub async fn serve(plugin: Plugin, pipes: Pipes) -> io::Result<()> {
    let gone = pipes.gone();
    // There will be no other connection; but at the end of them the server would end, too.
    let one = stream::iter([Ok::<_, io::Error>(pipes)]).chain(stream::pending());
    let serving = Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(2 * WINDOW)
        .add_service(ImporterServer::new(importer::Service::new(plugin.clone())))
        .add_service(ExporterServer::new(exporter::Service::new(plugin)))
        .serve_with_incoming(one);
    tokio::select! {
        served = serving => served.map_err(io::Error::other),
        // Plakar is gone: whoever waits for this process to end must not wait for calls nobody hears.
        () = gone => Ok(()),
    }
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
    fn not_opened(&self, error: &JobError) -> Status {
        Status::new(status(error).code(), sentence(&(self.explain)(error)))
    }

    /// The connector, and what a job gets by these options.
    async fn prepare(
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
struct Opened<T>(Mutex<Option<T>>);

impl<T: Clone> Opened<T> {
    fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn get(&self) -> Result<T, Status> {
        let closed = || Status::failed_precondition("called before Init or after Close");
        locked(&self.0).clone().ok_or_else(closed)
    }

    fn set(&self, opened: Option<T>) {
        *locked(&self.0) = opened;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
