//! Splits the bytes of a buffer into tokens: starts and ends of elements, with their namespaces resolved,
//! within limits.

use quick_xml::Reader;
use quick_xml::encoding::EncodingError;
use quick_xml::errors::{IllFormedError, SyntaxError};
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{NamespaceResolver, ResolveResult};

use crate::names::Name;
use crate::{Limits, XmlError};

/// How many spellings of element names are remembered.
const SEEN: usize = 64;

/// A piece of a document.
#[derive(Debug)]
pub(crate) enum Token {
    /// An element begins; none if its name is not known. The text before it is in [`Tokens::text`].
    Start(Option<Name>),
    /// The innermost open element ends. The text before that is in [`Tokens::text`].
    End,
    /// The buffer has ended, and no element is open that began in it.
    Eof,
}

/// State of the open elements, kept from one buffer to the next.
#[derive(Default)]
pub(crate) struct Scope {
    /// The namespaces that are declared (Namespaces in XML 1.0).
    namespaces: NamespaceResolver,
    /// The depths of the elements that declared them.
    declared: Vec<u16>,
    /// The name of the outermost element, with its prefix, to compare its end with.
    root: Box<str>,
    /// Names with their prefixes, and what they are: there are few, and they recur. Cleared when a namespace
    /// is declared or goes out of scope.
    seen: Vec<(Box<str>, Option<Name>)>,
    /// Index in `seen` to look at first.
    next: usize,
}

impl Scope {
    /// Enters the element that begins at `depth` (1 for the root), and returns its name if it is known.
    fn enter(&mut self, start: &BytesStart<'_>, depth: u16) -> Result<Option<Name>, XmlError> {
        if start.attributes_raw().contains("xmlns") {
            self.namespaces.set_level(depth - 1);
            let declared = self.namespaces.push(start);
            declared.map_err(|_| XmlError::Malformed("a namespace is declared that cannot be"))?;
            self.declared.push(depth);
            self.forget();
        }
        let spelt = start.name().0;
        if depth == 1 {
            self.root = spelt.into();
        }
        // Documents repeat themselves: usually it is the name after the last one.
        let (before, after) = self.seen.split_at_checked(self.next).unwrap_or_default();
        let known = after.iter().zip(self.next..).chain(before.iter().zip(0..));
        if let Some(((_, name), at)) = known.into_iter().find(|((seen, _), _)| **seen == *spelt) {
            self.next = at + 1;
            return Ok(*name);
        }
        let name = match self.namespaces.resolve_element(start.name()) {
            (ResolveResult::Bound(namespace), local) => Name::find(namespace.0, local.as_ref()),
            _ => None,
        };
        if self.seen.len() < SEEN {
            self.seen.push((spelt.into(), name));
        }
        Ok(name)
    }

    /// Removes the namespaces that were declared deeper than `depth`.
    fn leave_to(&mut self, depth: u16) {
        while self.declared.pop_if(|at| *at > depth).is_some() {
            self.namespaces.set_level(depth);
            self.forget();
        }
    }

    /// Clears the names, whose meaning may have changed.
    fn forget(&mut self) {
        self.seen.clear();
        self.next = 0;
    }
}

/// The tokens of a buffer.
pub(crate) struct Tokens<'w> {
    reader: Reader<&'w [u8]>,
    scope: &'w mut Scope,
    limits: Limits,
    /// Elements that were open where the buffer begins.
    base: u16,
    /// Elements that are open now.
    depth: u16,
    /// Elements since the part began.
    elements: usize,
    /// Whether the last token was the start of an empty element, whose end is due.
    empty: bool,
    /// The text since it was last taken or cleared, with references resolved.
    pub(crate) text: String,
    /// The value of the last start tag's `name` attribute, which holds the kind of a component (RFC 4791
    /// 9.3).
    pub(crate) name_attribute: Option<String>,
}

impl<'w> Tokens<'w> {
    /// Creates the tokens of `bytes`, at whose beginning `base` elements are open.
    #[must_use]
    pub(crate) fn new(bytes: &'w [u8], scope: &'w mut Scope, base: u16, limits: Limits) -> Self {
        scope.leave_to(base);
        let mut reader = Reader::from_reader(bytes);
        // The end of the root comes without its beginning; `next` compares its name.
        reader.config_mut().allow_unmatched_ends = true;
        Self {
            reader,
            scope,
            limits,
            base,
            depth: base,
            elements: 0,
            empty: false,
            text: String::new(),
            name_attribute: None,
        }
    }

    /// Returns how many bytes are not parsed yet.
    #[must_use]
    pub(crate) fn left(&self) -> usize {
        self.reader.get_ref().len()
    }

