//! Conversions that both directions need, from the types of the core to those of `wit/types.wit`.

use super::bindings::plakar::connector::types;
use crate::account::{Finding, Identity};
use crate::error::{Error, Kind};
use crate::snapshot::entry::Entry;

/// Returns the end of a call whose caller is gone.
pub(super) fn cancelled() -> types::Error {
    types::Error::Cancelled("cancelled".to_owned())
}

impl From<Error> for types::Error {
    fn from(error: Error) -> Self {
        let text = error.message().to_owned();
        match error.kind {
            Kind::InvalidOptions => Self::InvalidOptions(text),
            Kind::SignInRefused => Self::SignInRefused(text),
            Kind::Forbidden => Self::Forbidden(text),
            Kind::NotFound => Self::NotFound(text),
            Kind::RateLimited => Self::RateLimited(text),
            Kind::QuotaExceeded => Self::QuotaExceeded(text),
            Kind::ReadOnly => Self::ReadOnly(text),
            Kind::TooLarge => Self::TooLarge(text),
            Kind::Conflict => Self::Conflict(text),
            Kind::Unsupported => Self::Unsupported(text),
            Kind::Unreachable => Self::Unreachable(text),
            Kind::Tls => Self::Tls(text),
            Kind::Denied => Self::Denied(text),
            Kind::Protocol => Self::Protocol(text),
            Kind::Cancelled => Self::Cancelled(text),
            Kind::Other => Self::Other(text),
        }
    }
}

impl From<Identity> for types::Identity {
    fn from(identity: Identity) -> Self {
        Self { kind: identity.kind.to_owned(), origin: identity.origin, root: identity.root.to_owned() }
    }
}

impl From<Finding> for types::Finding {
    fn from(finding: Finding) -> Self {
        Self { topic: finding.topic.to_owned(), text: finding.text, good: finding.good }
    }
}

impl From<Entry> for types::Entry {
    fn from(entry: Entry) -> Self {
        let modified = entry.modified.map(|since| types::Datetime {
            seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: since.subsec_nanos(),
        });
        let kind = if entry.is_directory { types::EntryKind::Directory } else { types::EntryKind::File };
        Self { path: entry.path, kind, size: entry.size, modified, version: entry.version }
    }
}
