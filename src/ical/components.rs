//! Content lines and components (RFC 5545 3.1, 3.6), found in bytes without changing them.
//!
//! This is not a parser of iCalendar: real files hold what a strict one refuses, and a restore has to write
//! all of them. It finds out where lines begin and end, their names, and the components that they are in.

use super::lines::{Line, lines};

/// A component, such as `BEGIN:VEVENT` to `END:VEVENT` (RFC 5545 3.6).
#[derive(Debug, Default)]
pub struct Component<'t> {
    /// Name in upper case, such as `VEVENT`.
    pub kind: String,
    /// All of its bytes, from `BEGIN` to `END`.
    pub raw: &'t [u8],
    /// Lines directly inside the component, without `BEGIN` and `END`.
    pub lines: Vec<Line<'t>>,
    /// The components within it.
    pub children: Vec<Component<'t>>,
}

impl Component<'_> {
    /// Returns the value of the first line of this name, without white space around it.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<String> {
        let line = self.lines.iter().find(|line| line.is(name))?;
        Some(String::from_utf8_lossy(line.value()).trim().to_owned())
    }
}

/// The deepest nesting of components that is accepted. RFC 5545 has three levels.
const MAX_DEPTH: usize = 16;

/// Returns the calendars in `text`, which is usually one. None if it is not made of complete `VCALENDAR`
/// components.
#[must_use]
pub fn calendars(text: &[u8]) -> Option<Vec<Component<'_>>> {
    let mut open: Vec<(Component<'_>, usize)> = Vec::new();
    let mut done = Vec::new();
    let mut at = text.len() - text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).len();
    for line in lines(text) {
        let start = at;
        at += line.raw.len();
        if line.is("BEGIN") {
            let kind = String::from_utf8_lossy(line.value()).trim().to_ascii_uppercase();
            if open.len() >= MAX_DEPTH {
                return None;
            }
            open.push((Component { kind, ..Component::default() }, start));
        } else if line.is("END") {
            let (mut component, start) = open.pop()?;
            component.raw = text.get(start..at).unwrap_or_default();
            match open.last_mut() {
                Some((parent, _)) => parent.children.push(component),
                None => done.push(component),
            }
        } else if let Some((component, _)) = open.last_mut() {
            component.lines.push(line);
        } else if !line.text.is_empty() {
            return None;
        }
    }
    let whole = open.is_empty() && !done.is_empty() && done.iter().all(|c| c.kind == "VCALENDAR");
    whole.then_some(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_hold_components() {
        let text = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nbegin:vevent\r\nUID:1\r\nBEGIN:VALARM\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let all = calendars(text).unwrap();
        assert_eq!((all[0].raw, all[0].children[0].kind.as_str()), (text.as_slice(), "VEVENT"));
        assert_eq!(all[0].children[0].value("UID").as_deref(), Some("1"));
        assert_eq!(all[0].children[0].children[0].kind, "VALARM");
        for broken in
            ["", "hello", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n", "BEGIN:VCARD\r\nEND:VCARD"]
        {
            assert!(calendars(broken.as_bytes()).is_none(), "{broken}");
        }
    }
}
