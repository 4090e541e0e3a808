//! Making calendars: MKCALENDAR (RFC 4791 5.3.1), and extended MKCOL (RFC 5689) for servers without it.

use dav_xml::{Name, declarations, element, empty_element, escape};

use crate::caldav::calendars::Properties;
use crate::http::{Request, Target};

/// How to ask for a calendar. Servers differ in which they understand; they are tried in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// MKCALENDAR with the properties that cannot be changed later, and the name.
    Calendar,
    /// MKCALENDAR without a body.
    Plain,
    /// Extended MKCOL.
    Collection,
}

/// All of them.
pub const WAYS: [Way; 3] = [Way::Calendar, Way::Plain, Way::Collection];

/// Asks for a calendar at `target`, or for a subscription if that is what `wanted` is.
#[must_use]
pub fn mkcalendar(target: Target, wanted: &Properties, way: Way) -> Request {
    let method = if way == Way::Collection { "MKCOL" } else { "MKCALENDAR" };
    if way == Way::Plain {
        return Request::new(method, target);
    }
    let mut properties = String::new();
    if way == Way::Collection {
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
    let root = if way == Way::Collection { "d:mkcol" } else { "c:mkcalendar" };
    let body = [
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><",
        root,
        &declarations(),
        "><d:set><d:prop>",
        &properties,
        "</d:prop></d:set></",
        root,
        ">",
    ];
    Request::new(method, target).xml(body.concat())
}
