//! Code that `wasmtime` generates from `wit/`. [`crate::types`] has the public part of it.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
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
    with: { "plakar:connector/types": crate::bindings::interface_types },
});

/// The records of the interface `types`, with the items that generated code expects of an interface's module: it exports
/// no function that the host would have to link.
pub mod interface_types {
    use wasmtime::component::{HasData, Linker};

    pub use crate::error::Error;
    pub use crate::records::*;

    pub trait Host {}
    impl<T> Host for T {}

    pub trait HostWithStore<T>: HasData {}
    impl<D: HasData, T> HostWithStore<T> for D {}

    pub fn add_to_linker<T: 'static, D: HostWithStore<T>>(
        _: &mut Linker<T>,
        _: fn(&mut T) -> D::Data<'_>,
    ) -> wasmtime::Result<()> {
        Ok(())
    }
}
