//! The HTTP client of one job, with connections and TLS sessions of its own: HTTP/1.1 and HTTP/2.

use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::client::Resumption;
use wasmtime_wasi_http::WasiBody;

use super::tls::TlsConfig;

/// HTTP client whose request bodies come from a guest.
pub(super) type Client = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, WasiBody>;

/// Time after which an idle connection is closed.
const IDLE: Duration = Duration::from_secs(60);

/// Creates a client. `connect` is the time that a TCP connection may take.
pub(super) fn client(tls: &TlsConfig, connect: Duration) -> Client {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(connect));
    let mut config = tls.client_config();
    // A clone of the settings would share tickets, by which servers recognise the tenants of a host.
    config.resumption = Resumption::default();
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(http);
    hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE)
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .build(https)
}
