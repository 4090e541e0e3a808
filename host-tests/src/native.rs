//! The same core built natively, on the same HTTP library: the baseline for the cost of the component.

use std::rc::Rc;
use std::time::Duration;

use anyhow::anyhow;
use bytes::Bytes;
use caldav::destination::{self, Exporter};
use caldav::error::Kind;
use caldav::http::{Request, Response, Transport, TransportError};
use caldav::options::{DestinationOptions, SourceOptions};
use caldav::source::{self, Importer};
use connector_host::api::{BatchReceiver, BatchSender, ReadSession, ScanStream, WriteSession, batches};
use connector_host::types::{
    Content, Datetime, Entry, EntryKind, Failure, Identity, Item, Notice, Omission, Outcome, ScanItem,
    WriteItem,
};
use connector_host::{Destination, Error, JobError, Source};
use futures::channel::{mpsc, oneshot};
use futures::future::LocalBoxFuture;
use futures::{FutureExt, SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The transport of the connector, on hyper and tokio.
struct Native(Client<HttpConnector, Full<Bytes>>);

impl Transport for Native {
    fn send(
        &self,
        request: Request,
        timeout: Duration,
    ) -> LocalBoxFuture<'static, Result<Response, TransportError>> {
        let client = self.0.clone();
        async move {
            let mut out = http::Request::builder().method(request.method).uri(request.target.to_string());
            for (name, value) in &request.headers {
                out = out.header(*name, value);
            }
            let out = out
                .body(Full::new(request.body))
                .map_err(|error| TransportError::Protocol(error.to_string()))?;
            // On a task of its own, as in the host, so that another thread can drive the connection.
            let sent = tokio::spawn(tokio::time::timeout(timeout, client.request(out)));
            let response = sent
                .await
                .map_err(|error| TransportError::Broken(error.to_string()))?
                .map_err(|error| TransportError::Timeout(error.to_string()))?
                .map_err(|error| TransportError::Broken(error.to_string()))?;
            let (head, body) = response.into_parts();
            let headers = head
                .headers
                .iter()
                .map(|(n, v)| (n.as_str(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
                .collect();
            let body = body
                .into_data_stream()
                .map(|piece| piece.map_err(|error| TransportError::Broken(error.to_string())))
                .boxed_local();
            Ok(Response { status: head.status.as_u16(), headers, body })
        }
        .boxed_local()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        tokio::time::sleep(duration).boxed_local()
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        tokio::task::spawn_local(task);
    }
}

fn client() -> Native {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    Native(Client::builder(TokioExecutor::new()).build(http))
}

enum Command {
    Scan(BatchSender<ScanItem>, oneshot::Sender<Result<(), Error>>),
    ReadAll(BatchReceiver<String>, BatchSender<Content>),
}

/// A source without a component. It runs on a thread of its own, as an instance of the component does.
pub struct NativeSource {
    commands: mpsc::UnboundedSender<Command>,
    identity: Identity,
}

impl NativeSource {
    /// Opens the account that the options describe.
    pub fn open(options: &[(String, String)]) -> anyhow::Result<Self> {
        let options = SourceOptions::parse(options).map_err(|error| anyhow!("{error}"))?;
        let (commands, mut inbox) = mpsc::unbounded();
        let handle = tokio::runtime::Handle::current();
        let (identity, known) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let local = tokio::task::LocalSet::new();
            handle.block_on(local.run_until(async move {
                let importer = Rc::new(Importer::new(Rc::new(client()), options));
                let own = importer.identity();
                identity
                    .send(Identity {
                        kind: own.kind.to_owned(),
                        origin: own.origin,
                        root: own.root.to_owned(),
                    })
                    .ok();
                while let Some(command) = inbox.next().await {
                    let importer = Rc::clone(&importer);
                    tokio::task::spawn_local(async move { execute(&importer, command).await });
                }
            }));
        });
        Ok(Self { commands, identity: known.recv()? })
    }
}

async fn execute(importer: &Importer, command: Command) {
    match command {
        Command::Scan(mut items, end) => {
            let (sender, mut found) = mpsc::channel::<Vec<source::ScanItem>>(0);
            let forward = async {
                while let Some(more) = found.next().await {
                    items.send(more.into_iter().map(item).collect()).await.ok();
                }
            };
            let (result, ()) = futures::join!(importer.scan(sender), forward);
            drop(items);
            end.send(result.map_err(|error| translated(&error))).ok();
        }
        Command::ReadAll(mut wanted, mut contents) => {
            let (mut asked, paths) = mpsc::channel::<Vec<String>>(0);
            let ask = async move {
                while let Some(more) = wanted.next().await {
                    asked.send(more).await.ok();
                }
            };
            let (sender, mut ready) = mpsc::channel::<Vec<source::Content>>(0);
            let forward = async {
                while let Some(ready) = ready.next().await {
                    contents.send(ready.into_iter().map(content).collect()).await.ok();
                }
            };
            futures::join!(ask, importer.read_all(paths, sender), forward);
        }
    }
}

fn content((path, body): source::Content) -> Content {
    Content { path, body: body.map(Vec::from).map_err(|error| translated(&error)) }
}

fn item(item: source::ScanItem) -> ScanItem {
    match item {
        source::ScanItem::Entry(entry) => ScanItem::Entry(Entry {
            path: entry.path,
            kind: if entry.is_directory { EntryKind::Directory } else { EntryKind::File },
            size: entry.size,
            modified: entry.modified.map(|m| Datetime {
                seconds: i64::try_from(m.as_secs()).unwrap_or_default(),
                nanoseconds: m.subsec_nanos(),
            }),
            version: entry.version,
        }),
        source::ScanItem::Notice(path, message) => ScanItem::Notice(Notice { path, message }),
        source::ScanItem::Omitted(path, message) => ScanItem::Omitted(Omission { path, message }),
        source::ScanItem::Failed(path, error) => {
            ScanItem::Failed(Failure { path, error: translated(&error) })
        }
    }
}

fn translated(error: &caldav::error::Error) -> Error {
    let text = error.message().to_owned();
    match error.kind {
        Kind::SignInRefused => Error::SignInRefused(text),
        Kind::Unreachable => Error::Unreachable(text),
        _ => Error::Other(text),
    }
}

impl Source for NativeSource {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn scan(&self) -> ScanStream {
        let (items, receiver) = batches();
        let (end, ended) = oneshot::channel();
        self.commands.unbounded_send(Command::Scan(items, end)).ok();
        ScanStream::new(receiver, verdict(ended))
    }

    fn read_all(&self) -> ReadSession {
        let (paths, wanted) = batches();
        let (contents, receiver) = batches();
        self.commands.unbounded_send(Command::ReadAll(wanted, contents)).ok();
        ReadSession::new(paths, receiver, async { gone() })
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// A destination without a component. Each write runs on a thread of its own.
pub struct NativeDestination(DestinationOptions);

impl NativeDestination {
    /// Opens the account that the options describe.
    pub fn open(options: &[(String, String)]) -> anyhow::Result<Self> {
        Ok(Self(DestinationOptions::parse(options).map_err(|error| anyhow!("{error}"))?))
    }
}

impl Destination for NativeDestination {
    fn write(&self) -> WriteSession {
        let (items, mut wanted) = batches::<Item>();
        let (mut out, reports) = batches();
        let (end, ended) = oneshot::channel();
        let (options, handle) = (self.0.clone(), tokio::runtime::Handle::current());
        std::thread::spawn(move || {
            let local = tokio::task::LocalSet::new();
            handle.block_on(local.run_until(async move {
                let exporter = Exporter::new(Rc::new(client()), options);
                let (mut sender, receiver) = mpsc::channel(0);
                let take = async move {
                    while let Some(items) = wanted.next().await {
                        sender.send(items.into_iter().map(item_of).collect()).await.ok();
                    }
                };
                let (sender, mut ready) = mpsc::channel::<Vec<destination::WriteItem>>(0);
                let forward = async move {
                    while let Some(more) = ready.next().await {
                        out.send(more.into_iter().map(report).collect()).await.ok();
                    }
                };
                let ((), result, ()) = futures::join!(take, exporter.write(receiver, sender), forward);
                end.send(result.map_err(|error| translated(&error))).ok();
            }));
        });
        WriteSession::new(items, reports, verdict(ended))
    }
}

/// Returns the error for a worker thread that has ended early.
fn gone() -> JobError {
    JobError::Trapped("the native thread has ended".to_owned())
}

async fn verdict(ended: oneshot::Receiver<Result<(), Error>>) -> Result<(), JobError> {
    ended.await.map_err(|_| gone())?.map_err(JobError::Connector)
}

fn item_of(item: Item) -> destination::Item {
    let body = match item.body {
        Some(bytes) => destination::ItemBody::File(bytes.into()),
        None => destination::ItemBody::Directory,
    };
    destination::Item { path: item.entry.path, body }
}

fn report(report: destination::WriteItem) -> WriteItem {
    match report {
        destination::WriteItem::Done(path, outcome) => WriteItem::Done((
            path,
            match outcome {
                destination::Outcome::Created => Outcome::Created,
                destination::Outcome::Updated => Outcome::Updated,
                destination::Outcome::Unchanged => Outcome::Unchanged,
                destination::Outcome::Skipped(why) => Outcome::Skipped(why),
                destination::Outcome::Failed(error) => Outcome::Failed(translated(&error)),
            },
        )),
        destination::WriteItem::Notice(path, message) => WriteItem::Notice(Notice { path, message }),
        destination::WriteItem::Extra(path) => WriteItem::Extra(path),
    }
}
