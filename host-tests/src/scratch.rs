//! A fake server with a folder for its backup, and what such a backup has.

use std::path::PathBuf;

use crate::fake::Fake;
use crate::program::Cli;

/// Files that describe a calendar of the fake server in a backup: `.caldav.json` and `displayname`.
pub const METADATA_FILES: usize = 2;

/// Entries of a calendar besides its objects: its folder and the files that describe it.
pub const CALENDAR_ENTRIES: usize = 1 + METADATA_FILES;

/// Returns how many files the backup of an account has.
#[must_use]
pub const fn files(calendars: usize, objects: usize) -> usize {
    calendars * METADATA_FILES + objects
}

/// Returns how many entries the listing of an account has: the root, folders and files.
#[must_use]
pub const fn entries(calendars: usize, objects: usize) -> usize {
    1 + calendars * CALENDAR_ENTRIES + objects
}

/// A fake server, and a folder that is not there yet.
pub struct Scratch {
    /// The server.
    pub server: Fake,
    /// The folder.
    pub folder: PathBuf,
    _parent: tempfile::TempDir,
}

impl Scratch {
    /// Starts a server whose account has these calendars with so many objects each.
    pub async fn new(calendars: &[(&str, usize)]) -> anyhow::Result<Self> {
        let parent = tempfile::tempdir()?;
        Ok(Self {
            server: Fake::start(calendars).await?,
            folder: parent.path().join("backup"),
            _parent: parent,
        })
    }

    /// Starts the same, backs the account up into the folder, and empties it.
    pub async fn backed_up(calendars: &[(&str, usize)]) -> anyhow::Result<Self> {
        let scratch = Self::new(calendars).await?;
        scratch.backup().succeeds().await?;
        scratch.server.empty();
        drop(scratch.server.take_requests());
        Ok(scratch)
    }

    /// Prepares a backup of the server into the folder.
    #[must_use]
    pub fn backup(&self) -> Cli {
        Cli::new(&self.server).backup(&self.folder)
    }

    /// Prepares a restore of the folder to the server.
    #[must_use]
    pub fn restore(&self) -> Cli {
        Cli::new(&self.server).restore(&self.folder)
    }
}

/// Makes a test of each case, so that each can be run by its name: `cases! { run; name => case; … }`, where
/// `run` is an asynchronous function that takes a case.
#[macro_export]
macro_rules! cases {
    ($run:path; $($name:ident => $case:expr;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() -> anyhow::Result<()> {
                $run($case).await
            }
        )+
    };
}
