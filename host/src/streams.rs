//! Adapters between the streams and futures of the component model and channels, in both directions, with
//! backpressure.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use futures::channel::{mpsc, oneshot};
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Destination, FutureConsumer, Lift, Lower, Source, StreamConsumer, StreamProducer, StreamResult, VecBuffer,
};

use crate::batches::{BatchReceiver, BatchSender};

/// Takes a guest's stream into a channel, as many items at once as the guest offers.
pub(crate) struct StreamToChannel<T>(pub(crate) BatchSender<T>);

impl<D, T: Lift + Send + 'static> StreamConsumer<D> for StreamToChannel<T> {
    type Item = T;

    fn poll_consume(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'_, D>,
        mut source: Source<'_, T>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let sender = &mut self.get_mut().0;
        match sender.poll_ready(cx) {
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => return Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Ready(Ok(())) => {}
        }
        let mut items = Vec::with_capacity(source.remaining(&mut store));
        source.read(&mut store, &mut items)?;
        let sent = items.is_empty() || sender.send_now(items).is_ok();
        Poll::Ready(Ok(if sent { StreamResult::Completed } else { StreamResult::Dropped }))
    }
}

/// Takes a guest's bytes into a channel.
pub(crate) struct BytesToChannel(pub(crate) mpsc::Sender<Bytes>);

impl<D> StreamConsumer<D> for BytesToChannel {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<'_, D>,
        source: Source<'_, u8>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let sender = &mut self.get_mut().0;
        match sender.poll_ready(cx) {
            Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(_)) => return Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Ready(Ok(())) => {}
        }
        let mut source = source.as_direct(store);
        let bytes = Bytes::copy_from_slice(source.remaining());
        source.mark_read(bytes.len());
        let sent = bytes.is_empty() || sender.start_send(bytes).is_ok();
        Poll::Ready(Ok(if sent { StreamResult::Completed } else { StreamResult::Dropped }))
    }
}

/// Gives a channel's items to a guest as a stream.
pub(crate) struct ChannelToStream<T>(pub(crate) BatchReceiver<T>);

impl<D, T: Lower + Send + Sync + Unpin + 'static> StreamProducer<D> for ChannelToStream<T> {
    type Item = T;
    type Buffer = VecBuffer<T>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: StoreContextMut<'a, D>,
        mut destination: Destination<'a, T, VecBuffer<T>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        match Pin::new(&mut self.get_mut().0).poll_next(cx) {
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Ready(Some(items)) => {
                destination.set_buffer(items.into());
                Poll::Ready(Ok(StreamResult::Completed))
            }
        }
    }
}

/// Takes the value of a guest's future.
pub(crate) struct FutureToOneshot<T>(pub(crate) Option<oneshot::Sender<T>>);

impl<D, T: Lift + Send + 'static> FutureConsumer<D> for FutureToOneshot<T> {
    type Item = T;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut store: StoreContextMut<'_, D>,
        mut source: Source<'_, T>,
        _: bool,
    ) -> Poll<wasmtime::Result<()>> {
        let mut value = None;
        source.read(&mut store, &mut value)?;
        if let (Some(sender), Some(value)) = (self.get_mut().0.take(), value) {
            // The receiver may be gone; the value is not needed then.
            sender.send(value).ok();
        }
        Poll::Ready(Ok(()))
    }
}
