//! A channel of batches: many values at once, with a bound on the batches that wait.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::channel::mpsc;
use futures::future::poll_fn;
use futures::{Stream, StreamExt};

/// Batches that wait in a channel before the sender has to wait. Small, because a batch may hold megabytes.
const CAPACITY: usize = 2;

/// Makes a channel. The sender waits while two batches have not been taken.
#[must_use]
pub fn batches<T>() -> (BatchSender<T>, BatchReceiver<T>) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    (BatchSender(sender), BatchReceiver(receiver))
}

/// The end that values are put into. Dropping it says that there are no more.
pub struct BatchSender<T>(mpsc::Sender<Vec<T>>);

/// The end that values come out of: a [`Stream`] of batches.
pub struct BatchReceiver<T>(mpsc::Receiver<Vec<T>>);

/// The other end of a channel is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receiver of the channel was dropped")
    }
}

impl std::error::Error for Closed {}

impl<T> BatchSender<T> {
    /// Sends a batch as soon as there is room for it.
    ///
    /// # Errors
    ///
    /// The receiver was dropped.
    pub async fn send(&mut self, batch: Vec<T>) -> Result<(), Closed> {
        self.ready().await?;
        self.send_now(batch)
    }

    /// Waits until [`send_now`](Self::send_now) has room for a batch. Nothing is lost when the wait is cancelled.
    ///
    /// # Errors
    ///
    /// The receiver was dropped.
    pub async fn ready(&mut self) -> Result<(), Closed> {
        poll_fn(|cx| self.poll_ready(cx)).await
    }

    /// Sends a batch without waiting, after [`ready`](Self::ready).
    ///
    /// # Errors
    ///
    /// The receiver was dropped, or there is no room.
    pub fn send_now(&mut self, batch: Vec<T>) -> Result<(), Closed> {
        self.0.start_send(batch).map_err(|_| Closed)
    }

    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.0.poll_ready(cx).map_err(|_| Closed)
    }
}

impl<T> BatchReceiver<T> {
    /// Waits for the next batch; none after the last one.
    pub async fn next(&mut self) -> Option<Vec<T>> {
        self.0.next().await
    }
}

impl<T> Stream for BatchReceiver<T> {
    type Item = Vec<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<T>>> {
        self.0.poll_next_unpin(cx)
    }
}
