//! Differences between servers that are within the protocol, or close to it. The default is sabre/dav.

use std::time::Duration;

/// Deviations of the server from sabre/dav. The names in parentheses are servers on which each was observed.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// Answer to a request for a new calendar.
    pub new_calendars: NewCalendars,
    /// Treatment of a UID that is used twice in the account.
    pub uids: Uids,
    /// Kind of entity tag that objects have.
    pub etags: ETags,
    /// Keeps only the display name of the properties that are set, and reports success for all (`SOGo`).
    pub loses_properties: bool,
    /// Ignores `If-None-Match` (`SOGo`, Zimbra).
    pub ignores_none_match: bool,
    /// Prefix of the lines that the server removes from stored objects; absent if it keeps all.
    pub drops: Option<&'static str>,
    /// Interval of lost answers: with `Some(3)`, every third PUT is stored and its connection breaks without an answer.
    pub loses_answers: Option<usize>,
    /// Characters that an object's name must not contain; the server answers 400 otherwise (Radicale).
    pub refuses_in_names: &'static str,
    /// Text to append to `calendar-access` in the `DAV` header; begins with a comma unless empty.
    pub dav: &'static str,
    /// Value of the `Server` header; empty for none.
    pub server: &'static str,
}

/// Answer to a request for a new calendar (MKCALENDAR or extended MKCOL).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewCalendars {
    /// The server creates the calendar at the requested path.
    #[default]
    Made,
    /// The server answers 403.
    Forbidden,
    /// The server answers 207 to a request with a body and creates nothing (Xandikos). Without a body, it creates
    /// the calendar.
    PromisedOnly,
    /// The server creates the calendar at another path (Yahoo, Zoho).
    Moved,
    /// The server creates the calendar; listings show it after this time (Infomaniak).
    Late(Duration),
}

/// Treatment of a UID that is used twice in the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Uids {
    /// The server accepts the second object.
    #[default]
    Repeatable,
    /// The server refuses it with `no-uid-conflict` (RFC 4791, section 5.3.2.1), without an href (Radicale).
    Unique,
    /// The server refuses it and names the href of the other object (Cyrus).
    UniqueWithHref,
}

/// Kind of entity tag that objects have (RFC 9110, section 8.8.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ETags {
    /// Strong, such as `"1"`.
    #[default]
    Strong,
    /// Weak, such as `W/"1"` (GMX).
    Weak,
    /// No entity tag at all.
    Absent,
}

impl ETags {
    /// Returns the entity tag of a version, or none if the server has no entity tags.
    pub(crate) fn of(self, version: u64) -> Option<String> {
        match self {
            Self::Strong => Some(format!("\"{version}\"")),
            Self::Weak => Some(format!("W/\"{version}\"")),
            Self::Absent => None,
        }
    }
}
