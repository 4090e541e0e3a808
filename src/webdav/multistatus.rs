//! The multistatus body (RFC 4918 13): the answer to PROPFIND and REPORT, read one response at a time as it
//! arrives.
//!
//! `dav_xml` parses; this adds the body that the bytes come from, and the target that hrefs are relative to.
//! An answer that breaks off is an error after the responses that have arrived: a list must then be
//! discarded, while single objects may be used.

use dav_xml::{Limits, Next, Response, XmlError};
use futures::StreamExt;

use super::status::transport_error;
use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Body, Target};

/// A multistatus that is being read.
pub struct Multistatus {
    target: Target,
    parser: dav_xml::Multistatus,
    body: Body,
}

impl Multistatus {
    /// Begins to read an answer, of at most `limits`.
    ///
    /// # Errors
    ///
    /// An answer with another status than 207 (`protocol`): the server does not speak WebDAV at this target.
    pub fn new(answer: Answer, limits: Limits) -> Result<Self> {
        let Answer { target, response } = answer;
        match response.status {
            207 => Ok(Self { target, parser: dav_xml::Multistatus::new(limits), body: response.body }),
            status => Err(Error::new(
                Kind::Protocol,
                format!("{target}: not a CalDAV server, the answer is {status} in place of 207"),
            )),
        }
    }

    /// Returns the target that has answered: the hrefs in the answer are relative to it.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns the next response, or none when the document has ended properly.
    ///
    /// # Errors
    ///
    /// A body that breaks off (`unreachable`), one that is larger than the limits (`too-large`), and one that
    /// is not a multistatus (`protocol`).
    pub async fn next(&mut self) -> Result<Option<Response>> {
        loop {
            match self.parser.next_response().map_err(|error| self.failed(&error))? {
                Next::Response(response) => return Ok(Some(response)),
                Next::End => return Ok(None),
                Next::Feed => match self.body.next().await {
                    Some(Ok(piece)) => self.parser.feed(&piece).map_err(|error| self.failed(&error))?,
                    Some(Err(error)) => return Err(transport_error(&self.target, &error)),
                    None => self.parser.end(),
                },
            }
        }
    }

    fn failed(&self, error: &XmlError) -> Error {
        let kind = if matches!(error, XmlError::Limit(_)) { Kind::TooLarge } else { Kind::Protocol };
        Error::new(kind, format!("{}: {error}", self.target))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::http::scripted::{Canned, found};

    #[test]
    fn responses_come_one_by_one() {
        let answer = Canned::multistatus(&[found("/a", ""), found("/b", "")].concat()).answer("/");
        let mut multistatus = Multistatus::new(answer, Limits::PROPERTIES).unwrap();
        assert_eq!(block_on(multistatus.next()).unwrap().unwrap().href, "/a");
        assert_eq!(block_on(multistatus.next()).unwrap().unwrap().href, "/b");
        assert!(block_on(multistatus.next()).unwrap().is_none());
    }

    #[test]
    fn anything_else_is_an_error() {
        let kind = |canned: Canned, limits| match Multistatus::new(canned.answer("/"), limits) {
            Ok(mut multistatus) => block_on(multistatus.next()).unwrap_err().kind,
            Err(error) => error.kind,
        };
        assert_eq!(kind(Canned::status(200).body("<html/>"), Limits::PROPERTIES), Kind::Protocol);
        assert_eq!(kind(Canned::status(207).body("<html/>"), Limits::PROPERTIES), Kind::Protocol);
        assert_eq!(kind(Canned::status(207).broken(), Limits::PROPERTIES), Kind::Unreachable);
        let small = Limits { total: 10, ..Limits::PROPERTIES };
        assert_eq!(kind(Canned::multistatus(""), small), Kind::TooLarge);
    }
}
