//! Splitting and editing of iCalendar texts, checked with an independent parser (`icalendar`): the output has the same
//! components with the same UIDs. Inputs that this parser refuses are counted and printed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use caldav::ical::edit::{Part, split, with_schedule_agent, with_uid};
use icalendar::parser::{Component, read_calendar_simple, unfold};
use support::Random;

/// Number of generated calendars.
const CALENDARS: usize = 3000;
const SEED: u64 = 5545;

/// A component as `icalendar` reads it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    kind: String,
    /// UID; none if the component has no UID.
    uid: Option<String>,
    recurrence: Option<String>,
    /// Organizer and attendees: the property's name, its value, and its `SCHEDULE-AGENT`.
    people: Vec<(String, String, Option<String>)>,
    /// UID of each alarm, if it has one.
    alarms: Vec<Option<String>>,
}

fn value(component: &Component<'_>, name: &str) -> Option<String> {
    component.find_prop(name).map(|property| property.val.as_str().trim().to_owned())
}

fn seen(component: &Component<'_>) -> Seen {
    let agent = |property: &icalendar::parser::Property<'_>| {
        let all = property.params.iter();
        let mut own = all.filter(|parameter| parameter.key.as_str().eq_ignore_ascii_case("SCHEDULE-AGENT"));
        own.next().and_then(|parameter| parameter.val.as_ref()).map(|value| value.as_str().to_owned())
    };
    let people = component.properties.iter().filter(|property| {
        ["ORGANIZER", "ATTENDEE"].iter().any(|name| property.name.as_str().eq_ignore_ascii_case(name))
    });
    Seen {
        kind: component.name.as_str().to_owned(),
        uid: value(component, "UID"),
        recurrence: value(component, "RECURRENCE-ID"),
        people: people
            .map(|property| {
                let name = property.name.as_str().to_ascii_uppercase();
                (name, property.val.as_str().to_owned(), agent(property))
            })
            .collect(),
        alarms: component.components.iter().map(|alarm| value(alarm, "UID")).collect(),
    }
}

/// Returns the components that `icalendar` reads, without time zones; none if it refuses the text.
fn read(text: &[u8]) -> Option<Vec<Seen>> {
    let text = std::str::from_utf8(text).ok()?;
    let text = unfold(text);
    let calendars = read_calendar_simple(&text).ok().filter(|calendars| !calendars.is_empty())?;
    let all = calendars.iter().flat_map(|calendar| &calendar.components);
    Some(all.filter(|component| component.name.as_str() != "VTIMEZONE").map(seen).collect())
}

/// Returns the components that `icalendar` reads, which must accept the text.
fn accepted(text: &[u8]) -> Vec<Seen> {
    read(text).unwrap_or_else(|| panic!("refused: {:?}", String::from_utf8_lossy(text)))
}

/// Checks one input. Returns false if `icalendar` refuses it.
fn agrees(text: &[u8]) -> bool {
    let Some(mut input) = read(text) else { return false };
    let shown = || String::from_utf8_lossy(text).into_owned();
    let Some(parts) = split(text) else {
        assert!(input.is_empty(), "not split: {}", shown());
        return true;
    };
    let mut output: Vec<Seen> = parts.iter().flat_map(|part| part_agrees(part, &shown())).collect();
    // Splitting gives a UID to each component without one.
    let given: Vec<&str> = parts.iter().map(|part| part.uid.as_str()).collect();
    for component in &mut output {
        let had = input.iter().any(|before| before.uid == component.uid);
        if !had {
            let uid = component.uid.take().unwrap();
            assert!(given.contains(&uid.as_str()), "{uid} is not the UID of any part: {}", shown());
        }
    }
    input.sort();
    output.sort();
    assert_eq!(input, output, "components of {}", shown());
    true
}

/// Checks one part and its edited versions, and returns its components.
fn part_agrees(part: &Part, shown: &str) -> Vec<Seen> {
    let own = accepted(&part.bytes);
    for component in &own {
        assert_eq!(component.uid.as_deref(), Some(part.uid.as_str()), "the UID of a part of {shown}");
    }
    let renamed = accepted(&with_uid(&part.bytes, "other@example"));
    let expected: Vec<Seen> =
        own.iter().map(|one| Seen { uid: Some("other@example".to_owned()), ..one.clone() }).collect();
    assert_eq!(renamed, expected, "with another UID: {shown}");

    let quiet = accepted(&with_schedule_agent(&part.bytes));
    let expected: Vec<Seen> = own.iter().cloned().map(with_agents).collect();
    assert_eq!(quiet, expected, "with agents: {shown}");
    own
}

