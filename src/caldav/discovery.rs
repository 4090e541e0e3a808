//! Discovery: where a resource leads on the way to the calendars of an account.
//!
//! A location leads to the principal of the account (RFC 5397 3, `current-user-principal`), the principal to
//! calendar home sets (RFC 4791 6.2.1, of which there may be several), and these to calendars
//! ([`home_set`](super::home_set)). A location may be any of them. RFC 6764 5 has a well-known path for the
//! beginning.
//!
//! ```http
//! PROPFIND / HTTP/1.1
//! Depth: 0
//!
//! HTTP/1.1 207 Multi-Status
//!
//! <d:multistatus xmlns:d="DAV:"><d:response><d:href>/</d:href><d:propstat><d:prop>
//!   <d:current-user-principal><d:href>/principals/alice/</d:href></d:current-user-principal>
//! </d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>
//! ```
//!
//! The order of the requests, and what to try if nothing is found, are in `account/discovery.rs`.

use dav_xml::{Element, Limits, Name, Response};

use crate::error::{Error, Kind, Result};
use crate::http::{Answer, Request, Target};
use crate::webdav::multistatus::Multistatus;
use crate::webdav::propfind::{self, Depth};

/// Next step from a resource on the way to the calendars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// The resource is a calendar.
    Calendar(Target),
    /// The resource names home sets: at least one, each once.
    HomeSets(Vec<Target>),
    /// The resource names the principal of the account (RFC 5397 3).
    Principal(Target),
    /// The server does not know the account: credentials are missing (RFC 5397 3, `unauthenticated`).
    Unauthenticated,
    /// The resource is a collection that names nothing. It may be a home set nevertheless.
    Collection(Target),
    /// Nowhere.
    Nowhere,
    /// The multistatus lists it with this failing status.
    Refused(u16),
}

/// The properties that lead on.
const PROPERTIES: [Name; 3] = [Name::ResourceType, Name::CurrentUserPrincipal, Name::CalendarHomeSet];

/// Returns the request for where `target` leads.
#[must_use]
pub fn request(target: Target) -> Request {
    propfind::request(target, Depth::Zero, &PROPERTIES)
}

/// Reads an answer, of which the first response is the resource itself.
///
/// # Errors
///
/// An answer that is not a multistatus or has no response (`protocol`), or cannot be read to its end.
pub async fn parse(answer: Answer) -> Result<Leads> {
    let mut multistatus = Multistatus::new(answer, Limits::PROPERTIES)?;
    let target = multistatus.target().clone();
    let mut own = None;
    while let Some(response) = multistatus.next().await? {
        own.get_or_insert(response);
    }
    let own = own.ok_or_else(|| Error::new(Kind::Protocol, format!("{target}: an empty answer")))?;
    Ok(leads(&target, &own))
}

/// Returns where a resource leads: what it is itself comes before what it names.
fn leads(target: &Target, response: &Response) -> Leads {
    if let Some(status @ 400..) = response.status {
        return Leads::Refused(status);
    }
    if response.is(Name::Calendar) || response.is(Name::Subscribed) {
        return Leads::Calendar(target.as_collection());
    }
    let homes = home_sets(target, response);
    if !homes.is_empty() {
        return Leads::HomeSets(homes);
    }
    let principal = response.property(Name::CurrentUserPrincipal);
    if principal.is_some_and(|principal| principal.child(Name::Unauthenticated).is_some()) {
        return Leads::Unauthenticated;
    }
    let principal = principal.and_then(|principal| principal.hrefs().next());
    match principal.and_then(|href| target.resolve_member(href).ok()) {
        Some(principal) => Leads::Principal(principal),
        None if response.is(Name::Collection) && target.path != "/" => {
            Leads::Collection(target.as_collection())
        }
        None => Leads::Nowhere,
    }
}

/// Returns the home sets that a resource names, without repetitions.
fn home_sets(target: &Target, response: &Response) -> Vec<Target> {
    let mut homes: Vec<Target> = Vec::new();
    for href in response.property(Name::CalendarHomeSet).into_iter().flat_map(Element::hrefs) {
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
    use futures::executor::block_on;

    use super::*;
    use crate::http::scripted::{Canned, found, target};

    #[test]
    fn a_resource_leads_to_what_its_properties_name() {
        for (properties, expected) in [
            ("<resourcetype><collection/><c:calendar/></resourcetype>", Leads::Calendar(target("/x/"))),
            (
                "<c:calendar-home-set><href>/a</href><href>/b/</href><href>/a/</href></c:calendar-home-set>",
                Leads::HomeSets(vec![target("/a/"), target("/b/")]),
            ),
            (
                "<current-user-principal><href>/p/alice</href></current-user-principal>",
                Leads::Principal(target("/p/alice")),
            ),
            ("<current-user-principal><unauthenticated/></current-user-principal>", Leads::Unauthenticated),
            ("<resourcetype><collection/></resourcetype>", Leads::Collection(target("/x/"))),
            ("<displayname>A</displayname>", Leads::Nowhere),
        ] {
            let answer = Canned::multistatus(&found("/x", properties)).answer("/x");
            assert_eq!(block_on(parse(answer)).unwrap(), expected, "{properties}");
        }
    }

    #[test]
    fn a_failing_status_is_a_refusal() {
        let failed = "<response><href>/x</href><status>HTTP/1.1 403 Forbidden</status></response>";
        let answer = Canned::multistatus(failed).answer("/x");
        assert_eq!(block_on(parse(answer)).unwrap(), Leads::Refused(403));
        assert_eq!(block_on(parse(Canned::multistatus("").answer("/x"))).unwrap_err().kind, Kind::Protocol);
    }
}
