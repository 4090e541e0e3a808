//! The multistatus body (RFC 4918 13), one response at a time as it arrives.
//!
//! ```xml
//! <d:multistatus xmlns:d="DAV:">
//!   <d:response>
//!     <d:href>/cal/work/</d:href>
//!     <d:propstat>
//!       <d:prop><d:displayname>Work</d:displayname></d:prop>
//!       <d:status>HTTP/1.1 200 OK</d:status>
//!     </d:propstat>
//!     <d:propstat>
//!       <d:prop><d:getetag/></d:prop>
//!       <d:status>HTTP/1.1 404 Not Found</d:status>
//!     </d:propstat>
//!   </d:response>
//! </d:multistatus>
//! ```

use crate::buffer::ParseBuffer;
use crate::names::Name;
use crate::tokens::{Scope, Token, Tokens};
use crate::{Limits, XmlError};

/// One `response` of a multistatus (RFC 4918 14.24).
#[derive(Debug, Default)]
pub struct Response {
    /// The resource, in the server's spelling and without white space around it; empty if the server left it
    /// out.
    pub href: String,
    /// The status of the resource as a whole: of one that could not be read, or is gone.
    pub status: Option<u16>,
    /// The properties that were found: those of every propstat with 2xx. A propstat without a status, which
    /// RFC 4918 does not allow, counts as one of them.
    pub properties: Vec<Element>,
    /// The status of each property of the other propstats: 404 for one that the resource does not have.
    pub failed: Vec<(Name, u16)>,
}

impl Response {
    /// Returns a property that was found, with its content.
    #[must_use]
    pub fn property(&self, name: Name) -> Option<&Element> {
        self.properties.iter().find(|element| element.name == name)
    }

    /// Returns the text of a property without white space around it, if it was found and is not empty.
    #[must_use]
    pub fn text(&self, name: Name) -> Option<&str> {
        self.property(name).map(|element| element.text.trim()).filter(|text| !text.is_empty())
    }

    /// Returns true if the resource type (RFC 4918 15.9) names `kind`, such as [`Name::Calendar`].
    #[must_use]
    pub fn is(&self, kind: Name) -> bool {
        self.property(Name::ResourceType).is_some_and(|kinds| kinds.child(kind).is_some())
    }
}

/// A known element with its content. Unknown elements within it are left out, with their text.
#[derive(Clone, Debug)]
pub struct Element {
    /// Name with its namespace, as far as this crate knows it.
    pub name: Name,
    /// Text directly inside the element, with references resolved, and with its white space.
    pub text: String,
    /// The value of its `name` attribute: of a `comp`, the kind of component (RFC 4791 9.3).
    pub attribute: Option<String>,
    /// The known elements within it.
    pub children: Vec<Element>,
}

impl Element {
    /// Returns the first child of that name.
    #[must_use]
    pub fn child(&self, name: Name) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Returns the texts of all `href` children (RFC 4918 14.7), except for empty ones.
    pub fn hrefs(&self) -> impl Iterator<Item = &str> {
        self.children.iter().filter(|c| c.name == Name::Href).map(|c| c.text.trim()).filter(|t| !t.is_empty())
    }
}

/// How far the reading of a multistatus is.
#[derive(Debug)]
pub enum Next {
    /// The next response.
    Response(Response),
    /// The next response has not arrived completely: call [`Multistatus::feed`], or [`Multistatus::end`].
    Feed,
    /// The document has ended properly.
    End,
}

/// Reads a multistatus in pieces: see the example of the [crate](crate).
pub struct Multistatus {
    buffer: ParseBuffer,
    scope: Scope,
    limits: Limits,
    at: Position,
    /// Responses that are parsed and not delivered yet.
    ready: std::vec::IntoIter<Response>,
    /// The error that follows them.
    error: Option<XmlError>,
}

/// The place of the next part in the document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Before the root element.
    Prolog,
    /// Within the root element.
    Root,
    /// After the root element.
    Epilog,
}

