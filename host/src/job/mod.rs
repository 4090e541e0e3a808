//! One run of a connector for one tenant: a store, an instance and a network of its own. The job lives on a task of its
//! own; its users hold a handle that sends it commands, so that many callers can use one instance at once, from any
//! thread.

mod config;
mod exporter;
mod handle;
mod importer;
mod instance;
mod run;

pub use config::JobConfig;
pub use exporter::Exporter;
pub use handle::JobHandle;
pub use importer::Importer;
