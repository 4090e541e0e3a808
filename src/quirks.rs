//! Differences between servers and the standards, and how the connector handles them.
//!
//! [`QUIRKS`] is the whole list: the behaviour, how it is recognised, where it was seen, and the answer to
//! it. A quirk that takes more than a different way of reading (a path, a pause, a word in a body) has its
//! constant or its function here as well, so that a new server is a change of this file. The pieces of a
//! protocol that every client needs are not quirks, and are in `webdav` and
//! `caldav`.

use std::time::{Duration, UNIX_EPOCH};

use crate::http::{Headers, Target};

/// A behaviour of some servers that the standards do not describe.
#[derive(Debug)]
pub struct Quirk {
    /// Behaviour of the server.
    pub behaviour: &'static str,
    /// Sign by which the connector recognises it.
    pub recognised_by: &'static str,
    /// The servers that it was seen on.
    pub seen_on: &'static str,
    /// Reaction of the connector, and the file that contains it.
    pub handling: &'static str,
}

/// Every known quirk, in the order in which a run meets them.
pub const QUIRKS: &[Quirk] = &[
    Quirk {
        behaviour: "The root of the host does not lead to CalDAV, and /.well-known/caldav is missing or wrong",
        recognised_by: "PROPFIND at the location is refused, or names neither a principal nor a home set",
        seen_on: "sabre/dav and SOGo behind a proxy without a rule for it; Nextcloud, Baikal, DAViCal and Cyrus below a path",
        handling: "WELL_KNOWN_PATHS are tried one after the other (account/discovery.rs)",
    },
    Quirk {
        behaviour: "A 401 has no challenge, or takes a second",
        recognised_by: "known beforehand",
        seen_on: "Yahoo (no challenge); Radicale (up to 1 s for each)",
        handling: "credentials are sent with the first request (session/auth.rs)",
    },
    Quirk {
        behaviour: "PROPFIND without credentials is answered with 207, and the principal is DAV:unauthenticated",
        recognised_by: "the element",
        seen_on: "Cyrus",
        handling: "it counts as 401 (account/discovery.rs)",
    },
    Quirk {
        behaviour: "A session is forgotten in the middle of a run: one 401, and the next request is accepted",
        recognised_by: "401 after a request of the same session was accepted",
        seen_on: "not tied to a server",
        handling: "the request is repeated once, without a pause (session/auth.rs)",
    },
    Quirk {
        behaviour: "A rate limit is answered with 403 in place of 429",
        recognised_by: "words of the error format of Google's APIs in the body: is_rate_limit",
        seen_on: "Google",
        handling: "the refusal counts as 429 (webdav/status.rs)",
    },
    Quirk {
        behaviour: "423 while another request writes to the same calendar, although no client holds a lock",
        recognised_by: "423 without a precondition in the body: is_busy",
        seen_on: "Xandikos 0.4",
        handling: "the refusal counts as 503 (webdav/status.rs)",
    },
    Quirk {
        behaviour: "A request body without a length is ignored or refused",
        recognised_by: "known beforehand",
        seen_on: "Radicale (PUT 400, other bodies ignored), SOGo without a proxy (404)",
        handling: "bodies are sent with content-length, never chunked (component/wasi.rs)",
    },
    Quirk {
        behaviour: "The host's own URLs come back with another scheme or port",
        recognised_by: "an href with the host name of the request and another origin",
        seen_on: "Baikal, Nextcloud and others behind a proxy that they are not told of",
        handling: "the href is taken for one of the request's origin (webdav/href.rs)",
    },
    Quirk {
        behaviour: "An href is a name relative to the collection, such as C:x.ics",
        recognised_by: "no slash in front (RFC 4918 8.3 forbids it)",
        seen_on: "Xandikos",
        handling: "it is resolved as the name of a member (webdav/href.rs)",
    },
    Quirk {
        behaviour: "An href has a question mark that is not escaped",
        recognised_by: "a ? in the href of a member",
        seen_on: "Cyrus",
        handling: "it is escaped: members have no query (webdav/href.rs)",
    },
    Quirk {
        behaviour: "A list is cut short, or empty even of the collection itself",
        recognised_by: "a response with status 507, or no response at all",
        seen_on: "Xandikos cuts lists that were asked for with a limit, and does not report it",
        handling: "no limit is asked for, and a list that is cut is not used: what is missing from it would look deleted \
                   (caldav/objects.rs)",
    },
    Quirk {
        behaviour: "getlastmodified ends in +0000 in place of GMT",
        recognised_by: "the spelling: http_date",
        seen_on: "SOGo",
        handling: "it is read as GMT",
    },
    Quirk {
        behaviour: "ETags repeat, dates are not those of a change, or either is missing",
        recognised_by: "known beforehand",
        seen_on: "SOGo (the ETag is a counter), DAViCal (the date is the event's DTSTAMP), Xandikos (no date)",
        handling: "the version of an entry is made from href, ETag and date together (source/listings.rs)",
    },
    Quirk {
        behaviour: "GET answers with a web page",
        recognised_by: "known beforehand",
        seen_on: "Xandikos, for collections",
        handling: "GET prefers text/calendar (webdav/get.rs)",
    },
    Quirk {
        behaviour: "calendar-multiget is refused, broken or incomplete because of one object",
        recognised_by: "a refused or broken REPORT for one object alone, and a GET that succeeds",
        seen_on: "sabre/dav 1.8 (404 for the whole if one is missing), Cyrus (bytes that are not UTF-8), DAViCal (missing ones \
                  are left out)",
        handling: "the batch is halved, single objects are read with GET, and after MULTIGET_TRIALS of these the calendar is \
                   read with GET (objects/fetcher.rs)",
    },
    Quirk {
        behaviour: "MKCALENDAR is refused because of its body, or answered with 207 and nothing is made",
        recognised_by: "a refusal, or PROPFIND does not find the calendar",
        seen_on: "Xandikos and Cyrus (207 for a property that cannot be set), servers without MKCALENDAR",
        handling: "MKCALENDAR without a body, then extended MKCOL (caldav/mkcalendar.rs)",
    },
    Quirk {
        behaviour: "A new calendar is visible only seconds after the server has reported it as made, or under another name",
        recognised_by: "PROPFIND does not find it",
        seen_on: "Infomaniak (8 to 20 s), Yahoo (chooses the name)",
        handling: "PROPFIND again after VISIBILITY_DELAYS, also of the home set (destination/create_calendar.rs)",
    },
    Quirk {
        behaviour: "Invitations are sent for every meeting that is written, whatever the request says",
        recognised_by: "the path or the server header: sends_invitations_always",
        seen_on: "SOGo 5.8",
        handling: "meetings are not written, unless the option scheduling allows it (caldav/scheduling.rs)",
    },
    Quirk {
        behaviour: "Invitations are held back if a request header says so",
        recognised_by: "headers and compliance classes: honours_scheduling_headers",
        seen_on: "sabre/dav (Nextcloud, Baikal), Cyrus, Fastmail",
        handling: "every PUT has NO_SCHEDULING; other servers get SCHEDULE-AGENT=CLIENT in the object",
    },
    Quirk {
        behaviour: "If-None-Match and If-Match are ignored",
        recognised_by: "known beforehand",
        seen_on: "SOGo, Zimbra, Google for most requests",
        handling: "the list decides whether an object is new (destination/existing.rs), and it is read back (destination/verify.rs)",
    },
    Quirk {
        behaviour: "A UID may be used only once in all calendars of an account",
        recognised_by: "the precondition unique-scheduling-object-resource",
        seen_on: "Cyrus",
        handling: "it is a UID conflict, like no-uid-conflict (webdav/status.rs)",
    },
    Quirk {
        behaviour: "Names with some characters, or longer ones, are refused",
        recognised_by: "PUT of such a name is refused without a precondition",
        seen_on: "Radicale (400 for : and others), Xandikos and Cyrus (403 for %2F), file systems (500 above 255 bytes)",
        handling: "the object is written under a plain name (destination/put_object.rs)",
    },
];