impl Multistatus {
    /// Creates a parser for a document of at most `limits`.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            buffer: ParseBuffer::new(limits),
            scope: Scope::default(),
            limits,
            at: Position::Prolog,
            ready: Vec::new().into_iter(),
            error: None,
        }
    }

    /// Adds a piece that has arrived, of any length.
    ///
    /// # Errors
    ///
    /// The document is larger than [`Limits::total`].
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), XmlError> {
        self.buffer.feed(piece)
    }

    /// Notes that nothing more will arrive.
    pub fn end(&mut self) {
        self.buffer.end();
    }

    /// Returns the next response if it has arrived. Bytes after the document are skipped.
    ///
    /// # Errors
    ///
    /// The document is damaged, cut off, beyond a limit, or not a multistatus. The error comes after all
    /// responses that precede it.
    pub fn next_response(&mut self) -> Result<Next, XmlError> {
        loop {
            if let Some(response) = self.ready.next() {
                return Ok(Next::Response(response));
            }
            if let Some(error) = self.error.take() {
                return Err(error);
            }
            if !self.buffer.is_ready() {
                return Ok(Next::Feed);
            }
            if self.at == Position::Epilog {
                self.buffer.advance(self.buffer.bytes().len());
                return Ok(if self.buffer.ended() { Next::End } else { Next::Feed });
            }
            self.parse();
        }
    }

    /// Parses all parts that have arrived.
    fn parse(&mut self) {
        let bytes = self.buffer.bytes();
        let mut tokens =
            Tokens::new(bytes, &mut self.scope, u16::from(self.at == Position::Root), self.limits);
        let (mut ready, mut parsed) = (Vec::new(), 0);
        let error = loop {
            if self.at == Position::Epilog {
                break None;
            }
            tokens.begin_part();
            match part(&mut tokens, self.at) {
                Ok((response, at)) => {
                    parsed = bytes.len() - tokens.left();
                    self.at = at;
                    ready.extend(response);
                }
                Err(error) => break Some(error),
            }
        };
        self.buffer.advance(parsed);
        self.ready = ready.into_iter();
        self.error = match error {
            Some(XmlError::Truncated) => self.buffer.want_more().err(),
            error => error,
        };
    }
}

/// Parses from the end of one response to the end of the next, or to the end of the document.
fn part(tokens: &mut Tokens<'_>, mut at: Position) -> Result<(Option<Response>, Position), XmlError> {
    loop {
        match tokens.next()? {
            Token::Start(Some(Name::Multistatus)) if at == Position::Prolog => at = Position::Root,
            Token::Start(_) if at == Position::Prolog => return Err(XmlError::Unexpected("a multistatus")),
            Token::Start(Some(Name::Response)) => return Ok((Some(response(tokens)?), at)),
            Token::Start(_) => tokens.skip()?,
            Token::End => return Ok((None, Position::Epilog)),
            Token::Eof => return Err(XmlError::Truncated),
        }
    }
}

/// Parses a response that has just begun, to its end.
fn response(tokens: &mut Tokens<'_>) -> Result<Response, XmlError> {
    let mut response = Response::default();
    loop {
        match tokens.next()? {
            Token::Start(Some(Name::Href)) => text(tokens)?.clone_into(&mut response.href),
            Token::Start(Some(Name::Status)) => response.status = status_code(text(tokens)?),
            Token::Start(Some(Name::Propstat)) => propstat(tokens, &mut response)?,
            Token::Start(_) => tokens.skip()?,
            Token::End => return Ok(response),
            Token::Eof => return Err(XmlError::Truncated),
        }
    }
}

/// Parses a propstat that has just begun, and sorts its properties by their status, which comes after them.
fn propstat(tokens: &mut Tokens<'_>, response: &mut Response) -> Result<(), XmlError> {
    let (mut properties, mut status) = (Vec::new(), None);
    loop {
        match tokens.next()? {
            Token::Start(Some(Name::Prop)) => properties = children(tokens)?,
            Token::Start(Some(Name::Status)) => status = status_code(text(tokens)?),
            Token::Start(_) => tokens.skip()?,
            Token::End => break,
            Token::Eof => return Err(XmlError::Truncated),
        }
    }
    // Without a status, the properties count as found.
    match status.unwrap_or(200) {
        200..=299 if response.properties.is_empty() => response.properties = properties,
        200..=299 => response.properties.append(&mut properties),
        failed => response.failed.extend(properties.iter().map(|p| (p.name, failed))),
    }
    Ok(())
}

/// How many properties a list of objects asks for.
const USUAL_PROPERTIES: usize = 5;

