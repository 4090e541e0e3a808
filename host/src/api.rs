//! A job as its users see it: a [`Source`] to read from, or a [`Destination`] to write to, and the streams of each.
//!
//! The traits have no other implementation in this library than [`Importer`](crate::Importer) and
//! [`Exporter`](crate::Exporter). Code that is written against them can be tested without a component.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};

pub use crate::batches::{BatchReceiver, BatchSender, Closed, batches};
use crate::error::JobError;
use crate::types::{Content, Identity, Item, ScanItem, WriteItem};

/// Largest file that a restore hands to a destination, in bytes. A guest needs a multiple of it as memory.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// An account that can be listed and read.
pub trait Source: Sync {
    /// Returns the account that is read.
    fn identity(&self) -> &Identity;
    /// Lists every entry.
    fn scan(&self) -> ScanStream;
    /// Reads many files of a scan that has begun: the cheapest way if it is known which.
    fn read_all(&self) -> ReadSession;
    /// Returns true if the job was asked to stop.
    fn is_cancelled(&self) -> bool;
}

/// An account that can be written to.
pub trait Destination: Sync {
    /// Begins to write.
    fn write(&self) -> WriteSession;
}

/// A listing under way: a [`Stream`] of batches.
pub struct ScanStream {
    items: BatchReceiver<ScanItem>,
    end: BoxFuture<'static, Result<(), JobError>>,
}

impl ScanStream {
    /// Makes a listing from its items and a future that is ready after the last item.
    pub fn new(
        items: BatchReceiver<ScanItem>,
        end: impl Future<Output = Result<(), JobError>> + Send + 'static,
    ) -> Self {
        Self { items, end: end.boxed() }
    }

    /// Waits for more items; none after the last one.
    pub async fn next(&mut self) -> Option<Vec<ScanItem>> {
        self.items.next().await
    }

    /// Waits for the verdict on the listing. Items that were not taken are dropped.
    ///
    /// # Errors
    ///
    /// The listing is not complete: nothing may be concluded from the absence of an entry.
    pub async fn finish(self) -> Result<(), JobError> {
        drop(self.items);
        self.end.await
    }
}

impl Stream for ScanStream {
    type Item = Vec<ScanItem>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<ScanItem>>> {
        self.items.poll_next_unpin(cx)
    }
}

/// Files being read: paths go in, contents come out, in any order.
pub struct ReadSession {
    /// Takes the paths to read. Dropping it says that there are no more.
    pub paths: PathSender,
    /// Returns one content for each path.
    pub contents: ContentStream,
}

/// The paths of a [`ReadSession`].
pub struct PathSender {
    sender: BatchSender<String>,
    sent: Arc<AtomicU64>,
}

/// The contents of a [`ReadSession`]: a [`Stream`] of batches.
pub struct ContentStream {
    receiver: BatchReceiver<Content>,
    sent: Arc<AtomicU64>,
    received: u64,
    end: BoxFuture<'static, JobError>,
}

impl ReadSession {
    /// Makes a session from its two channels. `end` gives the reason why the job ended; it is only asked if the
    /// contents end before every path has one.
    pub fn new(
        paths: BatchSender<String>,
        contents: BatchReceiver<Content>,
        end: impl Future<Output = JobError> + Send + 'static,
    ) -> Self {
        let sent = Arc::new(AtomicU64::new(0));
        Self {
            paths: PathSender { sender: paths, sent: Arc::clone(&sent) },
            contents: ContentStream { receiver: contents, sent, received: 0, end: end.boxed() },
        }
    }
}

impl PathSender {
    /// Waits until [`send_now`](Self::send_now) has room for a batch. Nothing is lost when the wait is cancelled.
    ///
    /// # Errors
    ///
    /// The job has ended; [`ContentStream::finish`] says why.
    pub async fn ready(&mut self) -> Result<(), Closed> {
        self.sender.ready().await
    }

    /// Asks for files without waiting, after [`ready`](Self::ready).
    ///
    /// # Errors
    ///
    /// The job has ended, or there is no room.
    pub fn send_now(&mut self, paths: Vec<String>) -> Result<(), Closed> {
        let count = paths.len() as u64;
        self.sender.send_now(paths)?;
        self.sent.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }
}

impl ContentStream {
    /// Waits for more contents; none after the last one.
    pub async fn next(&mut self) -> Option<Vec<Content>> {
        StreamExt::next(self).await
    }

    /// Says whether every path has got its content. To be asked after the last one.
    ///
    /// # Errors
    ///
    /// The reason why the job ended before.
    pub async fn finish(self) -> Result<(), JobError> {
        let sent = self.sent.load(Ordering::Relaxed);
        if self.received >= sent { Ok(()) } else { Err(self.end.await) }
    }
}

