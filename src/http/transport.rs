//! Everything the connector asks of the outside world: one request, a pause, a task. The component
//! gets it from `wasi:http` and its async runtime (`wasi.rs`), the native build from any HTTP client.

use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::error::TransportError;
use super::request::Request;
use super::response::Response;

/// The outside world. Everything runs on one thread.
pub trait Transport {
    /// Sends one request, once: no redirects, no retries, no decoding. `timeout` bounds connecting,
    /// waiting for the head, and each pause within the body.
    fn send(
        &self,
        request: Request,
        timeout: Duration,
    ) -> LocalBoxFuture<'static, Result<Response, TransportError>>;

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()>;

    /// Runs a task to its end beside the caller.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
}
