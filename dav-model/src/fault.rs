//! Faults: wrong answers to selected requests, in place of the account's own.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{Reply, Request};

/// A function from a request to a wrong answer; none means that the account answers by itself.
pub type Fault = Box<dyn Fn(&Request) -> Option<Reply> + Send + Sync>;

/// Returns a fault that answers the first `count` of the requests that `concerns` selects.
pub fn first(
    count: usize,
    concerns: impl Fn(&Request) -> bool,
    reply: impl Fn() -> Reply,
) -> impl Fn(&Request) -> Option<Reply> {
    numbered(concerns, move |number| number < count, reply)
}

/// Returns a fault that answers all requests that `concerns` selects, except the first `count`.
pub fn after(
    count: usize,
    concerns: impl Fn(&Request) -> bool,
    reply: impl Fn() -> Reply,
) -> impl Fn(&Request) -> Option<Reply> {
    numbered(concerns, move |number| number >= count, reply)
}

/// Returns a fault that answers every `count`-th of the requests that `concerns` selects, starting with the first.
pub fn every(
    count: usize,
    concerns: impl Fn(&Request) -> bool,
    reply: impl Fn() -> Reply,
) -> impl Fn(&Request) -> Option<Reply> {
    numbered(concerns, move |number| number % count == 0, reply)
}

fn numbered(
    concerns: impl Fn(&Request) -> bool,
    is_hit: impl Fn(usize) -> bool,
    reply: impl Fn() -> Reply,
) -> impl Fn(&Request) -> Option<Reply> {
    let count = AtomicUsize::new(0);
    move |request| {
        let is_concerned = concerns(request);
        (is_concerned && is_hit(count.fetch_add(1, Ordering::Relaxed))).then(&reply)
    }
}
