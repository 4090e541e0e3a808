//! The only way to the network: every request of a guest goes through here, and nothing else is linked. The origin and
//! the form of the path are checked first, then the limits; each job has a client with connections of its own.

mod body;
mod client;
mod failure;
pub mod origins;
pub mod tls;

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, watch};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use body::MeteredBody;
use client::Client;
use origins::AllowedOrigins;
use tls::TlsConfig;

use crate::limits::{Limits, Usage};

/// The network of one job. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Egress(Arc<Inner>);

struct Inner {
    client: Client,
    allowed: std::sync::RwLock<AllowedOrigins>,
    limits: Limits,
    usage: Arc<Usage>,
    /// One for each request that may be under way.
    permits: Arc<Semaphore>,
    cancelled: watch::Receiver<bool>,
}

/// A response, and the end of sending its request.
type ResponseParts = (Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl Egress {
    /// Creates a network with connections of its own. No origin is allowed yet.
    pub(crate) fn new(
        tls: &TlsConfig,
        limits: Limits,
        usage: Arc<Usage>,
        cancelled: watch::Receiver<bool>,
    ) -> Self {
        Self(Arc::new(Inner {
            client: client::client(tls, limits.connect),
            allowed: std::sync::RwLock::default(),
            limits,
            usage,
            permits: Arc::new(Semaphore::new(limits.concurrent_requests)),
            cancelled,
        }))
    }

    /// Replaces the list of origins that requests may go to.
    pub(crate) fn allow(&self, origins: AllowedOrigins) {
        *self.0.allowed.write().unwrap_or_else(std::sync::PoisonError::into_inner) = origins;
    }

    /// Checks whether a request may be sent at all, and counts it.
    fn admit(&self, uri: &Uri) -> Result<(), Error> {
        let allowed = self.0.allowed.read().unwrap_or_else(std::sync::PoisonError::into_inner).allows(uri);
        // `wasmtime` checks the path too. A path that is a whole URL would name another host to a proxy on the way, so
        // this does not depend on one check.
        let plain_path = uri.path().starts_with('/');
        if !allowed || !plain_path {
            // The path stays out of the log: it may be a secret.
            tracing::warn!(
                scheme = uri.scheme_str(),
                host = uri.host(),
                port = uri.port_u16(),
                "request refused"
            );
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
        self.admit(request.uri())?;
        let permit =
            Arc::clone(&self.0.permits).acquire_owned().await.map_err(|_| Error::ConnectionLimitReached)?;
        let mut cancelled = self.0.cancelled.clone();
        let sent = tokio::time::timeout(timeouts.first_byte, self.0.client.request(request));
        let response = tokio::select! {
            sent = sent => sent.map_err(|_| Error::HttpResponseTimeout)?.map_err(|error| failure::of_client(&error))?,
            _ = cancelled.wait_for(|cancelled| *cancelled) => return Err(failure::cancelled()),
        };
        Ok(response.map(|body| {
            let metered = MeteredBody::new(
                body,
                Arc::clone(&self.0.usage),
                self.0.limits,
                timeouts.between_bytes,
                self.0.cancelled.clone(),
                permit,
            );
            metered.boxed_unsync()
        }))
    }
}

/// Times that one request may take: what the guest asked for, and at most what the limits allow.
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
    ) -> Box<dyn Future<Output = Result<ResponseParts, Error>> + Send> {
        let egress = self.clone();
        let timeouts = Timeouts::new(options.as_ref(), &self.0.limits);
        Box::new(async move {
            let response = egress.send(request, timeouts).await?;
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            Ok((response, done))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn egress(limits: Limits) -> Egress {
        let tls = TlsConfig::builder().roots(rustls::RootCertStore::empty()).build().unwrap();
        let (_, cancelled) = watch::channel(false);
        Egress::new(&tls, limits, Arc::default(), cancelled)
    }

    fn allow(egress: &Egress, origin: &str) {
        egress.allow(AllowedOrigins::new([origin], [], false).unwrap());
    }

    #[test]
    fn nothing_is_sent_before_an_origin_is_allowed() {
        let egress = egress(Limits::default());
        let uri = "https://a.example/x".parse().unwrap();
        assert!(matches!(egress.admit(&uri), Err(Error::HttpRequestDenied)));
        allow(&egress, "https://a.example:443");
        assert!(egress.admit(&uri).is_ok());
        assert!(matches!(
            egress.admit(&"https://b.example/".parse().unwrap()),
            Err(Error::HttpRequestDenied)
        ));
        assert!(matches!(egress.admit(&"/x".parse().unwrap()), Err(Error::HttpRequestDenied)));
    }

    #[test]
    fn requests_end_at_their_limit() {
        let egress = egress(Limits { requests: 2, ..Limits::default() });
        allow(&egress, "https://a.example:443");
        let uri = "https://a.example/".parse().unwrap();
        let admitted = (0..4).filter(|_| egress.admit(&uri).is_ok()).count();
        assert_eq!(admitted, 2);
    }

    #[test]
    fn a_guest_gets_less_time_but_not_more() {
        let seconds = Duration::from_secs;
        let limits = Limits {
            connect: seconds(1),
            first_byte: seconds(10),
            between_bytes: seconds(5),
            ..Limits::default()
        };
        let asked = RequestOptions {
            first_byte_timeout: Some(seconds(2)),
            between_bytes_timeout: Some(seconds(60)),
            ..RequestOptions::default()
        };
        let timeouts = Timeouts::new(Some(&asked), &limits);
        assert_eq!((timeouts.first_byte, timeouts.between_bytes), (seconds(3), seconds(5)));
        assert_eq!(Timeouts::new(None, &limits).first_byte, seconds(11));
    }
}
