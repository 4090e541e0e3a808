//! The bytes of a document that have arrived and are not parsed yet.

use crate::carriage_returns::CarriageReturns;
use crate::{Limits, XmlError};

/// The bytes between the part that is parsed and the part that is still to come.
///
/// If the buffer ends in the middle of a part, the parser waits for more and begins that part again. This
/// costs less than a parser that can pause anywhere, because an answer is a list of small parts.
pub(crate) struct ParseBuffer {
    bytes: Vec<u8>,
    /// How many of the bytes are parsed. They are removed with the next piece that arrives.
    parsed: usize,
    carriage_returns: CarriageReturns,
    /// Bytes that may still arrive before the limit of the document.
    total: u64,
    /// Bytes that a part may have.
    most: usize,
    /// Bytes to have before the next attempt to parse a part.
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

    /// Returns the bytes that are not parsed yet.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.parsed..).unwrap_or_default()
    }

    /// Returns true if nothing more will arrive.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Returns true if it is worth while to parse.
    pub(crate) fn is_ready(&self) -> bool {
        self.ended || self.bytes().len() >= self.wanted
    }

    /// Notes that the first `count` bytes are parsed.
    pub(crate) fn advance(&mut self, count: usize) {
        self.parsed += count;
        self.wanted = 1;
    }

    /// Notes that the bytes are not a whole part. The next attempt waits until there are twice as many, so
    /// that a large part is begun again a few times only: all attempts together take linear time.
    ///
    /// # Errors
    ///
    /// Nothing more will arrive (`Truncated`), or the part is larger than allowed.
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

    /// Adds a piece that has arrived. It fails if the document is larger than allowed.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<(), XmlError> {
        self.total = self.total.checked_sub(piece.len() as u64).ok_or(XmlError::Limit("bytes"))?;
        self.bytes.drain(..self.parsed);
        self.parsed = 0;
        self.carriage_returns.plain(piece, &mut self.bytes);
        Ok(())
    }

    /// Notes that nothing more will arrive.
    pub(crate) fn end(&mut self) {
        self.ended = true;
        self.carriage_returns.end(&mut self.bytes);
    }
}
