//! A CalDAV server in this process, for what no real one does on demand: faults of every kind, and
//! accounts of any size. Where it is well, it answers as sabre/dav does.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::certificates::Certificates;

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `PROPFIND` and the like.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The body.
    pub body: String,
    /// The value of `authorization`.
    pub authorization: Option<String>,
    /// The version of HTTP.
    pub version: http::Version,
    /// How many requests came before.
    pub number: usize,
}

impl Seen {
    /// The hrefs of a multiget.
    pub fn hrefs(&self) -> impl Iterator<Item = &str> {
        self.body.split("<d:href>").skip(1).filter_map(|part| part.split("</d:href>").next())
    }
}

/// How a request is answered.
pub enum Reply {
    /// Status, headers, body.
    Plain(u16, Vec<(&'static str, String)>, Bytes),
    /// Like `Plain` with 207, and then the connection breaks.
    Broken(Bytes),
    /// The connection breaks at once.
    Reset,
    /// A body that comes in pieces, one after each pause, for ever.
    Drip(u16, Bytes, Duration),
    /// Nothing, for so long.
    Silence(Duration),
}

impl Reply {
    /// A status without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Plain(status, Vec::new(), Bytes::new())
    }

    /// A status with one header.
    #[must_use]
    pub fn header(status: u16, name: &'static str, value: &str) -> Self {
        Self::Plain(status, vec![(name, value.to_owned())], Bytes::new())
    }

    /// A multistatus of these responses.
    #[must_use]
    pub fn multistatus(responses: &str) -> Self {
        Self::Plain(
            207,
            vec![("content-type", "application/xml; charset=utf-8".to_owned())],
            Bytes::from(multistatus(responses)),
        )
    }
}

/// The whole document.
#[must_use]
pub fn multistatus(responses: &str) -> String {
    format!(
        r#"<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/" xmlns:a="http://apple.com/ns/ical/">{responses}</d:multistatus>"#
    )
}

/// One response with found properties.
#[must_use]
pub fn found(href: &str, properties: &str) -> String {
    format!(
        "<d:response><d:href>{href}</d:href><d:propstat><d:prop>{properties}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )
}

/// One response with a status.
#[must_use]
pub fn refused(href: &str, status: u16) -> String {
    format!("<d:response><d:href>{href}</d:href><d:status>HTTP/1.1 {status} X</d:status></d:response>")
}

/// A calendar object of about 700 bytes.
#[must_use]
pub fn object(uid: &str) -> Bytes {
    Bytes::from(format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//plakar-caldav//fake//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260301T100000Z\r\nDTEND:20260301T110000Z\r\nSUMMARY:Number {uid}\r\nDESCRIPTION:{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        "words & more words \\n ".repeat(22)
    ))
}

type Fault = Box<dyn Fn(&Seen) -> Option<Reply> + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// What the server holds.
#[derive(Default)]
struct State {
    /// By path of the calendar: objects by name, with their versions.
    calendars: Mutex<BTreeMap<String, BTreeMap<String, (u64, Bytes)>>>,
    fault: Mutex<Option<Fault>>,
    seen: Mutex<Vec<Seen>>,
    delay: Mutex<Duration>,
    sent: AtomicU64,
}

/// The server. It ends when dropped.
pub struct Fake {
    port: u16,
    tls: bool,
    state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    /// A server whose account has these calendars with so many objects each.
    pub async fn start(calendars: &[(&str, usize)]) -> anyhow::Result<Self> {
        Self::start_with(calendars, None).await
    }

    /// The same with TLS, and HTTP/2 for clients that offer it.
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
        let state = Arc::new(State::default());
        for (name, count) in calendars {
            let objects = (0..*count).map(|i| (format!("{i:06}.ics"), (1, object(&format!("{name}-{i}")))));
            locked(&state.calendars).insert(format!("/cal/{name}/"), objects.collect());
        }
        let is_tls = tls.is_some();
        let task = tokio::spawn(serve(listener, tls, Arc::clone(&state)));
        Ok(Self { port, tls: is_tls, state, task })
    }

