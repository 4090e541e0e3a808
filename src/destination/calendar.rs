//! Which calendar a folder of the backup goes to: one that is there, or a new one.

use std::rc::Rc;
use std::time::Duration;

use super::existing::Existing;
use crate::account::{Account, calendars};
use crate::caldav::calendar::{Calendar, Properties};
use crate::caldav::mkcalendar::{self, Made, MkMethod};
use crate::error::{Error, Kind, Result};
use crate::ical::compare::Normalized;
use crate::options::DestinationOptions;
use crate::quirks::VISIBILITY_DELAYS;
use crate::session::{SendError, Session};
use crate::snapshot::descriptions::Descriptions;
use crate::snapshot::names as names_of;
use crate::webdav::href::Target;
use crate::webdav::href::last_segment;
use crate::webdav::propfind::Depth;

/// A calendar that is written to.
pub(super) struct Collection {
    pub(super) calendar: Calendar,
    pub(super) existing: Existing,
    /// Whether this run made it, or would.
    pub(super) is_new: bool,
    /// Whether it is the backup's own calendar, and not one that the user named.
    pub(super) is_own: bool,
}

/// Where a folder goes.
enum Choice {
    /// Here.
    There(Box<Calendar>),
    /// Nowhere yet: a calendar of this name has to be made.
    New(String),
}

/// Finds the calendar for the folder `name` among `known`, or makes it.
pub(super) async fn open(
    session: &Rc<Session>,
    options: &DestinationOptions,
    account: &Account,
    known: &[Calendar],
    name: &str,
    descriptions: &Descriptions,
) -> Result<Collection> {
    let named =
        options.into.as_ref().or_else(|| options.map.iter().find(|(from, _)| from == name).map(|(_, to)| to));
    let is_own = named.is_none() && !account.homes.is_empty();
    let choice = match named {
        Some(text) => by_name(known, text)?,
        None if account.homes.is_empty() => Choice::There(Box::new(
            known
                .first()
                .cloned()
                .ok_or_else(|| Error::new(Kind::NotFound, "There is no calendar at the location."))?,
        )),
        None => by_backup(known, name, descriptions)?,
    };
    let (calendar, is_new) = match choice {
        Choice::There(calendar) => (*calendar, false),
        Choice::New(name) if !options.create => {
            return Err(Error::new(
                Kind::NotFound,
                format!("there is no calendar {name}, and create=false. The account has {}.", names(known)),
            ));
        }
        Choice::New(name) => {
            let home = account
                .homes
                .first()
                .ok_or_else(|| Error::new(Kind::NotFound, "The account has no home set."))?;
            let wanted = descriptions.properties();
            let target = home.as_collection().member(&[&names_of::to_segment(&name), "/"].concat());
            if options.dry_run {
                (Calendar { target, properties: Properties::default(), writable: true }, true)
            } else {
                (make(session, home, known, target, &wanted).await?, true)
            }
        }
    };
    if !calendar.writable {
        return Err(Error::new(
            Kind::ReadOnly,
            format!("{}: this account may not write to it.", calendar.target),
        ));
    }
    if calendar.properties.subscription.is_some() && descriptions.properties().subscription.is_none() {
        return Err(Error::new(
            Kind::ReadOnly,
            format!("{}: a subscription cannot be written to.", calendar.target),
        ));
    }
    let has_nothing = is_new || calendar.properties.subscription.is_some();
    let existing = if has_nothing { Existing::nothing() } else { Existing::load(session, &calendar).await? };
    Ok(Collection { calendar, existing, is_new, is_own })
}

/// The calendar that the user named: by path, by the name of its folder in a backup, by display name.
fn by_name(known: &[Calendar], text: &str) -> Result<Choice> {
    if text.starts_with('/') {
        let is_it = |c: &&Calendar| c.target.with_path(text).key() == c.target.key();
        return known.iter().find(is_it).cloned().map(Box::new).map(Choice::There).ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                format!("{text}: there is no such calendar. The account has {}.", names(known)),
            )
        });
    }
    if let Some(calendar) = known.iter().find(|c| folder(c) == text) {
        return Ok(Choice::There(Box::new(calendar.clone())));
    }
    let same: Vec<_> = known.iter().filter(|c| c.properties.displayname.as_deref() == Some(text)).collect();
    match same.as_slice() {
        [] => Ok(Choice::New(text.to_owned())),
        [calendar] => Ok(Choice::There(Box::new((*calendar).clone()))),
        several => {
            let paths: Vec<_> = several.iter().map(|c| c.target.path.as_str()).collect();
            Err(Error::new(
                Kind::Conflict,
                format!("{text}: several calendars have this name; write one of {}.", paths.join(", ")),
            ))
        }
    }
}

