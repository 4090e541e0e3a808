//! Plain HTTP values: what a request object makes and what an answer is. No I/O here.

use bytes::Bytes;
use futures::stream::LocalBoxStream;

use crate::runtime::TransportError;
use crate::webdav::href::Target;

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

/// The bytes of an answer, as they come in.
pub type Body = LocalBoxStream<'static, Result<Bytes, TransportError>>;

/// An answer whose head is here and whose body may still be on its way.
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    /// The body.
    pub body: Body,
}

/// The headers of an answer.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value of `name` (lower case).
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of `name` (lower case): some servers send a list as several headers.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.trim())
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(n, v)| (n.as_ref().to_ascii_lowercase(), v.into())).collect())
    }
}
