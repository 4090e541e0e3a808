//! The multistatus body (RFC 4918 13), one response at a time as it streams in.

use super::names::Name;
use super::xml::{Limits, Token, XmlError, XmlReader};
use crate::http::Body;

/// One `response` of a multistatus (RFC 4918 14.24).
#[derive(Debug, Default)]
pub struct Response {
    /// The resource, as the server spelt it.
    pub href: String,
    /// The status of the resource as a whole, if the response has one.
    pub status: Option<u16>,
    /// The properties that were found (a 2xx propstat). Those a failing propstat lists are not
    /// here, whichever order they came in.
    pub properties: Vec<Element>,
    /// The status of each property that was not found, if any failed.
    pub failed: Vec<(Name, u16)>,
}

impl Response {
    /// A property that was found.
    #[must_use]
    pub fn property(&self, name: Name) -> Option<&Element> {
        self.properties.iter().find(|element| element.name == name)
    }

    /// The text of a property, if it was found and is not empty.
    #[must_use]
    pub fn text(&self, name: Name) -> Option<&str> {
        self.property(name).map(|element| element.text.trim()).filter(|text| !text.is_empty())
    }

    /// Whether the resource type (RFC 4918 15.9) names `kind`.
    #[must_use]
    pub fn is(&self, kind: Name) -> bool {
        self.property(Name::ResourceType).is_some_and(|kinds| kinds.child(kind).is_some())
    }
}

/// A known element with what it holds. Unknown elements within it are left out.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its name.
    pub name: Name,
    /// Its own text, joined.
    pub text: String,
    /// The `name` attribute.
    pub attribute: Option<String>,
    /// The known elements in it.
    pub children: Vec<Element>,
}

impl Element {
    /// The first child of that name.
    #[must_use]
    pub fn child(&self, name: Name) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The texts of all `href` children.
    pub fn hrefs(&self) -> impl Iterator<Item = &str> {
        self.children.iter().filter(|c| c.name == Name::Href).map(|c| c.text.trim()).filter(|t| !t.is_empty())
    }
}

/// Reads a multistatus.
pub struct Multistatus {
    reader: XmlReader,
    inside: bool,
}

impl Multistatus {
    /// A parser for `body`.
    #[must_use]
    pub fn new(body: Body, limits: Limits) -> Self {
        Self { reader: XmlReader::new(body, limits), inside: false }
    }

    /// The next response; none when the document has ended properly.
    pub async fn next(&mut self) -> Result<Option<Response>, XmlError> {
        loop {
            match self.reader.next().await? {
                Token::Start(Some(Name::Multistatus)) if !self.inside => self.inside = true,
                Token::Start(_) if !self.inside => return Err(XmlError::Unexpected("a multistatus")),
                Token::Start(Some(Name::Response)) => {
                    self.reader.mark();
                    let response = self.response().await?;
                    self.reader.mark();
                    return Ok(Some(response));
                }
                Token::Start(_) => self.reader.skip().await?,
                Token::End => self.reader.text.clear(),
                Token::Eof => return Ok(None),
            }
        }
    }

    async fn response(&mut self) -> Result<Response, XmlError> {
        let mut response = Response::default();
        loop {
            match self.reader.next().await? {
                Token::Start(Some(Name::Href)) => self.text().await?.trim().clone_into(&mut response.href),
                Token::Start(Some(Name::Status)) => response.status = status_code(&self.text().await?),
                Token::Start(Some(Name::Propstat)) => self.propstat(&mut response).await?,
                Token::Start(_) => self.reader.skip().await?,
                Token::End => return Ok(response),
                Token::Eof => return Err(XmlError::Truncated),
            }
        }
    }

    async fn propstat(&mut self, response: &mut Response) -> Result<(), XmlError> {
        let (mut properties, mut status) = (Vec::new(), None);
        loop {
            match self.reader.next().await? {
                Token::Start(Some(Name::Prop)) => properties = self.children().await?,
                Token::Start(Some(Name::Status)) => status = status_code(&self.text().await?),
                Token::Start(_) => self.reader.skip().await?,
                Token::End => break,
                Token::Eof => return Err(XmlError::Truncated),
            }
        }
        // A propstat without a status (RFC 4918 demands one) is taken at its word.
        match status.unwrap_or(200) {
            200..=299 => response.properties.extend(properties),
            failed => response.failed.extend(properties.iter().map(|p| (p.name, failed))),
        }
        Ok(())
    }

    /// The known children of the element that has just begun, to its end. Iterative, with the open
    /// elements on a stack: depth is the server's choice.
    async fn children(&mut self) -> Result<Vec<Element>, XmlError> {
        let mut done = Vec::new();
        let mut open: Vec<Element> = Vec::new();
        self.reader.text.clear();
        loop {
            let token = self.reader.next().await?;
            let text = std::mem::take(&mut self.reader.text);
            if let Some(element) = open.last_mut() {
                // Nearly always the only text there is.
                if element.text.is_empty() { element.text = text } else { element.text.push_str(&text) }
            }
            match token {
                Token::Start(Some(name)) => {
                    let attribute = self.reader.name_attribute.take();
                    open.push(Element { name, text: String::new(), attribute, children: Vec::new() });
                }
                Token::Start(None) => self.reader.skip().await?,
                Token::End => {
                    let Some(element) = open.pop() else { return Ok(done) };
                    open.last_mut().map_or(&mut done, |parent| &mut parent.children).push(element);
                }
                Token::Eof => return Err(XmlError::Truncated),
            }
        }
    }

    /// The text of the element that has just begun, to its end.
    async fn text(&mut self) -> Result<String, XmlError> {
        let mut out = String::new();
        self.reader.text.clear();
        loop {
            let token = self.reader.next().await?;
            out.push_str(&std::mem::take(&mut self.reader.text));
            match token {
                Token::Start(_) => self.reader.skip().await?,
                Token::End => return Ok(out),
                Token::Eof => return Err(XmlError::Truncated),
            }
        }
    }
}

/// The code in a status line such as `HTTP/1.1 200 OK`; the reason phrase may be missing.
fn status_code(line: &str) -> Option<u16> {
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::StreamExt;
    use futures::executor::block_on;

    use super::*;

    fn parse(text: &str) -> Result<Vec<Response>, XmlError> {
        let body = futures::stream::iter([Ok(Bytes::copy_from_slice(text.as_bytes()))]).boxed_local();
        block_on(async {
            let mut multistatus = Multistatus::new(body, Limits::PROPERTIES);
            let mut all = Vec::new();
            while let Some(response) = multistatus.next().await? {
                all.push(response);
            }
            Ok(all)
        })
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
