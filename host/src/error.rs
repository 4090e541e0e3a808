//! Failures: what a connector reports ([`Error`]), and how a job can end ([`JobError`]).

use std::fmt;
use std::time::Duration;

use wasmtime::component::{ComponentType, Lift, Lower};

use crate::egress::origins::OriginError;
use crate::egress::tls::TlsError;

/// A failure that a connector reports: one case for each outcome that a caller acts on. The text is for people, and
/// nothing should depend on its wording.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
#[non_exhaustive]
pub enum Error {
    /// Options are missing, unknown or wrong: one line of text for each of them.
    #[component(name = "invalid-options")]
    InvalidOptions(String),
    /// The other side did not accept the credentials.
    #[component(name = "sign-in-refused")]
    SignInRefused(String),
    /// Signed in, but not allowed to do this.
    #[component(name = "forbidden")]
    Forbidden(String),
    /// The other side does not have it.
    #[component(name = "not-found")]
    NotFound(String),
    /// The other side asks for a pause. Trying later helps.
    #[component(name = "rate-limited")]
    RateLimited(String),
    /// The other side has no space left for this account.
    #[component(name = "quota-exceeded")]
    QuotaExceeded(String),
    /// Readable, but not writable.
    #[component(name = "read-only")]
    ReadOnly(String),
    /// Larger than a limit of the other side or of the connector.
    #[component(name = "too-large")]
    TooLarge(String),
    /// Something newer or different is there.
    #[component(name = "conflict")]
    Conflict(String),
    /// The other side, or the connector, cannot do this at all.
    #[component(name = "unsupported")]
    Unsupported(String),
    /// No connection, or a broken one, or no answer in time. Trying later may help.
    #[component(name = "unreachable")]
    Unreachable(String),
    /// The other side's certificate was not accepted.
    #[component(name = "tls")]
    Tls(String),
    /// The host's policy does not allow it.
    #[component(name = "denied")]
    Denied(String),
    /// The other side's answer could not be understood.
    #[component(name = "protocol")]
    Protocol(String),
    /// The caller asked to stop.
    #[component(name = "cancelled")]
    Cancelled(String),
    /// Anything else.
    #[component(name = "other")]
    Other(String),
}

impl Error {
    /// Returns the text for people, as the connector wrote it: pass it through [`printable`] before printing.
    #[must_use]
    pub fn message(&self) -> &str {
        self.parts().1
    }

    /// Returns the name of the case, as `wit/types.wit` spells it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.parts().0
    }

    /// Returns true if nothing of the run can succeed after this error, also when it is the outcome of a single
    /// entry or item. The list is the one in `wit/types.wit`.
    #[must_use]
    pub fn ends_run(&self) -> bool {
        matches!(
            self,
            Self::InvalidOptions(_)
                | Self::SignInRefused(_)
                | Self::Tls(_)
                | Self::Denied(_)
                | Self::Cancelled(_)
        )
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::InvalidOptions(text) => ("invalid-options", text),
            Self::SignInRefused(text) => ("sign-in-refused", text),
            Self::Forbidden(text) => ("forbidden", text),
            Self::NotFound(text) => ("not-found", text),
            Self::RateLimited(text) => ("rate-limited", text),
            Self::QuotaExceeded(text) => ("quota-exceeded", text),
            Self::ReadOnly(text) => ("read-only", text),
            Self::TooLarge(text) => ("too-large", text),
            Self::Conflict(text) => ("conflict", text),
            Self::Unsupported(text) => ("unsupported", text),
            Self::Unreachable(text) => ("unreachable", text),
            Self::Tls(text) => ("tls", text),
            Self::Denied(text) => ("denied", text),
            Self::Protocol(text) => ("protocol", text),
            Self::Cancelled(text) => ("cancelled", text),
            Self::Other(text) => ("other", text),
        }
    }
}

/// The text for people, safe to print.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        printable(self.message()).fmt(f)
    }
}

impl std::error::Error for Error {}

