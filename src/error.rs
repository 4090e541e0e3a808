//! The error of the connector's public interface: a kind that a caller acts on, and a text for people. Inner
//! modules have error types of their own where a caller has to tell failures apart.
//!
//! Texts have the form `subject: problem. Advice`: the subject is a path, a URL or an option, and no full
//! stop is at the end, because the text becomes part of other texts. The program that prints it adds one.

use std::fmt;

/// The kind of a failure: one for each thing that a caller may do about it. The same list as `error` in
/// `wit/types.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Options are missing, unknown or wrong.
    InvalidOptions,
    /// The server did not accept the credentials, or wants some.
    SignInRefused,
    /// The account is signed in, and is not allowed to do this.
    Forbidden,
    /// The account, the calendar or the object does not exist.
    NotFound,
    /// The server is overloaded or asks for fewer requests: the same may succeed later.
    RateLimited,
    /// The account has no room left.
    QuotaExceeded,
    /// The calendar can be read and not be written.
    ReadOnly,
    /// Something is larger than a limit of the server, of the host or of the connector.
    TooLarge,
    /// Something newer or different is in its place.
    Conflict,
    /// The server or this connector cannot do this at all.
    Unsupported,
    /// There is no connection, it broke, or there was no answer in time.
    Unreachable,
    /// The server's certificate was not accepted.
    Tls,
    /// The host's policy does not allow the address.
    Denied,
    /// An answer cannot be understood, or contradicts itself.
    Protocol,
    /// The caller asked to stop.
    Cancelled,
    /// Anything else.
    Other,
}

impl Kind {
    /// Returns true for the kinds that end the whole run, of a backup and of a restore: whatever is left to
    /// do would fail for the same reason. This is the only list of them in the connector, and the same as in
    /// `wit/types.wit`. What fails for one calendar or one object alone must be of another kind.
    #[must_use]
    pub fn ends_run(self) -> bool {
        matches!(
            self,
            Self::InvalidOptions | Self::SignInRefused | Self::Tls | Self::Denied | Self::Cancelled
        )
    }
}

/// A failure: its kind, and a text that states where it happened, what is wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The kind, for callers.
    pub kind: Kind,
    message: String,
}

/// The result of most of what the connector does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Creates an error. The text may quote what a server sent: it is made safe to print here, so that no
    /// caller has to. Those of `InvalidOptions` keep their lines, one for each mistake.
    pub fn new(kind: Kind, message: impl AsRef<str>) -> Self {
        let keep_lines = kind == Kind::InvalidOptions;
        Self { kind, message: printable(message.as_ref(), keep_lines) }
    }

    /// Returns the same error with the subject `place` in front.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Self {
        Self::new(self.kind, format!("{place}: {}", self.message))
    }

    /// Returns the text for people.
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

/// The longest text of an error, in characters.
const MAX_MESSAGE: usize = 2000;

/// Returns text that is safe on a terminal and in a log: spaces in place of control characters and of
/// characters that [hide or reorder](is_invisible) others, and at most [`MAX_MESSAGE`] characters. The host
/// has the same rule, because it does not rely on a component's.
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

/// Returns true for characters that can hide or reorder what a terminal shows: line and paragraph separators,
/// the bidirectional controls (Unicode Standard Annex 9), and the zero width no-break space.
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
