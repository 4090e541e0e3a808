//! What an object says, however it is written: for telling whether a server has what it was sent.
//!
//! Servers write objects anew: other order, folding, escapes, defaults spelt out, lists on one line or
//! on several, time zones replaced, stamps renewed, remarks of their own added. All of that is left out
//! of the comparison, and nothing else.

use std::hash::{DefaultHasher, Hasher};

use super::components::{Component, calendars};
use super::lines::Line;

/// What an object says: one statement for each property, as numbers. Which property it is, is found out
/// from the text when two objects differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    digest: Digest,
    /// The UIDs in it, each once.
    pub uids: Vec<String>,
    /// Whether somebody is invited.
    pub has_attendees: bool,
}

/// As much of a meaning as is kept of the objects that a calendar has: enough to compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// Of all statements but remarks, in any order.
    core: u64,
    remarks: Box<[u64]>,
}

/// What one object says and another does not, by property: `VEVENT LOCATION`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Said by the first alone.
    pub lost: Vec<String>,
    /// Said by the second alone, remarks left out.
    pub added: Vec<String>,
}

impl Difference {
    /// What `one` says and `other` does not, and the other way round. What is not made of calendars says
    /// nothing.
    #[must_use]
    pub fn of(one: &[u8], other: &[u8]) -> Self {
        let statements = |text: &[u8]| {
            let mut all = Vec::new();
            visit(text, &mut |statement: &Statement<'_>| {
                all.push((statement.number(), [statement.kind, " ", statement.name].concat()));
            });
            all.sort_unstable();
            all
        };
        let (one, other) = (statements(one), statements(other));
        let mut added = missing(&other, &one);
        added.retain(|name| !name.contains(" X-"));
        Self { lost: missing(&one, &other), added }
    }

    /// Whether they say the same.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.lost.is_empty() && self.added.is_empty()
    }
}

/// One thing that an object says.
struct Statement<'a> {
    /// The component: `VEVENT`.
    kind: &'a str,
    /// The property: `LOCATION`.
    name: &'a str,
    /// Which of the components it is: a number made of UID and RECURRENCE-ID.
    key: u64,
    /// Parameters and value, as a number.
    value: u64,
}

impl Statement<'_> {
    fn number(&self) -> u64 {
        hash(&[
            self.kind.as_bytes(),
            self.name.as_bytes(),
            &self.key.to_le_bytes(),
            &self.value.to_le_bytes(),
        ])
    }
}

/// Properties that a server or the writing itself sets.
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
/// Statements that are as good as nothing.
const DEFAULTS: [(&str, &str); 4] =
    [("CLASS", "PUBLIC"), ("TRANSP", "OPAQUE"), ("PRIORITY", "0"), ("SEQUENCE", "0")];
/// Lists that may be on one line or on several.
const LISTS: [&str; 4] = ["CATEGORIES", "RESOURCES", "EXDATE", "RDATE"];
/// Parameters that say what holds without them, or what the server did.
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
/// RFC 6638 7: what we add against invitations, and what servers add when they send some.
const SCHEDULING: [&str; 3] = ["SCHEDULE-AGENT", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND"];

impl Meaning {
    /// What `text` says; none if it is not made of calendars.
    #[must_use]
    pub fn of(text: &[u8]) -> Option<Self> {
        let (mut core, mut remarks, mut has_attendees) = (0_u64, Vec::new(), false);
        let mut uids = visit(text, &mut |statement| {
            if statement.name.starts_with("X-") {
                remarks.push(statement.number());
            } else {
                // In any order: a sum.
                core = core.wrapping_add(statement.number());
            }
            has_attendees |= statement.name == "ATTENDEE";
        })?;
        remarks.sort_unstable();
        uids.sort_unstable();
        uids.dedup();
        Some(Self { digest: Digest { core, remarks: remarks.into() }, uids, has_attendees })
    }

    /// The digest of this.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl Digest {
    /// Whether an object of this digest says all that one of `other` does, and nothing more but remarks.
    #[must_use]
    pub fn says(&self, other: &Self) -> bool {
        self.core == other.core
            && other.remarks.iter().all(|remark| self.remarks.binary_search(remark).is_ok())
    }
}

/// The names of those in `these` that `others` has not. Both are sorted.
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

/// Tells every statement in `text`, and gives back the UIDs; none if it is not made of calendars.
fn visit(text: &[u8], tell: &mut dyn FnMut(&Statement<'_>)) -> Option<Vec<String>> {
    let (mut uids, mut scratch) = (Vec::new(), Scratch::default());
    for calendar in calendars(text)? {
        for line in &calendar.lines {
            scratch.normal(line, &mut |name, value| {
                tell(&Statement { kind: "VCALENDAR", name, key: 0, value });
            });
        }
        for component in calendar.children.iter().filter(|c| c.kind != "VTIMEZONE") {
            let uid = component.value("UID").unwrap_or_default();
            let recurrence = component.value("RECURRENCE-ID").unwrap_or_default();
            let (kind, key) = (component.kind.as_str(), hash(&[uid.as_bytes(), recurrence.as_bytes()]));
            uids.push(uid);
            // Also a component without any property is there.
            tell(&Statement { kind, name: "", key, value: 0 });
            for line in &component.lines {
                scratch.normal(line, &mut |name, value| tell(&Statement { kind, name, key, value }));
            }
            for child in &component.children {
                tell(&Statement { kind, name: &child.kind, key, value: scratch.within(child) });
            }
        }
    }
    Some(uids)
}

/// Text that is needed for a moment, kept for the next line.
#[derive(Default)]
struct Scratch {
    name: String,
    value: String,
}

impl Scratch {
    /// What a component within another says, without a UID of its own, which servers give to alarms.
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

    /// The statements of a line: its name, and everything else in one way of writing it, as a number.
    fn normal(&mut self, line: &Line<'_>, tell: &mut dyn FnMut(&str, u64)) {
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
            return tell(name, parts.fold(parameters, u64::wrapping_add));
        }
        let items = if LISTS.contains(&name.as_str()) { split_list(&value) } else { vec![&*value] };
        for item in items {
            scratch.clear();
            normal_value(item, scratch);
            let is_nothing = scratch.is_empty() || DEFAULTS.contains(&(name.as_str(), scratch.as_str()));
            if !is_nothing {
                tell(name, hash(&[scratch.as_bytes(), &parameters.to_le_bytes()]));
            }
        }
    }
}

/// A parameter, as a number; none if it says nothing.
fn normal_parameter((name, mut value): (String, String)) -> Option<u64> {
    // Names and addresses are text; everything else is a word.
    if !matches!(name.as_str(), "CN" | "TZID" | "EMAIL" | "ALTREP" | "DIR" | "SENT-BY") {
        value.make_ascii_uppercase();
    }
    let is_nothing = PARAMETERS.contains(&(name.as_str(), value.as_str()))
        || SCHEDULING.contains(&name.as_str())
        || name.starts_with("X-")
        || value.is_empty();
    (!is_nothing).then(|| hash(&[name.as_bytes(), value.as_bytes()]))
}

/// Text without escapes (RFC 5545 3.3.11), and weeks as days.
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

/// The items of a list: commas that are not escaped part them.
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

    fn says(one: &[u8], other: &[u8]) -> bool {
        Meaning::of(one).unwrap().digest().says(Meaning::of(other).unwrap().digest())
    }

    #[test]
    fn other_ways_of_writing_say_the_same() {
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
            assert!(says(&other, &one));
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
            assert!(!says(&other, &one));
        }
    }
}
