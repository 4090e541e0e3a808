//! From a location to the calendar home sets of an account.

use crate::caldav::discovery::{self, Leads};
use crate::error::{Error, Kind, Result};
use crate::quirks::WELL_KNOWN_PATHS;
use crate::session::{SendError, Session};
use crate::webdav::href::Target;
use crate::webdav::refusal::Refusal;
use crate::webdav::status;

/// Kind of resource that a location leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// An account with these home sets.
    Account {
        /// The principal, if the server named one.
        principal: Option<Target>,
        /// At least one.
        homes: Vec<Target>,
    },
    /// One calendar collection.
    Calendar(Target),
}

/// Finds the account, or the one calendar, at `start`; if there is nothing, at the well-known paths of its
/// host.
///
/// # Errors
///
/// Credentials that are missing or refused (`sign-in-refused`), an account without calendars (`not-found`),
/// no CalDAV at any of the paths (`protocol`).
pub(crate) async fn discover(session: &Session, start: &Target) -> Result<Found> {
    let mut tried = Vec::new();
    let mut first = None;
    let others = WELL_KNOWN_PATHS.iter().map(|path| start.with_path(path));
    for candidate in std::iter::once(start.clone()).chain(others) {
        match ask(session, &candidate).await {
            Ok((target, leads)) => match follow(session, &target, leads).await? {
                Some(found) => return Ok(found),
                None => tried.push(format!("{} (no calendars)", candidate.path)),
            },
            // What the server refuses or answers oddly here, it may grant elsewhere.
            Err(SendError::Refused { refusal, .. }) if status::is_about_the_path(&refusal) => {
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
            "{}: no CalDAV server was found there. {}Tried {}. Give the address of the account or of a calendar, as the service documents it for CalDAV",
            start.origin,
            first.map(|error| format!("{error}. ")).unwrap_or_default(),
            tried.join(", ")
        ),
    ))
}

/// Returns where `target` leads, and the target that answered.
async fn ask(session: &Session, target: &Target) -> Result<(Target, Leads), SendError> {
    let answer = session.send(discovery::request(target.clone())).await?;
    let target = answer.target.clone();
    match discovery::parse(answer).await? {
        Leads::Refused(status) => {
            let refusal = Box::new(Refusal { status, ..Refusal::default() });
            Err(SendError::Refused { target, refusal })
        }
        leads => Ok((target, leads)),
    }
}

/// Follows a resource to home sets, if need be through the principal. None if it leads nowhere.
async fn follow(session: &Session, target: &Target, leads: Leads) -> Result<Option<Found>> {
    let principal = match leads {
        Leads::Calendar(calendar) => return Ok(Some(Found::Calendar(calendar))),
        Leads::HomeSets(homes) => return Ok(Some(Found::Account { principal: None, homes })),
        Leads::Collection(home) => {
            return Ok(Some(Found::Account { principal: None, homes: vec![home] }));
        }
        Leads::Nowhere | Leads::Refused(_) => return Ok(None),
        Leads::Unauthenticated => {
            let what = "the server does not know the account. Give the options username and password";
            return Err(Error::new(Kind::SignInRefused, format!("{}: {what}", target.origin)));
        }
        Leads::Principal(principal) => principal,
    };
    let (at, leads) = ask(session, &principal).await?;
    if let Leads::HomeSets(homes) = leads {
        return Ok(Some(Found::Account { principal: Some(at), homes }));
    }
    let what =
        "this account has no calendars (no calendar-home-set). Check that calendars are enabled for it";
    Err(Error::new(Kind::NotFound, format!("{principal}: {what}")))
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::http::scripted::{Canned, Script, found, run};
    use crate::session::scripted::session;

    /// Discovers at `location` on a server that has `resources` (path, properties) and nothing else.
    fn at(location: &str, resources: &'static [(&str, &str)]) -> (Result<Found>, Vec<String>) {
        let start = crate::options::location::Location::parse(location).unwrap().start;
        run(
            move |request| {
                Ok(match resources.iter().find(|(path, _)| *path == request.target.path) {
                    Some((_, status)) if status.len() == 3 => Canned::status(status.parse().unwrap()),
                    Some((path, properties)) => Canned::multistatus(&found(path, properties)),
                    None => Canned::status(404),
                })
            },
            |script: Rc<Script>| async move {
                let session = session(Rc::<Script>::clone(&script));
                let found = discover(&session, &start).await;
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
