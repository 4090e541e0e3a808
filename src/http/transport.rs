//! Everything that the connector needs from outside: one request, a pause, a task. The component has it from
//! `wasi:http` and its async runtime (`component/wasi.rs`), the native build from any HTTP client.

use std::time::Duration;

use futures::future::LocalBoxFuture;

use super::error::TransportError;
use super::request::Request;
use super::response::Response;

/// The outside world of the connector, which runs on one thread.
pub trait Transport {
    /// Sends a request once: without redirects, repetitions and decoding. `timeout` is the longest time to
    /// connect, to wait for the head of the response, and for each pause within its body.
    fn send(
        &self,
        request: Request,
        timeout: Duration,
    ) -> LocalBoxFuture<'static, Result<Response, TransportError>>;

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()>;

    /// Runs a task beside the caller, to its end.
    fn spawn(&self, task: LocalBoxFuture<'static, ()>);
}
