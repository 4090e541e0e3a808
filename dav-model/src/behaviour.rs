//! How servers differ from each other without being wrong in every answer. The default is sabre/dav.

use std::time::Duration;

/// How the server differs. The names in parentheses are servers that were seen to do it.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// What becomes of a calendar that is asked for.
    pub new_calendars: NewCalendars,
    /// Whether a UID may be used twice in the account.
    pub uids: Uids,
    /// What kind of `ETag` objects have.
    pub etags: ETags,
    /// Of the properties that are set, only the name is kept, and success is told (`SOGo`).
    pub loses_properties: bool,
    /// `If-None-Match` has no effect (`SOGo`, Zimbra).
    pub ignores_none_match: bool,
    /// Lines that begin with this are removed from objects that are written.
    pub drops: Option<&'static str>,
    /// Of so many PUTs, the answer of the last one is lost after the object was stored, again and again.
    pub loses_answers: Option<usize>,
    /// Names with one of these characters are refused with 400 (Radicale).
    pub refuses_in_names: &'static str,
    /// What the `DAV` header has besides `calendar-access`; begins with a comma.
    pub dav: &'static str,
    /// The `Server` header; empty for none.
    pub server: &'static str,
}

/// What becomes of a calendar that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewCalendars {
    /// It is made.
    #[default]
    Made,
    /// It is refused with 403.
    Forbidden,
    /// With a body the answer is 207 and nothing is made (Xandikos); without one it is made.
    PromisedOnly,
    /// It is made at another address (Yahoo, Zoho).
    Moved,
    /// It is made and appears in listings after this time (Infomaniak).
    Late(Duration),
}

/// Whether a UID may be used twice in the account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Uids {
    /// It may.
    #[default]
    Repeatable,
    /// It is refused with `no-uid-conflict` (RFC 4791 5.3.2.1) without an href (Radicale).
    Unique,
    /// The refusal has the href of the other object (Cyrus).
    UniqueWithHref,
}

/// What kind of `ETag` objects have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ETags {
    /// `"1"`.
    #[default]
    Strong,
    /// `W/"1"` (GMX).
    Weak,
    /// None at all.
    Absent,
}

impl ETags {
    /// Returns the `ETag` of a version.
    pub(crate) fn of(self, version: u64) -> Option<String> {
        match self {
            Self::Strong => Some(format!("\"{version}\"")),
            Self::Weak => Some(format!("W/\"{version}\"")),
            Self::Absent => None,
        }
    }
}
