//! A bounded reader for XML that arrives in pieces, and the little there is to write.
//!
//! quick-xml does the parsing. It knows no DTD, so an entity a document defines for itself is an
//! error and nothing expands. What is bounded here: bytes in all, bytes in one piece of markup or
//! text, depth, attributes, and elements between two marks that the caller sets.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use futures::StreamExt;
use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use super::names::{Name, PREFIXES};
use crate::http::Body;
use crate::runtime::TransportError;

/// How much a document may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole document.
    pub total: u64,
    /// Bytes of one tag or one run of text.
    pub piece: u64,
    /// Elements within one another.
    pub depth: usize,
    /// Attributes of one element.
    pub attributes: usize,
    /// Elements between two marks: within one response of a multistatus.
    pub elements: usize,
}

impl Limits {
    /// For answers without calendar data.
    pub const PROPERTIES: Self =
        Self { total: 1 << 30, piece: 4 << 20, depth: 32, attributes: 64, elements: 10_000 };
    /// For answers with calendar data: one object may be large.
    pub const OBJECTS: Self = Self { piece: 64 << 20, ..Self::PROPERTIES };
}

/// Why a document could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum XmlError {
    /// The bytes stopped coming.
    #[error(transparent)]
    Transport(#[from] TransportError),
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

/// What a document consists of, for our purposes.
#[derive(Debug)]
pub enum Token {
    /// An element begins; none if its name is not known. The text before it is in `XmlReader::text`.
    Start(Option<Name>),
    /// The innermost open element ends. The text before that is in `XmlReader::text`.
    End,
    /// The document has ended, properly.
    Eof,
}

/// Reads tokens from a body.
pub struct XmlReader {
    reader: NsReader<Pieces>,
    buffer: Vec<u8>,
    limits: Limits,
    depth: usize,
    elements: usize,
    seen_root: bool,
    /// The text since the last token, with references resolved. Whoever takes a token takes or clears it.
    pub text: String,
    /// The value of the last start tag's `name` attribute (RFC 4791 9.3 has components in it).
    pub name_attribute: Option<String>,
}

impl XmlReader {
    /// A reader for `body` that stops at `limits`.
    #[must_use]
    pub fn new(body: Body, limits: Limits) -> Self {
        let mut reader = NsReader::from_reader(Pieces {
            body,
            current: Bytes::new(),
            returns: Returns::default(),
            total: limits.total,
            piece: limits.piece,
            failure: None,
        });
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            buffer: Vec::new(),
            limits,
            depth: 0,
            elements: 0,
            seen_root: false,
            text: String::new(),
            name_attribute: None,
        }
    }

    /// Starts counting elements anew.
    pub fn mark(&mut self) {
        self.elements = 0;
    }

    /// The next token.
    pub async fn next(&mut self) -> Result<Token, XmlError> {
        loop {
            self.buffer.clear();
            if self.text.len() as u64 > self.limits.piece {
                return Err(XmlError::Limit("bytes in one place"));
            }
            self.reader.get_mut().piece = self.limits.piece;
            let (namespace, event) = match self.reader.read_resolved_event_into_async(&mut self.buffer).await
            {
                Ok(read) => read,
                Err(error) => {
                    return Err(self.reader.get_mut().failure.take().unwrap_or_else(|| malformed(&error)));
                }
            };
            match event {
                Event::Start(start) => {
                    self.depth += 1;
                    self.elements += 1;
                    self.seen_root = true;
                    if self.depth > self.limits.depth {
                        return Err(XmlError::Limit("levels"));
                    }
                    if self.elements > self.limits.elements {
                        return Err(XmlError::Limit("elements in one place"));
                    }
                    let name = find(&namespace, &start);
                    self.name_attribute = name_attribute(&start, self.limits.attributes)?;
                    return Ok(Token::Start(name));
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Token::End);
                }
                Event::Text(text) => self.text.push_str(&text),
                Event::CData(data) => self.text.push_str(&data),
                Event::GeneralRef(reference) => self.text.push(resolve(&reference)?),
                Event::Eof if self.depth > 0 || !self.seen_root => return Err(XmlError::Truncated),
                Event::Eof => return Ok(Token::Eof),
                _ => {}
            }
        }
    }

    /// Skips to the end of the element that has just begun.
    pub async fn skip(&mut self) -> Result<(), XmlError> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.next().await? {
                Token::Start(_) => depth += 1,
                Token::End => depth -= 1,
                Token::Eof => return Err(XmlError::Truncated),
            }
            self.text.clear();
        }
        Ok(())
    }
}

