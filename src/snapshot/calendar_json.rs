//! `.caldav.json`: everything about a calendar that a restore needs and the vdir format has no place for.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::caldav::calendar::Properties;

/// The version of the format that this code writes; it reads this one and older ones.
const FORMAT: u32 = 1;

/// The content of `.caldav.json`. Field order is file order. Nothing in it changes unless the calendar
/// changes, so an unchanged calendar has the same bytes in every backup.
///
/// Fields that are missing are empty, and unknown fields are ignored: backups are read by later versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CalendarJson {
    format: u32,
    /// `calendar` or `subscription`: for people and other programs, because the properties say it too.
    kind: String,
    /// The path of the calendar on the server it was read from; empty if unknown.
    pub(crate) href: String,
    /// Properties, as the server sent them.
    pub(crate) properties: Properties,
    /// File names that cannot be converted back to segments of hrefs, each with its segment.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) names: BTreeMap<String, String>,
}

/// Reason for which bytes cannot be used as `.caldav.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CalendarJsonError {
    /// The bytes are not JSON, or not of this structure.
    #[error("not a valid .caldav.json")]
    Damaged,
    /// A later version of this program wrote them.
    #[error(".caldav.json has format {0}; this version supports only {FORMAT}")]
    Newer(u32),
}

impl CalendarJson {
    /// The name of the file.
    pub(crate) const NAME: &'static str = ".caldav.json";

    /// Describes a calendar. `names` are those of [`Self::names`].
    pub(crate) fn new(href: &str, properties: &Properties, names: BTreeMap<String, String>) -> Self {
        let kind = if properties.subscription.is_some() { "subscription" } else { "calendar" };
        Self {
            format: FORMAT,
            kind: kind.to_owned(),
            href: href.to_owned(),
            properties: properties.clone(),
            names,
        }
    }

    /// Returns the content of the file.
    pub(crate) fn to_bytes(&self) -> Bytes {
        // Strings and numbers cannot fail to become JSON.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        Bytes::from(json)
    }

    /// Parses the content of the file.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, CalendarJsonError> {
        let parsed: Self = serde_json::from_slice(bytes).map_err(|_| CalendarJsonError::Damaged)?;
        if parsed.format > FORMAT { Err(CalendarJsonError::Newer(parsed.format)) } else { Ok(parsed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caldav::calendar::Subscription;

    fn everything() -> Properties {
        let text = |text: &str| Some(text.to_owned());
        Properties {
            displayname: text("Wörk"),
            description: text("line one\nline \"two\""),
            color: text("#ff00aaFF"),
            order: text("3"),
            components: vec!["VEVENT".to_owned(), "VTODO".to_owned()],
            timezone: text("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"),
            timezone_id: text("Europe/Berlin"),
            transparency: text("opaque"),
            default_alarm_timed: text("a"),
            default_alarm_date: text("b"),
            subscription: Some(Subscription {
                source: "https://x/h.ics".to_owned(),
                refresh_rate: text("P1D"),
                strip_alarms: true,
                strip_attachments: false,
                strip_todos: true,
            }),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let names = BTreeMap::from([("a~01234567.ics".to_owned(), "A.ics".to_owned())]);
        for properties in [Properties::default(), everything()] {
            for names in [BTreeMap::new(), names.clone()] {
                let json = CalendarJson::new("/cal/w%20k/", &properties, names);
                assert_eq!(CalendarJson::parse(&json.to_bytes()), Ok(json));
            }
        }
    }

    #[test]
    fn the_first_format_does_not_change() {
        let properties = Properties { displayname: Some("Work".to_owned()), ..Properties::default() };
        let json = CalendarJson::new("/cal/work/", &properties, BTreeMap::new());
        let expected = "{\n  \"format\": 1,\n  \"kind\": \"calendar\",\n  \"href\": \"/cal/work/\",\n  \"properties\": {\n    \"displayname\": \"Work\"\n  }\n}\n";
        assert_eq!(json.to_bytes(), expected);
    }

    #[test]
    fn unknown_fields_and_missing_ones_are_accepted() {
        let json =
            CalendarJson::parse(br#"{"format":1,"href":"/x/","later":[1],"properties":{"new":1}}"#).unwrap();
        assert_eq!((json.href.as_str(), json.properties), ("/x/", Properties::default()));
        assert_eq!(CalendarJson::parse(b"{}"), Ok(CalendarJson::default()));
    }

    #[test]
    fn damaged_and_newer_files_are_refused() {
        for damaged in
            ["", "{", "7", "\"text\"", r#"{"href":5}"#, r#"{"properties":7}"#, r#"{"names":{"a":1}}"#]
        {
            assert_eq!(CalendarJson::parse(damaged.as_bytes()), Err(CalendarJsonError::Damaged), "{damaged}");
        }
        let whole = CalendarJson::new("/cal/", &everything(), BTreeMap::new()).to_bytes();
        assert_eq!(CalendarJson::parse(&whole[..whole.len() / 2]), Err(CalendarJsonError::Damaged));
        assert_eq!(CalendarJson::parse(br#"{"format":2}"#), Err(CalendarJsonError::Newer(2)));
        assert_eq!(
            CalendarJsonError::Newer(2).to_string(),
            ".caldav.json has format 2; this version supports only 1"
        );
    }
}
