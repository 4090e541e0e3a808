//! A CalDAV server in this process, for what no real one does on demand: faults of every kind, and
//! accounts of any size. Where it is well, it answers as sabre/dav does.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The version of HTTP.
    pub version: http::Version,
    /// How many requests came before.
    pub number: usize,
}

impl Seen {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

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

/// What a server may make a habit of when it is written to. Without any, it is sabre/dav.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // Each is a habit by itself.
pub struct Habits {
    /// MKCALENDAR is forbidden.
    pub no_calendars: bool,
    /// MKCALENDAR is answered with 207, and nothing is made (Xandikos).
    pub empty_promise: bool,
    /// Properties but the name are lost, and success is told (`SOGo`).
    pub loses_properties: bool,
    /// New calendars are put at another address (Yahoo, Zoho).
    pub moves_calendars: bool,
    /// New calendars appear after a while (Infomaniak).
    pub slow_calendars: Option<Duration>,
    /// `If-None-Match` is passed over (`SOGo`, Zimbra).
    pub ignores_none_match: bool,
    /// A UID may be used once in the account; whether the refusal says where (Cyrus) or not (Radicale).
    pub unique_uids: Option<bool>,
    /// No `ETag` at all.
    pub no_etags: bool,
    /// Weak `ETag`s (GMX).
    pub weak_etags: bool,
    /// Objects are written anew, without this property.
    pub drops: Option<&'static str>,
    /// Every so many PUTs, the answer is lost after the object was stored.
    pub loses_answers: Option<usize>,
    /// What the `DAV` header has besides.
    pub says: &'static str,
    /// The `Server` header.
    pub server: &'static str,
}

type Fault = Box<dyn Fn(&Seen) -> Option<Reply> + Send + Sync>;
type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// What the server holds.
#[derive(Default)]
struct State {
    /// By path of the calendar: objects by name, with their versions.
    calendars: Mutex<BTreeMap<String, BTreeMap<String, (u64, Bytes)>>>,
    /// By path of the calendar: XML of its properties, by name with prefix.
    properties: Mutex<BTreeMap<String, BTreeMap<String, String>>>,
    habits: Mutex<Habits>,
    /// Calendars that are not to be seen before their time.
    hidden: Mutex<BTreeMap<String, Instant>>,
    puts: AtomicUsize,
    most_puts: AtomicUsize,
    putting: AtomicUsize,
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

    /// Changes the server's habits.
    pub fn habits(&self, habits: Habits) {
        *locked(&self.state.habits) = habits;
    }

    /// What a calendar holds: names and texts.
    #[must_use]
    pub fn objects(&self, calendar: &str) -> BTreeMap<String, String> {
        let calendars = locked(&self.state.calendars);
        let objects = calendars.get(&format!("/cal/{calendar}/")).into_iter().flatten();
        objects
            .map(|(name, (_, bytes))| (name.clone(), String::from_utf8_lossy(bytes).into_owned()))
            .collect()
    }

    /// Names of the calendars.
    #[must_use]
    pub fn calendars(&self) -> Vec<String> {
        let paths: Vec<String> = locked(&self.state.calendars).keys().cloned().collect();
        paths.iter().map(|path| path.trim_start_matches("/cal/").trim_end_matches('/').to_owned()).collect()
    }

    /// Empties the account.
    pub fn empty(&self) {
        locked(&self.state.calendars).clear();
        locked(&self.state.properties).clear();
    }

