//! How many requests may be under way at once, by additive increase and multiplicative decrease: an
//! overloaded server halves the number, a series of successes adds one.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Successes in a row before the limit is raised by one.
const SUCCESSES_TO_RAISE: usize = 16;

/// Limits the requests under way. Cloned as an `Rc` into every [`Permit`].
pub(super) struct ConcurrencyLimiter {
    semaphore: Arc<Semaphore>,
    /// The configured limit, which the current one never exceeds.
    max: usize,
    /// The current limit.
    limit: Cell<usize>,
    /// Permits in use beyond the current limit: each is discarded when it comes back.
    surplus: Cell<usize>,
    /// Successes since the limit last changed.
    successes: Cell<usize>,
}

/// The right to send one request, given back when dropped.
pub(super) struct Permit {
    limiter: Rc<ConcurrencyLimiter>,
    inner: Option<OwnedSemaphorePermit>,
}

impl ConcurrencyLimiter {
    /// Creates a limiter for at most `max` requests at once.
    pub(super) fn new(max: usize) -> Rc<Self> {
        Rc::new(Self {
            semaphore: Arc::new(Semaphore::new(max)),
            max,
            limit: Cell::new(max),
            surplus: Cell::new(0),
            successes: Cell::new(0),
        })
    }

    /// Waits until one more request may be sent.
    pub(super) async fn acquire(self: &Rc<Self>) -> Permit {
        // The semaphore is never closed, so there is always a permit.
        let inner = Arc::clone(&self.semaphore).acquire_owned().await.ok();
        Permit { limiter: Rc::clone(self), inner }
    }

    /// Returns how many requests may be under way now.
    pub(super) fn limit(&self) -> usize {
        self.limit.get()
    }

    /// Halves the limit, down to one: the server is overloaded or did not answer.
    pub(super) fn on_overload(&self) {
        let limit = (self.limit.get() / 2).max(1);
        self.surplus.set(self.surplus.get() + self.limit.get() - limit);
        self.limit.set(limit);
        self.successes.set(0);
    }

    /// Counts a success; after [`SUCCESSES_TO_RAISE`] of them the limit grows by one, up to the configured
    /// one.
    pub(super) fn on_success(&self) {
        self.successes.set(self.successes.get() + 1);
        if self.successes.get() < SUCCESSES_TO_RAISE || self.limit.get() >= self.max {
            return;
        }
        self.successes.set(0);
        self.limit.set(self.limit.get() + 1);
        match self.surplus.get() {
            0 => self.semaphore.add_permits(1),
            surplus => self.surplus.set(surplus - 1),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let surplus = self.limiter.surplus.get();
        if surplus > 0
            && let Some(inner) = self.inner.take()
        {
            inner.forget();
            self.limiter.surplus.set(surplus - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::executor::block_on;

    use super::*;

    /// Returns how many more permits there are without waiting.
    fn room(limiter: &Rc<ConcurrencyLimiter>) -> usize {
        let mut inside = Vec::new();
        while let Some(permit) = limiter.acquire().now_or_never() {
            inside.push(permit);
        }
        let room = inside.len();
        inside.into_iter().for_each(drop);
        room
    }

    #[test]
    fn overload_halves_and_success_adds_one() {
        let limiter = ConcurrencyLimiter::new(8);
        let inside: Vec<_> = (0..8).map(|_| block_on(limiter.acquire())).collect();
        limiter.on_overload();
        limiter.on_overload();
        drop(inside);
        assert_eq!((limiter.limit(), room(&limiter)), (2, 2));
        (0..SUCCESSES_TO_RAISE).for_each(|_| limiter.on_success());
        assert_eq!((limiter.limit(), room(&limiter)), (3, 3));
        (0..SUCCESSES_TO_RAISE * 20).for_each(|_| limiter.on_success());
        assert_eq!((limiter.limit(), room(&limiter)), (8, 8));
        (0..20).for_each(|_| limiter.on_overload());
        assert_eq!(limiter.limit(), 1);
    }
}
