//! The outside world as WASI 0.3 has it: `wasi:http` for requests, `wasi:clocks` for pauses.

use std::time::Duration;

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use futures::stream::unfold;
use futures::{FutureExt, StreamExt};
use wasip3::clocks::monotonic_clock;
use wasip3::http::client;
use wasip3::http::types::{
    ErrorCode, Fields, Method, Request as WasiRequest, RequestOptions, Response as WasiResponse, Scheme,
};
use wasip3::{wit_future, wit_stream};
use wit_bindgen::{FutureReader, StreamReader, StreamResult, spawn_local};

use crate::http::{Body, Request, Response, Transport, TransportError};

/// Bytes that one read takes.
const PIECE: usize = 64 << 10;

/// The imports of WASI as a transport.
pub(crate) struct Wasi;

impl Transport for Wasi {
    fn send(
        &self,
        request: Request,
        timeout: Duration,
    ) -> LocalBoxFuture<'static, Result<Response, TransportError>> {
        async move {
            let request = outgoing(request, timeout)
                .map_err(|what| TransportError::Protocol(format!("the request has a wrong {what}")))?;
            let response = client::send(request).await.map_err(|code| failure(&code))?;
            Ok(incoming(response))
        }
        .boxed_local()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        monotonic_clock::wait_for(nanoseconds).boxed_local()
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        spawn_local(task);
    }
}

/// The request as `wasi:http` wants it; the error names the part that it does not take.
fn outgoing(request: Request, timeout: Duration) -> Result<WasiRequest, &'static str> {
    let mut headers: Vec<(String, Vec<u8>)> =
        request.headers.into_iter().map(|(n, v)| (n.to_owned(), v.into_bytes())).collect();
    // Without a length the body would go out in chunks, which some servers ignore or refuse.
    if !request.body.is_empty() {
        headers.push(("content-length".to_owned(), request.body.len().to_string().into_bytes()));
    }
    let fields = Fields::from_list(&headers).map_err(|_| "header")?;
    let options = RequestOptions::new();
    let nanoseconds = u64::try_from(timeout.as_nanos()).ok();
    // A host that has no such limits keeps its own.
    let _ = options.set_connect_timeout(nanoseconds);
    let _ = options.set_first_byte_timeout(nanoseconds);
    let _ = options.set_between_bytes_timeout(nanoseconds);
    let contents = (!request.body.is_empty()).then(|| {
        let (mut writer, reader) = wit_stream::new();
        // What the host does not take, it had no use for.
        spawn_local(async move { drop(writer.write_all(request.body.to_vec()).await) });
        reader
    });
    let (_, no_trailers) = wit_future::new(|| Ok(None));
    let (out, _) = WasiRequest::new(fields, contents, no_trailers, Some(options));
    let method = match request.method {
        "GET" => Method::Get,
        "PUT" => Method::Put,
        "OPTIONS" => Method::Options,
        other => Method::Other(other.to_owned()),
    };
    out.set_method(&method).map_err(|()| "method")?;
    let origin = &request.target.origin;
    out.set_scheme(Some(&if origin.https { Scheme::Https } else { Scheme::Http })).map_err(|()| "scheme")?;
    out.set_authority(Some(&origin.authority())).map_err(|()| "host")?;
    out.set_path_with_query(Some(&request.target.path)).map_err(|()| "path")?;
    Ok(out)
}

fn incoming(response: WasiResponse) -> Response {
    let status = response.get_status_code();
    let headers = response.get_headers().copy_all();
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
        .collect();
    let (_, all_is_well) = wit_future::new(|| Ok(()));
    let (stream, end) = WasiResponse::consume_body(response, all_is_well);
    Response { status, headers, body: body(stream, end) }
}

/// The bytes of a body, and at its end whether it was all of it.
fn body(stream: StreamReader<u8>, end: FutureReader<Result<Option<Fields>, ErrorCode>>) -> Body {
    unfold(Some((stream, end)), |state| async {
        let (mut stream, end) = state?;
        loop {
            let (result, bytes) = stream.read(Vec::with_capacity(PIECE)).await;
            if !bytes.is_empty() {
                return Some((Ok(Bytes::from(bytes)), Some((stream, end))));
            }
            if !matches!(result, StreamResult::Complete(_)) {
                drop(stream);
                return end.await.err().map(|code| (Err(failure(&code)), None));
            }
        }
    })
    .boxed_local()
}

/// Converts an error code of `wasi:http`.
fn failure(code: &ErrorCode) -> TransportError {
    let text = describe(code);
    match code {
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused => TransportError::Connect(text),
        ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => TransportError::Timeout(text),
        ErrorCode::TlsProtocolError | ErrorCode::TlsCertificateError | ErrorCode::TlsAlertReceived(_) => {
            TransportError::Tls(text)
        }
        ErrorCode::HttpRequestDenied
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::ConnectionLimitReached => TransportError::Denied(text),
        ErrorCode::HttpResponseBodySize(_)
        | ErrorCode::HttpResponseHeaderSectionSize(_)
        | ErrorCode::HttpResponseHeaderSize(_) => TransportError::TooLarge(text),
        // The host of this project says "cancelled" in the only place there is for words.
        ErrorCode::InternalError(Some(words)) if words == "cancelled" => TransportError::Cancelled,
        ErrorCode::HttpProtocolError => TransportError::Protocol(text),
        _ => TransportError::Broken(text),
    }
}

/// The name of the code, and the words that came with it.
fn describe(code: &ErrorCode) -> String {
    match code {
        ErrorCode::DnsError(payload) => {
            payload.rcode.clone().unwrap_or_else(|| "the name is not known".to_owned())
        }
        ErrorCode::ConnectionRefused => "the connection was refused".to_owned(),
        ErrorCode::DestinationNotFound => "the name has no address".to_owned(),
        ErrorCode::ConnectionTimeout => "no connection in time".to_owned(),
        ErrorCode::ConnectionReadTimeout | ErrorCode::HttpResponseTimeout => {
            "the server stopped answering".to_owned()
        }
        ErrorCode::ConnectionTerminated | ErrorCode::HttpResponseIncomplete => {
            "it ended in the middle of an answer".to_owned()
        }
        ErrorCode::TlsCertificateError => "the server's certificate is not trusted".to_owned(),
        ErrorCode::InternalError(Some(words)) => words.clone(),
        ErrorCode::TlsAlertReceived(payload) => {
            payload.alert_message.clone().unwrap_or_else(|| "the handshake was refused".to_owned())
        }
        ErrorCode::HttpResponseBodySize(_) => "its body".to_owned(),
        ErrorCode::HttpResponseHeaderSectionSize(_) | ErrorCode::HttpResponseHeaderSize(_) => {
            "its headers".to_owned()
        }
        ErrorCode::HttpRequestDenied => "its address is not among those allowed".to_owned(),
        ErrorCode::DestinationIpProhibited => "its network is not among those allowed".to_owned(),
        ErrorCode::ConnectionLimitReached => "the limit of requests is reached".to_owned(),
        ErrorCode::HttpProtocolError => "the answer is not valid HTTP".to_owned(),
        _ => "the request failed".to_owned(),
    }
}
