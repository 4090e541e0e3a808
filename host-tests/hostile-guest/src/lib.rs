//! A connector that misbehaves in one call. The option `at` selects the call (`origins`, `ping`, `scan`, `read-all`,
//! `write`), `what` the misbehaviour (`trap`, `grow`, `spin`, `hang`, `refuse`), and `origin` the only origin that the
//! connector asks for. All other calls succeed and do nothing.

#![cfg(target_family = "wasm")]

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
mod bindings {
    wit_bindgen::generate!({ path: "../../wit", world: "connector", pub_export_macro: true });
}

use bindings::exports::plakar::connector::destination::{self, Item, WriteItem};
use bindings::exports::plakar::connector::source::{self, Content, ScanItem};
use bindings::plakar::connector::types::{Error, Finding, Identity};
use wit_bindgen::{FutureReader, StreamReader, spawn_local};

bindings::export!(Component with_types_in bindings);

struct Component;

impl source::Guest for Component {
    type Importer = Side;
}

impl destination::Guest for Component {
    type Exporter = Side;
}

type Options = Vec<(String, String)>;
type Verdict = FutureReader<Result<(), Error>>;

/// Importer and exporter alike: their only state is the options.
#[derive(Clone)]
struct Side(Options);

impl Side {
    fn option(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }

    /// Misbehaves if `name` is the call that the option `at` selects.
    ///
    /// # Errors
    ///
    /// Fails with `forbidden` for `what=refuse`.
    async fn call(&self, name: &str) -> Result<(), Error> {
        if self.option("at") != name {
            return Ok(());
        }
        match self.option("what") {
            "hang" => wasip3::clocks::monotonic_clock::wait_for(u64::MAX).await,
            "refuse" => return Err(Error::Forbidden("refused as asked".to_owned())),
            what => misbehave(what),
        }
        Ok(())
    }

    fn asked_origins(options: Options) -> Result<Vec<String>, Error> {
        let own = Self(options);
        if own.option("at") == "origins" {
            misbehave(own.option("what"));
        }
        Ok(Some(own.option("origin").to_owned()).filter(|origin| !origin.is_empty()).into_iter().collect())
    }

    fn identity() -> Identity {
        Identity { kind: "hostile".to_owned(), origin: "nobody@nowhere".to_owned(), root: "/".to_owned() }
    }
}

#[allow(clippy::panic)]
fn misbehave(what: &str) {
    match what {
        "trap" => panic!("as asked"),
        "grow" => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1_u8; 1 << 20]);
                std::hint::black_box(&all);
            }
        }
        "spin" => loop {
            std::hint::black_box(());
        },
        _ => {}
    }
}

impl source::GuestImporter for Side {
    fn origins(options: Options) -> Result<Vec<String>, Error> {
        Self::asked_origins(options)
    }

    fn open(options: Options) -> Result<source::Importer, Error> {
        Ok(source::Importer::new(Self(options)))
    }

    fn identity(&self) -> Identity {
        Self::identity()
    }

    async fn ping(&self) -> Result<(), Error> {
        self.call("ping").await
    }

    async fn check(&self) -> Result<Vec<Finding>, Error> {
        Ok(Vec::new())
    }

    async fn scan(&self) -> (StreamReader<ScanItem>, Verdict) {
        let (items, reader) = bindings::wit_stream::new();
        let (end, verdict) = bindings::wit_future::new(|| Ok(()));
        let own = self.clone();
        spawn_local(async move {
            let result = own.call("scan").await;
            drop(items);
            let _ = end.write(result).await;
        });
        (reader, verdict)
    }

    async fn read(&self, path: String) -> Result<(StreamReader<u8>, Verdict), Error> {
        Err(Error::NotFound(path))
    }

    async fn read_all(&self, mut paths: StreamReader<String>) -> StreamReader<Content> {
        let (mut contents, reader) = bindings::wit_stream::new();
        let own = self.clone();
        spawn_local(async move {
            while let Some(path) = paths.next().await {
                let body = own.call("read-all").await.map(|()| Vec::new());
                contents.write_all(vec![Content { path, body }]).await;
            }
        });
        reader
    }

    fn changed_options(&self) -> Options {
        Vec::new()
    }
}

impl destination::GuestExporter for Side {
    fn origins(options: Options) -> Result<Vec<String>, Error> {
        Self::asked_origins(options)
    }

    fn open(options: Options) -> Result<destination::Exporter, Error> {
        Ok(destination::Exporter::new(Self(options)))
    }

    fn identity(&self) -> Identity {
        Self::identity()
    }

    async fn ping(&self) -> Result<(), Error> {
        self.call("ping").await
    }

    async fn check(&self) -> Result<Vec<Finding>, Error> {
        Ok(Vec::new())
    }

    async fn write(&self, mut items: StreamReader<Item>) -> (StreamReader<WriteItem>, Verdict) {
        let (reports, reader) = bindings::wit_stream::new();
        let (end, verdict) = bindings::wit_future::new(|| Ok(()));
        let own = self.clone();
        spawn_local(async move {
            while items.next().await.is_some() {}
            let result = own.call("write").await;
            drop(reports);
            let _ = end.write(result).await;
        });
        (reader, verdict)
    }

    fn changed_options(&self) -> Options {
        Vec::new()
    }
}
