//! Failures as the host reports them: those of the connector, and its own in the same words.

use std::fmt;

pub use crate::bindings::Error;

impl Error {
    /// The text for people.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::InvalidOptions(text)
            | Self::SignInRefused(text)
            | Self::Forbidden(text)
            | Self::NotFound(text)
            | Self::RateLimited(text)
            | Self::QuotaExceeded(text)
            | Self::ReadOnly(text)
            | Self::TooLarge(text)
            | Self::Conflict(text)
            | Self::Unsupported(text)
            | Self::Unreachable(text)
            | Self::Tls(text)
            | Self::Denied(text)
            | Self::Protocol(text)
            | Self::Cancelled(text)
            | Self::Other(text) => text,
        }
    }

    /// The kind, as the WIT spells it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidOptions(_) => "invalid-options",
            Self::SignInRefused(_) => "sign-in-refused",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not-found",
            Self::RateLimited(_) => "rate-limited",
            Self::QuotaExceeded(_) => "quota-exceeded",
            Self::ReadOnly(_) => "read-only",
            Self::TooLarge(_) => "too-large",
            Self::Conflict(_) => "conflict",
            Self::Unsupported(_) => "unsupported",
            Self::Unreachable(_) => "unreachable",
            Self::Tls(_) => "tls",
            Self::Denied(_) => "denied",
            Self::Protocol(_) => "protocol",
            Self::Cancelled(_) => "cancelled",
            Self::Other(_) => "other",
        }
    }
}

impl Error {
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
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        (self.code(), self.message()) == (other.code(), other.message())
    }
}

/// Text from outside without control characters: it may be printed on a terminal.
#[must_use]
pub fn printable(text: &str) -> impl fmt::Display {
    text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect::<String>()
}
