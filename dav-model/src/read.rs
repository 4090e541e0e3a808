//! Requests that change nothing.

use crate::behaviour::{Behaviour, ETags};
use crate::state::{Calendar, HOME, Object, PRINCIPAL, State, name_of, split};
use crate::xml::{escaped, found, refused};
use crate::{Reply, Request};

const COLLECTION: &str = "<d:resourcetype><d:collection/></d:resourcetype>";
const CALENDAR: &str = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>";

/// Answers OPTIONS with the `DAV` header (RFC 4918, section 10.1).
pub(crate) fn options(behaviour: &Behaviour) -> Reply {
    let reply = Reply::status(200).header("dav", &format!("1, 3, calendar-access{}", behaviour.dav));
    if behaviour.server.is_empty() { reply } else { reply.header("server", behaviour.server) }
}

/// Answers PROPFIND with all properties of the resource, whichever the request names.
pub(crate) fn propfind(state: &State, request: &Request) -> Reply {
    let responses = match request.path.as_str() {
        path @ "/" => {
            let principal =
                format!("<d:current-user-principal><d:href>{PRINCIPAL}</d:href></d:current-user-principal>");
            found(path, &principal)
        }
        path @ PRINCIPAL => {
            found(path, &format!("<c:calendar-home-set><d:href>{HOME}</d:href></c:calendar-home-set>"))
        }
        path @ HOME => {
            let calendars = state.calendars.iter().filter(|(_, calendar)| calendar.is_visible());
            let all = calendars.map(|(path, calendar)| description(path, calendar));
            found(path, COLLECTION) + &all.collect::<String>()
        }
        path => match state.calendars.get(path).filter(|calendar| calendar.is_visible()) {
            Some(calendar) if request.header("depth") == Some("1") => {
                description(path, calendar) + &listing(path, calendar, state.behaviour.etags)
            }
            Some(calendar) => description(path, calendar),
            None => return Reply::status(404),
        },
    };
    Reply::multistatus(&responses)
}

/// Returns the response with the properties of a calendar.
fn description(path: &str, calendar: &Calendar) -> String {
    let mut properties = calendar.properties.clone();
    properties.entry("d:resourcetype".to_owned()).or_insert_with(|| CALENDAR.to_owned());
    properties
        .entry("d:displayname".to_owned())
        .or_insert_with(|| format!("<d:displayname>The {} calendar</d:displayname>", name_of(path)));
    found(path, &properties.into_values().collect::<String>())
}

/// Returns one response for each object of a calendar.
fn listing(path: &str, calendar: &Calendar, etags: ETags) -> String {
    let one = |(name, object): (&String, &Object)| {
        let properties = format!(
            "{}<d:resourcetype/><d:getcontentlength>{}</d:getcontentlength><d:getcontenttype>text/calendar</d:getcontenttype><d:getlastmodified>Sun, 22 Nov 2026 10:00:00 GMT</d:getlastmodified>",
            etag_property(etags, object),
            object.content.len()
        );
        found(&format!("{path}{name}"), &properties)
    };
    calendar.objects.iter().map(one).collect()
}

fn etag_property(etags: ETags, object: &Object) -> String {
    etags.of(object.version).map(|etag| format!("<d:getetag>{etag}</d:getetag>")).unwrap_or_default()
}

/// Answers `calendar-multiget` (RFC 4791, section 7.9).
pub(crate) fn multiget(state: &State, request: &Request) -> Reply {
    let Some(calendar) = state.calendars.get(&request.path) else { return Reply::status(404) };
    let one = |href: &str| match calendar.objects.get(href.trim_start_matches(&request.path)) {
        Some(object) => {
            let text = escaped(&String::from_utf8_lossy(&object.content));
            let etag = etag_property(state.behaviour.etags, object);
            found(href, &format!("{etag}<c:calendar-data>{text}</c:calendar-data>"))
        }
        None => refused(href, 404),
    };
    Reply::multistatus(&request.hrefs().map(one).collect::<String>())
}

/// Answers GET of an object.
pub(crate) fn get(state: &State, path: &str) -> Reply {
    let (calendar, name) = split(path);
    let object = state.calendars.get(calendar).and_then(|calendar| calendar.objects.get(name));
    let Some(object) = object else { return Reply::status(404) };
    let reply = Reply::status(200).header("content-type", "text/calendar").body(object.content.clone());
    match state.behaviour.etags.of(object.version) {
        Some(etag) => reply.header("etag", &etag),
        None => reply,
    }
}
