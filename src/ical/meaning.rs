//! What an object says, however it is written: for telling whether a server has what it was sent.
//!
//! Servers write objects anew: other order, folding, escapes, defaults spelt out, lists on one line or
//! on several, time zones replaced, stamps renewed, remarks of their own added. All of that is left out
//! of the comparison, and nothing else.

use std::hash::{DefaultHasher, Hasher};

use super::content::{Component, Line, calendars};

/// What an object says: one statement for each property, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    statements: Vec<String>,
    /// The UIDs in it, each once.
    pub uids: Vec<String>,
    /// Whether somebody is invited.
    pub has_attendees: bool,
}

/// As much of a meaning as is kept of the objects that a calendar has: enough to compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest {
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
    /// Whether they say the same.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.lost.is_empty() && self.added.is_empty()
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
const DEFAULTS: [&str; 4] = ["CLASS:PUBLIC", "TRANSP:OPAQUE", "PRIORITY:0", "SEQUENCE:0"];
/// Lists that may be on one line or on several.
const LISTS: [&str; 4] = ["CATEGORIES", "RESOURCES", "EXDATE", "RDATE"];
/// Parameters that say what holds without them, or what the server did.
const PARAMETERS: [&str; 13] = [
    "ROLE=REQ-PARTICIPANT",
    "RSVP=FALSE",
    "PARTSTAT=NEEDS-ACTION",
    "CUTYPE=INDIVIDUAL",
    "ENCODING=8BIT",
    "RELATED=START",
    "RELTYPE=PARENT",
    "VALUE=DATE-TIME",
    "VALUE=DURATION",
    "VALUE=TEXT",
    "VALUE=URI",
    "VALUE=RECUR",
    "VALUE=CAL-ADDRESS",
];
/// RFC 6638 7: what we add against invitations, and what servers add when they send some.
const SCHEDULING: [&str; 3] = ["SCHEDULE-AGENT", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND"];

impl Meaning {
    /// What `text` says; none if it is not made of calendars.
    #[must_use]
    pub fn of(text: &[u8]) -> Option<Self> {
        let mut meaning = Self::default();
        for calendar in calendars(text)? {
            meaning.add_lines("VCALENDAR", "", &calendar.lines);
            for component in calendar.children.iter().filter(|c| c.kind != "VTIMEZONE") {
                meaning.add_component(component);
            }
        }
        meaning.statements.sort_unstable();
        meaning.uids.sort_unstable();
        meaning.uids.dedup();
        Some(meaning)
    }

    fn add_component(&mut self, component: &Component<'_>) {
        let uid = component.value("UID").unwrap_or_default();
        let recurrence = component.value("RECURRENCE-ID").unwrap_or_default();
        let key = [uid.as_str(), " ", &recurrence].concat();
        self.has_attendees |= component.lines.iter().any(|line| line.name() == "ATTENDEE");
        // Also a component without any property is there.
        self.statements.push([&component.kind, " \n", &key].concat());
        self.add_lines(&component.kind, &key, &component.lines);
        for child in &component.children {
            let own = statements(child);
            self.statements
                .push([&component.kind, " ", &child.kind, "\n", &key, "\n", &own.join("\n")].concat());
        }
        self.uids.push(uid);
    }

    fn add_lines(&mut self, kind: &str, key: &str, lines: &[Line<'_>]) {
        for line in lines {
            for (name, rest) in normal(line) {
                self.statements.push([kind, " ", &name, "\n", key, "\n", &rest].concat());
            }
        }
    }

    /// The digest of this.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut core = DefaultHasher::new();
        let mut remarks = Vec::new();
        for statement in &self.statements {
            if is_remark(statement) {
                remarks.push(hash(statement));
            } else {
                core.write(statement.as_bytes());
                core.write_u8(0xff);
            }
        }
        remarks.sort_unstable();
        Digest { core: core.finish(), remarks: remarks.into() }
    }

    /// What this says and `other` does not, and the other way round.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Difference {
        let mut added = missing(&other.statements, &self.statements);
        added.retain(|name| !is_remark(name));
        Difference { lost: missing(&self.statements, &other.statements), added }
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

/// Whether a statement is about a property that programs add for themselves.
fn is_remark(statement: &str) -> bool {
    statement.split_once(' ').is_some_and(|(_, name)| name.starts_with("X-"))
}

/// The names of those in `these` that `others` has not. Both are sorted.
fn missing(these: &[String], others: &[String]) -> Vec<String> {
    let mut others = others.iter().peekable();
    let mut names: Vec<String> = Vec::new();
    for this in these {
        while others.next_if(|other| *other < this).is_some() {}
        if others.next_if(|other| *other == this).is_none() {
            let name = this.split('\n').next().unwrap_or_default().trim();
            if names.last().is_none_or(|last| last != name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// What a component within another says, without a UID of its own, which servers give to alarms.
fn statements(component: &Component<'_>) -> Vec<String> {
    let mut all: Vec<String> = component
        .lines
        .iter()
        .flat_map(normal)
        .filter(|(name, _)| name != "UID" && !name.starts_with("X-"))
        .map(|(name, rest)| name + &rest)
        .collect();
    all.extend(component.children.iter().map(|child| child.kind.clone() + &statements(child).concat()));
    all.sort_unstable();
    all
}

/// The statements of a line: name, and everything else in one way of writing it.
fn normal(line: &Line<'_>) -> Vec<(String, String)> {
    let name = line.name();
    if STAMPS.contains(&name.as_str()) || name.is_empty() {
        return Vec::new();
    }
    let (parameters, value) = line.parameters_and_value();
    let mut parameters: Vec<String> = parameters.into_iter().filter_map(normal_parameter).collect();
    parameters.sort_unstable();
    let prefix: String = parameters.iter().flat_map(|parameter| [";", parameter]).collect();
    let value = String::from_utf8_lossy(value);
    let values: Vec<String> = if LISTS.contains(&name.as_str()) {
        split_list(&value).into_iter().map(normal_value).collect()
    } else if matches!(name.as_str(), "RRULE" | "EXRULE") {
        let mut parts: Vec<String> = value.split(';').map(|part| part.trim().to_ascii_uppercase()).collect();
        parts.sort_unstable();
        vec![parts.join(";")]
    } else {
        vec![normal_value(&value)]
    };
    values
        .into_iter()
        .filter(|value| !value.is_empty() && !DEFAULTS.contains(&[&name, ":", value].concat().as_str()))
        .map(|value| (name.clone(), [&prefix, ":", &value].concat()))
        .collect()
}

fn normal_parameter((name, value): (String, String)) -> Option<String> {
    // Names and addresses are text; everything else is a word.
    let value = if matches!(name.as_str(), "CN" | "TZID" | "EMAIL" | "ALTREP" | "DIR" | "SENT-BY") {
        value
    } else {
        value.to_ascii_uppercase()
    };
    let parameter = [&name, "=", &value].concat();
    let is_nothing = PARAMETERS.contains(&parameter.as_str())
        || SCHEDULING.contains(&name.as_str())
        || name.starts_with("X-")
        || value.is_empty();
    (!is_nothing).then_some(parameter)
}

/// Text without escapes (RFC 5545 3.3.11), and weeks as days.
fn normal_value(value: impl AsRef<str>) -> String {
    let value = value.as_ref().trim();
    if let Some(weeks) =
        value.trim_start_matches(['+', '-']).strip_prefix('P').and_then(|v| v.strip_suffix('W'))
        && let Ok(weeks) = weeks.parse::<u32>()
    {
        let sign = if value.starts_with('-') { "-" } else { "" };
        return [sign, "P", &(u64::from(weeks) * 7).to_string(), "D"].concat();
    }
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('n' | 'N') => out.push('\n'),
                Some(escaped) => out.push(escaped),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out.trim_end().to_owned()
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

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(lines: &str) -> Meaning {
        let text =
            format!("BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\n{lines}END:VEVENT\nEND:VCALENDAR\n");
        Meaning::of(text.as_bytes()).unwrap()
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
            assert!(one.difference(&other).is_none(), "{:?}", one.difference(&other));
            assert!(other.digest().says(&one.digest()), "{one:?} {other:?}");
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
            let difference = one.difference(&other);
            assert_eq!(
                (difference.lost, difference.added),
                (
                    lost.into_iter().map(str::to_owned).collect(),
                    added.into_iter().map(str::to_owned).collect()
                )
            );
            assert!(!other.digest().says(&one.digest()));
        }
    }
}
