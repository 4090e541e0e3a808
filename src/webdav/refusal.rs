//! What a server says when it refuses: the precondition in a `DAV:error` body (RFC 4918 16), and the
//! words that some servers add.

use futures::StreamExt;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::http::{Body, Response};

/// A refusal: status, precondition and the server's own words, as far as it gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status code.
    pub status: u16,
    /// The local name of the precondition that failed, such as `number-of-matches-within-limits`.
    pub precondition: Option<String>,
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
        let (precondition, message) = dav_error(&text);
        let plain = response.headers.first("content-type").is_some_and(|kind| kind.starts_with("text/plain"));
        Self {
            status: response.status,
            precondition,
            message: message.or_else(|| {
                (plain && !text.trim().is_empty()).then(|| text.trim().chars().take(200).collect())
            }),
            is_rate_limit: ["usageLimits", "rateLimitExceeded", "quotaExceeded"]
                .iter()
                .any(|word| text.contains(word)),
        }
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

/// The first child of the root `error` element, and the text of an element called `message`
/// (sabre) or `responsedescription` (RFC 4918 14.25).
fn dav_error(text: &str) -> (Option<String>, Option<String>) {
    let mut reader = Reader::from_str(text);
    let (mut depth, mut precondition, mut message, mut wanted) = (0, None, None, false);
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(ref start) | Event::Empty(ref start) => {
                let name = start.local_name().as_ref().to_owned();
                if depth == 0 && name != "error" {
                    break;
                }
                wanted = matches!(name.as_str(), "message" | "responsedescription" | "human-readable");
                if depth == 1
                    && precondition.is_none()
                    && !wanted
                    && !matches!(name.as_str(), "exception" | "sabredav-version")
                {
                    precondition = Some(name);
                }
                if matches!(event, Event::Start(_)) {
                    depth += 1;
                }
            }
            Event::End(_) => {
                depth -= 1;
                wanted = false;
            }
            Event::Text(text) if wanted => message.get_or_insert_with(String::new).push_str(&text),
            Event::GeneralRef(_) if wanted => message.get_or_insert_with(String::new).push(' '),
            Event::Eof => break,
            _ => {}
        }
    }
    let message = message.map(|text| text.trim().chars().take(200).collect::<String>());
    (precondition, message.filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preconditions_and_words_are_found() {
        let sabre = r#"<?xml version="1.0"?><d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>X</s:exception><s:message>No &lt;way</s:message></d:error>"#;
        let (precondition, message) = dav_error(sabre);
        assert_eq!(precondition, None);
        assert_eq!(message.as_deref(), Some("No  way"));
        let plain = r#"<error xmlns="DAV:"><number-of-matches-within-limits/></error>"#;
        assert_eq!(dav_error(plain), (Some("number-of-matches-within-limits".to_owned()), None));
        assert_eq!(dav_error("<html><h1>Nope</h1></html>"), (None, None));
        assert_eq!(dav_error("{\"error\": 1}"), (None, None));
    }
}
