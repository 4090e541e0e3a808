//! The one error of the connector's public surface: an outcome that a caller acts on, and a text for
//! people. Inner modules have small error types of their own where a caller must tell them apart.

use std::fmt;

/// What kind of failure it is: one for each thing a caller may do about it. The same list as
/// `error` in `wit/types.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Options are missing, unknown or wrong.
    InvalidOptions,
    /// The server did not accept the credentials.
    SignInRefused,
    /// Signed in, but not allowed.
    Forbidden,
    /// It is not there.
    NotFound,
    /// The server asks for a pause.
    RateLimited,
    /// The server has no room left.
    QuotaExceeded,
    /// It can be read but not written.
    ReadOnly,
    /// Larger than a limit.
    TooLarge,
    /// Something newer or different is in the way.
    Conflict,
    /// The server or this connector cannot do this at all.
    Unsupported,
    /// No connection, a broken one, or no answer in time.
    Unreachable,
    /// The server's certificate was not accepted.
    Tls,
    /// The host's policy does not allow it.
    Denied,
    /// An answer could not be understood.
    Protocol,
    /// The caller asked to stop.
    Cancelled,
    /// Anything else.
    Other,
}

impl Kind {
    /// Returns true for the kinds that end the whole run, of a backup and of a restore: whatever is left to do
    /// would fail for the same reason. This is the only list of them in the connector, and the same as in
    /// `wit/types.wit`. What fails for one calendar or one object alone must be of another kind.
    #[must_use]
    pub fn ends_run(self) -> bool {
        matches!(
            self,
            Self::InvalidOptions | Self::SignInRefused | Self::Tls | Self::Denied | Self::Cancelled
        )
    }
}

/// A failure: its kind, and one or more sentences that say what, where, why and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What a caller may act on.
    pub kind: Kind,
    message: String,
}

/// The result of most of what the connector does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error. The message may quote what a server sent: it is cut to a readable length and
    /// stripped of control characters here, so that no caller needs to.
    pub fn new(kind: Kind, message: impl AsRef<str>) -> Self {
        let keep_lines = kind == Kind::InvalidOptions;
        Self { kind, message: printable(message.as_ref(), keep_lines) }
    }

    /// The same error with words in front that say where it happened.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Self {
        Self::new(self.kind, format!("{place}: {}", self.message))
    }

    /// The text for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns true if this error ends the whole run: see [`Kind::ends_run`].
    #[must_use]
    pub fn ends_run(&self) -> bool {
        self.kind.ends_run()
    }
}

/// The longest text that is shown to people, in characters.
const MAX_MESSAGE: usize = 2000;

/// Text that is safe on a terminal and in a log: no control character, no endless line.
fn printable(text: &str, keep_lines: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (count, c) in text.chars().enumerate() {
        if count == MAX_MESSAGE {
            out.push('…');
            break;
        }
        match c {
            '\n' if keep_lines => out.push(c),
            c if c.is_control() || is_invisible(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Characters that can hide or reorder what a terminal shows: line and paragraph separators and the
/// bidirectional controls.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hold_no_control_characters() {
        let error = Error::new(Kind::Other, "a\x1b[31mb\nc\u{202e}d");
        assert_eq!(error.message(), "a [31mb c d");
    }

    #[test]
    fn five_kinds_end_a_run() {
        let ends = |kinds: &[Kind]| kinds.iter().filter(|kind| kind.ends_run()).count();
        assert_eq!(
            ends(&[Kind::InvalidOptions, Kind::SignInRefused, Kind::Tls, Kind::Denied, Kind::Cancelled]),
            5
        );
        assert_eq!(ends(&[Kind::Forbidden, Kind::Unsupported, Kind::Unreachable, Kind::RateLimited]), 0);
    }

    #[test]
    fn messages_have_an_end() {
        let error = Error::new(Kind::Other, "x".repeat(10_000));
        assert_eq!(error.message().chars().count(), MAX_MESSAGE + 1);
    }
}
