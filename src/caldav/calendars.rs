//! The calendar collections of a home set, with all their properties (RFC 4791 4.2, 5.2).

use dav_xml::{Limits, Name, Response};
use serde::{Deserialize, Serialize};

use super::{multistatus, xml_error};
use crate::error::{Error, Kind, Result};
use crate::http::Target;
use crate::session::Session;
use crate::webdav::propfind::{Depth, propfind};

/// A calendar collection.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// Where it is; ends with a slash.
    pub target: Target,
    /// What the server says about it.
    pub properties: Properties,
    /// Whether the account may write to it; unknown counts as yes (RFC 3744 5.5).
    pub writable: bool,
}

/// The properties of a calendar that a restore needs, as the server gave them. The field order is the
/// order in the metadata file.
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
    /// Default alarm of timed events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_alarm_timed: Option<String>,
    /// Default alarm of all-day events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_alarm_date: Option<String>,
    /// Where a subscribed calendar comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Subscription>,
}

/// A calendar that the server fetches from elsewhere (CalendarServer extension).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscription {
    /// The address; empty when the server does not tell.
    pub source: String,
    /// How often to fetch it, as the server has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_rate: Option<String>,
    /// Leave alarms out.
    pub strip_alarms: bool,
    /// Leave attachments out.
    pub strip_attachments: bool,
    /// Leave tasks out.
    pub strip_todos: bool,
}