fn malformed(error: &quick_xml::Error) -> XmlError {
    match error {
        quick_xml::Error::IllFormed(quick_xml::errors::IllFormedError::MissingEndTag(_)) => {
            XmlError::Truncated
        }
        quick_xml::Error::Syntax(_) => XmlError::Truncated,
        quick_xml::Error::Encoding(_) => XmlError::Malformed("it is not UTF-8"),
        quick_xml::Error::Namespace(_) => XmlError::Malformed("a prefix stands for nothing"),
        _ => XmlError::Malformed("it is not well-formed"),
    }
}

fn find(namespace: &ResolveResult<'_>, start: &BytesStart<'_>) -> Option<Name> {
    let ResolveResult::Bound(namespace) = namespace else { return None };
    Name::find(namespace.0, start.local_name().as_ref())
}

fn name_attribute(start: &BytesStart<'_>, limit: usize) -> Result<Option<String>, XmlError> {
    let mut value = None;
    for (count, attribute) in start.attributes().with_checks(false).enumerate() {
        if count >= limit {
            return Err(XmlError::Limit("attributes"));
        }
        let attribute = attribute.map_err(|_| XmlError::Malformed("an attribute is not well-formed"))?;
        if attribute.key.as_ref() == "name" {
            value = Some(attribute.value.into_owned());
        }
    }
    Ok(value)
}

/// The character a reference stands for; only XML's own five entities are known.
fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, XmlError> {
    if let Some(c) =
        reference.resolve_char_ref().map_err(|_| XmlError::Malformed("a reference to no character"))?
    {
        return Ok(c);
    }
    match reference.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(XmlError::Malformed("an entity that XML does not define")),
    }
}

/// A body as the reader wants it, with its bytes counted.
struct Pieces {
    body: Body,
    current: Bytes,
    returns: Returns,
    total: u64,
    piece: u64,
    failure: Option<XmlError>,
}

impl Pieces {
    fn fail<T>(&mut self, failure: XmlError) -> Poll<io::Result<T>> {
        self.failure = Some(failure);
        Poll::Ready(Err(io::Error::other("see failure")))
    }
}

impl AsyncBufRead for Pieces {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.current.is_empty() {
            match this.body.poll_next_unpin(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => {
                    this.current = this.returns.rest();
                    if this.current.is_empty() {
                        return Poll::Ready(Ok(&[]));
                    }
                }
                Poll::Ready(Some(Err(error))) => return this.fail(error.into()),
                Poll::Ready(Some(Ok(bytes))) => {
                    match this.total.checked_sub(bytes.len() as u64) {
                        Some(left) => this.total = left,
                        None => return this.fail(XmlError::Limit("bytes")),
                    }
                    this.current = this.returns.plain(bytes);
                }
            }
        }
        if this.piece == 0 {
            return this.fail(XmlError::Limit("bytes in one place"));
        }
        // Never more than the piece may still hold, so that no piece outgrows its limit.
        let most = usize::try_from(this.piece).unwrap_or(usize::MAX).min(this.current.len());
        Poll::Ready(Ok(this.current.get(..most).unwrap_or_default()))
    }

    fn consume(self: Pin<&mut Self>, amount: usize) {
        let this = self.get_mut();
        this.current.advance(amount);
        this.piece = this.piece.saturating_sub(amount as u64);
    }
}

impl AsyncRead for Pieces {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let bytes = match Pin::new(&mut *this).poll_fill_buf(cx) {
            Poll::Ready(Ok(bytes)) => bytes,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        };
        let amount = bytes.len().min(buf.remaining());
        buf.put_slice(bytes.get(..amount).unwrap_or_default());
        Pin::new(this).consume(amount);
        Poll::Ready(Ok(()))
    }
}

/// Turns the reference `&#13;` into the carriage return it stands for before the parser sees it.
/// Many servers write every line end of calendar data so, and the parser takes each reference apart
/// in three steps. Ends for good where a CDATA section begins: there it would not be a reference.
#[derive(Default)]
struct Returns {
    /// The beginning of a reference or a section that the next piece may complete.
    held: Vec<u8>,
    ended: bool,
}

const REFERENCE: &[u8] = b"&#13;";
const SECTION: &[u8] = b"<![CDATA[";

impl Returns {
    fn plain(&mut self, bytes: Bytes) -> Bytes {
        if self.ended {
            return bytes;
        }
        let bytes = if self.held.is_empty() {
            bytes
        } else {
            Bytes::from([&std::mem::take(&mut self.held), &*bytes].concat())
        };
        let mut out = Vec::with_capacity(bytes.len());
        let mut start = 0;
        for at in memchr::memchr2_iter(b'&', b'<', &bytes) {
            let rest = bytes.get(at..).unwrap_or_default();
            if rest.starts_with(REFERENCE) {
                out.extend_from_slice(bytes.get(start..at).unwrap_or_default());
                out.push(b'\r');
                start = at + REFERENCE.len();
            } else if rest.starts_with(SECTION) {
                self.ended = true;
                break;
            } else if REFERENCE.starts_with(rest) || SECTION.starts_with(rest) {
                self.held = rest.to_vec();
            }
        }
        let end = bytes.len() - self.held.len();
        out.extend_from_slice(bytes.get(start..end).unwrap_or_default());
        Bytes::from(out)
    }

