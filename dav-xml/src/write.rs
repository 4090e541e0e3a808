//! The pieces of request bodies.
//!
//! ```
//! use dav_xml::{Name, declarations, element, escape};
//!
//! let name = element(Name::DisplayName, &escape("A & B"));
//! assert_eq!(name, "<d:displayname>A &amp; B</d:displayname>");
//! assert!(declarations().contains(" xmlns:d=\"DAV:\""));
//! ```

use std::borrow::Cow;

use crate::names::{Name, PREFIXES};

/// Returns an empty element with our prefix for its namespace, such as `<d:getetag/>`. The root of the
/// document has to have the [`declarations`].
#[must_use]
pub fn empty_element(name: Name) -> String {
    let (prefix, local) = qualified(name);
    format!("<{prefix}:{local}/>")
}

/// Returns an element with `content`, which is XML: text has to be [escaped](escape).
#[must_use]
pub fn element(name: Name, content: &str) -> String {
    let (prefix, local) = qualified(name);
    format!("<{prefix}:{local}>{content}</{prefix}:{local}>")
}

/// Returns the prefix and the local name.
fn qualified(name: Name) -> (&'static str, &'static str) {
    let (namespace, local) = name.parts();
    (PREFIXES.iter().find(|(_, uri)| *uri == namespace).map_or("d", |(prefix, _)| prefix), local)
}

/// Returns the declarations of all our prefixes, each with a space in front, for the root element of a
/// request.
#[must_use]
pub fn declarations() -> String {
    PREFIXES.iter().map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{uri}\"")).collect()
}

/// Returns text with the characters escaped that have a meaning in XML. For content and for attribute values.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    quick_xml::escape::escape(text)
}
