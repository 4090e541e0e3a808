//! Reasons why a backup or a restore of a folder fails as a whole.

use std::path::Path;

use connector_host::bindings::Error;

/// Why a folder cannot be mirrored into.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There are files in it, and none of ours.
    #[error("{0} is not empty and holds no backup. Choose an empty folder, or one of an earlier run")]
    NotABackup(String),
    /// It belongs to another account.
    #[error(
        "{folder} holds the backup of {origin}. Choose another folder for another account or another choice of what to back up"
    )]
    OtherSource {
        /// The folder.
        folder: String,
        /// Whose backup it is.
        origin: String,
    },
    /// Another run is writing to it.
    #[error("{0} is in use by another run. Wait for it to end")]
    InUse(String),
    /// The index is not one that this program writes.
    #[error("{0} cannot be read: it is damaged or of a newer version. Move the folder away to begin anew")]
    Index(String),
    /// The file system.
    #[error("{path}: {error}")]
    Folder {
        /// Where.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The source.
    #[error("{}", .0.message())]
    Source(Error),
}

impl BackupError {
    pub(crate) fn folder(path: &Path, error: std::io::Error) -> Self {
        Self::Folder { path: path.display().to_string(), error }
    }
}

/// Why a folder cannot be given away.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It is not there, or cannot be read.
    #[error("{path}: {error}")]
    Folder {
        /// Where.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{0}: there is nothing in it to restore")]
    Empty(String),
    /// The destination.
    #[error("{}", .0.message())]
    Destination(Error),
}