    /// What is still held when the body has ended.
    fn rest(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.held))
    }
}

/// An element with our prefix for its namespace: `<d:getetag/>`.
#[must_use]
pub fn empty_element(name: Name) -> String {
    let (namespace, local) = name.parts();
    let prefix = PREFIXES.iter().find(|(_, uri)| *uri == namespace).map_or("d", |(prefix, _)| prefix);
    format!("<{prefix}:{local}/>")
}

/// The declarations of all our prefixes.
#[must_use]
pub fn declarations() -> String {
    PREFIXES.iter().map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{uri}\"")).collect()
}

/// Text as XML takes it.
#[must_use]
pub fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    pub(super) fn body(pieces: &[&str]) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|p| Ok(Bytes::copy_from_slice(p.as_bytes()))).collect();
        futures::stream::iter(pieces).boxed_local()
    }

    fn text_of(pieces: &[&str], limits: Limits) -> Result<String, XmlError> {
        block_on(async {
            let mut reader = XmlReader::new(body(pieces), limits);
            let mut out = String::new();
            loop {
                let token = reader.next().await?;
                out.push_str(&std::mem::take(&mut reader.text));
                match token {
                    Token::Start(name) => out.push_str(&format!("<{}>", name.map_or("?", |n| n.parts().1))),
                    Token::End => out.push_str("</>"),
                    Token::Eof => return Ok(out),
                }
            }
        })
    }

    #[test]
    fn documents_arrive_in_any_pieces() {
        let whole = "<?xml version=\"1.0\"?><x:prop xmlns:x=\"DAV:\"><x:href>/a&amp;b&#13;<![CDATA[<c>&amp;]]></x:href><other/></x:prop>";
        let expected = "<prop><href>/a&b\r<c>&amp;</><?></></>";
        for size in [1, 2, 3, 7, 1000] {
            let pieces: Vec<&str> =
                (0..whole.len()).step_by(size).map(|i| &whole[i..(i + size).min(whole.len())]).collect();
            assert_eq!(text_of(&pieces, Limits::PROPERTIES).unwrap(), expected, "pieces of {size}");
        }
    }

    #[test]
    fn carriage_returns_come_as_references_or_not_at_all() {
        let whole = "<a>1&#13;\n2&#13;&#13;&#1;&amp;#13;3<![CDATA[&#13;]]>&#13;</a>&#13;";
        let expected = "<?>1\r\n2\r\r\u{1}&#13;3&#13;\r</>\r";
        for size in 1..whole.len() {
            let pieces: Vec<&str> =
                (0..whole.len()).step_by(size).map(|i| &whole[i..(i + size).min(whole.len())]).collect();
            let text = text_of(&pieces, Limits::PROPERTIES);
            assert_eq!(text.unwrap(), expected, "pieces of {size}");
        }
    }

    #[test]
    fn entities_of_a_dtd_are_refused() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><x>&b;</x>";
        assert!(matches!(text_of(&[bomb], Limits::PROPERTIES), Err(XmlError::Malformed(_))));
    }

    #[test]
    fn limits_hold() {
        let limits = Limits { total: 400, piece: 100, depth: 3, attributes: 2, elements: 5 };
        let limit = |text: &str| match text_of(&[text], limits) {
            Err(XmlError::Limit(what)) => what,
            other => panic!("{other:?}"),
        };
        assert_eq!(limit("<a><a><a><a/></a></a></a>"), "levels");
        assert_eq!(limit("<a><b/><b/><b/><b/><b/></a>"), "elements in one place");
        assert_eq!(limit("<a b='1' c='2' d='3'/>"), "attributes");
        assert_eq!(limit(&format!("<a>{}</a>", "x".repeat(101))), "bytes in one place");
        assert_eq!(limit(&format!("<a b='{}'/>", "x".repeat(101))), "bytes in one place");
        assert_eq!(limit(&format!("<a>{}</a>", "x".repeat(401))), "bytes");
    }

    #[test]
    fn an_early_end_is_no_end() {
        for text in ["", "<a><b></b>", "<a><b", "<a>text"] {
            assert!(matches!(text_of(&[text], Limits::PROPERTIES), Err(XmlError::Truncated)), "{text}");
        }
        assert!(matches!(text_of(&["<a></b>"], Limits::PROPERTIES), Err(XmlError::Malformed(_))));
    }
}
