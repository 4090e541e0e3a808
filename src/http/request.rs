//! A request, as the modules of WebDAV and CalDAV make it.

use bytes::Bytes;

use super::url::Target;

/// A request, ready to send but for the headers the session adds (authorization, user agent,
/// accept-encoding, content-length).
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, such as `PROPFIND`.
    pub method: &'static str,
    /// Where it goes.
    pub target: Target,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// Empty for none.
    pub body: Bytes,
    /// Whether it may be sent again when no answer came.
    pub repeatable: bool,
}

impl Request {
    /// A request without headers and body.
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

    /// Not to be sent again when it is unknown whether it arrived.
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