const QUESTIONS: [Name; 18] = [
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

/// What a home set holds.
#[derive(Debug, Default)]
pub struct Home {
    /// Its calendars, in the server's order.
    pub calendars: Vec<Calendar>,
    /// Collections that are no calendars: inbox, outbox, address books, a trash bin.
    pub others: Vec<Target>,
    /// Members that could not be read, with the status.
    pub failed: Vec<(Target, u16)>,
}

/// Lists a home set; or, with `Depth::Zero`, describes one calendar.
pub async fn list(session: &Session, home: &Target, depth: Depth) -> Result<Home> {
    let answer = session.send(propfind(home.clone(), depth, &QUESTIONS)).await?;
    let (target, mut multistatus) = multistatus(answer, Limits::PROPERTIES)?;
    let mut found = Home::default();
    let mut any = false;
    while let Some(response) = multistatus.next().await.map_err(|error| xml_error(&target, &error))? {
        any = true;
        let Ok(member) = target.resolve_member(&response.href) else { continue };
        let itself = member.key() == target.key();
        match response.status {
            Some(507) => {
                return Err(Error::new(
                    Kind::Protocol,
                    format!("{target}: the server sent only a part of the list of calendars (507)."),
                ));
            }
            Some(status @ 400..) if itself => {
                return Err(Error::new(Kind::NotFound, format!("{target}: the server answered {status}.")));
            }
            Some(status @ 400..) => found.failed.push((member, status)),
            _ if response.is(Name::Calendar) || response.is(Name::Subscribed) => {
                found.calendars.push(calendar(&member, &response));
            }
            _ if response.is(Name::Collection) && !itself => found.others.push(member),
            _ => {}
        }
    }
    if any {
        Ok(found)
    } else {
        Err(Error::new(
            Kind::Protocol,
            format!("{target}: the server's list of calendars is empty, even of the home set itself."),
        ))
    }
}

fn calendar(target: &Target, response: &Response) -> Calendar {
    let text = |name| response.text(name).map(str::to_owned);
    let mut components: Vec<String> = Vec::new();
    for comp in response.property(Name::SupportedComponents).into_iter().flat_map(|set| &set.children) {
        let Some(kind) = comp.attribute.as_ref().map(|kind| kind.to_ascii_uppercase()) else { continue };
        if let Err(place) = components.binary_search(&kind) {
            components.insert(place, kind);
        }
    }
    let transparency = response.property(Name::ScheduleCalendarTransp).and_then(|value| {
        let is = |name| value.child(name).is_some();
        if is(Name::Transparent) { Some("transparent") } else { is(Name::Opaque).then_some("opaque") }
    });
    let transparency = transparency.map(str::to_owned);
    let source = response
        .property(Name::Source)
        .and_then(|s| s.hrefs().next().map(str::to_owned).or_else(|| text(Name::Source)));
    let subscription = (response.is(Name::Subscribed) || source.is_some()).then(|| Subscription {
        source: source.unwrap_or_default(),
        refresh_rate: text(Name::RefreshRate),
        strip_alarms: response.property(Name::StripAlarms).is_some(),
        strip_attachments: response.property(Name::StripAttachments).is_some(),
        strip_todos: response.property(Name::StripTodos).is_some(),
    });
    Calendar {
        target: target.as_collection(),
        writable: is_writable(response),
        properties: Properties {
            displayname: text(Name::DisplayName),
            description: text(Name::CalendarDescription),
            color: text(Name::CalendarColor),
            order: text(Name::CalendarOrder),
            components,
            timezone: response
                .property(Name::CalendarTimezone)
                .map(|e| e.text.clone())
                .filter(|t| !t.trim().is_empty()),
            timezone_id: text(Name::CalendarTimezoneId),
            transparency,
            default_alarm_timed: text(Name::DefaultAlarmTimed),
            default_alarm_date: text(Name::DefaultAlarmDate),
            subscription,
        },
    }
}

fn is_writable(response: &Response) -> bool {
    let Some(set) = response.property(Name::CurrentUserPrivilegeSet) else { return true };
    let writing =
        [Name::PrivilegeAll, Name::PrivilegeWrite, Name::PrivilegeWriteContent, Name::PrivilegeBind];
    set.children
        .iter()
        .filter(|c| c.name == Name::Privilege)
        .any(|p| writing.iter().any(|name| p.child(*name).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::scripted::{Canned, found, options, run};

    fn list_of(responses: String) -> Result<Home> {
        let options = options(&[]);
        let home = options.location.start.with_path("/cal/");
        run(
            move |_| Ok(Canned::multistatus(&responses)),
            |script| async move { list(&Session::new(script, &options), &home, Depth::One).await },
        )
    }

    #[test]
    fn every_property_is_kept() {
        let home = found("/cal/", "<resourcetype><collection/></resourcetype>");
        let work = found(
            "/cal/w%20k/",
            r#"<resourcetype><collection/><c:calendar/></resourcetype><displayname> Work &amp; more </displayname>
            <c:calendar-description>D</c:calendar-description><a:calendar-color>#FF0000FF</a:calendar-color><a:calendar-order>3</a:calendar-order>
            <c:supported-calendar-component-set><c:comp name="VTODO"/><c:comp name="vevent"/></c:supported-calendar-component-set>
            <c:calendar-timezone>BEGIN:VCALENDAR&#13;
END:VCALENDAR</c:calendar-timezone><c:schedule-calendar-transp><c:transparent/></c:schedule-calendar-transp>
            <current-user-privilege-set><privilege><read/></privilege></current-user-privilege-set>"#,
        );
        let holidays = found(
            "/cal/h/",
            "<resourcetype><collection/><cs:subscribed/></resourcetype><cs:source><href>https://x/h.ics</href></cs:source><cs:subscribed-strip-alarms/>",
        );
        let inbox = found("/cal/inbox/", "<resourcetype><collection/><c:schedule-inbox/></resourcetype>");
        let broken = "<response><href>/cal/gone/</href><status>HTTP/1.1 404 Not Found</status></response>";
        let found = list_of([home, work, holidays, inbox, broken.to_owned()].concat()).unwrap();
        let [work, holidays] = found.calendars.as_slice() else { panic!("{found:?}") };
        assert_eq!(work.target.path, "/cal/w%20k/");
        assert!(!work.writable && holidays.writable);
        let json = serde_json::to_string(&work.properties).unwrap();
        assert_eq!(
            json,
            r##"{"displayname":"Work & more","description":"D","color":"#FF0000FF","order":"3","components":["VEVENT","VTODO"],"timezone":"BEGIN:VCALENDAR\r\nEND:VCALENDAR","transparency":"transparent"}"##
        );
        let subscription = holidays.properties.subscription.as_ref().unwrap();
        assert_eq!(
            (subscription.source.as_str(), subscription.strip_alarms, subscription.strip_todos),
            ("https://x/h.ics", true, false)
        );
        assert_eq!(found.others.len(), 1);
        assert_eq!(found.failed[0].1, 404);
    }

    #[test]
    fn no_answer_at_all_is_no_empty_account() {
        assert_eq!(list_of(String::new()).unwrap_err().kind, Kind::Protocol);
        let cut = "<response><href>/cal/</href><status>HTTP/1.1 507 Insufficient Storage</status></response>";
        assert_eq!(list_of(cut.to_owned()).unwrap_err().kind, Kind::Protocol);
    }
}
