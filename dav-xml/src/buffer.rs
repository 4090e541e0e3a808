//! What has arrived of a document and is not parsed yet.

use crate::carriage_returns::CarriageReturns;
use crate::{Limits, XmlError};

/// Bytes between the part that is parsed and the part that is still to come.
///
/// Where the buffer ends in the middle of a part, the parser waits for more and begins that part
/// again. This costs less than a parser that can pause anywhere, because an answer is a list of
/// small parts.
pub(crate) struct ParseBuffer {
    bytes: Vec<u8>,
    parsed: usize,
    carriage_returns: CarriageReturns,
    /// Bytes that may still come.
    total: u64,
    /// Bytes that one part may have.
    most: usize,
    /// Bytes to have before it is worth while to parse again.
    wanted: usize,
    ended: bool,
}

impl ParseBuffer {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            bytes: Vec::new(),
            parsed: 0,
            carriage_returns: CarriageReturns::default(),
            total: limits.total,
            most: limits.part,
            wanted: 1,
            ended: false,
        }
    }

    /// What is not parsed yet.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.parsed..).unwrap_or_default()
    }

    /// Whether nothing more will come.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether there is enough to parse.
    pub(crate) fn is_ready(&self) -> bool {
        self.ended || self.bytes().len() >= self.wanted
    }

    /// The first `count` bytes are parsed.
    pub(crate) fn advance(&mut self, count: usize) {
        self.parsed += count;
        self.wanted = 1;
    }

    /// What is here is not a whole part. It is worth another look when there is as much again, so that a large
    /// part is not begun again too often.
    pub(crate) fn want_more(&mut self) -> Result<(), XmlError> {
        let had = self.bytes().len();
        if self.ended {
            Err(XmlError::Truncated)
        } else if had > self.most {
            Err(XmlError::Limit("bytes in one place"))
        } else {
            self.wanted = (had * 2).min(self.most) + 1;
            Ok(())
        }
    }

    /// Adds what has arrived.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<(), XmlError> {
        self.total = self.total.checked_sub(piece.len() as u64).ok_or(XmlError::Limit("bytes"))?;
        self.bytes.drain(..self.parsed);
        self.parsed = 0;
        self.carriage_returns.plain(piece, &mut self.bytes);
        Ok(())
    }

    /// Nothing more will come.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.carriage_returns.end(&mut self.bytes);
    }
}
