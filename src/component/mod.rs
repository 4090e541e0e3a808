//! The component: the exports of `wit/` and `wasi:cli/run`, and the imports of WASI. All glue; what it does
//! is in the rest of the crate.

#[allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub
)]
mod bindings;
mod cli;
mod convert;
#[cfg(feature = "restore")]
mod exporter;
mod importer;
#[cfg(not(feature = "restore"))]
mod read_only;
mod wasi;

use std::rc::Rc;

use bindings::exports::plakar::connector::{destination, source};
use wasi::Wasi;

struct Exports;

bindings::export!(Exports with_types_in bindings);
wasip3::cli::command::export!(Exports);

impl wasip3::exports::cli::run::Guest for Exports {
    async fn run() -> Result<(), ()> {
        cli::run(Rc::new(Wasi)).await
    }
}

impl source::Guest for Exports {
    type Importer = importer::Importer;
}

impl destination::Guest for Exports {
    #[cfg(feature = "restore")]
    type Exporter = exporter::Exporter;
    #[cfg(not(feature = "restore"))]
    type Exporter = read_only::Exporter;
}
