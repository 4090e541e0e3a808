//! Comparing calendar objects by their content, to find out whether a server has what it was sent.
//!
//! Servers rewrite objects: they change the order, the folding and the escapes, spell out defaults, put lists on one
//! line or on several, replace time zones, renew time stamps, and add X- properties of their own. The comparison
//! ignores all of that, and nothing else.

use std::hash::{DefaultHasher, Hasher};

use super::components::{Component, calendars};
use super::lines::Line;

/// The content of an object without the differences that do not count. The properties are kept as hashes alone; when
/// two objects differ, [`Difference`] names the properties from the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Normalized {
    fingerprint: Fingerprint,
    /// The UIDs of its components, sorted and without repetitions.
    pub uids: Vec<String>,
    /// Whether it has an ATTENDEE: writing it may send invitations.
    pub has_attendees: bool,
}

/// The part of [`Normalized`] that is enough to compare two objects. Small, because a restore keeps one for each object
/// of a calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// The sum of the hashes of all properties without the X- ones, so that their order does not count.
    core: u64,
    /// The hashes of the X- properties, sorted.
    x_properties: Box<[u64]>,
}

/// The properties in which two objects differ, such as `VEVENT LOCATION`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Properties of the first object that the second does not have, or has with another value.
    pub lost: Vec<String>,
    /// Properties of the second object that the first does not have, or has with another value; without X- properties.
    pub added: Vec<String>,
}

impl Difference {
    /// Compares two objects. Text that is not iCalendar has no properties.
    #[must_use]
    pub fn of(one: &[u8], other: &[u8]) -> Self {
        let properties = |text: &[u8]| {
            let mut all = Vec::new();
            visit(text, &mut |property: &Property<'_>| {
                all.push((property.hash(), [property.kind, " ", property.name].concat()));
            });
            all.sort_unstable();
            all
        };
        let (one, other) = (properties(one), properties(other));
        let mut added = missing(&other, &one);
        added.retain(|name| !name.contains(" X-"));
        Self { lost: missing(&one, &other), added }
    }

    /// Returns true if the second object has all that the first has, and nothing more than X- properties.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.lost.is_empty() && self.added.is_empty()
    }
}

/// One property of an object, or one item of a list.
struct Property<'a> {
    /// The kind of its component, such as `VEVENT`.
    kind: &'a str,
    /// Its name, such as `LOCATION`.
    name: &'a str,
    /// The hash of its component's UID and RECURRENCE-ID.
    key: u64,
    /// The hash of its parameters and its value.
    value: u64,
}

impl Property<'_> {
    fn hash(&self) -> u64 {
        hash(&[
            self.kind.as_bytes(),
            self.name.as_bytes(),
            &self.key.to_le_bytes(),
            &self.value.to_le_bytes(),
        ])
    }
}

/// Properties that the server sets when an object is written.
const STAMPS: [&str; 9] = [
    "DTSTAMP",
    "LAST-MODIFIED",
    "CREATED",
    "PRODID",
    "VERSION",
    "CALSCALE",
    "METHOD",
    "REQUEST-STATUS",
    "X-LIC-ERROR",
];
/// Values that mean the same as no property at all (RFC 5545 3.8).
const DEFAULTS: [(&str, &str); 4] =
    [("CLASS", "PUBLIC"), ("TRANSP", "OPAQUE"), ("PRIORITY", "0"), ("SEQUENCE", "0")];
