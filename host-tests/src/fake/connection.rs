//! Connections, and the path of a request from its arrival to its answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dav_model::{Delivery, Request};
use http::Response;
use http::request::Parts;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::delivery::{Body, deliver};
use super::shared::{Shared, locked};

/// Accepts connections until the future is dropped.
pub(super) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        socket.set_nodelay(true).ok();
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        // A client that disconnects is not a failure of the server.
        tokio::spawn(async move {
            match tls {
                None => serve_connection(socket, shared).await,
                Some(tls) => {
                    if let Ok(socket) = tls.accept(socket).await {
                        serve_connection(socket, shared).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>) {
    let service = service_fn(|request| answer(Arc::clone(&shared), request));
    auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await.ok();
}

async fn answer(
    shared: Arc<Shared>,
    request: http::Request<Incoming>,
) -> Result<Response<Body>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let request = received(&head, &body);
    locked(&shared.seen).push((head.version, request.clone()));
    wait(&shared, request.method == "PUT").await;
    let reply = shared.account.answer(&request);
    if reply.delivery == Delivery::Whole {
        shared.sent.fetch_add(reply.body.len() as u64, Ordering::Relaxed);
    }
    deliver(reply).await
}

fn received(head: &Parts, body: &[u8]) -> Request {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
            .collect(),
        body: text(body),
    }
}

/// Waits for the delay that applies to every answer, and counts the PUTs that wait at the same time.
async fn wait(shared: &Shared, is_put: bool) {
    if is_put {
        let putting = shared.putting.fetch_add(1, Ordering::Relaxed) + 1;
        shared.most_puts.fetch_max(putting, Ordering::Relaxed);
    }
    let delay = *locked(&shared.delay);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if is_put {
        shared.putting.fetch_sub(1, Ordering::Relaxed);
    }
}
