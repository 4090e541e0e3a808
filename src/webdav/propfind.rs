//! PROPFIND (RFC 4918 9.1).

use dav_xml::{Name, declarations, empty_element};

use crate::http::{Request, Target};

/// How far below the resource to look (RFC 4918 10.2). `infinity` is never asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// The resource alone.
    Zero,
    /// The resource and its members.
    One,
}

/// Asks for `properties` of `target`.
#[must_use]
pub fn propfind(target: Target, depth: Depth, properties: &[Name]) -> Request {
    let properties: String = properties.iter().map(|name| empty_element(*name)).collect();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><d:propfind{}><d:prop>{properties}</d:prop></d:propfind>",
        declarations()
    );
    Request::new("PROPFIND", target).header("depth", if depth == Depth::Zero { "0" } else { "1" }).xml(body)
}
