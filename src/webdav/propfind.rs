//! PROPFIND (RFC 4918 9.1): properties of a resource, and of the members of a collection.
//!
//! ```http
//! PROPFIND /cal/work/ HTTP/1.1
//! Depth: 1
//! Content-Type: application/xml; charset=utf-8
//!
//! <d:propfind xmlns:d="DAV:"><d:prop><d:getetag/><d:resourcetype/></d:prop></d:propfind>
//! ```
//!
//! The answer is a [`Multistatus`](super::multistatus::Multistatus). What the properties mean is decided by
//! the requests of `caldav`, which ask for different ones.

use dav_xml::{Name, declarations, empty_element};

use crate::http::{Request, Target};

/// How far below the resource to look (RFC 4918 10.2). `infinity` is never asked for: servers may refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The resource alone.
    Zero,
    /// The resource and its direct members.
    One,
}

/// Returns the request for `properties` of `target`. The answer has a `propstat` of 404 for each that the
/// resource does not have.
#[must_use]
pub fn request(target: Target, depth: Depth, properties: &[Name]) -> Request {
    let properties: String = properties.iter().map(|name| empty_element(*name)).collect();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><d:propfind{}><d:prop>{properties}</d:prop></d:propfind>",
        declarations()
    );
    Request::new("PROPFIND", target).header("depth", if depth == Depth::Zero { "0" } else { "1" }).xml(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::scripted::target;

    #[test]
    fn properties_are_named_with_their_prefixes() {
        let request = request(target("/cal/"), Depth::One, &[Name::GetEtag, Name::CalendarColor]);
        let body = String::from_utf8_lossy(&request.body);
        assert!(body.contains("<d:prop><d:getetag/><a:calendar-color/></d:prop>"), "{body}");
        assert!(request.headers.contains(&("depth", "1".to_owned())) && request.repeatable);
    }
}
