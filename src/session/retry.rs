//! How long to wait before a request is sent again (RFC 9110 10.2.3). Pure: no clock, no I/O. Whether it is
//! sent again is decided in [`webdav::status`](crate::webdav::status).

use std::time::Duration;

use crate::http::Headers;
use crate::quirks::http_date;

/// The longest pause that a server may ask for; one that asks for more has refused the request.
pub const MAX_PAUSE: Duration = Duration::from_secs(120);

/// Returns how long to wait before the repetition number `attempt` (from 0): 250 ms, doubled each time, or as
/// long as the server asks for in `headers`. None if it asks for more than [`MAX_PAUSE`].
#[must_use]
pub fn pause(attempt: u32, headers: Option<&Headers>) -> Option<Duration> {
    let own = Duration::from_millis(250 << attempt.min(7));
    let asked = headers.and_then(retry_after).unwrap_or_default();
    (asked <= MAX_PAUSE).then_some(own.max(asked).min(MAX_PAUSE))
}

/// The value of `Retry-After`: seconds, or a date. A date is compared with the server's own `Date`, because
/// there is no clock here, and the server's may be wrong anyway.
fn retry_after(headers: &Headers) -> Option<Duration> {
    let value = headers.first("retry-after")?;
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let (until, now) = (http_date(value)?, headers.first("date").and_then(http_date)?);
    Some(until.saturating_sub(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_may_ask_for_more_up_to_two_minutes() {
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
