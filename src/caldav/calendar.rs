//! A calendar collection and its properties, as PROPFIND describes them (RFC 4791 4.2, 5.2).
//!
//! To keep one more property: name it in `dav_xml`, add it to [`Properties`], to `PROPERTIES` and to
//! `Properties::of` here, and to the list of updates in `destination/properties.rs`, so that a restore sets
//! it. `.caldav.json` follows [`Properties`].

use dav_xml::{Name, Response};
use serde::{Deserialize, Serialize};

use crate::http::Target;

/// A calendar collection (RFC 4791 4.2).
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Target of the collection; ends with a slash.
    pub target: Target,
    /// Properties that a backup keeps.
    pub properties: Properties,
    /// Whether the account may write to it (RFC 3744 5.5). True if the server does not report privileges.
    pub writable: bool,
}

/// The properties of a calendar that a restore needs, as the server gave them; none for those it does not
/// have. The order of the fields is their order in `.caldav.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Properties {
    /// `displayname` (RFC 4918 15.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub displayname: Option<String>,
    /// `calendar-description` (RFC 4791 5.2.1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `calendar-color` (Apple), as spelt by the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// `calendar-order` (Apple).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// `supported-calendar-component-set` (RFC 4791 5.2.3), sorted; empty means any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// `calendar-timezone` (RFC 4791 5.2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// `calendar-timezone-id` (RFC 7809 5.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone_id: Option<String>,
    /// `schedule-calendar-transp` (RFC 6638 9.1): `opaque` or `transparent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transparency: Option<String>,
    /// `default-alarm-vevent-datetime` (draft-daboo-valarm-extensions 10): the alarm of timed events, as
    /// iCalendar text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_alarm_timed: Option<String>,
    /// `default-alarm-vevent-date` (draft-daboo-valarm-extensions 10): the alarm of all-day events, as
    /// iCalendar text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_alarm_date: Option<String>,
    /// The source of a subscribed calendar (CalendarServer extension); none for an ordinary calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Subscription>,
}

/// A calendar that the server copies from another address (CalendarServer extension).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscription {
    /// The address; empty if the server does not report it.
    pub source: String,
    /// How often the server fetches it: a duration such as `P1D`, in the server's spelling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_rate: Option<String>,
    /// Whether alarms are left out.
    pub strip_alarms: bool,
    /// Whether attachments are left out.
    pub strip_attachments: bool,
    /// Whether tasks are left out.
    pub strip_todos: bool,
}

/// The properties to ask for, so that [`Calendar::of`] has all of them.
pub(super) const PROPERTIES: [Name; 18] = [
    Name::ResourceType,
    Name::DisplayName,
    Name::CalendarDescription,
    Name::CalendarColor,
    Name::CalendarOrder,
    Name::SupportedComponents,
    Name::CalendarTimezone,
    Name::CalendarTimezoneId,
    Name::ScheduleCalendarTransp,
    Name::DefaultAlarmTimed,
    Name::DefaultAlarmDate,
    Name::Source,
    Name::RefreshRate,
    Name::StripAlarms,
    Name::StripAttachments,
    Name::StripTodos,
    Name::CurrentUserPrivilegeSet,
    Name::GetEtag,
];

impl Calendar {
    /// Reads the calendar at `target` from its response. Its resource type is not looked at.
    #[must_use]
    pub fn of(target: &Target, response: &Response) -> Self {
        let properties = Properties::of(response);
        Self { target: target.as_collection(), writable: is_writable(response), properties }
    }
}

impl Properties {
    fn of(response: &Response) -> Self {
        let text = |name| response.text(name).map(str::to_owned);
        // The only one whose white space counts: it holds lines of iCalendar.
        let timezone = response.property(Name::CalendarTimezone).map(|element| element.text.clone());
        Self {
            displayname: text(Name::DisplayName),
            description: text(Name::CalendarDescription),
            color: text(Name::CalendarColor),
            order: text(Name::CalendarOrder),
            components: components(response),
            timezone: timezone.filter(|text| !text.trim().is_empty()),
            timezone_id: text(Name::CalendarTimezoneId),
            transparency: transparency(response).map(str::to_owned),
            default_alarm_timed: text(Name::DefaultAlarmTimed),
            default_alarm_date: text(Name::DefaultAlarmDate),
            subscription: Subscription::of(response),
        }
    }
}

impl Subscription {
    /// A collection is a subscription by its resource type, or because it has a source.
    fn of(response: &Response) -> Option<Self> {
        let has = |name| response.property(name).is_some();
        let text = |name| response.text(name).map(str::to_owned);
        let source = response.property(Name::Source);
        let source = source.and_then(|s| s.hrefs().next().map(str::to_owned).or_else(|| text(Name::Source)));
        (response.is(Name::Subscribed) || source.is_some()).then(|| Self {
            source: source.unwrap_or_default(),
            refresh_rate: text(Name::RefreshRate),
            strip_alarms: has(Name::StripAlarms),
            strip_attachments: has(Name::StripAttachments),
            strip_todos: has(Name::StripTodos),
        })
    }
}

/// Returns the kinds of the component set in upper case, sorted and without repetitions.
fn components(response: &Response) -> Vec<String> {
    let set = response.property(Name::SupportedComponents);
    let names = set.into_iter().flat_map(|set| &set.children).filter_map(|comp| comp.attribute.as_ref());
    let mut kinds: Vec<String> = names.map(|name| name.to_ascii_uppercase()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Returns whether the calendar counts for free-busy (RFC 6638 9.1), if the server reports it.
fn transparency(response: &Response) -> Option<&'static str> {
    let value = response.property(Name::ScheduleCalendarTransp)?;
    let is = |name| value.child(name).is_some();
    if is(Name::Transparent) { Some("transparent") } else { is(Name::Opaque).then_some("opaque") }
}

/// Returns true if the account has a privilege that includes adding members (RFC 3744 3), or if none is
/// reported.
fn is_writable(response: &Response) -> bool {
    let Some(set) = response.property(Name::CurrentUserPrivilegeSet) else { return true };
    let writing =
        [Name::PrivilegeAll, Name::PrivilegeWrite, Name::PrivilegeWriteContent, Name::PrivilegeBind];
    set.children
        .iter()
        .filter(|c| c.name == Name::Privilege)
        .any(|p| writing.iter().any(|name| p.child(*name).is_some()))
}
