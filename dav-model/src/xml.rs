//! Multistatus bodies (RFC 4918, section 14.16).

/// Returns a multistatus document around `responses`. `DAV:` is both the default namespace and the prefix `d`, so
/// `responses` may use either; the prefixes `c`, `cs` and `a` are CalDAV, Calendar Server and Apple.
#[must_use]
pub fn multistatus(responses: &str) -> String {
    format!(
        r#"<?xml version="1.0"?><d:multistatus xmlns="DAV:" xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/" xmlns:a="http://apple.com/ns/ical/">{responses}</d:multistatus>"#
    )
}

/// Returns one response with a propstat of status 200.
#[must_use]
pub fn found(href: &str, properties: &str) -> String {
    format!(
        "<d:response><d:href>{href}</d:href><d:propstat><d:prop>{properties}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )
}

/// Returns one response with a status instead of properties.
#[must_use]
pub fn refused(href: &str, status: u16) -> String {
    format!("<d:response><d:href>{href}</d:href><d:status>HTTP/1.1 {status} X</d:status></d:response>")
}

/// Escapes the text of an element. A parser drops unescaped carriage returns (XML 1.0, section 2.11).
pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('\r', "&#13;")
}

/// Returns the properties that a request body sets, as pairs of the name with its prefix and the whole element.
pub(crate) fn set_properties(body: &str) -> Vec<(String, String)> {
    let inner = body.split_once("<d:prop>").and_then(|(_, rest)| rest.rsplit_once("</d:prop>"));
    let mut rest = inner.map_or("", |(properties, _)| properties);
    let mut all = Vec::new();
    while let Some(name) = rest.strip_prefix('<').and_then(|rest| rest.split(['>', ' ', '/']).next()) {
        let end = format!("</{name}>");
        let Some((before, after)) = rest.split_once(&end) else { break };
        all.push((name.to_owned(), [before, &end].concat()));
        rest = after;
    }
    all
}
