//! OPTIONS (RFC 9110 9.3.7): what a server says it can do (RFC 4918 10.1).

use crate::http::{Headers, Request, Target};

/// Asks what can be done at `target`.
#[must_use]
pub fn options(target: Target) -> Request {
    Request::new("OPTIONS", target)
}

/// The compliance classes in the `DAV` headers, of which there may be several.
#[must_use]
pub fn classes(headers: &Headers) -> Vec<String> {
    let mut classes: Vec<String> = Vec::new();
    for class in headers.all("dav").flat_map(|value| value.split(',')) {
        let class = class.trim().to_ascii_lowercase();
        if let Err(place) = classes.binary_search(&class)
            && !class.is_empty()
        {
            classes.insert(place, class);
        }
    }
    classes
}