    /// Returns the next token.
    ///
    /// # Errors
    ///
    /// `Truncated` if the buffer ends before the token, or before an element that began in it; an error of
    /// the document otherwise.
    pub(crate) fn next(&mut self) -> Result<Token, XmlError> {
        if std::mem::take(&mut self.empty) {
            return Ok(self.end());
        }
        loop {
            match self.reader.read_event() {
                Ok(Event::Start(start)) => return self.start(&start),
                Ok(Event::Empty(start)) => {
                    self.empty = true;
                    return self.start(&start);
                }
                Ok(Event::End(end)) if self.depth == 1 && end.name().0 != &*self.scope.root => {
                    return Err(XmlError::Malformed("it is not well-formed"));
                }
                Ok(Event::End(_)) => return Ok(self.end()),
                Ok(Event::Text(text)) => self.text.push_str(&text),
                Ok(Event::CData(data)) => self.text.push_str(&data),
                Ok(Event::GeneralRef(reference)) => self.text.push(resolve(&reference)?),
                Ok(Event::Eof) if self.depth > self.base => return Err(XmlError::Truncated),
                Ok(Event::Eof) => return Ok(Token::Eof),
                Ok(_) => {}
                Err(error) => return Err(malformed(&error, self.reader.get_ref())),
            }
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<Token, XmlError> {
        self.depth += 1;
        self.elements += 1;
        if self.depth > self.limits.depth {
            return Err(XmlError::Limit("levels"));
        }
        if self.elements > self.limits.elements {
            return Err(XmlError::Limit("elements in one place"));
        }
        self.name_attribute = name_attribute(start, self.limits.attributes)?;
        Ok(Token::Start(self.scope.enter(start, self.depth)?))
    }

    fn end(&mut self) -> Token {
        self.depth = self.depth.saturating_sub(1);
        self.scope.leave_to(self.depth);
        Token::End
    }

    /// Skips to the end of the element that has just begun, with its text.
    pub(crate) fn skip(&mut self) -> Result<(), XmlError> {
        let (outside, before) = (self.depth - 1, self.text.len());
        while self.depth > outside {
            if let Token::Eof = self.next()? {
                return Err(XmlError::Truncated);
            }
            self.text.truncate(before);
        }
        Ok(())
    }

    /// Begins to count the elements of a new part.
    pub(crate) fn begin_part(&mut self) {
        self.elements = 0;
        self.text.clear();
    }
}

/// Returns what an error of the parser means. If no bytes are left, more of them may complete what is wrong:
/// the buffer was cut there.
fn malformed(error: &quick_xml::Error, left: &[u8]) -> XmlError {
    use quick_xml::Error as E;
    match error {
        E::Syntax(SyntaxError::InvalidBangMarkup) if left.len() > "<!".len() => {
            XmlError::Malformed("it is not well-formed")
        }
        E::Syntax(_) => XmlError::Truncated,
        E::IllFormed(IllFormedError::UnclosedReference) if left.is_empty() => XmlError::Truncated,
        E::Encoding(EncodingError::Utf8(error)) if left.is_empty() && error.error_len().is_none() => {
            XmlError::Truncated
        }
        E::Encoding(_) => XmlError::Malformed("it is not UTF-8"),
        _ => XmlError::Malformed("it is not well-formed"),
    }
}

/// Returns the value of the `name` attribute, and counts all attributes.
fn name_attribute(start: &BytesStart<'_>, limit: usize) -> Result<Option<String>, XmlError> {
    let mut value = None;
    if start.attributes_raw().is_empty() {
        return Ok(value);
    }
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

/// Returns the character of a reference. XML's own five entities are known (XML 1.0, 4.6), and no others.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::ParseBuffer;

    /// One part, read as its callers do.
    fn text_of(pieces: &[&str], limits: Limits) -> Result<String, XmlError> {
        let (mut buffer, mut scope) = (ParseBuffer::new(limits), Scope::default());
        let mut pieces = pieces.iter();
        loop {
            while !buffer.is_ready() {
                match pieces.next() {
                    Some(piece) => buffer.feed(piece.as_bytes())?,
                    None => buffer.end(),
                }
            }
            match all(&mut Tokens::new(buffer.bytes(), &mut scope, 0, limits)) {
                Ok((out, 1..)) if buffer.ended() => return Ok(out),
                Ok(_) | Err(XmlError::Truncated) => buffer.want_more()?,
                Err(error) => return Err(error),
            }
        }
    }

    fn all(tokens: &mut Tokens<'_>) -> Result<(String, usize), XmlError> {
        let (mut out, mut elements) = (String::new(), 0);
        loop {
            let token = tokens.next()?;
            out.push_str(&std::mem::take(&mut tokens.text));
            match token {
                Token::Start(name) => out.push_str(&format!("<{}>", name.map_or("?", |n| n.parts().1))),
                Token::End => out.push_str("</>"),
                Token::Eof => return Ok((out, elements)),
            }
            elements += 1;
        }
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
        let limits = Limits { total: 400, part: 100, depth: 3, attributes: 2, elements: 5 };
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
    fn an_early_end_is_an_error() {
        for text in ["", "<a><b></b>", "<a><b", "<a>text"] {
            assert!(matches!(text_of(&[text], Limits::PROPERTIES), Err(XmlError::Truncated)), "{text}");
        }
        assert!(matches!(text_of(&["<a></b>"], Limits::PROPERTIES), Err(XmlError::Malformed(_))));
    }
}