/// Adds the agent `CLIENT` to the organizer and to attendees without an agent.
fn with_agents(mut component: Seen) -> Seen {
    for (_, _, agent) in &mut component.people {
        agent.get_or_insert_with(|| "CLIENT".to_owned());
    }
    component
}

const WORDS: &[&str] =
    &["Lunch", "with", "\\n", "\\,", "é", "日本", " ", ";", ":", "😀", "a-long-word-for-folding"];

/// Folds a line at random places (RFC 5545, section 3.1).
fn folded(random: &mut Random, line: &str, end: &str) -> String {
    let mut out = String::new();
    for (at, character) in line.chars().enumerate() {
        if at > 12 && random.once_in(20) {
            out += &format!("{end} ");
        }
        out.push(character);
    }
    out + end
}

fn person(random: &mut Random, name: &str) -> String {
    let parameter = random.one_of(&[
        "",
        ";CN=Me",
        ";CN=\"Doe, Jane: the 2nd; esq.\"",
        ";SCHEDULE-AGENT=NONE",
        ";PARTSTAT=ACCEPTED;RSVP=TRUE",
        ";ROLE=REQ-PARTICIPANT;CN=Ünal",
    ]);
    format!("{name}{parameter}:mailto:{}@example.org", random.below(9))
}

fn component(random: &mut Random, end: &str) -> String {
    let kind = random.one_of(&["VEVENT", "VEVENT", "VTODO", "VJOURNAL"]);
    let mut lines = vec![format!("BEGIN:{kind}")];
    let uid = random.below(6);
    if uid > 0 {
        lines.push(format!("UID:{}-{uid}@example.org", random.one_of(&["a", "ü", "{2F}"])));
    }
    lines.push("DTSTAMP:20260101T000000Z".to_owned());
    if random.once_in(3) {
        lines.push(format!("RECURRENCE-ID:202601{:02}T100000Z", 1 + random.below(28)));
    }
    lines
        .push(format!("DTSTART;TZID={}:20260301T100000", random.one_of(&["Europe/Berlin", "Custom \u{e9}"])));
    lines.push(format!("SUMMARY:{}", random.text(12, WORDS)));
    if random.once_in(2) {
        lines.push(person(random, "ORGANIZER"));
        lines.extend((0..random.below(3)).map(|_| person(random, "ATTENDEE")));
    }
    if random.once_in(4) {
        lines.extend(["BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M"].map(str::to_owned));
        if random.once_in(2) {
            lines.push("UID:alarm@example.org".to_owned());
        }
        lines.push("END:VALARM".to_owned());
    }
    // Every parser refuses this line.
    if random.once_in(100) {
        lines.push("a line that is none".to_owned());
    }
    lines.push(format!("END:{kind}"));
    lines.iter().map(|line| folded(random, line, end)).collect()
}

fn calendar(random: &mut Random) -> String {
    let end = random.one_of(&["\r\n", "\r\n", "\n"]);
    let mut text =
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN"].map(|line| [line, end].concat()).concat();
    for line in ["METHOD:PUBLISH", "X-WR-CALNAME:Work", "CALSCALE:GREGORIAN"] {
        if random.once_in(3) {
            text += &[line, end].concat();
        }
    }
    for zone in ["Europe/Berlin", "Custom \u{e9}"] {
        if random.once_in(2) {
            let rest =
                ["BEGIN:STANDARD", "DTSTART:19701025T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100"];
            let lines = [
                &["BEGIN:VTIMEZONE", &format!("TZID:{zone}")],
                rest.as_slice(),
                &["END:STANDARD", "END:VTIMEZONE"],
            ];
            text += &lines.concat().iter().map(|line| [line, end].concat()).collect::<String>();
        }
    }
    for _ in 0..=random.below(4) {
        text += &component(random, end);
    }
    text + "END:VCALENDAR" + end
}

#[test]
fn made_up_calendars_are_split_and_edited_as_another_parser_reads_them() {
    let mut random = Random::new(SEED);
    let refused = (0..CALENDARS).filter(|_| !agrees(calendar(&mut random).as_bytes())).count();
    println!("icalendar refuses {refused} of {CALENDARS} generated calendars");
    assert!(refused < CALENDARS / 10, "icalendar refuses too many of the inputs: {refused}");
}

