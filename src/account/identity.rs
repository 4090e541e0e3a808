//! The name of an account in the snapshots of it.

use crate::options::ConnectionOptions;

/// Name of the account that is read or written, without secrets. As `identity` in `wit/types.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The kind of connector: `caldav`.
    pub kind: &'static str,
    /// `user@host`, with the path if the user gave one, and the choice of calendars if there is one.
    pub origin: String,
    /// The top of the tree of entries: `/`.
    pub root: &'static str,
}

impl Identity {
    /// Returns the identity of a source or a destination.
    pub(crate) fn new(origin: String) -> Self {
        Self { kind: "caldav", origin, root: "/" }
    }
}

/// Returns who signs in where, without secrets: `user@host`, with the path if the user gave one.
#[must_use]
pub fn origin(options: &ConnectionOptions) -> String {
    let start = &options.location.start;
    let user =
        if options.username.is_empty() { String::new() } else { [options.username.as_str(), "@"].concat() };
    let path = if options.location.has_path { start.path.trim_end_matches('/') } else { "" };
    [user.as_str(), &start.origin.authority(), path].concat()
}
