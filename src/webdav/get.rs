//! GET (RFC 9110 9.3.1) of one calendar object resource (RFC 4791 4.1).
//!
//! ```http
//! GET /cal/work/lunch.ics HTTP/1.1
//! Accept: text/calendar, */*;q=0.1
//!
//! HTTP/1.1 200 OK
//! Content-Type: text/calendar; charset=utf-8; component=vevent
//! Content-Length: 412
//! ETag: "7f3c"
//!
//! BEGIN:VCALENDAR
//! ```
//!
//! It is the slow way to read a calendar, one request for each object, and the exact one: the bytes are the
//! server's, while XML changes line ends. The usual way is `caldav/multiget.rs`.

use futures::StreamExt;

use super::status::transport_error;
use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Request, Target};

/// The longest body that is read, in bytes. Nothing that a calendar holds is near it.
const MAX_BODY: usize = 256 << 20;

/// The body of an object, and what the headers state about it.
#[derive(Debug)]
pub struct Fetched {
    /// The bytes, as the server has them.
    pub bytes: Vec<u8>,
    /// The version (RFC 9110 8.8.3), if the server names one.
    pub etag: Option<String>,
    /// Whether the type of the body is `text/calendar`.
    pub is_calendar: bool,
    /// Whether the length was known beforehand, so that the transport has noticed if bytes are missing.
    pub has_length: bool,
}

/// Returns the request for the bytes of `target`.
#[must_use]
pub fn request(target: Target) -> Request {
    // RFC 4791 5.3.4 has objects as text/calendar; some servers answer HTML to a bare GET.
    Request::new("GET", target).header("accept", "text/calendar, */*;q=0.1")
}

/// Reads an answer to its end.
///
/// # Errors
///
/// An answer that breaks off, and one of more than 256 MiB (`too-large`).
pub async fn read(answer: Answer) -> Result<Fetched> {
    let Answer { target, response } = answer;
    let header = |name| response.headers.first(name);
    let is_calendar = header("content-type").is_some_and(|kind| kind.starts_with("text/calendar"));
    let has_length = header("content-length").is_some();
    let etag = header("etag").map(str::to_owned);
    let mut body = response.body;
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| transport_error(&target, &error))?;
        if bytes.len() + piece.len() > MAX_BODY {
            return Err(Error::new(Kind::TooLarge, format!("{target}: more than {MAX_BODY} bytes")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Fetched { bytes, etag, is_calendar, has_length })
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::http::scripted::{Canned, target};

    #[test]
    fn headers_and_bytes_are_kept() {
        let canned = Canned::status(200).header("ETag", "\"1\"").header("Content-Type", "text/calendar; x=y");
        let answer = canned.body("BEGIN:").body("VCALENDAR").answer("/a.ics");
        let fetched = block_on(read(answer)).unwrap();
        assert_eq!(
            (fetched.bytes.as_slice(), fetched.etag.as_deref()),
            (b"BEGIN:VCALENDAR".as_slice(), Some("\"1\""))
        );
        assert!(fetched.is_calendar && !fetched.has_length);
        assert_eq!(request(target("/a.ics")).headers, [("accept", "text/calendar, */*;q=0.1".to_owned())]);
    }

    #[test]
    fn a_body_that_breaks_off_is_an_error() {
        let error = block_on(read(Canned::status(200).body("BEGIN:").broken().answer("/a.ics"))).unwrap_err();
        assert_eq!(error.kind, Kind::Unreachable);
    }
}