    /// The most PUTs that were under way at once.
    #[must_use]
    pub fn most_puts(&self) -> usize {
        self.state.most_puts.load(Ordering::Relaxed)
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
            headers: head
                .headers
                .iter()
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect(),
            version: head.version,
            number: all.len(),
        };
        all.push(seen.clone());
        seen
    };
    if seen.method == "PUT" {
        let putting = state.putting.fetch_add(1, Ordering::Relaxed) + 1;
        state.most_puts.fetch_max(putting, Ordering::Relaxed);
    }
    let delay = *locked(&state.delay);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if seen.method == "PUT" {
        state.putting.fetch_sub(1, Ordering::Relaxed);
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
    if matches!(seen.method.as_str(), "PUT" | "MKCALENDAR" | "MKCOL" | "PROPPATCH") {
        return write(state, seen);
    }
    let habits = locked(&state.habits).clone();
    let calendars = locked(&state.calendars);
    match (seen.method.as_str(), seen.path.as_str()) {
        ("OPTIONS", _) => {
            let dav = format!("1, 3, calendar-access{}", habits.says);
            let mut headers = vec![("dav", dav)];
            if !habits.server.is_empty() {
                headers.push(("server", habits.server.to_owned()));
            }
            Reply::Plain(200, headers, Bytes::new())
        }
        ("PROPFIND", "/") => Reply::multistatus(&found(
            "/",
            "<d:current-user-principal><d:href>/p/alice/</d:href></d:current-user-principal>",
        )),
        ("PROPFIND", "/p/alice/") => Reply::multistatus(&found(
            "/p/alice/",
            "<c:calendar-home-set><d:href>/cal/</d:href></c:calendar-home-set>",
        )),
        ("PROPFIND", "/cal/") => {
            let all = calendars.keys().filter(|path| is_visible(state, path)).map(|path| about(state, path));
            Reply::multistatus(&format!(
                "{}{}",
                found("/cal/", "<d:resourcetype><d:collection/></d:resourcetype>"),
                all.collect::<String>()
            ))
        }
        ("PROPFIND", path) if !is_visible(state, path) => Reply::status(404),
        ("PROPFIND", path) => match calendars.get(path) {
            Some(objects) => {
                let mut text = about(state, path);
                let objects = objects.iter().filter(|_| seen.header("depth") == Some("1"));
                for (name, (version, bytes)) in objects {
                    text.push_str(&found(
                        &format!("{path}{name}"),
                        &format!(
                            "{}<d:resourcetype/><d:getcontentlength>{}</d:getcontentlength><d:getcontenttype>text/calendar</d:getcontenttype><d:getlastmodified>Sun, 22 Nov 2026 10:00:00 GMT</d:getlastmodified>",
                            etag_property(&habits, *version),
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
                Some((version, bytes)) => {
                    let mut headers = vec![("content-type", "text/calendar".to_owned())];
                    headers.extend(etag(&habits, *version).map(|etag| ("etag", etag)));
                    Reply::Plain(200, headers, bytes.clone())
                }
                None => Reply::status(404),
            }
        }
        _ => Reply::status(405),
    }
}

fn is_visible(state: &State, path: &str) -> bool {
    locked(&state.hidden).get(path).is_none_or(|until| Instant::now() >= *until)
}

fn etag(habits: &Habits, version: u64) -> Option<String> {
    let weak = if habits.weak_etags { "W/" } else { "" };
    (!habits.no_etags).then(|| format!("{weak}\"{version}\""))
}

fn etag_property(habits: &Habits, version: u64) -> String {
    etag(habits, version).map(|etag| format!("<d:getetag>{etag}</d:getetag>")).unwrap_or_default()
}

/// What a calendar is.
fn about(state: &State, path: &str) -> String {
    let name = path.trim_start_matches("/cal/").trim_end_matches('/');
    let mut properties = locked(&state.properties).get(path).cloned().unwrap_or_default();
    let displayname = || format!("<d:displayname>The {name} calendar</d:displayname>");
    properties.entry("d:displayname".to_owned()).or_insert_with(displayname);
    let properties: String = properties.into_values().collect();
    found(path, &format!("<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>{properties}"))
}

/// The properties that a request body sets, by name with prefix.
fn set_properties(body: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut rest = body
        .split_once("<d:prop>")
        .and_then(|(_, rest)| rest.rsplit_once("</d:prop>"))
        .map_or("", |(p, _)| p);
    while let Some(name) = rest.strip_prefix('<').and_then(|rest| rest.split(['>', ' ', '/']).next()) {
        let end = format!("</{name}>");
        let Some(length) = rest.find(&end).map(|at| at + end.len()) else { break };
        if name != "d:resourcetype" {
            all.insert(name.to_owned(), rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
    all
}

fn write(state: &State, seen: &Seen) -> Reply {
    let habits = locked(&state.habits).clone();
    match seen.method.as_str() {
        "PUT" => put(state, &habits, seen),
        "PROPPATCH" => {
            let mut set = set_properties(&seen.body);
            if habits.loses_properties {
                set.retain(|name, _| name == "d:displayname");
            }
            locked(&state.properties).entry(seen.path.clone()).or_default().extend(set);
            Reply::multistatus(&found(&seen.path, "<d:displayname/>"))
        }
        _ if habits.no_calendars => Reply::status(403),
        _ if habits.empty_promise && !seen.body.is_empty() => Reply::multistatus(&refused(&seen.path, 424)),
        _ if locked(&state.calendars).contains_key(&seen.path) => Reply::status(405),
        _ => {
            let path = if habits.moves_calendars {
                format!("/cal/id-{}/", locked(&state.calendars).len() + 100)
            } else {
                seen.path.clone()
            };
            if let Some(time) = habits.slow_calendars {
                locked(&state.hidden).insert(path.clone(), Instant::now() + time);
            }
            let mut set = set_properties(&seen.body);
            if habits.loses_properties {
                set.retain(|name, _| name == "d:displayname");
            }
            locked(&state.properties).insert(path.clone(), set);
            locked(&state.calendars).insert(path, BTreeMap::new());
            Reply::status(201)
        }
    }
}

fn uid(text: &str) -> &str {
    text.lines().find_map(|line| line.strip_prefix("UID:")).unwrap_or_default()
}

fn put(state: &State, habits: &Habits, seen: &Seen) -> Reply {
    let (calendar, name) = seen.path.split_at(seen.path.rfind('/').map_or(0, |at| at + 1));
    let mut calendars = locked(&state.calendars);
    if let Some(says_where) = habits.unique_uids {
        let all = calendars
            .iter()
            .flat_map(|(path, objects)| objects.iter().map(move |(name, object)| (path, name, object)));
        let mut taken = all.filter(|(path, other, (_, bytes))| {
            uid(&String::from_utf8_lossy(bytes)) == uid(&seen.body)
                && (path.as_str(), other.as_str()) != (calendar, name)
        });
        if let Some((path, other, _)) = taken.next() {
            let href = if says_where { format!("<d:href>{path}{other}</d:href>") } else { String::new() };
            let body = format!(
                "<d:error xmlns:d=\"DAV:\"><c:no-uid-conflict xmlns:c=\"urn:ietf:params:xml:ns:caldav\">{href}</c:no-uid-conflict></d:error>"
            );
            return Reply::Plain(403, vec![("content-type", "application/xml".to_owned())], body.into());
        }
    }
    let Some(objects) = calendars.get_mut(calendar) else { return Reply::status(409) };
    let version = objects.get(name).map(|(version, _)| *version);
    let none_match = seen.header("if-none-match").is_some() && !habits.ignores_none_match;
    let other_version =
        |wanted: &str| version.and_then(|version| etag(habits, version)).as_deref() != Some(wanted);
    if none_match && version.is_some() || seen.header("if-match").is_some_and(other_version) {
        return Reply::status(412);
    }
    let mut text = seen.body.clone();
    if let Some(drops) = habits.drops {
        text = text.split_inclusive("\r\n").filter(|line| !line.starts_with(drops)).collect();
    }
    let version = version.unwrap_or_default() + 1;
    objects.insert(name.to_owned(), (version, Bytes::from(text)));
    let count = state.puts.fetch_add(1, Ordering::Relaxed);
    if habits.loses_answers.is_some_and(|every| count % every == every - 1) {
        return Reply::Reset;
    }
    let headers = etag(habits, version).map(|etag| ("etag", etag)).into_iter().collect();
    Reply::Plain(if version == 1 { 201 } else { 204 }, headers, Bytes::new())
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
