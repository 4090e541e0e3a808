//! Reading: the bytes of the files that a scan has found.

use bytes::Bytes;
use futures::channel::mpsc;
use futures::future::{Either, LocalBoxFuture, ready, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, SinkExt, StreamExt};

use super::listings::{BodySource, Listings};
use crate::error::{Error, Kind, Result};
use crate::objects::fetcher::Fetcher;

/// One answer of `read_all`: a path, and its bytes. As `content` in `wit/source.wit`.
pub type Content = (String, Result<Bytes>);
/// An answer, and the size that its path was expected to have.
type Sized = (u64, Content);
type Wanted = FuturesUnordered<LocalBoxFuture<'static, Sized>>;

/// The most bodies that are passed on at once.
const CHUNK: usize = 256;
/// The most bytes of bodies that are passed on at once, if there is more than one.
const CHUNK_BYTES: usize = 1 << 20;
/// The most bodies that `read_all` has under way or ready at once, and their bytes as far as they are known.
const MAX_WANTED: usize = 512;
const MAX_WANTED_BYTES: u64 = 16 << 20;

/// Returns the bytes of one file, and reads ahead in the order of the scan.
pub(super) async fn read(listings: &Listings, fetcher: &Fetcher, path: &str) -> Result<Bytes> {
    match listings.find(path) {
        Some(BodySource::Inline(bytes)) => Ok(bytes),
        Some(BodySource::Remote(id)) => fetcher.read_ahead(id).await.map_err(|error| error.at(path)),
        None => Err(not_scanned(path)),
    }
}

/// Sends the bytes of many files, just these, in any order: until the paths end, or the receiver is gone.
pub(super) async fn read_all(
    listings: &Listings,
    fetcher: &Fetcher,
    mut paths: mpsc::Receiver<Vec<String>>,
    mut out: mpsc::Sender<Vec<Content>>,
) {
    let mut wanted = Wanted::new();
    let (mut more_to_come, mut bytes) = (true, 0);
    loop {
        let has_room = wanted.len() < MAX_WANTED && bytes < MAX_WANTED_BYTES;
        let first = match next(&mut paths, &mut wanted, more_to_come && has_room).await {
            ReadEvent::Paths(paths) => {
                for path in paths {
                    let (size, body) = want(listings, fetcher, path);
                    bytes += size;
                    wanted.push(body);
                }
                fetcher.launch(true);
                continue;
            }
            ReadEvent::EndOfPaths => {
                more_to_come = false;
                fetcher.launch(false);
                continue;
            }
            ReadEvent::Body(body) => body,
            ReadEvent::End => return,
        };
        let (size, ready) = with_all_that_are_ready(first, &mut wanted);
        bytes -= size;
        if out.send(ready).await.is_err() {
            return;
        }
    }
}

/// Returns the expected size of a file, and the future of its bytes.
fn want(listings: &Listings, fetcher: &Fetcher, path: String) -> (u64, LocalBoxFuture<'static, Sized>) {
    let source = listings.find(&path);
    let size = source.as_ref().map_or(0, |source| listings.size(source));
    let body = match source {
        Some(BodySource::Remote(id)) => {
            let coming = fetcher.want(id);
            async move {
                let body = coming.await.map_err(|error| error.at(&path));
                (size, (path, body))
            }
            .boxed_local()
        }
        Some(BodySource::Inline(bytes)) => ready((size, (path, Ok(bytes)))).boxed_local(),
        None => {
            let error = not_scanned(&path);
            ready((size, (path, Err(error)))).boxed_local()
        }
    };
    (size, body)
}

/// The next thing that happens.
enum ReadEvent {
    Paths(Vec<String>),
    EndOfPaths,
    Body(Sized),
    End,
}

/// Waits for a body, and for more paths if there is room for them.
async fn next(paths: &mut mpsc::Receiver<Vec<String>>, wanted: &mut Wanted, has_room: bool) -> ReadEvent {
    if !has_room {
        return wanted.next().await.map_or(ReadEvent::End, ReadEvent::Body);
    }
    let paths = if wanted.is_empty() {
        paths.next().await
    } else {
        match select(wanted.next(), paths.next()).await {
            Either::Left((Some(body), _)) => return ReadEvent::Body(body),
            Either::Left((None, paths)) => paths.await,
            Either::Right((paths, _)) => paths,
        }
    };
    paths.map_or(ReadEvent::EndOfPaths, ReadEvent::Paths)
}

/// Returns this body and those that are ready as well, up to a chunk, and the sum of their expected sizes.
fn with_all_that_are_ready((mut expected, first): Sized, wanted: &mut Wanted) -> (u64, Vec<Content>) {
    let size = |(_, body): &Content| body.as_ref().map_or(0, Bytes::len);
    let mut bytes = size(&first);
    let mut ready = vec![first];
    while ready.len() < CHUNK
        && bytes < CHUNK_BYTES
        && let Some(Some((more, body))) = wanted.next().now_or_never()
    {
        expected += more;
        bytes += size(&body);
        ready.push(body);
    }
    (expected, ready)
}

fn not_scanned(path: &str) -> Error {
    Error::new(Kind::NotFound, format!("{path}: not in the listing"))
}
