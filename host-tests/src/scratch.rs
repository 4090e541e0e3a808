//! A fake server with a folder for its backup, and the sizes of such a backup.

use std::path::PathBuf;

use crate::fake::Fake;
use crate::program::Cli;

/// Number of files that describe a calendar of the fake server in a backup: `.caldav.json` and `displayname`.
pub const METADATA_FILES: usize = 2;

/// Number of entries of a calendar besides its objects: its folder and the files that describe it.
pub const CALENDAR_ENTRIES: usize = 1 + METADATA_FILES;

/// Returns the number of files in the backup of an account.
#[must_use]
pub const fn files(calendars: usize, objects: usize) -> usize {
    calendars * METADATA_FILES + objects
}

/// Returns the number of entries in the listing of an account: the root, folders and files.
#[must_use]
pub const fn entries(calendars: usize, objects: usize) -> usize {
    1 + calendars * CALENDAR_ENTRIES + objects
}

/// A fake server, and the path of a folder for its backup.
pub struct Scratch {
    /// Server to back up and to restore to; it runs until the scratch is dropped.
    pub server: Fake,
    /// Path of the backup in a temporary directory; not created yet.
    pub folder: PathBuf,
    _parent: tempfile::TempDir,
}

impl Scratch {
    /// Starts a server with these calendars, each given as its name and its number of objects.
    pub async fn new(calendars: &[(&str, usize)]) -> anyhow::Result<Self> {
        let parent = tempfile::tempdir()?;
        Ok(Self {
            server: Fake::start(calendars).await?,
            folder: parent.path().join("backup"),
            _parent: parent,
        })
    }

    /// Starts such a server, backs its account up into the folder, and empties the account.
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

/// Declares one test for each case, so that each can be run by its name: `cases! { run; name => case; … }`. `run` is
/// an asynchronous function that takes a case.
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
