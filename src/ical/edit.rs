//! The few changes that a restore makes to an object. Each replaces bytes, and leaves all others as they are.

use super::components::{Component, calendars};
use super::lines::{Line, lines};
use crate::snapshot::digest;

/// One calendar object resource of a file: all components of one UID (RFC 4791 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The UID of the components.
    pub uid: String,
    /// The whole object, from `BEGIN:VCALENDAR` on.
    pub bytes: Vec<u8>,
}

/// Splits `text` into its objects; a text of one object stays as it is. METHOD is left out, which stored
/// objects may not have (RFC 4791 4.1). None if `text` is not iCalendar, or has no component besides time
/// zones.
#[must_use]
pub fn split(text: &[u8]) -> Option<Vec<Part>> {
    let all = calendars(text)?;
    let mut groups: Vec<(String, Vec<&Component<'_>>)> = Vec::new();
    for component in all.iter().flat_map(|calendar| &calendar.children).filter(|c| c.kind != "VTIMEZONE") {
        let uid = component.value("UID").unwrap_or_default();
        match groups.iter_mut().find(|(known, _)| *known == uid && !uid.is_empty()) {
            Some((_, group)) => group.push(component),
            None => groups.push((uid, vec![component])),
        }
    }
    if let ([calendar], [(uid, _)]) = (all.as_slice(), groups.as_slice())
        && !uid.is_empty()
    {
        let has_method = calendar.lines.iter().any(|line| line.is("METHOD"));
        let bytes = if has_method { without_method(text) } else { text.to_vec() };
        return Some(vec![Part { uid: uid.clone(), bytes }]);
    }
    let parts: Vec<Part> = groups.iter().map(|(uid, group)| part(&all, uid, group)).collect();
    (!parts.is_empty()).then_some(parts)
}

/// Builds an object of the components of one UID, with the lines of their calendar and the time zones that
/// they name.
fn part(all: &[Component<'_>], uid: &str, group: &[&Component<'_>]) -> Part {
    let mut bytes = b"BEGIN:VCALENDAR\r\n".to_vec();
    let home = all.iter().find(|calendar| {
        calendar.children.iter().any(|c| std::ptr::eq(c, group.first().copied().unwrap_or(c)))
    });
    for line in home.into_iter().flat_map(|calendar| &calendar.lines) {
        // Of a calendar as a whole, not of its objects.
        if !line.is("METHOD") && !line.name().starts_with("X-WR-") {
            bytes.extend_from_slice(line.raw);
        }
    }
    add_zones(&mut bytes, all, group);
    let uid = if uid.is_empty() { uid_of_content(group) } else { uid.to_owned() };
    for component in group {
        add_component(&mut bytes, component, &uid);
    }
    bytes.extend_from_slice(b"END:VCALENDAR\r\n");
    Part { uid, bytes: super::with_crlf(bytes) }
}

/// Appends the time zones that the components name, each once.
fn add_zones(bytes: &mut Vec<u8>, all: &[Component<'_>], group: &[&Component<'_>]) {
    for zone in all.iter().flat_map(|calendar| &calendar.children).filter(|c| c.kind == "VTIMEZONE") {
        let id = zone.value("TZID").unwrap_or_default();
        if group.iter().any(|component| names_zone(component, &id))
            && !bytes.windows(zone.raw.len()).any(|w| w == zone.raw)
        {
            bytes.extend_from_slice(zone.raw);
        }
    }
}

/// Returns a UID for components without one. It is the same in every run.
fn uid_of_content(group: &[&Component<'_>]) -> String {
    let raw: Vec<&[u8]> = group.iter().map(|component| component.raw).collect();
    digest::hash(&raw, 32)
}

/// Appends a component, with a UID line after its beginning if it has none.
fn add_component(bytes: &mut Vec<u8>, component: &Component<'_>, uid: &str) {
    let has_uid = component.value("UID").is_some_and(|own| !own.is_empty());
    let first = lines(component.raw).next().map_or(0, |line| line.raw.len());
    let (begin, rest) = component.raw.split_at(if has_uid { 0 } else { first });
    bytes.extend_from_slice(begin);
    if !has_uid {
        bytes.extend([b"UID:", uid.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend_from_slice(rest);
    if !bytes.ends_with(b"\n") {
        bytes.extend_from_slice(b"\r\n");
    }
}

/// Returns true if a property of the component names the time zone `id` (RFC 5545 3.2.19).
fn names_zone(component: &Component<'_>, id: &str) -> bool {
    let own = |line: &Line<'_>| {
        line.parameters_and_value().0.iter().any(|(name, value)| name == "TZID" && value == id)
    };
    component.lines.iter().any(own) || component.children.iter().any(|child| names_zone(child, id))
}

/// Returns the text without METHOD lines.
fn without_method(text: &[u8]) -> Vec<u8> {
    rewritten(text, |out, _, name, line| {
        if name != "METHOD" {
            out.extend_from_slice(line.raw);
        }
    })
}

/// Returns the text with another UID in every component that has one, except in alarms.
#[must_use]
pub fn with_uid(text: &[u8], uid: &str) -> Vec<u8> {
    rewritten(text, |out, kind, name, line| {
        if name == "UID" && kind != "VALARM" {
            out.extend([b"UID:", uid.as_bytes(), line_end(line)].concat());
        } else {
            out.extend_from_slice(line.raw);
        }
    })
}

/// Returns the text with `SCHEDULE-AGENT=CLIENT` (RFC 6638 7.1) for every organizer and attendee without that
/// parameter: the server sends them no messages.
#[must_use]
pub fn with_schedule_agent(text: &[u8]) -> Vec<u8> {
    rewritten(text, |out, _, name, line| {
        let has_agent = || line.parameters_and_value().0.iter().any(|(name, _)| name == "SCHEDULE-AGENT");
        if !matches!(name, "ORGANIZER" | "ATTENDEE") || has_agent() {
            return out.extend_from_slice(line.raw);
        }
        let whole = match line.raw.get(..name.len()) {
            Some(start) if start.eq_ignore_ascii_case(name.as_bytes()) => line.raw.to_vec(),
            // A fold within the name.
            _ => [&line.text, line_end(line)].concat(),
        };
        let (own, rest) = whole.split_at(name.len());
        // A fold, so that no line grows too long (RFC 5545 3.1).
        out.extend([own, b";SCHEDULE-AGENT=CLIENT", line_end(line), b" ", rest].concat());
    })
}

/// Returns how `line` ends: parsers refuse a text in which some lines end with LF and others with CRLF.
fn line_end(line: &Line<'_>) -> &'static [u8] {
    let is_bare = line.raw.ends_with(b"\n") && !line.raw.ends_with(b"\r\n");
    if is_bare { b"\n" } else { b"\r\n" }
}

/// Rewrites a text line by line. `write` gets the output, the kind of the component around the line, and the
/// line's name.
fn rewritten(text: &[u8], write: impl Fn(&mut Vec<u8>, &str, &str, &Line<'_>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 64);
    let mut open: Vec<String> = Vec::new();
    for line in lines(text) {
        let name = line.name();
        match name.as_str() {
            "BEGIN" => open.push(String::from_utf8_lossy(line.value()).trim().to_ascii_uppercase()),
            "END" => drop(open.pop()),
            _ => {}
        }
        write(&mut out, open.last().map_or("", String::as_str), &name, &line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_stays_as_it_is() {
        let text = b"BEGIN:VCALENDAR\r\nX-ODD: 1 \r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID:2\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(split(text).unwrap(), [Part { uid: "1".to_owned(), bytes: text.to_vec() }]);
        let asked = String::from_utf8_lossy(text).replace("X-ODD: 1 ", "METHOD:REQUEST");
        let bytes = split(asked.as_bytes()).unwrap().remove(0).bytes;
        assert_eq!(bytes, asked.replace("METHOD:REQUEST\r\n", "").into_bytes());
        assert!(split(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n").is_none());
    }

    #[test]
    fn a_whole_calendar_becomes_its_objects() {
        let text = "BEGIN:VCALENDAR\nVERSION:2.0\nX-WR-CALNAME:W\nMETHOD:PUBLISH\nBEGIN:VTIMEZONE\nTZID:A\nEND:VTIMEZONE\nBEGIN:VTIMEZONE\nTZID:B\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=A:20260101T000000\nEND:VEVENT\nBEGIN:VTODO\nSUMMARY:no uid\nEND:VTODO\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=A:2\nEND:VEVENT\nEND:VCALENDAR";
        let parts = split(text.as_bytes()).unwrap();
        let [event, task] = parts.as_slice() else { panic!("{parts:?}") };
        let event = String::from_utf8_lossy(&event.bytes).into_owned();
        assert_eq!(
            event,
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:A\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=A:20260101T000000\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID;TZID=A:2\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        assert!(
            !task.uid.is_empty()
                && String::from_utf8_lossy(&task.bytes)
                    .contains(&format!("BEGIN:VTODO\r\nUID:{}\r\nSUMMARY", task.uid))
        );
        assert_eq!(split(text.as_bytes()).unwrap()[1], *task);
    }

    #[test]
    fn only_uids_and_agents_change() {
        let text = b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nuid:1\r\nORGANIZER;CN=A:mailto:a\r\nATTENDEE;\r\n SCHEDULE-AGENT=NONE:mailto:b\r\nBEGIN:VALARM\r\nUID:9\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let other = String::from_utf8(with_uid(text, "2")).unwrap();
        assert_eq!(other, String::from_utf8_lossy(text).replace("uid:1", "UID:2"));
        let quiet = String::from_utf8(with_schedule_agent(text)).unwrap();
        assert!(quiet.contains("ORGANIZER;SCHEDULE-AGENT=CLIENT\r\n ;CN=A:mailto:a\r\n"), "{quiet}");
        assert_eq!(quiet.matches("SCHEDULE-AGENT").count(), 2);
    }
}
