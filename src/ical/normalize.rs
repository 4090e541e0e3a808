//! Normal form of a content line, for comparing two objects: its parameters and its value in one spelling,
//! as a hash.

use std::hash::{DefaultHasher, Hasher};

use super::components::Component;
use super::lines::Line;

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

/// Buffers that are reused from line to line.
#[derive(Default)]
pub(super) struct Scratch {
    name: String,
    value: String,
}

impl Scratch {
    /// Returns the hash of a component within another, without its UID: servers give one to alarms.
    pub(super) fn within(&mut self, component: &Component<'_>) -> u64 {
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

    /// Calls `on_property` for each item of a line, with its name and the hash of its normalized parameters
    /// and value.
    pub(super) fn normal(&mut self, line: &Line<'_>, on_property: &mut dyn FnMut(&str, u64)) {
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

/// Returns a hash of `parts` that is the same in every run of one build.
pub(super) fn hash(parts: &[&[u8]]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish()
}
