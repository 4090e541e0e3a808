//! From a location to the calendar home sets of an account: RFC 6764 (well-known), RFC 5397
//! (current-user-principal) and RFC 4791 6.2.1 (calendar-home-set, of which there may be several).

use dav_xml::{Limits, Name, Response};

use super::{multistatus, xml_error};
use crate::error::{Error, Kind, Result};
use crate::http::Target;
use crate::options::location::Location;
use crate::session::{SendError, Session};
use crate::webdav::propfind::{Depth, propfind};
use crate::webdav::refusal::Refusal;

/// Paths where servers keep CalDAV when the root does not say so: Nextcloud and ownCloud, Cyrus and
/// others, Baikal, DAViCal, `SOGo`.
const USUAL: [&str; 6] =
    ["/.well-known/caldav", "/remote.php/dav/", "/dav/", "/dav.php/", "/caldav.php/", "/SOGo/dav/"];

/// What a location turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// An account with these home sets.
    Account {
        /// The principal, where the server told.
        principal: Option<Target>,
        /// At least one.
        homes: Vec<Target>,
    },
    /// One calendar collection.
    Calendar(Target),
}

const QUESTIONS: [Name; 3] = [Name::ResourceType, Name::CurrentUserPrincipal, Name::CalendarHomeSet];

