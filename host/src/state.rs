//! The data of one store: what a guest can reach through its imports.

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::egress::Egress;
use crate::limits::Limiter;

/// Data of one store.
pub(crate) struct StoreState {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    egress: Egress,
    pub(crate) limiter: Limiter,
}

impl StoreState {
    /// Creates the state of a job: no arguments, no environment, no files, and standard streams that lead nowhere.
    pub(crate) fn new(egress: Egress, limiter: Limiter) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limiter.max_handles());
        Self { wasi: WasiCtx::builder().build(), http: WasiHttpCtx::new(), table, egress, limiter }
    }
}

impl WasiView for StoreState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for StoreState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.egress }
    }
}
