//! The exit codes: the same for every command, with and without `--json`.

use std::process::ExitCode;

use connector_folder::{BackupError, RestoreError};
use connector_host::error::Deadline;
use connector_host::{Error, JobError};

/// End of the program. Values as in sysexits(3) where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failure = 1,
    Partial = 3,
    Usage = 64,
    Data = 65,
    NoInput = 66,
    Unavailable = 69,
    TryLater = 75,
    SignIn = 77,
    Configuration = 78,
    Interrupted = 130,
}

/// The meaning of every code, for the help, the manual and the README.
const MEANINGS: &[(Exit, &str)] = &[
    (Exit::Done, "done"),
    (Exit::Failure, "failed"),
    (Exit::Partial, "done in part"),
    (Exit::Usage, "wrong use"),
    (Exit::Data, "the server's data cannot be used"),
    (Exit::NoInput, "the input does not exist"),
    (Exit::Unavailable, "the server cannot be reached"),
    (Exit::TryLater, "try again later"),
    (Exit::SignIn, "sign-in refused"),
    (Exit::Configuration, "wrong configuration"),
    (Exit::Interrupted, "interrupted"),
];

/// Returns all codes and their meanings, in one line.
pub(crate) fn describe_codes() -> String {
    let codes = MEANINGS.iter().map(|(exit, meaning)| format!("{} {meaning}", *exit as u8));
    codes.collect::<Vec<_>>().join(", ")
}

/// Returns the end of the program's `--help`.
pub(crate) fn help() -> String {
    format!("Exit codes: {}", describe_codes())
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error {
            Error::InvalidOptions(_) => Self::Usage,
            Error::SignInRefused(_) | Error::Forbidden(_) => Self::SignIn,
            Error::NotFound(_) => Self::NoInput,
            Error::RateLimited(_) | Error::QuotaExceeded(_) => Self::TryLater,
            Error::Unreachable(_) => Self::Unavailable,
            Error::Tls(_) | Error::Denied(_) => Self::Configuration,
            Error::Protocol(_) | Error::TooLarge(_) => Self::Data,
            Error::Cancelled(_) => Self::Interrupted,
            _ => Self::Failure,
        }
    }
}

impl From<&JobError> for Exit {
    fn from(error: &JobError) -> Self {
        match error {
            JobError::Connector(error) => error.into(),
            JobError::Origin(_) => Self::Usage,
            JobError::Tls(_) => Self::Configuration,
            JobError::Cancelled => Self::Interrupted,
            JobError::DeadlineExceeded(Deadline::WallClock(_)) | JobError::NoCapacity(_) => Self::TryLater,
            _ => Self::Failure,
        }
    }
}

impl From<&RestoreError> for Exit {
    fn from(error: &RestoreError) -> Self {
        match error {
            RestoreError::Folder { .. } | RestoreError::Empty(_) => Self::NoInput,
            RestoreError::Destination(error) => error.into(),
            _ => Self::Failure,
        }
    }
}

impl From<&BackupError> for Exit {
    fn from(error: &BackupError) -> Self {
        match error {
            BackupError::NotABackup(_) | BackupError::OtherSource { .. } => Self::Usage,
            BackupError::InUse(_) => Self::TryLater,
            BackupError::Index(_) => Self::Data,
            BackupError::Source(error) => error.into(),
            _ => Self::Failure,
        }
    }
}
