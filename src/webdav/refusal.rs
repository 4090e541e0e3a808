//! A response of 4xx or 5xx: its status, the precondition in a `DAV:error` body (RFC 4918 16), and the text
//! that some servers add. What these mean is decided in [`status`](super::status).
//!
//! ```http
//! HTTP/1.1 403 Forbidden
//! Content-Type: application/xml
//!
//! <d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns">
//!   <d:need-privileges/>
//!   <s:message>User did not have the required privileges ({DAV:}write-content)</s:message>
//! </d:error>
//! ```

use dav_xml::{DavError, dav_error};
use futures::StreamExt;

use crate::http::{Body, Response};
use crate::quirks;

/// A refusal of one request, as far as the server has explained it. As text: `the server answered 403
/// (need-privileges): User did not have …`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The status code: 400 to 599.
    pub status: u16,
    /// The local name of the precondition that failed, such as `number-of-matches-within-limits`.
    pub precondition: Option<String>,
    /// The object that conflicts with the request, if the precondition names one (RFC 4791 5.3.2.1), as an
    /// href of the server.
    pub href: Option<String>,
    /// A text from the server, of at most 200 characters: part of an XML body, or a whole body of plain text.
    pub message: Option<String>,
    /// Whether the body states that a rate limit was exceeded: see [`quirks::is_rate_limit`].
    pub is_rate_limit: bool,
}

/// How much of the body is read, in bytes.
const MAX_BODY: usize = 16 << 10;

impl Refusal {
    /// Reads a response of 4xx or 5xx. A body that cannot be read is one that explains nothing.
    pub async fn read(response: Response) -> Self {
        let text = beginning(response.body).await;
        let DavError { precondition, href, message } = dav_error(&text);
        let plain = response.headers.first("content-type").is_some_and(|kind| kind.starts_with("text/plain"));
        Self {
            status: response.status,
            precondition,
            href,
            message: message.or_else(|| {
                (plain && !text.trim().is_empty()).then(|| text.trim().chars().take(200).collect())
            }),
            is_rate_limit: quirks::is_rate_limit(&text),
        }
    }

    /// Returns the name of the precondition, or an empty text.
    #[must_use]
    pub fn precondition(&self) -> &str {
        self.precondition.as_deref().unwrap_or_default()
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server answered {}", self.status)?;
        if let Some(precondition) = &self.precondition {
            write!(f, " ({precondition})")?;
        }
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

/// Returns the beginning of a body as text. An error ends it.
async fn beginning(mut body: Body) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < MAX_BODY {
        let Some(Ok(piece)) = body.next().await else { break };
        bytes.extend_from_slice(&piece);
    }
    bytes.truncate(MAX_BODY);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::http::scripted::Canned;

    fn read(canned: Canned) -> Refusal {
        block_on(Refusal::read(canned.into()))
    }

    #[test]
    fn preconditions_and_texts_are_kept() {
        let body =
            r#"<error xmlns="DAV:"><need-privileges/><responsedescription>No</responsedescription></error>"#;
        let refusal = read(Canned::status(403).body(body));
        assert_eq!(refusal.precondition(), "need-privileges");
        assert_eq!(refusal.to_string(), "the server answered 403 (need-privileges): No");
        let plain = read(Canned::status(500).header("Content-Type", "text/plain").body("out of disk\n"));
        assert_eq!(plain.to_string(), "the server answered 500: out of disk");
        let page = read(Canned::status(404).header("Content-Type", "text/html").body("<html>Gone</html>"));
        assert_eq!(page.to_string(), "the server answered 404");
    }

    #[test]
    fn a_body_that_breaks_off_explains_nothing() {
        assert_eq!(read(Canned::status(429).broken()), Refusal { status: 429, ..Refusal::default() });
        assert!(read(Canned::status(403).body(r#"{"domain":"usageLimits"}"#)).is_rate_limit);
    }
}
