//! Failures of the network as the guest gets them: the case of `wasi:http` that fits, with a text if the case has one.

use std::error::Error as StdError;
use std::io;

use wasmtime_wasi_http::Error;

/// The job was cancelled. `wasi:http` has no case for this; connectors recognise the text.
pub(super) fn cancelled() -> Error {
    Error::InternalError(Some("cancelled".to_owned()))
}

/// Converts the failure of a request that got no response.
pub(super) fn of_client(error: &hyper_util::client::legacy::Error) -> Error {
    let connecting = error.is_connect();
    let text = root(error).to_string();
    for cause in causes(error) {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return tls_error(tls);
        }
        if let Some(hyper) = cause.downcast_ref::<hyper::Error>() {
            return of_hyper(hyper);
        }
        if let Some(io) = cause.downcast_ref::<io::Error>() {
            return tls_within(io).map_or_else(|| of_io(io, connecting), tls_error);
        }
    }
    if connecting { dns(text) } else { Error::InternalError(Some(text)) }
}

/// Converts the failure of a body that broke off, or of a response that is not HTTP.
pub(super) fn of_hyper(error: &hyper::Error) -> Error {
    if error.is_parse() {
        return Error::HttpProtocolError;
    }
    if error.is_timeout() {
        return Error::ConnectionReadTimeout;
    }
    Error::HttpResponseIncomplete
}

/// Finds the TLS failure within an I/O error, which may be wrapped in others: `source` skips the error itself.
fn tls_within(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref().or_else(|| inner.downcast_ref().and_then(tls_within))
}

fn of_io(error: &io::Error, connecting: bool) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut if connecting => Error::ConnectionTimeout,
        io::ErrorKind::TimedOut => Error::ConnectionReadTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        _ if connecting => dns(error.to_string()),
        _ => Error::ConnectionTerminated,
    }
}

fn dns(text: String) -> Error {
    Error::DnsError { rcode: Some(text), info_code: None }
}

/// The case of an alert is the only one about TLS that carries a text.
fn tls_error(error: &rustls::Error) -> Error {
    Error::TlsAlertReceived { alert_id: None, alert_message: Some(error.to_string()) }
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |error: &&'a (dyn StdError + 'static)| (*error).source())
}

fn root<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    causes(error).last().unwrap_or(error)
}