/// Parses the known children of the element that has just begun, to its end. It does not recurse, because the
/// server chooses the depth.
fn children(tokens: &mut Tokens<'_>) -> Result<Vec<Element>, XmlError> {
    let mut done = Vec::with_capacity(USUAL_PROPERTIES);
    let mut open: Vec<Element> = Vec::new();
    tokens.text.clear();
    loop {
        let token = tokens.next()?;
        let text = std::mem::take(&mut tokens.text);
        if let Some(element) = open.last_mut() {
            // Nearly always the only text there is.
            if element.text.is_empty() { element.text = text } else { element.text.push_str(&text) }
        }
        match token {
            Token::Start(Some(name)) => {
                let attribute = tokens.name_attribute.take();
                open.push(Element { name, text: String::new(), attribute, children: Vec::new() });
            }
            Token::Start(None) => tokens.skip()?,
            Token::End => {
                let Some(element) = open.pop() else { return Ok(done) };
                open.last_mut().map_or(&mut done, |parent| &mut parent.children).push(element);
            }
            Token::Eof => return Err(XmlError::Truncated),
        }
    }
}

/// Returns the text of the element that has just begun, to its end, without white space around it.
fn text<'t>(tokens: &'t mut Tokens<'_>) -> Result<&'t str, XmlError> {
    tokens.text.clear();
    loop {
        match tokens.next()? {
            Token::Start(_) => tokens.skip()?,
            Token::End => return Ok(tokens.text.trim()),
            Token::Eof => return Err(XmlError::Truncated),
        }
    }
}

/// Returns the code of a status line such as `HTTP/1.1 200 OK` (RFC 4918 14.28); the reason may be missing.
fn status_code(line: &str) -> Option<u16> {
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Response>, XmlError> {
        let mut multistatus = Multistatus::new(Limits::PROPERTIES);
        let mut pieces = text.as_bytes().chunks(100);
        let mut all = Vec::new();
        loop {
            match multistatus.next_response()? {
                Next::Response(response) => all.push(response),
                Next::Feed => match pieces.next() {
                    Some(piece) => multistatus.feed(piece)?,
                    None => multistatus.end(),
                },
                Next::End => return Ok(all),
            }
        }
    }

    #[test]
    fn a_failing_propstat_hides_nothing() {
        let all = parse(
            r#"<multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><response><href> /a/ </href>
            <propstat><prop><displayname>A &amp; B</displayname><resourcetype><collection/><C:calendar/><x/></resourcetype></prop><status>HTTP/1.1 200</status></propstat>
            <propstat><prop><displayname/><getetag/></prop><status>HTTP/1.1 404 Not Found</status></propstat></response>
            <response><href>/b</href><status>HTTP/1.1 404 Not Found</status></response></multistatus>"#,
        )
        .unwrap();
        let [a, b] = all.as_slice() else { panic!("{all:?}") };
        assert_eq!(a.href, "/a/");
        assert_eq!(a.text(Name::DisplayName), Some("A & B"));
        assert!(a.is(Name::Calendar) && a.is(Name::Collection) && !a.is(Name::Principal));
        assert_eq!(a.failed, [(Name::DisplayName, 404), (Name::GetEtag, 404)]);
        assert_eq!((b.href.as_str(), b.status), ("/b", Some(404)));
    }

    #[test]
    fn the_component_set_keeps_its_names() {
        let all = parse(
            r#"<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:response><d:href>/a/</d:href><d:propstat><d:prop>
            <c:supported-calendar-component-set><c:comp name="VEVENT"/><c:comp name="VTODO"/></c:supported-calendar-component-set>
            </d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>"#,
        )
        .unwrap();
        let set = all[0].property(Name::SupportedComponents).unwrap();
        let names: Vec<_> = set.children.iter().map(|c| c.attribute.as_deref().unwrap()).collect();
        assert_eq!(names, ["VEVENT", "VTODO"]);
    }

    #[test]
    fn anything_else_is_an_error() {
        assert!(matches!(parse("<html><body/></html>"), Err(XmlError::Unexpected(_))));
        assert!(matches!(parse(r#"<multistatus xmlns="DAV:"><response>"#), Err(XmlError::Truncated)));
    }

    #[test]
    fn a_million_strange_elements_end_early() {
        let text = format!(r#"<multistatus xmlns="DAV:">{}</multistatus>"#, "<x/>".repeat(1_000_000));
        assert!(matches!(parse(&text), Err(XmlError::Limit(_))));
    }
}