/// The reason why a job ended, or never began. A crash, a limit and a wish to stop are different cases.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The connector reported it.
    #[error(transparent)]
    Connector(#[from] Error),
    /// The connector asked for an origin that the [job's configuration](crate::JobConfig) does not allow.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// TLS could not be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] TlsError),
    /// The connector trapped: it panicked, or did what WebAssembly does not allow. The text says what.
    #[error("the connector crashed: {0}")]
    Trapped(String),
    /// The connector crashed after it was refused more memory than [`Limits::memory`](crate::Limits::memory).
    #[error("the connector ran out of memory: the limit is {} MiB", limit >> 20)]
    OutOfMemory {
        /// Bytes of memory that the job was allowed to have.
        limit: usize,
    },
    /// A limit of time was reached.
    #[error("the connector was stopped: {0}")]
    DeadlineExceeded(Deadline),
    /// The [job's handle](crate::JobHandle) was asked to stop it, or every importer or exporter was dropped while a
    /// stream was open.
    #[error("the job was cancelled")]
    Cancelled,
    /// The engine runs as many jobs as its pool has room for. Trying later helps.
    #[error("there is no room for another job: {0}")]
    NoCapacity(String),
}

/// A limit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadline {
    /// [`Limits::wall_clock`](crate::Limits::wall_clock): the job as a whole.
    WallClock(Duration),
    /// [`Limits::unbroken_cpu`](crate::Limits::unbroken_cpu): computing without network traffic.
    UnbrokenCpu(Duration),
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WallClock(limit) => write!(f, "it took longer than {} s", limit.as_secs_f32()),
            Self::UnbrokenCpu(limit) => {
                write!(f, "it computed for more than {} s without sending a request", limit.as_secs_f32())
            }
        }
    }
}

impl JobError {
    /// Returns a short name for programs: that of [`Error::code`] for what the connector reported.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connector(error) => error.code(),
            Self::Origin(_) => "invalid-options",
            Self::Tls(_) => "tls",
            Self::Trapped(_) => "trapped",
            Self::OutOfMemory { .. } => "out-of-memory",
            Self::DeadlineExceeded(_) => "deadline-exceeded",
            Self::Cancelled => "cancelled",
            Self::NoCapacity(_) => "no-capacity",
        }
    }

    /// Returns true if nothing else that the job is asked can succeed: always, unless the connector reported an
    /// error that [does not end a run](Error::ends_run).
    #[must_use]
    pub fn ends_run(&self) -> bool {
        if let Self::Connector(error) = self { error.ends_run() } else { true }
    }
}

/// Returns `text` without characters that could control a terminal or reorder what it shows: control characters except
/// the line feed, line and paragraph separators, bidirectional controls and the zero-width no-break space each become a
/// space.
#[must_use]
pub fn printable(text: &str) -> impl fmt::Display {
    let is_plain = |c: char| c == '\n' || !c.is_control() && !is_invisible(c);
    text.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect::<String>()
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_text_controls_no_terminal() {
        for (text, shown) in [
            ("two\nlines", "two\nlines"),
            ("\u{1b}[31mred\r\t", " [31mred  "),
            ("exe\u{202e}txt.\u{2066}a\u{2069}", "exe txt. a "),
            ("a\u{2028}b\u{2029}c\u{feff}d\u{200f}e", "a b c d e"),
            ("Grüße, 日本語, 👩\u{200d}🚀", "Grüße, 日本語, 👩\u{200d}🚀"),
        ] {
            assert_eq!(printable(text).to_string(), shown);
            assert_eq!(Error::Other(text.to_owned()).to_string(), shown);
        }
    }

    #[test]
    fn every_end_but_some_errors_of_the_connector_ends_a_run() {
        let text = String::new;
        assert!(JobError::Connector(Error::Denied(text())).ends_run());
        assert!(!JobError::Connector(Error::NotFound(text())).ends_run());
        assert!(JobError::Trapped(text()).ends_run() && JobError::Cancelled.ends_run());
    }

    #[test]
    fn ends_are_told_to_people_in_a_sentence_without_a_full_stop() {
        let limit = Duration::from_millis(1500);
        for (error, text) in [
            (JobError::Trapped("unreachable".to_owned()), "the connector crashed: unreachable"),
            (
                JobError::OutOfMemory { limit: 64 << 20 },
                "the connector ran out of memory: the limit is 64 MiB",
            ),
            (
                JobError::DeadlineExceeded(Deadline::WallClock(limit)),
                "the connector was stopped: it took longer than 1.5 s",
            ),
            (JobError::Connector(Error::Tls("expired".to_owned())), "expired"),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}
