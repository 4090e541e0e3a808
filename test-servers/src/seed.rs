//! A generated account to back up: three calendars with about two hundred objects of every kind.

use std::fmt::Write;

use crate::client::Client;

/// A calendar: its name, its properties for MKCALENDAR, and its objects by file name.
pub struct Calendar {
    /// Last segment of the calendar's path.
    pub name: &'static str,
    /// XML inside of `prop`, with the prefixes of `Client::mkcalendar`.
    pub properties: String,
    /// File names, as path segments, and texts.
    pub objects: Vec<(String, String)>,
}

fn properties(name: &str, description: &str, color: &str, kinds: &[&str]) -> String {
    let kinds: String = kinds.iter().map(|kind| format!("<C:comp name=\"{kind}\"/>")).collect();
    format!(
        "<D:displayname>{name}</D:displayname><C:calendar-description>{description}</C:calendar-description><A:calendar-color>{color}</A:calendar-color><C:supported-calendar-component-set>{kinds}</C:supported-calendar-component-set>"
    )
}

/// Returns a calendar object with one component, given as text.
#[must_use]
pub fn object(component: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//plakar-caldav//seed//EN\r\n{component}END:VCALENDAR\r\n"
    )
}

/// Returns an event. `more` are further lines, each with CRLF.
#[must_use]
pub fn event(uid: &str, summary: &str, more: &str) -> String {
    object(&format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260105T080000Z\r\nDTSTART:20260310T090000Z\r\nDTEND:20260310T100000Z\r\nSUMMARY:{summary}\r\n{more}END:VEVENT\r\n"
    ))
}

/// Returns the account. Its calendar `work` has one more event for each of `odd_names`.
#[must_use]
pub fn account(odd_names: &[&str]) -> Vec<Calendar> {
    vec![work(odd_names), family(), tasks()]
}

fn work(odd_names: &[&str]) -> Calendar {
    let mut objects: Vec<(String, String)> = (0..110)
        .map(|i| {
            (
                format!("meeting-{i:03}.ics"),
                event(&format!("meeting-{i}@seed"), &format!("Meeting {i}"), "LOCATION:Room 1\r\n"),
            )
        })
        .collect();
    objects.push((
        "weekly.ics".to_owned(),
        object(concat!(
            "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n",
            "BEGIN:VEVENT\r\nUID:weekly@seed\r\nDTSTAMP:20260105T080000Z\r\nDTSTART;TZID=Europe/Berlin:20260105T100000\r\nDTEND;TZID=Europe/Berlin:20260105T110000\r\nRRULE:FREQ=WEEKLY;COUNT=10\r\nSUMMARY:Weekly\r\nEND:VEVENT\r\n",
            "BEGIN:VEVENT\r\nUID:weekly@seed\r\nDTSTAMP:20260105T080000Z\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260112T100000\r\nDTSTART;TZID=Europe/Berlin:20260112T140000\r\nDTEND;TZID=Europe/Berlin:20260112T150000\r\nSUMMARY:Weekly\\, moved\r\nEND:VEVENT\r\n",
        )),
    ));
    objects
        .push(("attachment.ics".to_owned(), event("attachment@seed", "With a file", &attachment(1 << 20))));
    objects.push((format!("{}.ics", "long-name-".repeat(21)), event("long@seed", "A name of 214 bytes", "")));
    for (number, name) in odd_names.iter().enumerate() {
        objects.push(((*name).to_owned(), event(&format!("odd-{number}@seed"), "An odd name", "")));
    }
    Calendar {
        name: "work",
        properties: properties(
            "Work &amp; meetings",
            "What pays",
            "#1E90FFFF",
            &["VEVENT", "VTODO", "VJOURNAL"],
        ),
        objects,
    }
}

fn family() -> Calendar {
    let texts = ["Zahnarzt", "Fête d’école", "誕生日", "Ужин", "🎂 birthday"];
    let mut objects: Vec<(String, String)> = (0..50)
        .map(|i| {
            (
                format!("family-{i:02}.ics"),
                event(
                    &format!("family-{i}@seed"),
                    texts[i % texts.len()],
                    "DESCRIPTION:one\\ntwo\\, three\r\n",
                ),
            )
        })
        .collect();
    objects.push(("birthday.ics".to_owned(), object("BEGIN:VEVENT\r\nUID:birthday@seed\r\nDTSTAMP:20260105T080000Z\r\nDTSTART;VALUE=DATE:20260501\r\nRRULE:FREQ=YEARLY\r\nSUMMARY:Birthday\r\nTRANSP:TRANSPARENT\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Soon\r\nTRIGGER:-P1D\r\nEND:VALARM\r\nEND:VEVENT\r\n")));
    Calendar {
        name: "family",
        properties: properties(
            "Family",
            "Everybody&#10;at home",
            "#32CD32FF",
            &["VEVENT", "VTODO", "VJOURNAL"],
        ),
        objects,
    }
}

fn tasks() -> Calendar {
    let task = |i: usize| {
        object(&format!(
            "BEGIN:VTODO\r\nUID:task-{i}@seed\r\nDTSTAMP:20260105T080000Z\r\nSUMMARY:Task {i}\r\nDUE:20260401T120000Z\r\nPRIORITY:5\r\nSTATUS:NEEDS-ACTION\r\nEND:VTODO\r\n"
        ))
    };
    let note = |i: usize| {
        object(&format!(
            "BEGIN:VJOURNAL\r\nUID:note-{i}@seed\r\nDTSTAMP:20260105T080000Z\r\nDTSTART;VALUE=DATE:20260201\r\nSUMMARY:Note {i}\r\nDESCRIPTION:Dear diary\r\nEND:VJOURNAL\r\n"
        ))
    };
    let tasks = (0..30).map(|i| (format!("task-{i:02}.ics"), task(i)));
    let notes = (0..5).map(|i| (format!("note-{i}.ics"), note(i)));
    Calendar {
        name: "tasks",
        properties: properties("Tasks", "To do", "#FF8C00FF", &["VTODO", "VJOURNAL"]),
        objects: tasks.chain(notes).collect(),
    }
}

/// Returns a property of about `bytes` bytes, folded (RFC 5545, section 3.1).
fn attachment(bytes: usize) -> String {
    let mut text = String::from("ATTACH;ENCODING=BASE64;VALUE=BINARY:");
    let mut left = bytes;
    while left > 0 {
        // Arbitrary Base64 in lines of 72 characters.
        write!(text, "\r\n {}", "QUJD".repeat(18)).ok();
        left = left.saturating_sub(75);
    }
    text + "\r\n"
}

/// Creates the account's calendars and objects on a server, below the calendar home set `home`.
pub async fn plant(client: &Client, home: &str, account: &[Calendar]) -> anyhow::Result<()> {
    for calendar in account {
        let path = format!("{home}{}/", calendar.name);
        client.mkcalendar(&path, &calendar.properties).await?;
        for (name, text) in &calendar.objects {
            client.put(&format!("{path}{name}"), text.clone()).await?;
        }
    }
    Ok(())
}
