//! The body of a refusal (RFC 4918 16): the precondition that failed, and what some servers add.
//!
//! ```xml
//! <d:error xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
//!   <c:no-uid-conflict><d:href>/cal/work/other.ics</d:href></c:no-uid-conflict>
//! </d:error>
//! ```

use quick_xml::Reader;
use quick_xml::events::Event;

/// The content of a `DAV:error` body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DavError {
    /// The local name of the precondition that failed, such as `no-uid-conflict`. The namespace does not
    /// matter: no two preconditions of RFC 4918, RFC 4791 and RFC 6638 have one local name.
    pub precondition: Option<String>,
    /// The first `href` within it: for a UID conflict, the object that has the UID (RFC 4791 5.3.2.1).
    pub href: Option<String>,
    /// A text for people, of at most 200 characters: `responsedescription` (RFC 4918 14.25), or what
    /// sabre/dav and other servers have in its place.
    pub message: Option<String>,
}

/// Elements that hold a text for people.
const TEXTS: [&str; 3] = ["message", "responsedescription", "human-readable"];
/// Elements that sabre/dav adds, and that say nothing more.
const DETAILS: [&str; 2] = ["exception", "sabredav-version"];
/// The longest text that is kept, in characters.
const MAX_MESSAGE: usize = 200;

/// Reads an error body. Text that is not one, such as a web page, gives an empty result; so does the rest of
/// a body that is cut off or not well-formed.
///
/// ```
/// let found = dav_xml::dav_error("<error xmlns=\"DAV:\"><lock-token-submitted/></error>");
/// assert_eq!(found.precondition.as_deref(), Some("lock-token-submitted"));
/// assert_eq!(dav_xml::dav_error("<html>Not here</html>"), dav_xml::DavError::default());
/// ```
#[must_use]
pub fn dav_error(text: &str) -> DavError {
    let mut reader = Reader::from_str(text);
    let mut found = DavError::default();
    let mut open: Vec<String> = Vec::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(start) => {
                let name = start.local_name().as_ref().to_owned();
                if open.is_empty() && name != "error" {
                    break;
                }
                note_precondition(&mut found, &open, &name);
                open.push(name);
            }
            Event::Empty(start) => note_precondition(&mut found, &open, start.local_name().as_ref()),
            Event::End(_) => drop(open.pop()),
            Event::Text(text) => add_text(&mut found, &open, &text),
            Event::GeneralRef(reference) => add_text(&mut found, &open, character(&reference)),
            Event::Eof => break,
            _ => {}
        }
    }
    for text in [&mut found.message, &mut found.href] {
        *text = text.take().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    }
    found.message = found.message.map(|text| text.chars().take(MAX_MESSAGE).collect());
    found
}

/// A direct child of `error` is the precondition, unless it is one of the other elements.
fn note_precondition(found: &mut DavError, open: &[String], name: &str) {
    let is_one = open.len() == 1 && !TEXTS.contains(&name) && !DETAILS.contains(&name);
    if is_one && found.precondition.is_none() {
        found.precondition = Some(name.to_owned());
    }
}

fn add_text(found: &mut DavError, open: &[String], text: &str) {
    let Some(inside) = open.last() else { return };
    if TEXTS.contains(&inside.as_str()) {
        found.message.get_or_insert_default().push_str(text);
    } else if inside == "href" {
        found.href.get_or_insert_default().push_str(text);
    }
}

/// Returns the character of one of XML's own references (XML 1.0, 4.6); a space for any other.
fn character(reference: &str) -> &'static str {
    match reference {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        _ => " ",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Option<String>, Option<String>, Option<String>) {
        let error = dav_error(text);
        (error.precondition, error.href, error.message)
    }

    #[test]
    fn preconditions_and_words_are_found() {
        let sabre = r#"<?xml version="1.0"?><d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>X</s:exception><s:message>No &lt;way</s:message></d:error>"#;
        assert_eq!(found(sabre), (None, None, Some("No <way".to_owned())));
        let plain = r#"<error xmlns="DAV:"><number-of-matches-within-limits/></error>"#;
        assert_eq!(found(plain).0.as_deref(), Some("number-of-matches-within-limits"));
        let taken = r#"<error xmlns="DAV:"><c:no-uid-conflict xmlns:c="urn:ietf:params:xml:ns:caldav"><href>/a/b&amp;c.ics
            </href></c:no-uid-conflict></error>"#;
        assert_eq!(found(taken), (Some("no-uid-conflict".to_owned()), Some("/a/b&c.ics".to_owned()), None));
        assert_eq!(dav_error("<html><h1>Nope</h1></html>"), DavError::default());
        assert_eq!(dav_error("{\"error\": 1}"), DavError::default());
    }
}
