//! What `wit/` says, as Rust. The same folder makes the component's bindings.

#![allow(
    missing_docs,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "connector",
    exports: { default: async },
});

pub use exports::plakar::connector::destination::{Item, Outcome, WriteItem};
pub use exports::plakar::connector::source::{Content, ScanItem};
pub use plakar::connector::types::{
    Datetime, Entry, EntryKind, Error, Failure, Finding, Identity, Notice, Omission,
};
