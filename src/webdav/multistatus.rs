//! The multistatus body (RFC 4918 13), one response at a time as it streams in.

use dav_xml::{Limits, Next, Response, XmlError};
use futures::StreamExt;

use crate::http::{Body, TransportError};

/// Why a multistatus could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes stopped coming.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// They are not what they should be.
    #[error(transparent)]
    Xml(#[from] XmlError),
}

/// Reads a multistatus from a body.
pub struct Multistatus {
    parser: dav_xml::Multistatus,
    body: Body,
}

impl Multistatus {
    /// A parser for `body`.
    #[must_use]
    pub fn new(body: Body, limits: Limits) -> Self {
        Self { parser: dav_xml::Multistatus::new(limits), body }
    }

    /// The next response; none when the document has ended properly.
    pub async fn next(&mut self) -> Result<Option<Response>, ReadError> {
        loop {
            match self.parser.next_response()? {
                Next::Response(response) => return Ok(Some(response)),
                Next::End => return Ok(None),
                Next::Feed => match self.body.next().await {
                    Some(piece) => self.parser.feed(&piece?)?,
                    None => self.parser.end(),
                },
            }
        }
    }
}
