//! The pieces that request bodies are made of.

use std::borrow::Cow;

use crate::names::{Name, PREFIXES};

/// An element with our prefix for its namespace: `<d:getetag/>`.
#[must_use]
pub fn empty_element(name: Name) -> String {
    let (prefix, local) = qualified(name);
    format!("<{prefix}:{local}/>")
}

/// An element with XML in it.
#[must_use]
pub fn element(name: Name, content: &str) -> String {
    let (prefix, local) = qualified(name);
    format!("<{prefix}:{local}>{content}</{prefix}:{local}>")
}

fn qualified(name: Name) -> (&'static str, &'static str) {
    let (namespace, local) = name.parts();
    (PREFIXES.iter().find(|(_, uri)| *uri == namespace).map_or("d", |(prefix, _)| prefix), local)
}

/// The declarations of all our prefixes.
#[must_use]
pub fn declarations() -> String {
    PREFIXES.iter().map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{uri}\"")).collect()
}

/// Text as XML takes it.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    quick_xml::escape::escape(text)
}
