//! PUT (RFC 9110 9.3.4) of one calendar object resource (RFC 4791 5.3.2), and what its refusal means.
//!
//! ```http
//! PUT /cal/work/lunch.ics HTTP/1.1
//! If-None-Match: *
//! Content-Type: text/calendar; charset=utf-8
//! Schedule-Reply: F
//!
//! HTTP/1.1 409 Conflict
//! Content-Type: application/xml
//!
//! <d:error xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
//!   <c:no-uid-conflict><d:href>/cal/home/old.ics</d:href></c:no-uid-conflict>
//! </d:error>
//! ```
//!
//! An answer of 2xx is not read. Its `ETag`, which many servers leave out (RFC 4791 5.3.4), says nothing
//! about whether the object was stored as it was sent: a restore reads it back.

use bytes::Bytes;

use super::refusal::Refusal;
use super::status;
use crate::http::{Request, Target};
use crate::quirks;

/// Condition on the target that makes the server accept a PUT (RFC 9110 13.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing: the object is new (`If-None-Match: *`).
    Absent,
    /// The object of this `ETag` (`If-Match`).
    Version(Box<str>),
    /// Anything: the server names no version that can be compared.
    Any,
}

impl Condition {
    /// Returns the condition that the object still has this `ETag`. Weak ones cannot be compared (RFC 9110
    /// 13.1.1): with one of these, or without one, there is no condition.
    ///
    /// ```
    /// use caldav::webdav::put::Condition;
    ///
    /// assert_eq!(Condition::still(Some("\"7f3c\"")), Condition::Version("\"7f3c\"".into()));
    /// assert_eq!(Condition::still(Some("W/\"7f3c\"")), Condition::Any);
    /// assert_eq!(Condition::still(None::<String>), Condition::Any);
    /// ```
    #[must_use]
    pub fn still(etag: Option<impl Into<Box<str>>>) -> Self {
        let strong = etag.map(Into::into).filter(|etag| !etag.starts_with("W/"));
        strong.map_or(Self::Any, Self::Version)
    }
}

/// Returns the request that writes `body` to `target`. Without `scheduling`, the server is asked to send no
/// invitations: see [`quirks::NO_SCHEDULING`].
///
/// The request is not repeated on its own. If no answer comes, the caller has to check whether the object was
/// stored.
#[must_use]
pub fn request(target: Target, body: Bytes, condition: &Condition, scheduling: bool) -> Request {
    let mut request =
        Request::new("PUT", target).header("content-type", "text/calendar; charset=utf-8").once();
    request.body = body;
    request = match condition {
        Condition::Absent => request.header("if-none-match", "*"),
        Condition::Version(etag) => request.header("if-match", etag.to_string()),
        Condition::Any => request,
    };
    let headers = if scheduling { [].as_slice() } else { &quirks::NO_SCHEDULING };
    headers.iter().fold(request, |request, (name, value)| request.header(name, *value))
}

/// Meaning of a refused PUT for the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The account has an object with this UID (RFC 4791 5.3.2.1), at this target if the server names one of
    /// its own.
    UidConflict(Option<Target>),
    /// The [`Condition`] does not hold: what is at the target has changed.
    Changed,
    /// The object may be stored in spite of the refusal.
    MaybeStored,
    /// Perhaps the name is not accepted. Whether it is unusual is for the caller to see.
    MaybeName,
    /// Another repetition or another name would be refused as well.
    Final,
}

/// Returns what the refusal of a PUT into the collection `base` means. [`status::write_error`] gives it as an
/// error.
#[must_use]
pub fn refused(base: &Target, refusal: &Refusal) -> Refused {
    if status::is_uid_conflict(refusal) {
        let target = refusal.href.as_ref().and_then(|href| base.resolve_member(href).ok());
        Refused::UidConflict(target.filter(|target| target.origin == base.origin))
    } else if status::is_failed_condition(refusal) {
        Refused::Changed
    } else if status::may_be_done(refusal) {
        Refused::MaybeStored
    } else if status::may_be_about_the_name(refusal) {
        Refused::MaybeName
    } else {
        Refused::Final
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::scripted::target;

    fn header(request: &Request, name: &str) -> Option<String> {
        request.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn conditions_and_scheduling_are_headers() {
        let put = |condition: &Condition, scheduling| {
            request(target("/cal/a.ics"), Bytes::from_static(b"x"), condition, scheduling)
        };
        let new = put(&Condition::Absent, false);
        assert_eq!(header(&new, "if-none-match").as_deref(), Some("*"));
        assert_eq!(header(&new, "schedule-reply").as_deref(), Some("F"));
        assert!(!new.repeatable);
        let known = put(&Condition::still(Some("\"1\"")), true);
        assert_eq!(header(&known, "if-match").as_deref(), Some("\"1\""));
        assert_eq!(header(&known, "schedule-reply"), None);
        assert_eq!(Condition::still(Some("W/\"1\"")), Condition::Any);
        assert_eq!(Condition::still(None::<&str>), Condition::Any);
    }

    #[test]
    fn a_refusal_has_one_meaning() {
        let base = target("/cal/");
        let there = Some(base.with_path("/cal/b.ics"));
        for (status, precondition, href, expected) in [
            (409, "no-uid-conflict", "/cal/b.ics", Refused::UidConflict(there)),
            (403, "no-uid-conflict", "https://evil.example/b.ics", Refused::UidConflict(None)),
            (412, "", "", Refused::Changed),
            (412, "if-none-match", "", Refused::Changed),
            (412, "quota-not-exceeded", "", Refused::Final),
            (502, "", "", Refused::MaybeStored),
            (400, "", "", Refused::MaybeName),
            (403, "valid-calendar-data", "", Refused::Final),
            (413, "", "", Refused::Final),
        ] {
            let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            let refusal =
                Refusal { status, precondition: text(precondition), href: text(href), ..Refusal::default() };
            assert_eq!(refused(&base, &refusal), expected, "{status} {precondition}");
        }
    }
}