/// Paths where servers keep CalDAV when the root does not lead there: RFC 6764 5, then Nextcloud and
/// ownCloud, Cyrus and others, Baikal, DAViCal, `SOGo`.
pub const WELL_KNOWN_PATHS: [&str; 6] =
    ["/.well-known/caldav", "/remote.php/dav/", "/dav/", "/dav.php/", "/caldav.php/", "/SOGo/dav/"];

/// Pauses, in milliseconds, before looking again for a calendar that the server has reported as made: 16 s in
/// all.
pub const VISIBILITY_DELAYS: [u64; 7] = [0, 250, 500, 1000, 2000, 4000, 8000];

/// Objects of one calendar for which multiget failed and GET succeeded, before multiget is given up for it.
pub const MULTIGET_TRIALS: u32 = 2;

/// Request headers of a PUT that keep a server from sending invitations: of sabre/dav and its descendants, of
/// Cyrus, and of Nextcloud. Other servers ignore them.
pub const NO_SCHEDULING: [(&str, &str); 3] =
    [("schedule-reply", "F"), ("scheduling-enabled", "F"), ("x-nc-scheduling", "false")];

/// Returns true if the server of `target` sends invitations in spite of every header and of `SCHEDULE-AGENT`.
/// Measured with `SOGo`.
#[must_use]
pub fn sends_invitations_always(target: &Target, headers: &Headers) -> bool {
    target.path.starts_with("/SOGo/") || server(headers).contains("sogo")
}

