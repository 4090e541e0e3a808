//! The XML of WebDAV (RFC 4918) and CalDAV (RFC 4791): answers are read within limits as they arrive, and the
//! pieces of request bodies are written.
//!
//! Bytes in, values out; no I/O. It is a crate of its own because a backup spends its time here: it is
//! compiled for speed, the rest of the component for size.
//!
//! quick-xml parses. It does not read DTDs, so an entity that a document defines is an error, and nothing
//! expands.
//!
//! - [`Multistatus`] reads the answer to PROPFIND and REPORT, one [`Response`] at a time.
//! - [`dav_error`] reads the body of a refusal.
//! - [`Name`] lists the elements that are read or written. Elements with other names are skipped.
//! - [`element`], [`empty_element`], [`declarations`] and [`escape`] write request bodies.
//!
//! ```
//! use dav_xml::{Limits, Multistatus, Name, Next};
//!
//! let mut multistatus = Multistatus::new(Limits::PROPERTIES);
//! multistatus.feed(b"<multistatus xmlns=\"DAV:\"><response><href>/a</href><propstat><prop>")?;
//! assert!(matches!(multistatus.next_response()?, Next::Feed));
//! multistatus.feed(b"<getetag>\"1\"</getetag></prop></propstat></response></multistatus>")?;
//! multistatus.end();
//! let Next::Response(response) = multistatus.next_response()? else { panic!("it has arrived") };
//! assert_eq!((response.href.as_str(), response.text(Name::GetEtag)), ("/a", Some("\"1\"")));
//! assert!(matches!(multistatus.next_response()?, Next::End));
//! # Ok::<(), dav_xml::XmlError>(())
//! ```

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

/// The limits of a document. The server chooses what it sends, so everything that takes memory or time has a
/// limit; a document beyond one of them is an [`XmlError::Limit`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole document, after the transfer encoding (gzip) is decoded.
    pub total: u64,
    /// Bytes of one part, which is kept in memory: of one response of a multistatus.
    pub part: usize,
    /// The deepest nesting of elements, known ones and others.
    pub depth: u16,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Elements of one part, known ones and others.
    pub elements: usize,
}

impl Limits {
    /// For answers without calendar data: up to 1 GiB, and 4 MiB for each resource.
    pub const PROPERTIES: Self =
        Self { total: 1 << 30, part: 4 << 20, depth: 32, attributes: 64, elements: 10_000 };
    /// For answers with calendar data: up to 64 MiB for each object, whose attachments may be part of it.
    pub const OBJECTS: Self = Self { part: 64 << 20, ..Self::PROPERTIES };
}

/// Reason why a document could not be read to its end. The responses before the error are delivered nevertheless.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// The document is not well-formed, not UTF-8, or has an entity that XML does not define. The text names what is
    /// wrong.
    #[error("the XML is damaged: {0}")]
    Malformed(&'static str),
    /// The document ends before its root element does: the server or a proxy has cut it off.
    #[error("the XML ends too early")]
    Truncated,
    /// One of the [`Limits`] is exceeded; the text names it.
    #[error("the XML has more {0} than allowed")]
    Limit(&'static str),
    /// The root is another element. The text names the expected one.
    #[error("the XML is not {0}")]
    Unexpected(&'static str),
}