/// Properties whose values are lists, which may be on one line or on several.
const LISTS: [&str; 4] = ["CATEGORIES", "RESOURCES", "EXDATE", "RDATE"];
/// Parameters with the value that holds without them (RFC 5545 3.2).
const PARAMETERS: [(&str, &str); 13] = [
    ("ROLE", "REQ-PARTICIPANT"),
    ("RSVP", "FALSE"),
    ("PARTSTAT", "NEEDS-ACTION"),
    ("CUTYPE", "INDIVIDUAL"),
    ("ENCODING", "8BIT"),
    ("RELATED", "START"),
    ("RELTYPE", "PARENT"),
    ("VALUE", "DATE-TIME"),
    ("VALUE", "DURATION"),
    ("VALUE", "TEXT"),
    ("VALUE", "URI"),
    ("VALUE", "RECUR"),
    ("VALUE", "CAL-ADDRESS"),
];
/// Parameters of RFC 6638 7: added by a restore to prevent invitations, or by servers that have sent some.
const SCHEDULING: [&str; 3] = ["SCHEDULE-AGENT", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND"];

impl Normalized {
    /// Normalizes an object. None if `text` is not iCalendar.
    #[must_use]
    pub fn of(text: &[u8]) -> Option<Self> {
        let (mut core, mut x_properties, mut has_attendees) = (0_u64, Vec::new(), false);
        let mut uids = visit(text, &mut |property| {
            if property.name.starts_with("X-") {
                x_properties.push(property.hash());
            } else {
                // A sum, so that the order does not count.
                core = core.wrapping_add(property.hash());
            }
            has_attendees |= property.name == "ATTENDEE";
        })?;
        x_properties.sort_unstable();
        uids.sort_unstable();
        uids.dedup();
        Some(Self {
            fingerprint: Fingerprint { core, x_properties: x_properties.into() },
            uids,
            has_attendees,
        })
    }

    /// Returns the part that is enough to compare.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}

impl Fingerprint {
    /// Returns true if this object has all that `other` has, and nothing more than X- properties.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.core == other.core
            && other.x_properties.iter().all(|property| self.x_properties.binary_search(property).is_ok())
    }
}

/// Returns the names of those in `these` that are not among `others`. Both are sorted.
fn missing(these: &[(u64, String)], others: &[(u64, String)]) -> Vec<String> {
    let mut others = others.iter().peekable();
    let mut names: Vec<String> = Vec::new();
    for this in these {
        while others.next_if(|other| *other < this).is_some() {}
        if others.next_if(|other| *other == this).is_none() && !names.contains(&this.1) {
            names.push(this.1.clone());
        }
    }
    names.sort_unstable();
    names
}

/// Calls `on_property` for every property in `text`, and returns the UIDs. None if it is not iCalendar.
fn visit(text: &[u8], on_property: &mut dyn FnMut(&Property<'_>)) -> Option<Vec<String>> {
    let (mut uids, mut scratch) = (Vec::new(), Scratch::default());
    for calendar in calendars(text)? {
        for line in &calendar.lines {
            scratch.normal(line, &mut |name, value| {
                on_property(&Property { kind: "VCALENDAR", name, key: 0, value });
            });
        }
        for component in calendar.children.iter().filter(|c| c.kind != "VTIMEZONE") {
            let uid = component.value("UID").unwrap_or_default();
            let recurrence = component.value("RECURRENCE-ID").unwrap_or_default();
            let (kind, key) = (component.kind.as_str(), hash(&[uid.as_bytes(), recurrence.as_bytes()]));
            uids.push(uid);
            // So that a component without properties counts.
            on_property(&Property { kind, name: "", key, value: 0 });
            for line in &component.lines {
                scratch.normal(line, &mut |name, value| on_property(&Property { kind, name, key, value }));
            }
            for child in &component.children {
                on_property(&Property { kind, name: &child.kind, key, value: scratch.within(child) });
            }
        }
    }
    Some(uids)
}

/// Buffers that are reused from line to line.
#[derive(Default)]
struct Scratch {
    name: String,
    value: String,
}

impl Scratch {
    /// Returns the hash of a component within another, without its UID: servers give one to alarms.
    fn within(&mut self, component: &Component<'_>) -> u64 {
        let mut sum = hash(&[component.kind.as_bytes()]);
        for line in &component.lines {
            self.normal(line, &mut |name, value| {
                if name != "UID" && !name.starts_with("X-") {
                    sum = sum.wrapping_add(hash(&[name.as_bytes(), &value.to_le_bytes()]));
                }
            });
        }
        for child in &component.children {
            sum = sum.wrapping_add(self.within(child).rotate_left(1));
        }
        sum
    }

    /// Calls `on_property` for each item of a line, with its name and the hash of its normalized parameters and value.
    fn normal(&mut self, line: &Line<'_>, on_property: &mut dyn FnMut(&str, u64)) {
        let Self { name, value: scratch } = self;
        name.clear();
        name.push_str(&String::from_utf8_lossy(line.spelt()));
        name.make_ascii_uppercase();
        if STAMPS.contains(&name.as_str()) || name.is_empty() {
            return;
        }
        let (parameters, value) = line.parameters_and_value();
        let parameters = parameters.into_iter().filter_map(normal_parameter).fold(0, u64::wrapping_add);
        let value = String::from_utf8_lossy(value);
        if matches!(name.as_str(), "RRULE" | "EXRULE") {
            let parts = value.split(';').map(|part| hash(&[part.trim().to_ascii_uppercase().as_bytes()]));
            return on_property(name, parts.fold(parameters, u64::wrapping_add));
        }
        let items = if LISTS.contains(&name.as_str()) { split_list(&value) } else { vec![&*value] };
        for item in items {
            scratch.clear();
            normal_value(item, scratch);
            let is_default = scratch.is_empty() || DEFAULTS.contains(&(name.as_str(), scratch.as_str()));
            if !is_default {
                on_property(name, hash(&[scratch.as_bytes(), &parameters.to_le_bytes()]));
            }
        }
    }
}

/// Returns the hash of a parameter; none if it means the same as no parameter.
fn normal_parameter((name, mut value): (String, String)) -> Option<u64> {
    // Names and addresses are text; all other values are keywords, without case.
    if !matches!(name.as_str(), "CN" | "TZID" | "EMAIL" | "ALTREP" | "DIR" | "SENT-BY") {
        value.make_ascii_uppercase();
    }
    let is_default = PARAMETERS.contains(&(name.as_str(), value.as_str()))
        || SCHEDULING.contains(&name.as_str())
        || name.starts_with("X-")
        || value.is_empty();
    (!is_default).then(|| hash(&[name.as_bytes(), value.as_bytes()]))
}

/// Appends the value without escapes (RFC 5545 3.3.11), and with weeks as days.
fn normal_value(value: &str, out: &mut String) {
    let value = value.trim();
    let unsigned = value.trim_start_matches(['+', '-']);
    if let Some(weeks) = unsigned.strip_prefix('P').and_then(|rest| rest.strip_suffix('W'))
        && let Ok(weeks) = weeks.parse::<u32>()
    {
        let days = (u64::from(weeks) * 7).to_string();
        return out.push_str(&[if value.starts_with('-') { "-P" } else { "P" }, &days, "D"].concat());
    }
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut characters = after.chars();
        match characters.next() {
            Some('n' | 'N') => out.push('\n'),
            Some(escaped) => out.push(escaped),
            None => out.push('\\'),
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.truncate(out.trim_end().len());
}

/// Splits a list at the commas that are not escaped.
fn split_list(value: &str) -> Vec<&str> {
    let (mut items, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, byte) in value.bytes().enumerate() {
        if byte == b',' && !escaped {
            items.extend(value.get(start..at));
            start = at + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    items.extend(value.get(start..));
    items
}

fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(lines: &str) -> Vec<u8> {
        format!("BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\n{lines}END:VEVENT\nEND:VCALENDAR\n")
            .into_bytes()
    }

    fn covers(one: &[u8], other: &[u8]) -> bool {
        Normalized::of(one).unwrap().fingerprint().covers(Normalized::of(other).unwrap().fingerprint())
    }

    #[test]
    fn other_ways_of_writing_are_equal() {
        for (one, other) in [
            ("SUMMARY:a\nLOCATION:b\n", "location:b\nSUM\n MARY:a\n"),
            ("DESCRIPTION:a\\nb\\,c\n", "DESCRIPTION:a\\Nb,c\n"),
            ("DTSTART;VALUE=DATE-TIME;TZID=\"X/Y\":20260101T000000\n", "DTSTART;TZID=X/Y:20260101T000000\n"),
            ("CATEGORIES:a,b\n", "CATEGORIES:b\nCATEGORIES:a\n"),
            ("RRULE:FREQ=DAILY;COUNT=2\n", "RRULE:COUNT=2;FREQ=DAILY\n"),
            ("DURATION:P1W\n", "DURATION:P7D\nCLASS:PUBLIC\nDTSTAMP:20260101T000000Z\n"),
            ("ATTENDEE;CN=A:mailto:a\n", "ATTENDEE;SCHEDULE-AGENT=CLIENT;RSVP=FALSE;CN=\"A\":mailto:a\n"),
            (
                "BEGIN:VALARM\nACTION:AUDIO\nTRIGGER:-PT5M\nEND:VALARM\n",
                "BEGIN:VALARM\nUID:x\nTRIGGER;VALUE=DURATION:-PT5M\nACTION:AUDIO\nEND:VALARM\n",
            ),
            ("SUMMARY:a\n", "SUMMARY:a\nX-SERVER:1\n"),
        ] {
            let (one, other) = (event(one), event(other));
            let difference = Difference::of(&one, &other);
            assert!(difference.is_none(), "{difference:?}");
            assert!(covers(&other, &one));
        }
    }

    #[test]
    fn what_is_missing_has_a_name() {
        for (one, other, lost, added) in [
            ("SUMMARY:a\nLOCATION:b\n", "SUMMARY:a\n", vec!["VEVENT LOCATION"], vec![]),
            ("SUMMARY:a\n", "SUMMARY:A\n", vec!["VEVENT SUMMARY"], vec!["VEVENT SUMMARY"]),
            ("RESOURCES:a,b\n", "RESOURCES:a\\,b\n", vec!["VEVENT RESOURCES"], vec!["VEVENT RESOURCES"]),
            ("X-MINE:1\n", "", vec!["VEVENT X-MINE"], vec![]),
            ("BEGIN:VALARM\nACTION:AUDIO\nEND:VALARM\n", "", vec!["VEVENT VALARM"], vec![]),
        ] {
            let (one, other) = (event(one), event(other));
            let difference = Difference::of(&one, &other);
            assert_eq!(
                (difference.lost, difference.added),
                (
                    lost.into_iter().map(str::to_owned).collect(),
                    added.into_iter().map(str::to_owned).collect()
                )
            );
            assert!(!covers(&other, &one));
        }
    }
}
