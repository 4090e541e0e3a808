//! Runs connectors: WebAssembly components that export the interfaces in `wit/`, each of which knows one protocol and
//! has no authority of its own.
//!
//! The host knows no protocol and has all the authority. An [`Engine`] compiles components; a [`Connector`] is one of
//! them, ready to run. [`Importer::open`] and [`Exporter::open`] start a job: one instance for one tenant, with memory,
//! connections, [limits](Limits) and a [policy](JobConfig) of its own. A job offers what [`api`] defines, a [`Source`] or a
//! [`Destination`]. Its only way to the network is [`egress`].
//!
//! ```no_run
//! use connector_host::types::{EntryKind, ScanItem};
//! use connector_host::{Connector, Importer, JobConfig, Source};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let connector = Connector::load("connector.wasm".as_ref())?;
//! let options = vec![
//!     ("location".to_owned(), "https://example.org".to_owned()),
//!     ("username".to_owned(), "alice".to_owned()),
//!     ("password".to_owned(), "secret".to_owned()),
//! ];
//! let importer = Importer::open(&connector, options, JobConfig::new().label("alice")).await?;
//! let mut scan = importer.scan();
//! while let Some(items) = scan.next().await {
//!     for item in items {
//!         match item {
//!             ScanItem::Entry(entry) if entry.kind == EntryKind::File => {
//!                 let bytes = importer.read(&entry.path).await?.collect().await?;
//!                 println!("{}: {} bytes", entry.path, bytes.len());
//!             }
//!             ScanItem::Failed(failure) => eprintln!("{}: {}", failure.path, failure.error),
//!             _ => {}
//!         }
//!     }
//! }
//! // The listing is complete only if this is not an error.
//! scan.finish().await?;
//! // Dropping the importer ends the job; this waits for the end, and says how it came.
//! importer.join().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What a program has to bring
//!
//! - A Tokio runtime of any flavour with its timers and I/O enabled: [`Importer::open`] and [`Exporter::open`] spawn a
//!   task for each job. An engine has one thread of its own, which interrupts guests that compute.
//! - A `tracing` subscriber, if wanted. Every job has a span named `job` with its [label](JobConfig::label); events
//!   tell which origins were granted or refused, and how the job ended. None of them holds an option, a path or a header.
//! - Trusted certificates, if the feature `native-roots` is switched off: see [`TlsConfig`].

pub mod api;
mod batches;
mod bindings;
pub mod egress;
pub mod engine;
pub mod error;
mod job;
pub mod limits;
mod records;
mod state;
mod streams;
pub mod types;

pub use api::{Destination, Source};
pub use egress::tls::TlsConfig;
pub use engine::{Connector, Engine, EngineBuilder};
pub use error::{Error, JobError};
pub use job::{Exporter, Importer, JobConfig, JobHandle};
pub use limits::Limits;
/// The version of `wasmtime` that this library is built with.
pub use wasmtime;
