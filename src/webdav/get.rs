//! GET (RFC 9110 9.3.1) of one calendar object resource.

use crate::http::{Request, Target};

/// Asks for the bytes of `target`.
#[must_use]
pub fn get(target: Target) -> Request {
    // RFC 4791 5.3.4 has objects as text/calendar; some servers answer HTML to a bare GET.
    Request::new("GET", target).header("accept", "text/calendar, */*;q=0.1")
}