impl Stream for ContentStream {
    type Item = Vec<Content>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<Content>>> {
        let batch = futures::ready!(self.receiver.poll_next_unpin(cx));
        self.received += batch.as_ref().map_or(0, |batch| batch.len() as u64);
        Poll::Ready(batch)
    }
}

/// A write under way: items go in, one report for each of them comes out, in any order.
pub struct WriteSession {
    /// Takes what is to be written. Dropping it says that there is no more.
    pub items: BatchSender<Item>,
    /// Returns the outcomes and notices.
    pub reports: ReportStream,
}

/// The reports of a [`WriteSession`]: a [`Stream`] of batches.
pub struct ReportStream {
    reports: BatchReceiver<WriteItem>,
    end: BoxFuture<'static, Result<(), JobError>>,
}

impl WriteSession {
    /// Makes a session from its two channels and a future that is ready after the last report.
    pub fn new(
        items: BatchSender<Item>,
        reports: BatchReceiver<WriteItem>,
        end: impl Future<Output = Result<(), JobError>> + Send + 'static,
    ) -> Self {
        Self { items, reports: ReportStream { reports, end: end.boxed() } }
    }
}

impl ReportStream {
    /// Waits for more reports; none after the last one.
    pub async fn next(&mut self) -> Option<Vec<WriteItem>> {
        self.reports.next().await
    }

    /// Waits for the verdict on the write. Reports that were not taken are dropped.
    ///
    /// # Errors
    ///
    /// Not every item was dealt with. An item without a report may or may not have been written.
    pub async fn finish(self) -> Result<(), JobError> {
        drop(self.reports);
        self.end.await
    }
}

impl Stream for ReportStream {
    type Item = Vec<WriteItem>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<WriteItem>>> {
        self.reports.poll_next_unpin(cx)
    }
}

/// The bytes of one file as they arrive.
pub struct FileStream {
    bytes: BoxStream<'static, Bytes>,
    end: BoxFuture<'static, Result<(), JobError>>,
}

impl FileStream {
    /// Makes a file from its bytes and a future that is ready after the last of them.
    pub fn new(
        bytes: impl Stream<Item = Bytes> + Send + 'static,
        end: impl Future<Output = Result<(), JobError>> + Send + 'static,
    ) -> Self {
        Self { bytes: bytes.boxed(), end: end.boxed() }
    }

    /// Waits for more bytes; none after the last of them.
    pub async fn next(&mut self) -> Option<Bytes> {
        self.bytes.next().await
    }

    /// Waits for the verdict on the file. Bytes that were not taken are dropped.
    ///
    /// # Errors
    ///
    /// The bytes are not all of the file.
    pub async fn finish(self) -> Result<(), JobError> {
        drop(self.bytes);
        self.end.await
    }

    /// Collects all bytes of the file.
    ///
    /// # Errors
    ///
    /// The file could not be read to its end.
    pub async fn collect(mut self) -> Result<Vec<u8>, JobError> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await {
            all.extend_from_slice(&bytes);
        }
        self.finish().await.map(|()| all)
    }

    /// Returns the bytes and the verdict on them as a stream that ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, JobError>> + Send + 'static {
        let end = self.end.into_stream().filter_map(|end| std::future::ready(end.err().map(Err)));
        self.bytes.map(Ok).chain(end)
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn content(path: &str) -> Content {
        Content { path: path.to_owned(), body: Ok(Vec::new()) }
    }

    #[test]
    fn a_read_that_ends_early_says_why() {
        for (answers, expected) in [(2, Ok(())), (1, Err(JobError::Cancelled))] {
            let (paths, mut wanted) = batches();
            let (mut contents, receiver) = batches();
            let ReadSession { mut paths, contents: mut answered } =
                ReadSession::new(paths, receiver, async { JobError::Cancelled });
            block_on(async {
                paths.ready().await.unwrap();
                paths.send_now(vec!["/a".to_owned(), "/b".to_owned()]).unwrap();
                let asked: Vec<String> = wanted.next().await.unwrap();
                contents.send(asked.iter().take(answers).map(|path| content(path)).collect()).await.unwrap();
                drop(contents);
                while answered.next().await.is_some() {}
                assert_eq!(answered.finish().await, expected);
            });
        }
    }

    #[test]
    fn a_file_ends_with_its_verdict() {
        let file = |end| {
            FileStream::new(futures::stream::iter([Bytes::from("ab"), Bytes::from("c")]), async { end })
        };
        assert_eq!(block_on(file(Ok(())).collect()).unwrap(), b"abc");
        assert_eq!(block_on(file(Err(JobError::Cancelled)).collect()), Err(JobError::Cancelled));
        let all: Vec<_> = block_on(file(Err(JobError::Cancelled)).into_stream().collect());
        assert_eq!(all, [Ok(Bytes::from("ab")), Ok(Bytes::from("c")), Err(JobError::Cancelled)]);
    }
}
