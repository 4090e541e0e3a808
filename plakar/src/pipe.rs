//! Standard input and output as one connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tonic::transport::server::Connected;

/// A connection made of two pipes.
pub struct Pipes {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    gone: Arc<Notify>,
}

impl Pipes {
    /// Creates a connection that reads from one pipe and writes to the other.
    pub fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self { reader: Box::new(reader), writer: Box::new(writer), gone: Arc::default() }
    }

    /// Returns the standard input and output of this process as a connection.
    #[must_use]
    pub fn of_this_process() -> Self {
        #[cfg(unix)]
        if let Ok((reader, writer)) = unix_pipes() {
            return Self::new(reader, writer);
        }
        // Not pipes, or not Unix: Tokio reads on a thread that blocks.
        Self::new(tokio::io::stdin(), tokio::io::stdout())
    }

    /// Returns when nothing more can be read: the other side has closed its end, or the connection was dropped.
    pub(super) fn gone(&self) -> impl Future<Output = ()> + use<> {
        let gone = Arc::clone(&self.gone);
        async move { gone.notified().await }
    }
}

/// Returns the standard streams as pipes that are polled like sockets.
#[cfg(unix)]
fn unix_pipes() -> io::Result<(tokio::net::unix::pipe::Receiver, tokio::net::unix::pipe::Sender)> {
    use std::os::fd::AsFd;

    use tokio::net::unix::pipe::{Receiver, Sender};

    let reader = Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let writer = Sender::from_owned_fd(io::stdout().as_fd().try_clone_to_owned()?)?;
    Ok((reader, writer))
}

impl Drop for Pipes {
    fn drop(&mut self) {
        self.gone.notify_one();
    }
}

impl AsyncRead for Pipes {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.reader).poll_read(cx, buffer);
        if let Poll::Ready(result) = &polled
            && (result.is_err() || buffer.filled().len() == before)
        {
            self.gone.notify_one();
        }
        polled
    }
}

impl AsyncWrite for Pipes {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}

impl Connected for Pipes {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn the_end_of_the_input_is_noticed() {
        let (input, mut other) = tokio::io::duplex(16);
        other.write_all(b"x").await.unwrap();
        drop(other);
        let mut pipes = Pipes::new(input, tokio::io::sink());
        let gone = pipes.gone();
        let mut all = Vec::new();
        pipes.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"x");
        gone.await;
    }

    #[tokio::test]
    async fn a_dropped_connection_is_gone() {
        let pipes = Pipes::new(tokio::io::empty(), tokio::io::sink());
        let gone = pipes.gone();
        drop(pipes);
        gone.await;
    }
}
