//! What is asked of the server.

use std::collections::BTreeMap;

/// A request as the server gets it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method, such as `PROPFIND`.
    pub method: String,
    /// The path, in the spelling that was sent.
    pub path: String,
    /// Names are in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body; bytes that are not UTF-8 are replaced.
    pub body: String,
}

impl Request {
    /// Returns the value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Returns the hrefs of a multiget (RFC 4791 7.9).
    pub fn hrefs(&self) -> impl Iterator<Item = &str> {
        self.body.split("<d:href>").skip(1).filter_map(|part| part.split("</d:href>").next())
    }

    /// Returns how many bodies of objects the request asks for.
    #[must_use]
    pub fn bodies(&self) -> usize {
        if self.method == "GET" { 1 } else { self.hrefs().count() }
    }

    /// Whether the request is `method` on `path`.
    #[must_use]
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }
}
