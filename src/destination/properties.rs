//! The properties of a calendar: what the backup has is compared with what the server has, and each one that
//! differs gets a request of its own, because a server that refuses one property refuses all of a request.

use dav_xml::{Name, element, empty_element, escape};

use super::calendar::Collection;
use crate::account::calendars;
use crate::caldav::calendar::Properties;
use crate::error::Result;
use crate::ical::components;
use crate::session::{SendError, Session};
use crate::snapshot::vdir::vdir_color;
use crate::webdav::propfind::Depth;
use crate::webdav::proppatch;

/// Result of setting the properties of a calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PropertyReport {
    /// Whether any property has changed; in a dry run, whether any would.
    pub(super) changed: bool,
    /// Names, for people, of the properties that the server did not keep.
    pub(super) not_kept: Vec<&'static str>,
}

/// One property that the backup has a value for.
struct PropertyUpdate {
    /// Name for people.
    label: &'static str,
    /// Returns true if both sets of properties have the same value.
    matches: fn(&Properties, &Properties) -> bool,
    /// The XML that sets it; none if the backup has no value.
    element: Option<String>,
}

/// Sets the properties of a calendar that differ from `wanted`, and reads back which of them the server has
/// kept.
///
/// # Errors
/// What the session reports; the refusal of a single property is not an error.
pub(super) async fn apply_properties(
    session: &Session,
    collection: &Collection,
    wanted: &Properties,
    dry_run: bool,
) -> Result<PropertyReport> {
    let now = &collection.calendar.properties;
    let target = &collection.calendar.target;
    let mut updates = Vec::from(property_updates(wanted));
    updates.retain(|update| update.element.is_some() && !(update.matches)(wanted, now));
    if dry_run {
        return Ok(PropertyReport { changed: !updates.is_empty(), not_kept: Vec::new() });
    }
    let mut report = PropertyReport::default();
    // Only the request that makes a calendar can set it.
    if collection.is_new && !wanted.components.is_empty() && wanted.components != now.components {
        report.not_kept.push("component set");
    }
    if updates.is_empty() {
        return Ok(report);
    }
    for element in updates.iter().filter_map(|update| update.element.as_ref()) {
        match session.send(proppatch::request(target.clone(), element)).await {
            Ok(_) | Err(SendError::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let read = calendars::list(session, target, Depth::Zero).await?;
    let after = read.calendars.first().map(|calendar| &calendar.properties);
    for update in &updates {
        if after.is_some_and(|after| (update.matches)(wanted, after)) {
            report.changed = true;
        } else {
            report.not_kept.push(update.label);
        }
    }
    Ok(report)
}

fn property_updates(wanted: &Properties) -> [PropertyUpdate; 9] {
    let text = |name: Name, value: &Option<String>| value.as_ref().map(|value| element(name, &escape(value)));
    let transparency = wanted.transparency.as_ref().map(|value| {
        let kind = if value == "transparent" { Name::Transparent } else { Name::Opaque };
        element(Name::ScheduleCalendarTransp, &empty_element(kind))
    });
    let update = |label, matches, element| PropertyUpdate { label, matches, element };
    [
        update(
            "displayname",
            |a, b| a.displayname == b.displayname,
            text(Name::DisplayName, &wanted.displayname),
        ),
        update(
            "description",
            |a, b| same_text(a.description.as_ref(), b.description.as_ref()),
            text(Name::CalendarDescription, &wanted.description),
        ),
        update(
            "color",
            |a, b| same_color(a.color.as_ref(), b.color.as_ref()),
            text(Name::CalendarColor, &wanted.color),
        ),
        update("order", |a, b| a.order == b.order, text(Name::CalendarOrder, &wanted.order)),
        update(
            "timezone",
            |a, b| same_zone(a.timezone.as_ref(), b.timezone.as_ref()),
            text(Name::CalendarTimezone, &wanted.timezone),
        ),
        update(
            "timezone id",
            |a, b| a.timezone_id == b.timezone_id,
            text(Name::CalendarTimezoneId, &wanted.timezone_id),
        ),
        update("transparency", |a, b| a.transparency == b.transparency, transparency),
        update(
            "default alarm",
            |a, b| same_text(a.default_alarm_timed.as_ref(), b.default_alarm_timed.as_ref()),
            text(Name::DefaultAlarmTimed, &wanted.default_alarm_timed),
        ),
        update(
            "default alarm of days",
            |a, b| same_text(a.default_alarm_date.as_ref(), b.default_alarm_date.as_ref()),
            text(Name::DefaultAlarmDate, &wanted.default_alarm_date),
        ),
    ]
}

/// Returns true if the texts have the same words: servers change line ends and spaces.
fn same_text(a: Option<&String>, b: Option<&String>) -> bool {
    let words =
        |text: Option<&String>| text.map(|t| t.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words(a) == words(b)
}

/// Returns true if the colors differ at most in spelling and alpha.
fn same_color(a: Option<&String>, b: Option<&String>) -> bool {
    let plain = |text: Option<&String>| text.map(|t| vdir_color(t).unwrap_or_else(|| t.to_ascii_lowercase()));
    plain(a) == plain(b)
}

/// Returns true if the time zones have the same TZID: servers replace the rules with their own.
fn same_zone(a: Option<&String>, b: Option<&String>) -> bool {
    let zone = |text: Option<&String>| {
        let text = text?;
        let all = components::calendars(text.as_bytes())?;
        all.iter().flat_map(|calendar| &calendar.children).find_map(|c| c.value("TZID"))
    };
    match (zone(a), zone(b)) {
        (None, None) => same_text(a, b),
        (a, b) => a == b,
    }
}
