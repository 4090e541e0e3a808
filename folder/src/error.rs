//! Reasons why a backup or a restore of a folder fails as a whole.

use std::io;
use std::path::Path;

use connector_host::JobError;

/// Reason why a backup into a folder ended early. Texts are for people and have no final full stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The folder has files in it, but no index.
    #[error("{0} is not empty and holds no backup. Choose an empty folder, or one of an earlier run")]
    NotABackup(String),
    /// The folder holds the backup of another account, or of another choice of what to back up.
    #[error(
        "{folder} holds the backup of {origin}. Choose another folder for another account or another choice of what to back up"
    )]
    OtherSource {
        /// The folder.
        folder: String,
        /// Origin that the index names.
        origin: String,
    },
    /// Another run holds the lock of the folder.
    #[error("{0} is in use by another run. Wait for it to end")]
    InUse(String),
    /// The index has no first line that this version can read.
    #[error("{0} cannot be read: it is damaged or of a newer version. Move the folder away to start over")]
    Index(String),
    /// Something in the folder could not be read or written.
    #[error("{path}: {error}")]
    Folder {
        /// File or folder concerned.
        path: String,
        /// Error of the operating system.
        error: io::Error,
    },
    /// The source failed, or the run was cancelled.
    #[error(transparent)]
    Source(JobError),
}

impl BackupError {
    pub(crate) fn folder(path: &Path, error: io::Error) -> Self {
        Self::Folder { path: path.display().to_string(), error }
    }
}

/// Reason why a restore from a folder ended early. Texts are for people and have no final full stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The folder is missing or cannot be listed.
    #[error("{path}: {error}")]
    Folder {
        /// File or folder concerned.
        path: String,
        /// Error of the operating system.
        error: io::Error,
    },
    /// The folder has nothing in it that can be restored.
    #[error("{0}: there is nothing in it to restore")]
    Empty(String),
    /// The destination failed, or the run was cancelled.
    #[error(transparent)]
    Destination(JobError),
}

impl RestoreError {
    pub(crate) fn folder(path: &Path, error: io::Error) -> Self {
        Self::Folder { path: path.display().to_string(), error }
    }
}
