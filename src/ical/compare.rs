//! Comparing calendar objects by their content, to find out whether a server has what it was sent.
//!
//! Servers rewrite objects: they change the order, the folding and the escapes, spell out defaults, put lists
//! on one line or on several, replace time zones, renew time stamps, and add X- properties of their own. The
//! comparison ignores all of that, and nothing else.

use super::components::calendars;
use super::normalize::{Scratch, hash};

/// The content of an object without the differences that do not count. The properties are kept as hashes
/// alone; when two objects differ, [`Difference`] names the properties from the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Normalized {
    fingerprint: Fingerprint,
    /// The UIDs of its components, sorted and without repetitions.
    pub uids: Vec<String>,
    /// Whether it has an ATTENDEE: writing it may send invitations.
    pub has_attendees: bool,
}

/// The part of [`Normalized`] that is enough to compare two objects. Small, because a restore keeps one for
/// each object of a calendar.
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
    /// Properties of the second object that the first does not have, or has with another value; without X-
    /// properties.
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
    /// Name, such as `LOCATION`.
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
