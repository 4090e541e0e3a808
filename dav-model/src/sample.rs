//! Generated objects for accounts of any size.

use bytes::Bytes;

/// Returns an event of about 700 bytes.
#[must_use]
pub fn object(uid: &str) -> Bytes {
    let words = "words & more words \\n ".repeat(22);
    Bytes::from(format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//plakar-caldav//fake//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260301T100000Z\r\nDTEND:20260301T110000Z\r\nSUMMARY:Number {uid}\r\nDESCRIPTION:{words}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ))
}

/// Returns the name of the object with this number in its calendar, such as `000007.ics`.
#[must_use]
pub fn object_name(number: usize) -> String {
    format!("{number:06}.ics")
}
