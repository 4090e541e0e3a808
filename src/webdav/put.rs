//! PUT (RFC 9110 9.3.4) of one calendar object resource.

use bytes::Bytes;

use crate::http::{Request, Target};

/// What must be there for a PUT to be done (RFC 9110 13.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Absent,
    /// This version.
    Version(Box<str>),
    /// Anything: there is no version to name.
    Any,
}

impl Condition {
    /// That it is still the version of this `ETag`. Only strong ones can be named (RFC 9110 13.1.1).
    #[must_use]
    pub fn still(etag: Option<impl Into<Box<str>>>) -> Self {
        let strong = etag.map(Into::into).filter(|etag| !etag.starts_with("W/"));
        strong.map_or(Self::Any, Self::Version)
    }
}

/// Writes `body` to `target`. It is sent once: whoever gets no answer has to look whether it arrived.
///
/// Three headers tell servers to write to nobody: sabre/dav and its descendants, Cyrus, Nextcloud.
/// Others pass over them.
#[must_use]
pub fn put(target: Target, body: Bytes, condition: &Condition, scheduling: bool) -> Request {
    let mut request =
        Request::new("PUT", target).header("content-type", "text/calendar; charset=utf-8").once();
    request.body = body;
    request = match condition {
        Condition::Absent => request.header("if-none-match", "*"),
        Condition::Version(etag) => request.header("if-match", etag.to_string()),
        Condition::Any => request,
    };
    if scheduling {
        return request;
    }
    request.header("schedule-reply", "F").header("scheduling-enabled", "F").header("x-nc-scheduling", "false")
}
