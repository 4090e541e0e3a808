//! PROPPATCH (RFC 4918 9.2) of one property: a server that refuses one refuses all of a request.

use dav_xml::declarations;

use crate::http::{Request, Target};

/// Sets the property that `element` is.
#[must_use]
pub fn proppatch(target: Target, element: &str) -> Request {
    let body = [
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><d:propertyupdate",
        &declarations(),
        "><d:set><d:prop>",
        element,
        "</d:prop></d:set></d:propertyupdate>",
    ];
    Request::new("PROPPATCH", target).xml(body.concat())
}
