//! A CalDAV server in this process: HTTP in front of an account of `dav-model`, for faults of every kind and accounts
//! of any size.

mod connection;
mod delivery;
mod shared;

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dav_model::{Account, Request};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use self::shared::{Shared, locked};
use crate::certificates::Certificates;
use crate::program::Served;

/// A fake server. Dropping it stops the server. It dereferences to its account.
pub struct Fake {
    port: u16,
    is_tls: bool,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Deref for Fake {
    type Target = Account;

    fn deref(&self) -> &Account {
        &self.shared.account
    }
}

impl Served for Fake {
    fn location(&self) -> String {
        self.url()
    }

    fn options(&self) -> Vec<String> {
        if self.is_tls { Vec::new() } else { vec!["insecure=true".to_owned()] }
    }

    fn credentials(&self) -> Option<(&str, &str)> {
        None
    }
}

impl Fake {
    /// Starts a server with these calendars, each given as its name and its number of objects.
    pub async fn start(calendars: &[(&str, usize)]) -> anyhow::Result<Self> {
        Self::start_with(calendars, None).await
    }

    /// Starts such a server with TLS, and with HTTP/2 for clients that offer it.
    pub async fn start_tls(calendars: &[(&str, usize)], own: &Certificates) -> anyhow::Result<Self> {
        let chain = CertificateDer::pem_slice_iter(own.certificate.as_bytes()).collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::start_with(calendars, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn start_with(calendars: &[(&str, usize)], tls: Option<TlsAcceptor>) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared { account: Account::new(calendars), ..Shared::default() });
        let is_tls = tls.is_some();
        let task = tokio::spawn(connection::serve(listener, tls, Arc::clone(&shared)));
        Ok(Self { port, is_tls, shared, task })
    }

    /// Returns the address of the server, `http://127.0.0.1:PORT` or `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", if self.is_tls { "https" } else { "http" }, self.port)
    }

    /// Delays every answer by this time from now on.
    pub fn delay(&self, delay: Duration) {
        *locked(&self.shared.delay) = delay;
    }

    /// Returns the largest number of PUTs that were under way at once.
    #[must_use]
    pub fn most_puts(&self) -> usize {
        self.shared.most_puts.load(Ordering::Relaxed)
    }

    /// Returns the requests since the last call.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Request> {
        self.take_seen().into_iter().map(|(_, request)| request).collect()
    }

    /// Returns the version of HTTP of each request since the last call.
    #[must_use]
    pub fn take_versions(&self) -> Vec<http::Version> {
        self.take_seen().into_iter().map(|(version, _)| version).collect()
    }

    fn take_seen(&self) -> Vec<(http::Version, Request)> {
        std::mem::take(&mut *locked(&self.shared.seen))
    }

    /// Returns the number of PUTs since the requests were last taken.
    #[must_use]
    pub fn take_puts(&self) -> usize {
        self.take_requests().iter().filter(|request| request.method == "PUT").count()
    }

    /// Returns the number of bytes in complete bodies that were sent since the last call.
    #[must_use]
    pub fn take_sent(&self) -> u64 {
        self.shared.sent.swap(0, Ordering::Relaxed)
    }
}
