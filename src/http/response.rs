//! A response, as the transport gives it.

use bytes::Bytes;
use futures::stream::LocalBoxStream;

use super::error::TransportError;
use super::url::Target;

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

/// A response of the server, and the target that gave it: another one than was asked for after a redirect.
pub struct Answer {
    /// The target that answered.
    pub target: Target,
    /// Its response.
    pub response: Response,
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
