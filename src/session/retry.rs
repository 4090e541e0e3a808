//! When to send a request again, and when not (RFC 9110 10.2.3). Pure: no clock, no I/O.

use std::time::{Duration, UNIX_EPOCH};

use crate::http::Headers;
use crate::webdav::refusal::Refusal;

/// The longest pause a server can ask for; beyond it the run ends and says so.
pub const LONGEST: Duration = Duration::from_secs(120);

/// Whether a refusal means "not now": what [`is_not_done`] has, a gateway in trouble, or (507) no room
/// at the moment.
#[must_use]
pub fn is_transient(refusal: &Refusal) -> bool {
    matches!(refusal.status, 502 | 504 | 507) || is_not_done(refusal)
}

/// Whether a refusal means "not now", and that nothing was done: what may be repeated in any case. That
/// is an overloaded server, one that was asked too much, and one that writes something else to the
/// calendar at the moment. The last says 423, but names no lock of another client (RFC 4918 11.3): that
/// one would stay.
#[must_use]
pub fn is_not_done(refusal: &Refusal) -> bool {
    match refusal.status {
        408 | 429 | 503 => true,
        423 => refusal.precondition.is_none(),
        403 => refusal.is_rate_limit,
        _ => false,
    }
}

/// How long to wait before sending again for the `attempt`th time (0 is the first repetition), or
/// none when the server asks for more than is reasonable.
#[must_use]
pub fn pause(attempt: u32, headers: Option<&Headers>) -> Option<Duration> {
    let own = Duration::from_millis(250 << attempt.min(7));
    let asked = headers.and_then(retry_after).unwrap_or_default();
    (asked <= LONGEST).then_some(own.max(asked).min(LONGEST))
}

/// The value of `Retry-After`: seconds, or a date that is compared with the server's own `Date`, so
/// that no clock of ours is needed.
fn retry_after(headers: &Headers) -> Option<Duration> {
    let value = headers.first("retry-after")?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let now =
        headers.first("date").and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(UNIX_EPOCH);
    (now > UNIX_EPOCH).then(|| until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_that_is_written_to_is_free_again_soon_and_one_that_is_locked_is_not() {
        let busy = Refusal { status: 423, ..Refusal::default() };
        let locked = Refusal { precondition: Some("lock-token-submitted".to_owned()), ..busy.clone() };
        assert!(is_not_done(&busy) && is_transient(&busy));
        assert!(!is_not_done(&locked) && !is_transient(&locked));
        let gateway = Refusal { status: 502, ..Refusal::default() };
        assert!(is_transient(&gateway) && !is_not_done(&gateway));
    }

    #[test]
    fn the_server_may_ask_for_more_but_not_for_ever() {
        let asks = |value: &str| {
            [("Retry-After", value), ("Date", "Sun, 22 Nov 2026 10:00:00 GMT")]
                .into_iter()
                .collect::<Headers>()
        };
        assert_eq!(pause(0, None), Some(Duration::from_millis(250)));
        assert_eq!(pause(3, None), Some(Duration::from_secs(2)));
        assert_eq!(pause(0, Some(&asks("7"))), Some(Duration::from_secs(7)));
        assert_eq!(pause(0, Some(&asks("Sun, 22 Nov 2026 10:00:30 GMT"))), Some(Duration::from_secs(30)));
        assert_eq!(pause(0, Some(&asks("Sun, 22 Nov 2026 09:00:00 GMT"))), Some(Duration::from_millis(250)));
        assert_eq!(pause(0, Some(&asks("soon"))), Some(Duration::from_millis(250)));
        assert_eq!(pause(0, Some(&asks("3600"))), None);
        assert_eq!(pause(20, None), Some(Duration::from_secs(32)));
    }
}