/// Returns true if the server of `target` obeys [`NO_SCHEDULING`]. `classes` are its compliance classes (RFC
/// 4918 10.1), in lower case.
#[must_use]
pub fn honours_scheduling_headers(target: &Target, headers: &Headers, classes: &[String]) -> bool {
    let is_nextcloud = |class: &String| ["nextcloud", "nc-", "oc-"].iter().any(|own| class.starts_with(own));
    let is_sabre = headers.first("x-sabre-version").is_some() || classes.iter().any(is_nextcloud);
    is_sabre || server(headers).contains("cyrus") || target.origin.host.ends_with("fastmail.com")
}

fn server(headers: &Headers) -> String {
    headers.first("server").unwrap_or_default().to_ascii_lowercase()
}

/// Returns true if the body of a refusal states that a rate limit was exceeded. Google states it with 403.
#[must_use]
pub fn is_rate_limit(body: &str) -> bool {
    ["usageLimits", "rateLimitExceeded", "quotaExceeded"].iter().any(|word| body.contains(word))
}

/// Returns true if a refusal with 423 names no lock of another client (RFC 4918 11.3): the server writes
/// something else to the calendar at the moment, and a repetition succeeds.
#[must_use]
pub fn is_busy(status: u16, precondition: Option<&str>) -> bool {
    status == 423 && precondition.is_none()
}

/// Reads an HTTP date (RFC 9110 5.6.7), also in `SOGo`'s spelling. Returns the time since 1970, or none if
/// `text` is not a date or an earlier one.
#[must_use]
pub fn http_date(text: &str) -> Option<Duration> {
    let date =
        httpdate::parse_http_date(text).or_else(|_| httpdate::parse_http_date(&text.replace("+0000", "GMT")));
    date.ok()?.duration_since(UNIX_EPOCH).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_both_spellings() {
        let date = http_date("Sun, 22 Nov 2026 10:00:00 GMT");
        assert_eq!(date, Some(Duration::from_secs(1_795_341_600)));
        assert_eq!(http_date("Sun, 22 Nov 2026 10:00:00 +0000"), date);
        assert_eq!(http_date("Wed, 31 Dec 1969 10:00:00 GMT"), None);
        assert_eq!(http_date("soon"), None);
    }

    #[test]
    fn every_quirk_is_described_and_names_files_that_exist() {
        let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for Quirk { behaviour, recognised_by, seen_on, handling } in QUIRKS {
            assert!([behaviour, recognised_by, seen_on, handling].iter().all(|text| !text.is_empty()));
            for file in handling.split(['(', ')', ' ']).filter(|word| word.ends_with(".rs")) {
                assert!(src.join(file).exists(), "{behaviour}: {file}");
            }
        }
    }

    #[test]
    fn what_servers_state_is_recognised() {
        assert!(is_rate_limit(r#"{"error":{"errors":[{"domain":"usageLimits"}]}}"#) && !is_rate_limit("no"));
        assert!(is_busy(423, None) && !is_busy(423, Some("lock-token-submitted")) && !is_busy(403, None));
    }
}
