//! Between the streams and futures of the component model and channels, in both directions, with
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

/// Takes a guest's stream into a channel, as many items at once as the guest offers.
pub(crate) struct Outlet<T>(pub(crate) mpsc::Sender<Vec<T>>);

impl<D, T: Lift + Send + 'static> StreamConsumer<D> for Outlet<T> {
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
        let sent = items.is_empty() || sender.start_send(items).is_ok();
        Poll::Ready(Ok(if sent { StreamResult::Completed } else { StreamResult::Dropped }))
    }
}

/// Takes a guest's bytes into a channel.
pub(crate) struct ByteOutlet(pub(crate) mpsc::Sender<Bytes>);

impl<D> StreamConsumer<D> for ByteOutlet {
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
pub(crate) struct Inlet<T>(pub(crate) mpsc::Receiver<Vec<T>>);

impl<D, T: Lower + Send + Sync + Unpin + 'static> StreamProducer<D> for Inlet<T> {
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
pub(crate) struct Once<T>(pub(crate) Option<oneshot::Sender<T>>);

impl<D, T: Lift + Send + 'static> FutureConsumer<D> for Once<T> {
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
            // Who no longer waits for it, does not need it.
            sender.send(value).ok();
        }
        Poll::Ready(Ok(()))
    }
}
