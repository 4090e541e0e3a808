//! How many requests may be under way: fewer when the server is in trouble, more again when it is well.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Successes in a row before one more request is let in.
const STEADY: usize = 16;

/// The gate.
pub(super) struct Gate {
    semaphore: Arc<Semaphore>,
    most: usize,
    limit: Cell<usize>,
    /// Permits to take away when they come back.
    surplus: Cell<usize>,
    steady: Cell<usize>,
}

/// The right to one request, until dropped.
pub(super) struct Permit {
    gate: Rc<Gate>,
    inner: Option<OwnedSemaphorePermit>,
}

impl Gate {
    /// A gate for at most `most` requests.
    pub(super) fn new(most: usize) -> Rc<Self> {
        Rc::new(Self {
            semaphore: Arc::new(Semaphore::new(most)),
            most,
            limit: Cell::new(most),
            surplus: Cell::new(0),
            steady: Cell::new(0),
        })
    }

    /// Waits for a place.
    pub(super) async fn enter(self: &Rc<Self>) -> Permit {
        // The semaphore is never closed, so there is always a permit.
        let inner = Arc::clone(&self.semaphore).acquire_owned().await.ok();
        Permit { gate: Rc::clone(self), inner }
    }

    /// How many may be under way now.
    pub(super) fn limit(&self) -> usize {
        self.limit.get()
    }

    /// The server is in trouble: half as many, at least one.
    pub(super) fn slow_down(&self) {
        let limit = (self.limit.get() / 2).max(1);
        self.surplus.set(self.surplus.get() + self.limit.get() - limit);
        self.limit.set(limit);
        self.steady.set(0);
    }

    /// A request went well.
    pub(super) fn speed_up(&self) {
        self.steady.set(self.steady.get() + 1);
        if self.steady.get() < STEADY || self.limit.get() >= self.most {
            return;
        }
        self.steady.set(0);
        self.limit.set(self.limit.get() + 1);
        match self.surplus.get() {
            0 => self.semaphore.add_permits(1),
            surplus => self.surplus.set(surplus - 1),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let surplus = self.gate.surplus.get();
        if surplus > 0
            && let Some(inner) = self.inner.take()
        {
            inner.forget();
            self.gate.surplus.set(surplus - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::executor::block_on;

    use super::*;

    /// How many more get in without waiting.
    fn room(gate: &Rc<Gate>) -> usize {
        let mut inside = Vec::new();
        while let Some(permit) = gate.enter().now_or_never() {
            inside.push(permit);
        }
        let room = inside.len();
        // Handed back without being counted as surplus.
        inside.into_iter().for_each(drop);
        room
    }

    #[test]
    fn trouble_halves_and_success_adds_one() {
        let gate = Gate::new(8);
        let inside: Vec<_> = (0..8).map(|_| block_on(gate.enter())).collect();
        gate.slow_down();
        gate.slow_down();
        drop(inside);
        assert_eq!((gate.limit(), room(&gate)), (2, 2));
        (0..STEADY).for_each(|_| gate.speed_up());
        assert_eq!((gate.limit(), room(&gate)), (3, 3));
        (0..STEADY * 20).for_each(|_| gate.speed_up());
        assert_eq!((gate.limit(), room(&gate)), (8, 8));
        (0..20).for_each(|_| gate.slow_down());
        assert_eq!(gate.limit(), 1);
    }
}
