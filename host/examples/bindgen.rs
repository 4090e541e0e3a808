//! Runs a connector with nothing but `wasmtime` and the interfaces in `wit/`: no library of this repository. It lists an
//! account, reads all of its files, and can write them to another account:
//!
//! ```text
//! bindgen COMPONENT location=http://… username=… password=…
//! bindgen COMPONENT location=http://… username=… password=… -- location=http://… username=… password=…
//! ```
//!
//! It has no limits and lets the connector reach everything over plain http. `connector-host` is what a service needs.

#![allow(missing_docs)] // Of the code that `bindgen!` generates.

use std::pin::Pin;
use std::task::{Context, Poll};

use exports::plakar::connector::destination::{Item, Outcome, WriteItem};
use exports::plakar::connector::source::ScanItem;
use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use plakar::connector::types::{Entry, EntryKind};
use wasmtime::component::{
    Component, FutureConsumer, Lift, Linker, ResourceTable, Source, StreamConsumer, StreamReader,
    StreamResult,
};
use wasmtime::error::Context as _;
use wasmtime::{Config, Engine, Store, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error as HttpError, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

wasmtime::component::bindgen!({
    path: "../wit",
    world: "connector",
    exports: { default: async },
});

type Options = Vec<(String, String)>;
type File = (Entry, Vec<u8>);

#[tokio::main]
async fn main() -> wasmtime::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let component = arguments.next().context("the component is missing")?;
    let (mut from, mut to) = (Options::new(), Options::new());
    let mut side = &mut from;
    for argument in arguments {
        match argument.split_once('=') {
            Some((name, value)) => side.push((name.to_owned(), value.to_owned())),
            None => side = &mut to,
        }
    }

    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config)?;
    let component = Component::from_file(&engine, component)?;
    let files = backup(&engine, &component, &from).await?;
    println!("{} files, {} bytes", files.len(), files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>());
    if !to.is_empty() {
        let written = restore(&engine, &component, &to, files).await?;
        println!("{written} written");
    }
    Ok(())
}

/// Opens an importer, lists the account and reads every file of it.
async fn backup(engine: &Engine, component: &Component, options: &Options) -> wasmtime::Result<Vec<File>> {
    let mut store = Store::new(engine, State::new());
    let connector = Connector::instantiate_async(&mut store, component, &linker(engine)?).await?;
    let guest = connector.plakar_connector_source().importer();
    // A host that does not trust the connector would compare these with a policy.
    let origins = guest.call_origins(&mut store, options).await??;
    println!("it asks for {}", origins.join(", "));
    let importer = guest.call_open(&mut store, options).await??;
    let identity = guest.call_identity(&mut store, importer).await?;
    println!("it reads {}", identity.origin);
    store
        .run_concurrent(async |accessor| -> wasmtime::Result<Vec<File>> {
            let (items, verdict) = guest.call_scan(accessor, importer).await?;
            let (items, verdict) = accessor.with(|mut store| -> wasmtime::Result<_> {
                let (sender, receiver) = mpsc::unbounded();
                items.pipe(&mut store, ToChannel(sender))?;
                let (end, ended) = oneshot::channel();
                verdict.pipe(&mut store, ToOneshot(Some(end)))?;
                Ok((receiver.collect::<Vec<ScanItem>>(), ended))
            })?;
            let mut files = Vec::new();
            for item in items.await {
                match item {
                    ScanItem::Entry(entry) if entry.kind == EntryKind::File => {
                        let (bytes, verdict) =
                            guest.call_read(accessor, importer, entry.path.clone()).await??;
                        let (bytes, verdict) = accessor.with(|mut store| -> wasmtime::Result<_> {
                            let (sender, receiver) = mpsc::unbounded();
                            bytes.pipe(&mut store, ToChannel(sender))?;
                            let (end, ended) = oneshot::channel();
                            verdict.pipe(&mut store, ToOneshot(Some(end)))?;
                            Ok((receiver.collect::<Vec<u8>>(), ended))
                        })?;
                        let bytes = bytes.await;
                        // The bytes are the whole file only if this is not an error.
                        verdict.await??;
                        files.push((entry, bytes));
                    }
                    ScanItem::Failed(failure) => eprintln!("{}: {:?}", failure.path, failure.error),
                    _ => {}
                }
            }
            // The listing is complete only if this is not an error.
            verdict.await??;
            Ok(files)
        })
        .await?
}

