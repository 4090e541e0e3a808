//! A response, as the transport delivers it.

use bytes::Bytes;
use futures::stream::LocalBoxStream;

use super::error::TransportError;
use super::url::Target;

/// The bytes of a response as they arrive. The stream ends with the body, or with an error if the body is
/// incomplete.
pub type Body = LocalBoxStream<'static, Result<Bytes, TransportError>>;

/// A response whose head has arrived, and whose body may still be on its way.
pub struct Response {
    /// The status code (RFC 9110 15).
    pub status: u16,
    /// Header fields with their names in lower case.
    pub headers: Headers,
    /// Bytes as they arrive; not yet decoded.
    pub body: Body,
}

/// A response of the server, and the target that gave it: another one than was asked for after a redirect.
pub struct Answer {
    /// The target that answered.
    pub target: Target,
    /// Response of the last request.
    pub response: Response,
}

/// The headers of a response, in their order.
#[derive(Clone, Debug, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Returns the first value of `name`, which is in lower case.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Returns every value of `name`, which is in lower case. Some servers send a list as several headers
    /// (RFC 9110 5.3).
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.trim())
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(n, v)| (n.as_ref().to_ascii_lowercase(), v.into())).collect())
    }
}