/// Finds the account, or the one calendar, at a location.
pub async fn discover(session: &Session, location: &Location) -> Result<Found> {
    let mut tried = Vec::new();
    let mut first = None;
    let usual = USUAL.iter().map(|path| location.start.with_path(path));
    for candidate in std::iter::once(location.start.clone()).chain(usual) {
        match ask(session, &candidate).await {
            Ok((target, answer)) => match follow(session, &target, &answer).await? {
                Some(found) => return Ok(found),
                None => tried.push(format!("{} (no calendars)", candidate.path)),
            },
            // What the server refuses or answers oddly here, it may grant elsewhere.
            Err(SendError::Refused { refusal, .. })
                if refusal.status < 500 || matches!(refusal.status, 500 | 501) =>
            {
                tried.push(format!("{} ({})", candidate.path, refusal.status));
            }
            Err(SendError::Failed(error)) if error.kind == Kind::Protocol => {
                tried.push(format!("{} (no WebDAV)", candidate.path));
                first.get_or_insert(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::new(
        Kind::Protocol,
        format!(
            "{}: no CalDAV server was found there. {}Tried {}. Give the address of the account or of a calendar, as the service documents it for CalDAV.",
            location.start.origin,
            first.map(|error| format!("{error} ")).unwrap_or_default(),
            tried.join(", ")
        ),
    ))
}

/// The properties of one resource itself.
async fn ask(session: &Session, target: &Target) -> Result<(Target, Response), SendError> {
    let answer = session.send(propfind(target.clone(), Depth::Zero, &QUESTIONS)).await?;
    let (target, mut multistatus) = multistatus(answer, Limits::PROPERTIES)?;
    let mut own = None;
    while let Some(response) = multistatus.next().await.map_err(|error| xml_error(&target, &error))? {
        own.get_or_insert(response);
    }
    let own = own.ok_or_else(|| Error::new(Kind::Protocol, format!("{target}: an empty answer.")))?;
    if let Some(status @ 400..) = own.status {
        let refusal = Box::new(Refusal { status, ..Refusal::default() });
        return Err(SendError::Refused { target, refusal });
    }
    Ok((target, own))
}

/// From a resource's own properties to home sets: itself a calendar, or it names them, or its
/// principal does. None when it leads nowhere.
async fn follow(session: &Session, target: &Target, answer: &Response) -> Result<Option<Found>> {
    if answer.is(Name::Calendar) || answer.is(Name::Subscribed) {
        return Ok(Some(Found::Calendar(target.as_collection())));
    }
    let homes = home_sets(target, answer);
    if !homes.is_empty() {
        return Ok(Some(Found::Account { principal: None, homes }));
    }
    let principal = answer.property(Name::CurrentUserPrincipal);
    if principal.is_some_and(|p| p.child(Name::Unauthenticated).is_some()) {
        return Err(Error::new(
            Kind::SignInRefused,
            format!(
                "{}: the server does not know who asks. Give the options username and password.",
                target.origin
            ),
        ));
    }
    let Some(principal) =
        principal.and_then(|p| p.hrefs().next()).and_then(|href| target.resolve_member(href).ok())
    else {
        // A collection that says nothing about an account may be a home set all the same.
        let home = answer.is(Name::Collection) && target.path != "/";
        return Ok(home.then(|| Found::Account { principal: None, homes: vec![target.as_collection()] }));
    };
    let (at, answer) = ask(session, &principal).await?;
    let homes = home_sets(&at, &answer);
    if homes.is_empty() {
        return Err(Error::new(
            Kind::NotFound,
            format!(
                "{principal}: this account has no calendars (no calendar-home-set). Check that calendars are enabled for it."
            ),
        ));
    }
    Ok(Some(Found::Account { principal: Some(at), homes }))
}

/// The home sets a resource names, without repetitions.
fn home_sets(target: &Target, answer: &Response) -> Vec<Target> {
    let mut homes: Vec<Target> = Vec::new();
    for href in answer.property(Name::CalendarHomeSet).into_iter().flat_map(dav_xml::Element::hrefs) {
        if let Ok(home) = target.resolve_member(href).map(|home| home.as_collection())
            && !homes.iter().any(|known| known.origin == home.origin && known.key() == home.key())
        {
            homes.push(home);
        }
    }
    homes
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::http::scripted::{Canned, Script, found, options, run};

    /// Discovers at `location` on a server that has `resources` (path, properties) and nothing else.
    fn at(location: &str, resources: &'static [(&str, &str)]) -> (Result<Found>, Vec<String>) {
        let options = options(&[("location", location)]);
        run(
            move |request| {
                Ok(match resources.iter().find(|(path, _)| *path == request.target.path) {
                    Some((_, status)) if status.len() == 3 => Canned::status(status.parse().unwrap()),
                    Some((path, properties)) => Canned::multistatus(&found(path, properties)),
                    None => Canned::status(404),
                })
            },
            |script: Rc<Script>| async move {
                let session = Session::new(Rc::<Script>::clone(&script) as _, &options);
                let found = discover(&session, &options.location).await;
                let requests = script.requests.borrow().clone();
                (found, requests)
            },
        )
    }

    fn homes(found: Result<Found>) -> Vec<String> {
        match found.unwrap() {
            Found::Account { homes, .. } => homes.iter().map(ToString::to_string).collect(),
            Found::Calendar(target) => panic!("a calendar: {target}"),
        }
    }

    const PRINCIPAL: &str = "<current-user-principal><href>/p/alice</href></current-user-principal>";
    const HOME: &str = "<c:calendar-home-set><href>/cal/alice</href><href>/cal/team/</href><href>/cal/alice/</href></c:calendar-home-set>";

    #[test]
    fn the_root_leads_through_the_principal_to_every_home() {
        let (found, requests) = at("caldav://cal.example", &[("/", PRINCIPAL), ("/p/alice", HOME)]);
        assert_eq!(homes(found), ["https://cal.example/cal/alice/", "https://cal.example/cal/team/"]);
        assert_eq!(requests.len(), 2);
    }

    #[test]
    fn a_path_that_leads_nowhere_gives_way_to_the_usual_ones() {
        let (found, requests) = at("caldav://cal.example/typo", &[("/dav/", PRINCIPAL), ("/p/alice", HOME)]);
        assert_eq!(homes(found).len(), 2);
        assert_eq!(
            requests,
            [
                "PROPFIND /typo",
                "PROPFIND /.well-known/caldav",
                "PROPFIND /remote.php/dav/",
                "PROPFIND /dav/",
                "PROPFIND /p/alice"
            ]
        );
    }

    #[test]
    fn a_calendar_or_a_home_can_be_named_directly() {
        const CALENDAR: &str = "<resourcetype><collection/><c:calendar/></resourcetype>";
        let (found, _) = at("caldav://cal.example/cal/work", &[("/cal/work", CALENDAR)]);
        assert!(matches!(found.unwrap(), Found::Calendar(t) if t.path == "/cal/work/"));
        let (found, _) =
            at("caldav://cal.example/cal/", &[("/cal/", "<resourcetype><collection/></resourcetype>")]);
        assert_eq!(homes(found), ["https://cal.example/cal/"]);
    }

    #[test]
    fn failures_say_what_to_do() {
        let (found, requests) = at("caldav://cal.example", &[("/", "401")]);
        assert_eq!(found.unwrap_err().kind, Kind::SignInRefused);
        assert_eq!(requests.len(), 1);
        let (found, _) = at(
            "caldav://cal.example",
            &[("/", "<current-user-principal><unauthenticated/></current-user-principal>")],
        );
        assert_eq!(found.unwrap_err().kind, Kind::SignInRefused);
        let (found, _) =
            at("caldav://cal.example", &[("/", PRINCIPAL), ("/p/alice", "<displayname>A</displayname>")]);
        assert_eq!(found.unwrap_err().kind, Kind::NotFound);
        let (found, requests) = at("caldav://cal.example", &[("/", "405")]);
        let error = found.unwrap_err();
        assert!(error.message().contains("/ (405), /.well-known/caldav (404)"), "{error}");
        assert_eq!(requests.len(), 7);
    }
}
