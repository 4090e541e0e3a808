//! Delivery of the model's answers over HTTP, complete or faulty.

use std::io::Error;
use std::time::Duration;

use bytes::Bytes;
use dav_model::{Delivery, Reply};
use futures::stream::{self, BoxStream, StreamExt};
use http::Response;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;

/// Body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, Error>;

/// Time for the bytes sent before to leave this process.
const FLUSH: Duration = Duration::from_millis(20);

/// Converts a reply into an HTTP response.
///
/// # Errors
///
/// Fails for a delivery without an answer: the error makes hyper close the connection.
pub(super) async fn deliver(reply: Reply) -> Result<Response<Body>, Error> {
    let body = match reply.delivery {
        Delivery::Whole => Full::new(reply.body.clone()).map_err(|never| match never {}).boxed_unsync(),
        Delivery::BreaksOff => streamed(breaking_off(reply.body.clone())),
        Delivery::Repeats(pause) => streamed(repeating(reply.body.clone(), pause)),
        Delivery::Reset => return Err(fault()),
        Delivery::Silence(time) => {
            tokio::time::sleep(time).await;
            return Err(fault());
        }
    };
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(body).map_err(Error::other)
}

fn fault() -> Error {
    Error::other("an injected fault")
}

fn streamed(pieces: BoxStream<'static, Result<Bytes, Error>>) -> Body {
    BodyExt::boxed_unsync(StreamBody::new(pieces.map(|piece| piece.map(Frame::data))))
}

fn breaking_off(bytes: Bytes) -> BoxStream<'static, Result<Bytes, Error>> {
    let end = stream::once(async {
        tokio::time::sleep(FLUSH).await;
        Err(fault())
    });
    stream::iter([Ok(bytes)]).chain(end).boxed()
}

fn repeating(bytes: Bytes, pause: Duration) -> BoxStream<'static, Result<Bytes, Error>> {
    let next = move |bytes: Bytes| async move {
        tokio::time::sleep(pause).await;
        Some((Ok(bytes.clone()), bytes))
    };
    stream::unfold(bytes, next).boxed()
}
