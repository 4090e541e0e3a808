//! A request, as the modules of WebDAV and CalDAV build it.

use bytes::Bytes;

use super::url::Target;

/// A request without the headers that the session adds (`authorization`, `user-agent`, `accept-encoding`),
/// and without `content-length`, which the transport adds.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, such as `PROPFIND`.
    pub method: &'static str,
    /// The target that it is sent to.
    pub target: Target,
    /// Names, in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for none.
    pub body: Bytes,
    /// Whether it may be sent again if it is not known whether the server has done it (RFC 9110 9.2.2).
    pub repeatable: bool,
}

impl Request {
    /// Creates a request without headers and body, that may be repeated.
    #[must_use]
    pub fn new(method: &'static str, target: Target) -> Self {
        Self { method, target, headers: Vec::new(), body: Bytes::new(), repeatable: true }
    }

    /// Adds a header; `name` in lower case.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Marks the request as one that may not be repeated.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    /// Sets an XML body and its content type.
    #[must_use]
    pub fn xml(mut self, body: String) -> Self {
        self.body = Bytes::from(body);
        self.header("content-type", "application/xml; charset=utf-8")
    }
}
