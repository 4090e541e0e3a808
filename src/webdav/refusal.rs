//! What a server says when it refuses: the precondition in a `DAV:error` body (RFC 4918 16), and the
//! words that some servers add.

use dav_xml::{DavError, dav_error};
use futures::StreamExt;

use crate::http::{Body, Response};
use crate::quirks;

/// A refusal: status, precondition and the server's own words, as far as it gave them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The status code.
    pub status: u16,
    /// The local name of the precondition that failed, such as `number-of-matches-within-limits`.
    pub precondition: Option<String>,
    /// The object that stands in the way, if the precondition names one (RFC 4791 5.3.2.1).
    pub href: Option<String>,
    /// A sentence from the server.
    pub message: Option<String>,
    /// Whether the body says that too much was asked in too short a time, as Google does with 403.
    pub is_rate_limit: bool,
}

/// As much of a refusal's body as is looked at.
const MOST: usize = 16 << 10;

impl Refusal {
    /// Reads the refusal that `response` is.
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

/// The first bytes of a body, as text. What goes wrong while reading is of no interest.
async fn beginning(mut body: Body) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < MOST {
        let Some(Ok(piece)) = body.next().await else { break };
        bytes.extend_from_slice(&piece);
    }
    bytes.truncate(MOST);
    String::from_utf8_lossy(&bytes).into_owned()
}
