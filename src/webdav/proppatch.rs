//! PROPPATCH (RFC 4918 9.2) of one property: a server that refuses one refuses all of a request (RFC 4918
//! 9.2.1).
//!
//! ```http
//! PROPPATCH /cal/work/ HTTP/1.1
//! Content-Type: application/xml; charset=utf-8
//!
//! <d:propertyupdate xmlns:d="DAV:">
//!   <d:set><d:prop><d:displayname>Work</d:displayname></d:prop></d:set>
//! </d:propertyupdate>
//! ```
//!
//! The answer is not read. Servers accept properties that they do not keep, and refuse some that they then
//! have: the caller reads the properties again with PROPFIND.

use dav_xml::declarations;

use crate::http::{Request, Target};

/// Returns the request that sets a property of `target`. `element` is its whole element, with prefixes as
/// `dav_xml::element` writes them.
#[must_use]
pub fn request(target: Target, element: &str) -> Request {
    let body = [
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><d:propertyupdate",
        &declarations(),
        "><d:set><d:prop>",
        element,
        "</d:prop></d:set></d:propertyupdate>",
    ];
    Request::new("PROPPATCH", target).xml(body.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::scripted::target;

    #[test]
    fn the_element_is_set() {
        let body = request(target("/cal/"), "<d:displayname>A</d:displayname>").body;
        let body = String::from_utf8_lossy(&body);
        assert!(body.contains("<d:set><d:prop><d:displayname>A</d:displayname></d:prop></d:set>"), "{body}");
    }
}
