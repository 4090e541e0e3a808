//! The XML of WebDAV and CalDAV: read within bounds as it arrives, and the little there is to write.
//!
//! Bytes in, values out; no I/O. It is a crate of its own because it is where a backup spends its time: it
//! is compiled for speed, the rest of the component for size.
//!
//! quick-xml does the parsing. It knows no DTD, so an entity a document defines for itself is an
//! error and nothing expands.

mod buffer;
mod carriage_returns;
mod error;
mod multistatus;
mod names;
mod tokens;
mod write;

pub use error::{DavError, dav_error};
pub use multistatus::{Element, Multistatus, Next, Response};
pub use names::{APPLE, CALDAV, CALENDARSERVER, DAV, Name, PREFIXES};
pub use write::{declarations, element, empty_element, escape};

/// How much a document may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole document.
    pub total: u64,
    /// Bytes of one part: of one response of a multistatus.
    pub part: usize,
    /// Elements within one another.
    pub depth: u16,
    /// Attributes of one element.
    pub attributes: usize,
    /// Elements of one part.
    pub elements: usize,
}

impl Limits {
    /// For answers without calendar data.
    pub const PROPERTIES: Self =
        Self { total: 1 << 30, part: 4 << 20, depth: 32, attributes: 64, elements: 10_000 };
    /// For answers with calendar data: one object may be large.
    pub const OBJECTS: Self = Self { part: 64 << 20, ..Self::PROPERTIES };
}

/// Why a document could not be read to its end.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// It is not well-formed, or not UTF-8.
    #[error("the XML is damaged: {0}")]
    Malformed(&'static str),
    /// It ends before its root element does.
    #[error("the XML ends too early")]
    Truncated,
    /// One of the limits.
    #[error("the XML has more {0} than allowed")]
    Limit(&'static str),
    /// Something else than expected.
    #[error("the XML is not {0}")]
    Unexpected(&'static str),
}
