//! MKCALENDAR (RFC 4791 5.3.1), and extended MKCOL (RFC 5689) for servers without it.
//!
//! ```http
//! MKCALENDAR /cal/work/ HTTP/1.1
//! Content-Type: application/xml; charset=utf-8
//!
//! <c:mkcalendar xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:set><d:prop>
//!   <d:displayname>Work</d:displayname>
//!   <c:supported-calendar-component-set><c:comp name="VEVENT"/></c:supported-calendar-component-set>
//! </d:prop></d:set></c:mkcalendar>
//!
//! HTTP/1.1 201 Created
//! ```
//!
//! The answer is a hint: some servers refuse what they then have, accept what they do not make, or choose
//! another path. `destination/create_calendar.rs` looks for the calendar with PROPFIND.

use dav_xml::{Name, declarations, element, empty_element, escape};

use super::calendar::Properties;
use crate::http::{Answer, Request, Target};

/// A form of the request. Servers differ in which they understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MkMethod {
    /// MKCALENDAR with the properties that cannot be changed later, and the name.
    Calendar,
    /// MKCALENDAR without a body.
    Plain,
    /// Extended MKCOL: the only one that can make a subscription.
    Collection,
}

impl MkMethod {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Calendar, Self::Plain, Self::Collection];
}

/// Returns the request that makes a calendar at `target`, or a subscription if `wanted` describes one. Of the
/// properties, it sets the name and those that cannot be changed later; PROPPATCH sets the others.
#[must_use]
pub fn request(target: Target, wanted: &Properties, method: MkMethod) -> Request {
    let verb = if method == MkMethod::Collection { "MKCOL" } else { "MKCALENDAR" };
    if method == MkMethod::Plain {
        return Request::new(verb, target);
    }
    let root = if method == MkMethod::Collection { "d:mkcol" } else { "c:mkcalendar" };
    let body = [
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><",
        root,
        &declarations(),
        "><d:set><d:prop>",
        &properties(wanted, method == MkMethod::Collection),
        "</d:prop></d:set></",
        root,
        ">",
    ];
    Request::new(verb, target).xml(body.concat())
}

/// Returns the elements of the properties that are set. MKCALENDAR implies the resource type, MKCOL does not.
fn properties(wanted: &Properties, with_type: bool) -> String {
    let mut properties = String::new();
    if with_type {
        let kind = if wanted.subscription.is_some() { Name::Subscribed } else { Name::Calendar };
        properties = element(Name::ResourceType, &(empty_element(Name::Collection) + &empty_element(kind)));
    }
    if let Some(name) = &wanted.displayname {
        properties += &element(Name::DisplayName, &escape(name));
    }
    if !wanted.components.is_empty() {
        let all = wanted.components.iter().map(|kind| ["<c:comp name=\"", &escape(kind), "\"/>"].concat());
        properties += &element(Name::SupportedComponents, &all.collect::<String>());
    }
    if let Some(subscription) = &wanted.subscription {
        let href = element(Name::Href, &escape(&subscription.source));
        properties += &element(Name::Source, &href);
    }
    properties
}

/// Content of a 2xx answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Address of the calendar: some servers choose another one than the request names.
    pub target: Target,
    /// Whether the server states that the calendar exists now. A multistatus (207) is about its properties.
    pub is_certain: bool,
}

/// Reads the answer to a request for a calendar at `target`. Only PROPFIND shows whether it is true.
#[must_use]
pub fn parse(target: &Target, answer: &Answer) -> Made {
    let location = answer.response.headers.first("location");
    let moved = location.and_then(|location| target.resolve_member(location).ok());
    let is_certain = answer.response.status != 207;
    Made { target: moved.unwrap_or_else(|| target.clone()), is_certain }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caldav::calendar::Subscription;
    use crate::http::scripted::{Canned, target};

    #[test]
    fn what_cannot_be_changed_later_is_in_the_request() {
        let mut wanted = Properties {
            displayname: Some("A & B".to_owned()),
            components: vec!["VTODO".to_owned()],
            color: Some("#FF0000".to_owned()),
            ..Properties::default()
        };
        let body = |wanted: &Properties, method| {
            String::from_utf8(request(target("/cal/a/"), wanted, method).body.to_vec()).unwrap()
        };
        let full = body(&wanted, MkMethod::Calendar);
        assert!(
            full.contains("<d:displayname>A &amp; B</d:displayname>") && full.contains("name=\"VTODO\""),
            "{full}"
        );
        assert!(!full.contains("color") && !full.contains("resourcetype"), "{full}");
        assert_eq!(body(&wanted, MkMethod::Plain), "");
        wanted.subscription =
            Some(Subscription { source: "https://x/h.ics".to_owned(), ..Subscription::default() });
        let subscribed = body(&wanted, MkMethod::Collection);
        assert!(
            subscribed.contains("<cs:subscribed/>") && subscribed.contains("https://x/h.ics"),
            "{subscribed}"
        );
        assert_eq!(request(target("/cal/a/"), &wanted, MkMethod::Collection).method, "MKCOL");
    }

    #[test]
    fn the_server_may_choose_the_place() {
        let asked = target("/cal/a/");
        let made = parse(&asked, &Canned::status(201).header("Location", "/cal/1/").answer("/cal/a/"));
        assert_eq!(made, Made { target: target("/cal/1/"), is_certain: true });
        let made = parse(&asked, &Canned::multistatus("").answer("/cal/a/"));
        assert_eq!(made, Made { target: asked, is_certain: false });
    }
}
