//! OPTIONS (RFC 9110 9.3.7): what a server states that it can do (RFC 4918 10.1).
//!
//! ```http
//! OPTIONS /cal/ HTTP/1.1
//!
//! HTTP/1.1 200 OK
//! DAV: 1, 2, 3, access-control, calendar-access
//! DAV: calendar-auto-schedule
//! ```
//!
//! Nothing depends on these statements where a request can show what is true: a server without
//! `calendar-access` may have calendars. They decide about invitations, which no request shows.

use crate::http::{Headers, Request, Target};

/// Content of an OPTIONS answer.
#[derive(Debug)]
pub struct Capabilities {
    /// The compliance classes of the `DAV` headers, in lower case, sorted and without repetitions:
    /// `calendar-access` (RFC 4791 5.1) stands for CalDAV, `calendar-auto-schedule` (RFC 6638 2) for
    /// invitations by the server.
    pub classes: Vec<String>,
    /// All headers: some servers are recognised by theirs.
    pub headers: Headers,
}

impl Capabilities {
    /// Returns true if `class` is among the compliance classes; `class` in lower case.
    #[must_use]
    pub fn has(&self, class: &str) -> bool {
        self.classes.iter().any(|own| own == class)
    }
}

/// Returns the request for what can be done at `target`.
#[must_use]
pub fn request(target: Target) -> Request {
    Request::new("OPTIONS", target)
}

/// Reads the headers of an answer; its body has no meaning. Several `DAV` headers are one list (RFC 9110
/// 5.3).
#[must_use]
pub fn parse(headers: Headers) -> Capabilities {
    let mut classes: Vec<String> = Vec::new();
    for class in headers.all("dav").flat_map(|value| value.split(',')) {
        let class = class.trim().to_ascii_lowercase();
        if let Err(place) = classes.binary_search(&class)
            && !class.is_empty()
        {
            classes.insert(place, class);
        }
    }
    Capabilities { classes, headers }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_headers_are_one_list() {
        let headers = [("DAV", "1, 3, Calendar-Access"), ("dav", "calendar-access,,1"), ("Server", "x")];
        let capabilities = parse(headers.into_iter().collect());
        assert_eq!(capabilities.classes, ["1", "3", "calendar-access"]);
        assert!(capabilities.has("calendar-access") && !capabilities.has("calendar-auto-schedule"));
        assert_eq!(capabilities.headers.first("server"), Some("x"));
    }
}