/// The calendar that the backup's own is: by folder, by href, by a display name that only one has.
fn by_backup(known: &[Calendar], name: &str, descriptions: &Descriptions) -> Result<Choice> {
    let href_name =
        descriptions.href().map(|href| href.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
    let name = match (name, href_name) {
        ("", Some(own)) if !own.is_empty() => names_of::directory_name(own),
        ("", _) => {
            return Err(Error::new(
                Kind::NotFound,
                "in no calendar's folder. Name the calendar it goes to with into=NAME.",
            ));
        }
        (name, _) => name.to_owned(),
    };
    let by_href = |c: &&Calendar| {
        descriptions.href().is_some_and(|href| c.target.with_path(href).key() == c.target.key())
    };
    if let Some(calendar) = known.iter().find(|c| folder(c) == name).or_else(|| known.iter().find(by_href)) {
        return Ok(Choice::There(Box::new(calendar.clone())));
    }
    let wanted = descriptions.properties().displayname;
    let mut same = known.iter().filter(|c| wanted.is_some() && c.properties.displayname == wanted);
    match (same.next(), same.next()) {
        (Some(calendar), None) => Ok(Choice::There(Box::new(calendar.clone()))),
        _ => Ok(Choice::New(href_name.map_or(name, str::to_owned))),
    }
}

fn folder(calendar: &Calendar) -> String {
    names_of::directory_name(last_segment(&calendar.target))
}

fn names(known: &[Calendar]) -> String {
    let all: Vec<_> = known.iter().map(folder).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// Makes a calendar, and finds out where the server put it.
async fn make(
    session: &Session,
    home: &Target,
    known: &[Calendar],
    target: Target,
    wanted: &Properties,
) -> Result<Calendar> {
    let mut refusal = None;
    // Only extended MKCOL can say that it is a subscription.
    let methods =
        if wanted.subscription.is_some() { &[MkMethod::Collection] } else { MkMethod::ALL.as_slice() };
    for method in methods.iter().copied() {
        let request = mkcalendar::request(target.clone(), wanted, method);
        let Made { target: place, is_certain } = match session.send(request).await {
            Ok(answer) => mkcalendar::parse(&target, &answer),
            Err(SendError::Refused { target, refusal: why }) => {
                refusal.get_or_insert(SendError::Refused { target: target.clone(), refusal: why });
                Made { target, is_certain: false }
            }
            Err(error) => return Err(error.into()),
        };
        // Whatever was answered, what counts is what is there: some say no to what exists, some yes to
        // what they did not do, some are slow, some choose another place.
        let pauses = if is_certain {
            VISIBILITY_DELAYS.as_slice()
        } else {
            VISIBILITY_DELAYS.get(..1).unwrap_or_default()
        };
        for pause in pauses {
            session.transport().sleep(Duration::from_millis(*pause)).await;
            if let Some(calendar) = look(session, home, known, &place, wanted).await? {
                return Ok(calendar);
            }
        }
    }
    let why = refusal.map_or_else(
        || Error::new(Kind::Unsupported, format!("{target}: the server did not make it")),
        Error::from,
    );
    let advice = "Make the calendar by other means, or name one that is there with into or map";
    Err(Error::new(why.kind, format!("a new calendar: {why}. {advice}")))
}

/// The calendar at `place`, or the one that was not in the home set before.
async fn look(
    session: &Session,
    home: &Target,
    known: &[Calendar],
    place: &Target,
    wanted: &Properties,
) -> Result<Option<Calendar>> {
    match calendars::list(session, place, Depth::Zero).await {
        Ok(found) => {
            if let Some(calendar) = found.calendars.into_iter().find(|c| c.target.key() == place.key()) {
                return Ok(Some(calendar));
            }
        }
        Err(error) if error.ends_run() => return Err(error),
        Err(_) => {}
    }
    let now = calendars::list(session, home, Depth::One).await?;
    let is_new = |c: &Calendar| known.iter().all(|old| old.target.key() != c.target.key());
    Ok(now.calendars.into_iter().find(|c| is_new(c) && c.properties.displayname == wanted.displayname))
}

/// Two bodies that say the same.
pub(super) fn says(there: &[u8], wanted: &Normalized) -> bool {
    Normalized::of(there).is_some_and(|there| there.fingerprint().covers(wanted.fingerprint()))
}
