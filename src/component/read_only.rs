//! `destination.exporter` of a component that only backs up: it has no code to write to a server with, and every call
//! fails.

use wit_bindgen::{FutureReader, StreamReader};

use super::bindings;
use super::bindings::exports::plakar::connector::destination;
use super::bindings::plakar::connector::types;
use crate::error::{Error, Kind};

/// Never created: `open` fails.
pub(super) struct Exporter;

impl destination::GuestExporter for Exporter {
    fn origins(_: Vec<(String, String)>) -> Result<Vec<String>, types::Error> {
        Err(no_restore())
    }

    fn open(_: Vec<(String, String)>) -> Result<destination::Exporter, types::Error> {
        Err(no_restore())
    }

    fn identity(&self) -> types::Identity {
        types::Identity { kind: "caldav".to_owned(), origin: String::new(), root: "/".to_owned() }
    }

    async fn ping(&self) -> Result<(), types::Error> {
        Err(no_restore())
    }

    async fn check(&self) -> Result<Vec<types::Finding>, types::Error> {
        Err(no_restore())
    }

    async fn write(
        &self,
        _: StreamReader<destination::Item>,
    ) -> (StreamReader<destination::WriteItem>, FutureReader<Result<(), types::Error>>) {
        let (_, reader) = bindings::wit_stream::new();
        let (_, outcome) = bindings::wit_future::new(|| Err(no_restore()));
        (reader, outcome)
    }

    fn changed_options(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

fn no_restore() -> types::Error {
    Error::new(
        Kind::Unsupported,
        "this component only backs up: it was built without restore. Use the one that is called caldav.wasm",
    )
    .into()
}