    /// `http://127.0.0.1:PORT`, or with `https`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", if self.tls { "https" } else { "http" }, self.port)
    }

    /// Asked before every answer; none for the usual one.
    pub fn fault(&self, fault: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) {
        *locked(&self.state.fault) = Some(Box::new(fault));
    }

    /// Well again.
    pub fn heal(&self) {
        *locked(&self.state.fault) = None;
    }

    /// Every answer takes this long.
    pub fn delay(&self, delay: Duration) {
        *locked(&self.state.delay) = delay;
    }

    /// The requests so far; they are forgotten.
    #[must_use]
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *locked(&self.state.seen))
    }

    /// Bytes of ordinary bodies sent so far; they are forgotten.
    #[must_use]
    pub fn take_sent(&self) -> u64 {
        self.state.sent.swap(0, Ordering::Relaxed)
    }

    /// Puts an object, or another version of it.
    pub fn put(&self, calendar: &str, name: &str, text: Bytes) {
        let mut calendars = locked(&self.state.calendars);
        let objects = calendars.entry(format!("/cal/{calendar}/")).or_default();
        let version = objects.get(name).map_or(1, |(version, _)| version + 1);
        objects.insert(name.to_owned(), (version, text));
    }

    /// Removes an object.
    pub fn remove(&self, calendar: &str, name: &str) {
        if let Some(objects) = locked(&self.state.calendars).get_mut(&format!("/cal/{calendar}/")) {
            objects.remove(name);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    while let Ok((socket, _)) = listener.accept().await {
        socket.set_nodelay(true).ok();
        let (state, tls) = (Arc::clone(&state), tls.clone());
        // A client that goes away is no failure of the server.
        tokio::spawn(async move {
            match tls {
                None => talk(socket, state).await,
                Some(tls) => {
                    if let Ok(socket) = tls.accept(socket).await {
                        talk(socket, state).await;
                    }
                }
            }
        });
    }
}

async fn talk(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, state: Arc<State>) {
    let service = service_fn(|request| answer(Arc::clone(&state), request));
    auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await.ok();
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let seen = {
        let mut all = locked(&state.seen);
        let seen = Seen {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            body: String::from_utf8_lossy(&body).into_owned(),
            authorization: head.headers.get("authorization").and_then(|v| v.to_str().ok()).map(str::to_owned),
            version: head.version,
            number: all.len(),
        };
        all.push(seen.clone());
        seen
    };
    let delay = *locked(&state.delay);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let reply = locked(&state.fault).as_ref().and_then(|fault| fault(&seen));
    let reply = reply.unwrap_or_else(|| usual(&state, &seen));
    if let Reply::Plain(_, _, body) = &reply {
        state.sent.fetch_add(body.len() as u64, Ordering::Relaxed);
    }
    respond(reply).await
}

async fn respond(reply: Reply) -> Result<Response<Body>, std::io::Error> {
    let broken = || std::io::Error::other("a fault on purpose");
    match reply {
        Reply::Plain(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            let body = Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync();
            response.body(body).map_err(std::io::Error::other)
        }
        Reply::Broken(bytes) => stream_response(
            207,
            stream::iter([Ok(bytes)])
                .chain(stream::once(async move {
                    // Time for what came before to leave this process.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Err(broken())
                }))
                .boxed(),
        ),
        Reply::Reset => Err(broken()),
        Reply::Drip(status, bytes, pause) => stream_response(
            status,
            stream::unfold(bytes, move |bytes| async move {
                tokio::time::sleep(pause).await;
                Some((Ok(bytes.clone()), bytes))
            })
            .boxed(),
        ),
        Reply::Silence(time) => {
            tokio::time::sleep(time).await;
            Err(broken())
        }
    }
}

fn stream_response(
    status: u16,
    pieces: BoxStream<'static, Result<Bytes, std::io::Error>>,
) -> Result<Response<Body>, std::io::Error> {
    let body = StreamBody::new(pieces.map(|piece| piece.map(Frame::data)));
    Response::builder().status(status).body(BodyExt::boxed_unsync(body)).map_err(std::io::Error::other)
}

/// The answer of a server that is well.
fn usual(state: &State, seen: &Seen) -> Reply {
    let calendars = locked(&state.calendars);
    match (seen.method.as_str(), seen.path.as_str()) {
        ("OPTIONS", _) => Reply::header(200, "dav", "1, 3, calendar-access"),
        ("PROPFIND", "/") => Reply::multistatus(&found(
            "/",
            "<d:current-user-principal><d:href>/p/alice/</d:href></d:current-user-principal>",
        )),
        ("PROPFIND", "/p/alice/") => Reply::multistatus(&found(
            "/p/alice/",
            "<c:calendar-home-set><d:href>/cal/</d:href></c:calendar-home-set>",
        )),
        ("PROPFIND", "/cal/") => {
            let all = calendars.keys().map(|path| {
                let name = path.trim_start_matches("/cal/").trim_end_matches('/');
                found(path, &format!("<d:resourcetype><d:collection/><c:calendar/></d:resourcetype><d:displayname>The {name} calendar</d:displayname>"))
            });
            Reply::multistatus(&format!(
                "{}{}",
                found("/cal/", "<d:resourcetype><d:collection/></d:resourcetype>"),
                all.collect::<String>()
            ))
        }
        ("PROPFIND", path) => match calendars.get(path) {
            Some(objects) => {
                let mut text = found(path, "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>");
                for (name, (version, bytes)) in objects {
                    text.push_str(&found(
                        &format!("{path}{name}"),
                        &format!(
                            "<d:getetag>\"{version}\"</d:getetag><d:resourcetype/><d:getcontentlength>{}</d:getcontentlength><d:getcontenttype>text/calendar</d:getcontenttype><d:getlastmodified>Sun, 22 Nov 2026 10:00:00 GMT</d:getlastmodified>",
                            bytes.len()
                        ),
                    ));
                }
                Reply::multistatus(&text)
            }
            None => Reply::status(404),
        },
        ("REPORT", path) => match calendars.get(path) {
            Some(objects) => {
                Reply::multistatus(&seen.hrefs().map(|href| one(objects, path, href)).collect::<String>())
            }
            None => Reply::status(404),
        },
        ("GET", path) => {
            let (calendar, name) = path.split_at(path.rfind('/').map_or(0, |at| at + 1));
            match calendars.get(calendar).and_then(|objects| objects.get(name)) {
                Some((_, bytes)) => {
                    Reply::Plain(200, vec![("content-type", "text/calendar".to_owned())], bytes.clone())
                }
                None => Reply::status(404),
            }
        }
        _ => Reply::status(405),
    }
}

/// One object of a multiget.
fn one(objects: &BTreeMap<String, (u64, Bytes)>, path: &str, href: &str) -> String {
    match objects.get(href.trim_start_matches(path)) {
        Some((version, bytes)) => {
            let text = String::from_utf8_lossy(bytes)
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('\r', "&#13;");
            found(
                href,
                &format!("<d:getetag>\"{version}\"</d:getetag><c:calendar-data>{text}</c:calendar-data>"),
            )
        }
        None => refused(href, 404),
    }
}
