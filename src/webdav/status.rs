//! Meaning of HTTP statuses, preconditions and failures of the transport for the caller. Nothing else in
//! the connector decides this.
//!
//! | status | kind of error | repeated |
//! |---|---|---|
//! | 400, 415, 422, 500 and others | protocol | no |
//! | 401 | sign-in-refused | once, after a success (`session/auth.rs`) |
//! | 403 | forbidden | if the body states a rate limit |
//! | 404, 410 | not-found | no |
//! | 405, 501 | unsupported | no |
//! | 408, 429, 503 | rate-limited | yes, also a PUT |
//! | 409, 412 | conflict | no |
//! | 413 | too-large | no |
//! | 423 | conflict | yes, also a PUT, unless a lock is named |
//! | 502, 504 | unreachable | yes; after a PUT, the object is looked for first |
//! | 507 | quota-exceeded | yes; not a PUT |
//!
//! "Repeated" is what the session does on its own, after a pause and up to the number of retries.

use super::refusal::Refusal;
use crate::error::{Error, Kind};
use crate::http::{Target, TransportError};
use crate::quirks;

/// Returns the kind of error that a refusal is, from its status alone (RFC 9110 15.5, RFC 4918 11).
#[must_use]
pub fn kind(refusal: &Refusal) -> Kind {
    match refusal.status {
        403 => Kind::Forbidden,
        404 | 410 => Kind::NotFound,
        405 | 501 => Kind::Unsupported,
        409 | 412 | 423 => Kind::Conflict,
        413 => Kind::TooLarge,
        408 | 429 | 503 => Kind::RateLimited,
        502 | 504 => Kind::Unreachable,
        507 => Kind::QuotaExceeded,
        _ => Kind::Protocol,
    }
}

/// Returns the refusal of a request to `target` as an error.
#[must_use]
pub fn error(target: &Target, refusal: &Refusal) -> Error {
    Error::new(kind(refusal), format!("{target}: {refusal}"))
}

/// Returns the refusal of a PUT to `target` as an error, which the preconditions of RFC 4791 5.3.2.1 and RFC
/// 4331 6 describe more closely than a status does.
#[must_use]
pub fn write_error(target: &Target, refusal: &Refusal) -> Error {
    let (kind, what) = match (refusal.precondition(), refusal.status) {
        ("supported-calendar-component", _) => {
            (Kind::Unsupported, "the calendar does not take objects of this kind")
        }
        ("max-resource-size" | "max-attendees-per-instance" | "max-instances", _) | (_, 413) => {
            (Kind::TooLarge, "it is larger than the server takes")
        }
        ("quota-not-exceeded" | "sufficient-disk-space", _) | (_, 507) => {
            (Kind::QuotaExceeded, "the account has no room left")
        }
        ("need-privileges", _) => (Kind::ReadOnly, "this account may not write there"),
        ("", 403) => (Kind::Forbidden, "the server does not allow it; perhaps the calendar is read-only"),
        ("valid-calendar-data" | "valid-calendar-object-resource" | "supported-calendar-data", _)
        | (_, 400 | 415) => (Kind::Protocol, "the server does not accept the object as it is"),
        (_, 423) => (Kind::Conflict, "another program has it locked"),
        (_, 409 | 412) => (Kind::Conflict, "another object is already there"),
        _ => return error(target, refusal),
    };
    Error::new(kind, format!("{what}: {refusal} at {target}"))
}

/// Returns true if the same request may succeed when it is sent again later: what [`is_not_done`] names, a
/// gateway without an answer from its server (502, 504), and no room at the moment (507).
#[must_use]
pub fn is_transient(refusal: &Refusal) -> bool {
    matches!(refusal.status, 502 | 504 | 507) || is_not_done(refusal)
}

/// Returns true if the server has not begun with the request and asks for a repetition, which is then safe
/// for every method: it is overloaded (408, 503), was asked too much (429, Google's 403), or is writing to
/// the calendar (423).
#[must_use]
pub fn is_not_done(refusal: &Refusal) -> bool {
    match refusal.status {
        408 | 429 | 503 => true,
        403 => refusal.is_rate_limit,
        status => quirks::is_busy(status, refusal.precondition.as_deref()),
    }
}

/// Returns true if a gateway has lost the answer of its server: a write may have been done.
#[must_use]
pub fn may_be_done(refusal: &Refusal) -> bool {
    matches!(refusal.status, 502 | 504)
}

/// Returns true if the account has an object with the UID of the one that was to be written (RFC 4791
/// 5.3.2.1, RFC 6638 3.2.4.1).
#[must_use]
pub fn is_uid_conflict(refusal: &Refusal) -> bool {
    matches!(refusal.precondition(), "no-uid-conflict" | "unique-scheduling-object-resource")
}