/// Opens an exporter and writes the files. Returns how many of them were not there as they are now.
async fn restore(
    engine: &Engine,
    component: &Component,
    options: &Options,
    files: Vec<File>,
) -> wasmtime::Result<usize> {
    let mut store = Store::new(engine, State::new());
    let connector = Connector::instantiate_async(&mut store, component, &linker(engine)?).await?;
    let guest = connector.plakar_connector_destination().exporter();
    guest.call_origins(&mut store, options).await??;
    let exporter = guest.call_open(&mut store, options).await??;
    let items: Vec<Item> =
        files.into_iter().map(|(entry, bytes)| Item { entry, body: Some(bytes) }).collect();
    store
        .run_concurrent(async |accessor| -> wasmtime::Result<usize> {
            let items = accessor.with(|mut store| StreamReader::new(&mut store, items))?;
            let (reports, verdict) = guest.call_write(accessor, exporter, items).await?;
            let (mut reports, verdict) = accessor.with(|mut store| -> wasmtime::Result<_> {
                let (sender, receiver) = mpsc::unbounded();
                reports.pipe(&mut store, ToChannel(sender))?;
                let (end, ended) = oneshot::channel();
                verdict.pipe(&mut store, ToOneshot(Some(end)))?;
                Ok((receiver, ended))
            })?;
            let mut written = 0;
            while let Some(report) = reports.next().await {
                match report {
                    WriteItem::Done((_, Outcome::Created | Outcome::Updated)) => written += 1,
                    WriteItem::Done((path, Outcome::Failed(error))) => eprintln!("{path}: {error:?}"),
                    _ => {}
                }
            }
            verdict.await??;
            Ok(written)
        })
        .await?
}

/// Links what connectors import: HTTP, a clock, and what standard libraries expect to exist.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// Data that the imports of one instance work on.
struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    client: HttpClient,
}

impl State {
    fn new() -> Self {
        Self {
            wasi: WasiCtx::builder().build(),
            http: WasiHttpCtx::new(),
            table: ResourceTable::new(),
            client: HttpClient(Client::builder(TokioExecutor::new()).build(HttpConnector::new())),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.client }
    }
}

/// Sends the requests of the connector.
struct HttpClient(Client<HttpConnector, WasiBody>);

type Sent = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), HttpError>> + Send>), HttpError>;

impl WasiHttpHooks for HttpClient {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), HttpError>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let sending = self.0.request(request);
        Box::new(async move {
            let response =
                sending.await.map_err(|error| HttpError::InternalError(Some(error.to_string())))?;
            let body = |body: hyper::body::Incoming| {
                body.map_err(|error| HttpError::InternalError(Some(error.to_string()))).boxed_unsync()
            };
            let done: Box<dyn Future<Output = Result<(), HttpError>> + Send> = Box::new(async { Ok(()) });
            Ok((response.map(body), done))
        })
    }
}

/// Takes a stream of the connector into a channel. Without a bound: a host that does not trust the connector has one.
struct ToChannel<T>(mpsc::UnboundedSender<T>);

impl<D, T: Lift + Send + 'static> StreamConsumer<D> for ToChannel<T> {
    type Item = T;

    fn poll_consume(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut store: StoreContextMut<'_, D>,
        mut source: Source<'_, T>,
        _: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let mut items = Vec::with_capacity(source.remaining(&mut store));
        source.read(&mut store, &mut items)?;
        let sent = items.into_iter().all(|item| self.0.unbounded_send(item).is_ok());
        Poll::Ready(Ok(if sent { StreamResult::Completed } else { StreamResult::Dropped }))
    }
}

/// Takes the value of a future of the connector.
struct ToOneshot<T>(Option<oneshot::Sender<T>>);

impl<D, T: Lift + Send + 'static> FutureConsumer<D> for ToOneshot<T> {
    type Item = T;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut store: StoreContextMut<'_, D>,
        mut source: Source<'_, T>,
        _: bool,
    ) -> Poll<wasmtime::Result<()>> {
        let mut value = None;
        source.read(&mut store, &mut value)?;
        if let (Some(sender), Some(value)) = (self.0.take(), value) {
            sender.send(value).ok();
        }
        Poll::Ready(Ok(()))
    }
}