/// Texts as calendar programs write them, with the name of the program.
const SAMPLES: [(&str, &str); 6] = [
    (
        "Apple Calendar",
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Apple Inc.//macOS 15.1//EN\r\nCALSCALE:GREGORIAN\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Paris\r\nBEGIN:DAYLIGHT\r\nTZOFFSETFROM:+0100\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nDTSTART:19810329T020000\r\nTZNAME:UTC+2\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nCREATED:20260101T000000Z\r\nUID:5B1C-A\r\nDTEND;TZID=Europe/Paris:20260301T110000\r\nSUMMARY:Déjeuner\r\nX-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS=\"1 rue de Rivoli\\n75001 \r\n Paris\";X-APPLE-RADIUS=70;X-TITLE=Louvre:geo:48.860611,2.337644\r\nDTSTART;TZID=Europe/Paris:20260301T100000\r\nDTSTAMP:20260101T000000Z\r\nSEQUENCE:0\r\nBEGIN:VALARM\r\nX-WR-ALARMUID:9A\r\nUID:9A\r\nTRIGGER:-PT15M\r\nDESCRIPTION:Reminder\r\nACTION:DISPLAY\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    ),
    (
        "Google Calendar, an export",
        "BEGIN:VCALENDAR\r\nPRODID:-//Google Inc//Google Calendar 70.9054//EN\r\nVERSION:2.0\r\nCALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\nX-WR-CALNAME:alice@example.org\r\nX-WR-TIMEZONE:Europe/Berlin\r\nBEGIN:VEVENT\r\nDTSTART:20260301T100000Z\r\nDTEND:20260301T110000Z\r\nDTSTAMP:20260105T080000Z\r\nORGANIZER;CN=Alice:mailto:alice@example.org\r\nUID:abc123@google.com\r\nATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=bob@exam\r\n ple.org;X-NUM-GUESTS=0:mailto:bob@example.org\r\nSUMMARY:Plan\\, and more\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20260501\r\nDTSTAMP:20260105T080000Z\r\nUID:def456@google.com\r\nSUMMARY:Holiday\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    ),
    (
        "Outlook, a meeting request",
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nPRODID:Microsoft Exchange Server 2010\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:W. Europe Standard Time\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nORGANIZER;CN=\"Doe, Jane\":mailto:jane@example.org\r\nATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=Bob:mailto:b\r\n ob@example.org\r\nDESCRIPTION;LANGUAGE=en-US:\\n\\n\r\nUID:040000008200E00074C5B7101A82E00800000000\r\nSUMMARY;LANGUAGE=en-US:Review\r\nDTSTART;TZID=W. Europe Standard Time:20260301T100000\r\nDTEND;TZID=W. Europe Standard Time:20260301T110000\r\nCLASS:PUBLIC\r\nDTSTAMP:20260105T080000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    ),
    (
        "Thunderbird, a series with a moved event",
        "BEGIN:VCALENDAR\r\nPRODID:-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nCREATED:20260101T000000Z\r\nDTSTAMP:20260105T080000Z\r\nUID:f3a5-series\r\nSUMMARY:Weekly\r\nRRULE:FREQ=WEEKLY\r\nEXDATE:20260202T100000Z\r\nDTSTART:20260105T100000Z\r\nX-MOZ-GENERATION:3\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTAMP:20260105T080000Z\r\nUID:f3a5-series\r\nRECURRENCE-ID:20260112T100000Z\r\nDTSTART:20260112T140000Z\r\nSUMMARY:Weekly\\, moved\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    ),
    (
        "Nextcloud Tasks",
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Nextcloud Tasks v0.16\nBEGIN:VTODO\nUID:7d2c-parent\nCREATED:20260101T000000\nLAST-MODIFIED:20260101T000000\nDTSTAMP:20260101T000000\nSUMMARY:Paint the fence\nEND:VTODO\nBEGIN:VTODO\nUID:7d2c-child\nRELATED-TO:7d2c-parent\nDTSTAMP:20260101T000000\nSUMMARY:Buy paint\nPERCENT-COMPLETE:50\nEND:VTODO\nEND:VCALENDAR\n",
    ),
    (
        "a calendar without UIDs",
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//hand//written//EN\r\nBEGIN:VEVENT\r\nDTSTART:20260301T100000Z\r\nSUMMARY:One\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nDTSTART:20260302T100000Z\r\nSUMMARY:Two\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    ),
];

#[test]
fn what_programs_write_is_split_and_edited_as_another_parser_reads_it() {
    let refused: Vec<&str> =
        SAMPLES.iter().filter(|(_, text)| !agrees(text.as_bytes())).map(|(program, _)| *program).collect();
    println!("icalendar refuses {} of {} samples: {refused:?}", refused.len(), SAMPLES.len());
    assert!(refused.is_empty(), "{refused:?}");
}
