//! A folder as the other end of a connector: [`backup`] makes it equal to what a source holds, and [`restore`]
//! gives what is in it to a destination.

mod backup;
mod durable;
mod error;
mod index;
mod restore;
mod tree;

pub use backup::{BackupEvent, BackupSummary, backup_to_folder};
pub use error::{BackupError, RestoreError};
pub use restore::{RestoreEvent, RestoreSummary, restore_folder};
