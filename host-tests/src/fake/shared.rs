//! State that all connections of the server share.

use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dav_model::{Account, Request};

/// Account, settings and counters of the server.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) account: Account,
    /// Every request, with its version of HTTP.
    pub(super) seen: Mutex<Vec<(http::Version, Request)>>,
    pub(super) delay: Mutex<Duration>,
    /// Number of PUTs under way.
    pub(super) putting: AtomicUsize,
    pub(super) most_puts: AtomicUsize,
    /// Bytes in bodies that were delivered completely.
    pub(super) sent: AtomicU64,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
