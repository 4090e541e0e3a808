//! What an account is called in the snapshots of it.

use crate::options::ConnectionOptions;

/// What is read, without secrets. As `identity` in `wit/types.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `caldav`.
    pub kind: &'static str,
    /// `user@host`, with the path if the user gave one, and the choice of calendars if there is one.
    pub origin: String,
    /// `/`.
    pub root: &'static str,
}

/// Who signs in where, without secrets: `user@host`, with the path if the user gave one.
#[must_use]
pub fn origin(options: &ConnectionOptions) -> String {
    let start = &options.location.start;
    let user =
        if options.username.is_empty() { String::new() } else { [options.username.as_str(), "@"].concat() };
    let path = if options.location.has_path { start.path.trim_end_matches('/') } else { "" };
    [user.as_str(), &start.origin.authority(), path].concat()
}
