//! Requests that change the account.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use crate::behaviour::{Behaviour, ETags, NewCalendars, Uids};
use crate::state::{Calendar, HOME, State, split};
use crate::xml::{found, refused, set_properties};
use crate::{Reply, Request};

/// Answers MKCALENDAR (RFC 4791, section 5.3.1) and extended MKCOL (RFC 5689).
pub(crate) fn make_calendar(state: &mut State, request: &Request) -> Reply {
    let behaviour = state.behaviour.clone();
    match behaviour.new_calendars {
        NewCalendars::Forbidden => return Reply::status(403),
        NewCalendars::PromisedOnly if !request.body.is_empty() => {
            return Reply::multistatus(&refused(&request.path, 424));
        }
        _ if state.calendars.contains_key(&request.path) => return Reply::status(405),
        _ => {}
    }
    let path = match behaviour.new_calendars {
        NewCalendars::Moved => format!("{HOME}id-{}/", state.calendars.len() + 100),
        _ => request.path.clone(),
    };
    let visible_from = match behaviour.new_calendars {
        NewCalendars::Late(time) => Some(Instant::now() + time),
        _ => None,
    };
    let properties = kept_properties(&behaviour, request);
    state.calendars.insert(path, Calendar { properties, visible_from, ..Calendar::default() });
    Reply::status(201)
}

/// Answers PROPPATCH (RFC 4918, section 9.2). Reports success even for properties that the server does not keep.
pub(crate) fn proppatch(state: &mut State, request: &Request) -> Reply {
    let properties = kept_properties(&state.behaviour, request);
    let Some(calendar) = state.calendars.get_mut(&request.path) else { return Reply::status(404) };
    calendar.properties.extend(properties);
    Reply::multistatus(&found(&request.path, "<d:displayname/>"))
}

/// Returns those of the properties in a request that the server keeps.
fn kept_properties(behaviour: &Behaviour, request: &Request) -> BTreeMap<String, String> {
    let is_kept = |name: &str| !behaviour.loses_properties || name == "d:displayname";
    set_properties(&request.body).into_iter().filter(|(name, _)| is_kept(name)).collect()
}

/// Answers PUT of an object (RFC 4791, section 5.3.2).
pub(crate) fn put(state: &mut State, request: &Request) -> Reply {
    let (path, name) = split(&request.path);
    if name.contains(|character| state.behaviour.refuses_in_names.contains(character)) {
        return Reply::status(400);
    }
    if let Some(reply) = uid_conflict(state, request) {
        return reply;
    }
    let State { calendars, behaviour, puts } = state;
    let Some(calendar) = calendars.get_mut(path) else { return Reply::status(409) };
    let current = calendar.objects.get(name).map(|object| object.version);
    if !are_conditions_met(behaviour, request, current) {
        return Reply::status(412);
    }
    let version = calendar.store(name, stored(behaviour, &request.body));
    *puts += 1;
    if behaviour.loses_answers.is_some_and(|every| puts.is_multiple_of(every)) {
        return Reply::reset();
    }
    stored_reply(behaviour.etags, version)
}

/// Returns the refusal of a UID that another object in the account has, if the server checks for that.
fn uid_conflict(state: &State, request: &Request) -> Option<Reply> {
    if state.behaviour.uids == Uids::Repeatable {
        return None;
    }
    let all = state.calendars.iter().flat_map(|(path, calendar)| {
        calendar.objects.iter().map(move |(name, object)| (format!("{path}{name}"), object))
    });
    let mut others = all.filter(|(href, object)| {
        uid(&String::from_utf8_lossy(&object.content)) == uid(&request.body) && *href != request.path
    });
    let (href, _) = others.next()?;
    let href = match state.behaviour.uids {
        Uids::UniqueWithHref => format!("<d:href>{href}</d:href>"),
        _ => String::new(),
    };
    Some(Reply::error(403, &format!("<c:no-uid-conflict>{href}</c:no-uid-conflict>")))
}

fn uid(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("UID:")).unwrap_or_default()
}

/// Returns true if the preconditions of a PUT are met (RFC 9110, section 13.1). `current` is the version of the
/// stored object, if there is one.
fn are_conditions_met(behaviour: &Behaviour, request: &Request, current: Option<u64>) -> bool {
    let must_be_new = request.header("if-none-match").is_some() && !behaviour.ignores_none_match;
    let etag = current.and_then(|version| behaviour.etags.of(version));
    let matches = |wanted: &str| etag.as_deref() == Some(wanted);
    !(must_be_new && current.is_some()) && request.header("if-match").is_none_or(matches)
}

/// Returns the content that the server stores for `body`.
fn stored(behaviour: &Behaviour, body: &str) -> Bytes {
    let Some(drops) = behaviour.drops else { return Bytes::from(body.to_owned()) };
    let lines = body.split_inclusive("\r\n").filter(|line| !line.starts_with(drops));
    Bytes::from(lines.collect::<String>())
}

fn stored_reply(etags: ETags, version: u64) -> Reply {
    let reply = Reply::status(if version == 1 { 201 } else { 204 });
    match etags.of(version) {
        Some(etag) => reply.header("etag", &etag),
        None => reply,
    }
}
