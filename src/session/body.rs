//! The body of a response on its way to the reader.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use futures::{FutureExt, Stream, StreamExt};

use super::limiter::Permit;
use crate::http::{Body, Transport, TransportError};

/// A body that keeps its permit until it ends, and must end within a time that begins with its first pause.
/// Without the limit, a body that trickles in byte by byte would never end, because no single pause is too
/// long.
pub(super) struct TimedBody {
    body: Body,
    permit: Option<Permit>,
    transport: Rc<dyn Transport>,
    limit: Duration,
    deadline: Option<LocalBoxFuture<'static, ()>>,
}

impl TimedBody {
    pub(super) fn new(body: Body, permit: Permit, transport: Rc<dyn Transport>, limit: Duration) -> Self {
        Self { body, permit: Some(permit), transport, limit, deadline: None }
    }
}

impl Stream for TimedBody {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        match this.body.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(bytes))) => Poll::Ready(Some(Ok(bytes))),
            Poll::Ready(last) => {
                this.permit = None;
                this.deadline = None;
                Poll::Ready(last)
            }
            Poll::Pending => {
                let deadline = this.deadline.get_or_insert_with(|| this.transport.sleep(this.limit));
                if deadline.poll_unpin(cx).is_pending() {
                    return Poll::Pending;
                }
                this.permit = None;
                let seconds = this.limit.as_secs();
                Poll::Ready(Some(Err(TransportError::Timeout(format!(
                    "the whole answer took longer than {seconds} s"
                )))))
            }
        }
    }
}
