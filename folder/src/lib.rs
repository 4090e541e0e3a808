//! A folder as the other end of a connector.
//!
//! [`backup_to_folder`] makes a folder equal to what a [`Source`](connector_host::api::Source) holds, and
//! [`restore_folder`] hands what is in a folder to a [`Destination`](connector_host::api::Destination). Neither knows
//! what the files mean. Both report on the way through a closure, and return a summary of what was done also when
//! they end with an error.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use connector_folder::{BackupError, BackupEvent, backup_to_folder};
//! use connector_host::api::Source;
//!
//! async fn back_up(source: &dyn Source) -> Result<(), BackupError> {
//!     let (summary, result) = backup_to_folder(source, Path::new("backup"), false, &mut |event| {
//!         if let BackupEvent::Failed { path, error } = event {
//!             eprintln!("{path}: {}", error.message());
//!         }
//!     })
//!     .await;
//!     println!("{} new, {} unchanged, {} failed", summary.new, summary.unchanged, summary.failed);
//!     result
//! }
//! ```
//!
//! Files are written with blocking calls, and the end of a run waits for the disk on a thread for blocking work: a
//! Tokio runtime is needed.

mod backup;
mod durable;
mod error;
#[cfg(test)]
mod fake;
mod index;
mod restore;
mod tree;

pub use backup::{BackupEvent, BackupSummary, backup_to_folder};
pub use error::{BackupError, RestoreError};
pub use restore::{RestoreEvent, RestoreSummary, restore_folder};
