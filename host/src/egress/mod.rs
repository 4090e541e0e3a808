//! The only way out: every request of a guest goes through here, and nothing else of the network is
//! linked. Checked in this order: form, scheme, allowed origin, quota; then one pooled client per job.

mod body;
mod client;
mod failure;
pub mod policy;

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, watch};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

pub use client::{Tls, TlsError};
use policy::Policy;

use crate::limits::{Limits, Usage};
use body::Counted;
use client::Client;

/// One job's way out.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

struct Inner {
    client: Client,
    policy: std::sync::RwLock<Policy>,
    limits: Limits,
    usage: Arc<Usage>,
    places: Arc<Semaphore>,
    cancelled: watch::Receiver<bool>,
}

/// An answer as the guest is given it.
type Answer = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl Egress {
    /// A way out with its own connections. Nothing is allowed yet.
    pub(crate) fn new(
        tls: &Tls,
        limits: Limits,
        usage: Arc<Usage>,
        cancelled: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Inner {
            client: client::client(tls, limits.connect),
            policy: std::sync::RwLock::default(),
            limits,
            usage,
            places: Arc::new(Semaphore::new(limits.concurrent_requests)),
            cancelled,
        }))
    }

    /// What may be reached from now on.
    pub(crate) fn allow(&self, policy: Policy) {
        *self.0.policy.write().unwrap_or_else(std::sync::PoisonError::into_inner) = policy;
    }

    /// Whether a request may go out at all.
    fn admit(&self, request: &Request<WasiBody>) -> Result<(), Error> {
        let uri = request.uri();
        let allowed = self.0.policy.read().unwrap_or_else(std::sync::PoisonError::into_inner).allows(uri);
        // The library checks this too; a proxy in between would be told another host by a path that
        // is a whole URL, so it is not left to one place.
        let plain_path = uri.path().starts_with('/');
        if !allowed || !plain_path {
            return Err(Error::HttpRequestDenied);
        }
        if self.0.usage.add_request() > self.0.limits.requests
            || self.0.usage.received() > self.0.limits.total_bytes
        {
            return Err(Error::ConnectionLimitReached);
        }
        Ok(())
    }

    async fn send(self, request: Request<WasiBody>, timeouts: Timeouts) -> Result<Response<WasiBody>, Error> {
        self.admit(&request)?;
        let place =
            Arc::clone(&self.0.places).acquire_owned().await.map_err(|_| Error::ConnectionLimitReached)?;
        let mut cancelled = self.0.cancelled.clone();
        let sent = tokio::time::timeout(timeouts.first_byte, self.0.client.request(request));
        let response = tokio::select! {
            sent = sent => sent.map_err(|_| Error::HttpResponseTimeout)?.map_err(|error| failure::of_client(&error))?,
            _ = cancelled.wait_for(|cancelled| *cancelled) => return Err(failure::cancelled()),
        };
        Ok(response.map(|body| {
            let counted = Counted::new(
                body,
                Arc::clone(&self.0.usage),
                self.0.limits,
                timeouts.between_bytes,
                self.0.cancelled.clone(),
                place,
            );
            counted.boxed_unsync()
        }))
    }
}

/// What a request may take, at most as long as the host allows.
#[derive(Clone, Copy)]
struct Timeouts {
    first_byte: Duration,
    between_bytes: Duration,
}

impl Timeouts {
    fn new(asked: Option<&RequestOptions>, limits: &Limits) -> Self {
        let least = |asked: Option<Duration>, limit: Duration| asked.map_or(limit, |asked| asked.min(limit));
        let connect = least(asked.and_then(|a| a.connect_timeout), limits.connect);
        Self {
            first_byte: connect + least(asked.and_then(|a| a.first_byte_timeout), limits.first_byte),
            between_bytes: least(asked.and_then(|a| a.between_bytes_timeout), limits.between_bytes),
        }
    }
}

impl WasiHttpHooks for Egress {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        let egress = self.clone();
        let timeouts = Timeouts::new(options.as_ref(), &self.0.limits);
        Box::new(async move {
            let response = egress.send(request, timeouts).await?;
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }
}
