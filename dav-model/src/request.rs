//! Requests to the server, as plain text.

use std::collections::BTreeMap;

/// A request as the server receives it.
#[derive(Clone, Debug)]
pub struct Request {
    /// HTTP method, such as `PROPFIND`.
    pub method: String,
    /// Path in the spelling of the client, without decoding.
    pub path: String,
    /// Header values by name in lower case.
    pub headers: BTreeMap<String, String>,
    /// Body as text; bytes that are not UTF-8 are replaced.
    pub body: String,
}

impl Request {
    /// Returns the value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Returns the hrefs that a multiget names (RFC 4791, section 7.9).
    pub fn hrefs(&self) -> impl Iterator<Item = &str> {
        self.body.split("<d:href>").skip(1).filter_map(|part| part.split("</d:href>").next())
    }

    /// Returns the number of objects whose content the request asks for.
    #[must_use]
    pub fn bodies(&self) -> usize {
        if self.method == "GET" { 1 } else { self.hrefs().count() }
    }

    /// Returns true if the request is `method` on `path`.
    #[must_use]
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }
}
