//! Answers of the server, and the part of each that arrives.

use std::time::Duration;

use bytes::Bytes;

use crate::xml::multistatus;

/// An answer to one request, and how it is delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Status code; 0 if no answer arrives.
    pub status: u16,
    /// Header names in lower case, and values.
    pub headers: Vec<(&'static str, String)>,
    /// Body, or the part of it that is sent.
    pub body: Bytes,
    /// Completeness and timing of the answer.
    pub delivery: Delivery,
}

/// Completeness and timing of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The complete answer arrives at once.
    Whole,
    /// The head and the body arrive; then the connection breaks instead of ending.
    BreaksOff,
    /// The body arrives again and again, forever, each time after a pause.
    Repeats(Duration),
    /// Nothing arrives, and the connection breaks at once.
    Reset,
    /// Nothing arrives for this long, and then the connection breaks.
    Silence(Duration),
}

impl Reply {
    /// Returns an answer without headers and body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new(), delivery: Delivery::Whole }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the delivery of the answer.
    #[must_use]
    pub fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// Makes the connection break after the body.
    #[must_use]
    pub fn broken(self) -> Self {
        self.delivered(Delivery::BreaksOff)
    }

    /// Returns a broken connection without any answer.
    #[must_use]
    pub fn reset() -> Self {
        Self::status(0).delivered(Delivery::Reset)
    }

    /// Returns silence for `time`, followed by a broken connection.
    #[must_use]
    pub fn silence(time: Duration) -> Self {
        Self::status(0).delivered(Delivery::Silence(time))
    }

    /// Returns a multistatus with these responses (RFC 4918, section 13).
    #[must_use]
    pub fn multistatus(responses: &str) -> Self {
        Self::status(207)
            .header("content-type", "application/xml; charset=utf-8")
            .body(multistatus(responses))
    }

    /// Returns a refusal with a failed precondition (RFC 4918, section 16). `condition` is the XML of the
    /// precondition; the prefixes `d` and `c` are declared.
    #[must_use]
    pub fn error(status: u16, condition: &str) -> Self {
        Self::status(status).header("content-type", "application/xml").body(format!(
            r#"<d:error xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">{condition}</d:error>"#
        ))
    }
}