/// Returns true if a header such as `If-Match` did not hold (RFC 9110 15.5.13), and not a precondition of
/// `CalDAV` that a server answers with the same status.
#[must_use]
pub fn is_failed_condition(refusal: &Refusal) -> bool {
    let precondition = refusal.precondition();
    let is_of_http =
        precondition.is_empty() || precondition.contains("match") || precondition.contains("condition");
    refusal.status == 412 && is_of_http
}

/// Returns true if a server that does not accept the name of a new object may answer like this: there is no
/// status for it.
#[must_use]
pub fn may_be_about_the_name(refusal: &Refusal) -> bool {
    matches!(refusal.status, 400 | 403 | 404 | 405 | 409 | 414 | 500) && refusal.precondition().is_empty()
}

/// Returns true if there is nothing at the target (any more).
#[must_use]
pub fn is_gone(refusal: &Refusal) -> bool {
    matches!(refusal.status, 404 | 410)
}

/// Returns true if another path of the same server may be answered: the refusal is about this path or method,
/// and not a state of the server.
#[must_use]
pub fn is_about_the_path(refusal: &Refusal) -> bool {
    refusal.status < 500 || matches!(refusal.status, 500 | 501)
}

/// Returns a failure of the transport to reach `target` as an error, with advice.
#[must_use]
pub fn transport_error(target: &Target, error: &TransportError) -> Error {
    let (kind, advice) = match error {
        TransportError::Connect(_) => (Kind::Unreachable, "Check the location and whether the server is up"),
        TransportError::Broken(_) | TransportError::Timeout(_) => (Kind::Unreachable, "Try again later"),
        TransportError::Tls(_) => {
            (Kind::Tls, "If the server has a certificate of its own, name its CA with tls_ca")
        }
        TransportError::Denied(_) => (Kind::Denied, "Change what the host allows if this is right"),
        TransportError::TooLarge(_) => (Kind::TooLarge, "It was not read to its end"),
        TransportError::Cancelled => return Error::new(Kind::Cancelled, "cancelled"),
        TransportError::Protocol(_) => (Kind::Protocol, "Check that the location is a CalDAV server"),
    };
    Error::new(kind, format!("{}: {error}. {advice}", target.origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16) -> Refusal {
        Refusal { status, ..Refusal::default() }
    }

    #[test]
    fn a_busy_calendar_is_free_again_soon_and_a_locked_one_is_not() {
        let busy = refusal(423);
        let locked = Refusal { precondition: Some("lock-token-submitted".to_owned()), ..busy.clone() };
        assert!(is_not_done(&busy) && is_transient(&busy));
        assert!(!is_not_done(&locked) && !is_transient(&locked));
        assert!(is_transient(&refusal(502)) && !is_not_done(&refusal(502)));
    }

    #[test]
    fn every_status_has_one_meaning() {
        for (status, expected, is_repeated) in [
            (400, Kind::Protocol, false),
            (403, Kind::Forbidden, false),
            (404, Kind::NotFound, false),
            (405, Kind::Unsupported, false),
            (409, Kind::Conflict, false),
            (412, Kind::Conflict, false),
            (413, Kind::TooLarge, false),
            (429, Kind::RateLimited, true),
            (500, Kind::Protocol, false),
            (503, Kind::RateLimited, true),
            (504, Kind::Unreachable, true),
            (507, Kind::QuotaExceeded, true),
        ] {
            let refusal = refusal(status);
            assert_eq!((kind(&refusal), is_transient(&refusal)), (expected, is_repeated), "{status}");
        }
    }

    #[test]
    fn a_precondition_says_more_than_a_status() {
        let target = crate::http::scripted::target("/cal/a.ics");
        for (status, precondition, expected) in [
            (403, "supported-calendar-component", Kind::Unsupported),
            (403, "max-resource-size", Kind::TooLarge),
            (403, "quota-not-exceeded", Kind::QuotaExceeded),
            (403, "need-privileges", Kind::ReadOnly),
            (403, "", Kind::Forbidden),
            (403, "valid-calendar-data", Kind::Protocol),
            (403, "something-else", Kind::Forbidden),
            (415, "", Kind::Protocol),
            (423, "lock-token-submitted", Kind::Conflict),
        ] {
            let precondition = Some(precondition.to_owned()).filter(|text| !text.is_empty());
            let refusal = Refusal { precondition, ..refusal(status) };
            let error = write_error(&target, &refusal);
            assert_eq!(error.kind, expected, "{error}");
        }
    }
}
