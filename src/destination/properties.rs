//! The properties of a calendar: what there should be, what there is, and one request for each that differs.

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

/// One property: what it is called here, what there is, what there should be, and how to say so.
struct Wish {
    label: &'static str,
    is_met: fn(&Properties, &Properties) -> bool,
    element: Option<String>,
}

fn wishes(wanted: &Properties) -> Vec<Wish> {
    let text = |name: Name, value: &Option<String>| value.as_ref().map(|value| element(name, &escape(value)));
    let transparency = wanted.transparency.as_ref().map(|value| {
        let kind = if value == "transparent" { Name::Transparent } else { Name::Opaque };
        element(Name::ScheduleCalendarTransp, &empty_element(kind))
    });
    let wish = |label, is_met, element| Wish { label, is_met, element };
    vec![
        wish(
            "displayname",
            |a, b| a.displayname == b.displayname,
            text(Name::DisplayName, &wanted.displayname),
        ),
        wish(
            "description",
            |a, b| same_text(a.description.as_ref(), b.description.as_ref()),
            text(Name::CalendarDescription, &wanted.description),
        ),
        wish(
            "color",
            |a, b| same_color(a.color.as_ref(), b.color.as_ref()),
            text(Name::CalendarColor, &wanted.color),
        ),
        wish("order", |a, b| a.order == b.order, text(Name::CalendarOrder, &wanted.order)),
        wish(
            "timezone",
            |a, b| same_zone(a.timezone.as_ref(), b.timezone.as_ref()),
            text(Name::CalendarTimezone, &wanted.timezone),
        ),
        wish(
            "timezone id",
            |a, b| a.timezone_id == b.timezone_id,
            text(Name::CalendarTimezoneId, &wanted.timezone_id),
        ),
        wish("transparency", |a, b| a.transparency == b.transparency, transparency),
        wish(
            "default alarm",
            |a, b| same_text(a.default_alarm_timed.as_ref(), b.default_alarm_timed.as_ref()),
            text(Name::DefaultAlarmTimed, &wanted.default_alarm_timed),
        ),
        wish(
            "default alarm of days",
            |a, b| same_text(a.default_alarm_date.as_ref(), b.default_alarm_date.as_ref()),
            text(Name::DefaultAlarmDate, &wanted.default_alarm_date),
        ),
    ]
}

fn same_text(a: Option<&String>, b: Option<&String>) -> bool {
    let words =
        |text: Option<&String>| text.map(|t| t.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words(a) == words(b)
}

fn same_color(a: Option<&String>, b: Option<&String>) -> bool {
    let plain = |text: Option<&String>| text.map(|t| vdir_color(t).unwrap_or_else(|| t.to_ascii_lowercase()));
    plain(a) == plain(b)
}

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

/// Gives a calendar its properties, one request each, and sees which of them stayed. Answers whether
/// anything was changed, and which properties the server did not keep.
pub(super) async fn describe(
    session: &Session,
    collection: &Collection,
    wanted: &Properties,
    dry_run: bool,
) -> Result<(bool, Vec<&'static str>)> {
    let mut lost = Vec::new();
    let now = &collection.calendar.properties;
    let target = &collection.calendar.target;
    let mut wishes = wishes(wanted);
    wishes.retain(|wish| wish.element.is_some() && !(wish.is_met)(wanted, now));
    if collection.is_new && !wanted.components.is_empty() && wanted.components != now.components {
        lost.push("component set");
    }
    if wishes.is_empty() || dry_run {
        return Ok((!wishes.is_empty(), if dry_run { Vec::new() } else { lost }));
    }
    for wish in &wishes {
        let Some(element) = &wish.element else { continue };
        match session.send(proppatch::request(target.clone(), element)).await {
            Ok(_) | Err(SendError::Refused { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let read = calendars::list(session, target, Depth::Zero).await?;
    let after = read.calendars.first().map(|calendar| &calendar.properties);
    let kept = |wish: &Wish| after.is_some_and(|after| (wish.is_met)(wanted, after));
    let any_kept = wishes.iter().any(kept);
    lost.extend(wishes.iter().filter(|wish| !kept(wish)).map(|wish| wish.label));
    Ok((any_kept, lost))
}
