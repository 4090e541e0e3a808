//! The body of a response on its way to the guest: counted, bounded in bytes and in time, and cut off when the job is
//! cancelled.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, Sleep, sleep};
use wasmtime_wasi_http::Error;

use super::failure;
use crate::limits::{Limits, Usage};

/// A response body under the limits of a job.
pub(super) struct MeteredBody {
    inner: Incoming,
    usage: Arc<Usage>,
    /// Bytes of this body that may still arrive.
    left: u64,
    /// Bytes of all bodies of the job.
    total: u64,
    pause: Duration,
    /// Runs from the moment at which nothing more was there.
    waiting: Option<Pin<Box<Sleep>>>,
    cancelled: BoxFuture<'static, ()>,
    _permit: OwnedSemaphorePermit,
}

impl MeteredBody {
    pub(super) fn new(
        inner: Incoming,
        usage: Arc<Usage>,
        limits: Limits,
        pause: Duration,
        mut cancelled: watch::Receiver<bool>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let cancelled = async move {
            if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
                // The job can no longer be cancelled.
                std::future::pending::<()>().await;
            }
        };
        Self {
            inner,
            usage,
            left: limits.response_bytes,
            total: limits.total_bytes,
            pause,
            waiting: None,
            cancelled: cancelled.boxed(),
            _permit: permit,
        }
    }

    fn account(&mut self, bytes: u64) -> Result<(), Error> {
        let all = self.usage.add_received(bytes);
        match self.left.checked_sub(bytes) {
            Some(left) if all <= self.total => {
                self.left = left;
                Ok(())
            }
            _ => Err(Error::HttpResponseBodySize(Some(bytes))),
        }
    }
}

impl Body for MeteredBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| {
                let frame = frame.map_err(|error| failure::of_hyper(&error))?;
                this.account(frame.data_ref().map_or(0, |data| data.len() as u64))?;
                Ok(frame)
            }));
        }
        if this.cancelled.poll_unpin(cx).is_ready() {
            return Poll::Ready(Some(Err(failure::cancelled())));
        }
        let pause = this.pause;
        let waiting = this.waiting.get_or_insert_with(|| Box::pin(sleep(pause)));
        if waiting.deadline() < Instant::now() || waiting.poll_unpin(cx).is_ready() {
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        }
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
