//! The members of a calendar home set (RFC 4791 6.2.1), or one calendar: PROPFIND with all properties of
//! calendars.
//!
//! ```xml
//! <d:response>
//!   <d:href>/cal/work/</d:href>
//!   <d:propstat>
//!     <d:prop>
//!       <d:resourcetype><d:collection/><c:calendar/></d:resourcetype>
//!       <d:displayname>Work</d:displayname>
//!       <a:calendar-color>#FF0000FF</a:calendar-color>
//!       <c:supported-calendar-component-set><c:comp name="VEVENT"/></c:supported-calendar-component-set>
//!     </d:prop>
//!     <d:status>HTTP/1.1 200 OK</d:status>
//!   </d:propstat>
//! </d:response>
//! ```
//!
//! Collections within others are not searched: RFC 4791 4.2 does not allow calendars within calendars, and a
//! home set names each collection that is to be looked into.

use dav_xml::{Limits, Name};

use super::calendar::{Calendar, PROPERTIES};
use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Request, Target};
use crate::webdav::multistatus::Multistatus;
use crate::webdav::propfind::{self, Depth};

/// Members of a calendar home set.
#[derive(Debug, Default)]
pub struct HomeSet {
    /// Calendars, in the server's order.
    pub calendars: Vec<Calendar>,
    /// Collections that are not calendars: inbox, outbox, address books, a trash bin.
    pub others: Vec<Target>,
    /// Members that the server lists with an error, and the status.
    pub failed: Vec<(Target, u16)>,
}

/// Returns the request for the members of the home set at `target`; with `Depth::Zero`, for the calendar
/// there.
#[must_use]
pub fn request(target: Target, depth: Depth) -> Request {
    propfind::request(target, depth, &PROPERTIES)
}

/// Reads an answer, of which at least one response must be there: an empty list is not an empty account.
///
/// # Errors
///
/// The home set itself is listed with an error (`not-found`), the list is cut short with 507 (RFC 4918 11.5)
/// or empty (`protocol`), or it cannot be read to its end.
pub async fn parse(answer: Answer) -> Result<HomeSet> {
    let mut multistatus = Multistatus::new(answer, Limits::PROPERTIES)?;
    let target = multistatus.target().clone();
    let mut found = HomeSet::default();
    let mut is_empty = true;
    while let Some(response) = multistatus.next().await? {
        is_empty = false;
        let Ok(member) = target.resolve_member(&response.href) else { continue };
        let itself = member.key() == target.key();
        match response.status {
            Some(507) => {
                return Err(Error::new(
                    Kind::Protocol,
                    format!("{target}: the server sent only a part of the list of calendars (507)"),
                ));
            }
            Some(status @ 400..) if itself => {
                return Err(Error::new(Kind::NotFound, format!("{target}: the server answered {status}")));
            }
            Some(status @ 400..) => found.failed.push((member, status)),
            _ if response.is(Name::Calendar) || response.is(Name::Subscribed) => {
                found.calendars.push(Calendar::of(&member, &response));
            }
            _ if response.is(Name::Collection) && !itself => found.others.push(member),
            _ => {}
        }
    }
    if is_empty {
        let why = "the server's list of calendars is empty, even of the home set itself";
        return Err(Error::new(Kind::Protocol, format!("{target}: {why}")));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;
    use crate::http::scripted::{Canned, found};

    fn list_of(responses: &str) -> Result<HomeSet> {
        block_on(parse(Canned::multistatus(responses).answer("/cal/")))
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
        let found = list_of(&[home, work, holidays, inbox, broken.to_owned()].concat()).unwrap();
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
    fn an_empty_answer_is_not_an_empty_account() {
        assert_eq!(list_of("").unwrap_err().kind, Kind::Protocol);
        let cut = "<response><href>/cal/</href><status>HTTP/1.1 507 Insufficient Storage</status></response>";
        assert_eq!(list_of(cut).unwrap_err().kind, Kind::Protocol);
    }
}
