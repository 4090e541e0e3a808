//! How much one job may take of everything. One struct, with defaults that a large account does not
//! reach; the reasons stand beside the numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::ResourceLimiter;

/// The limits of one job.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of linear memory of the guest. A listing takes about 200 bytes an object.
    pub memory: usize,
    /// Elements of the guest's tables.
    pub table_elements: usize,
    /// Resources the guest may hold: requests, bodies, streams.
    pub handles: usize,
    /// Bytes that the guest may hand to the host in one call. One large object must fit.
    pub hostcall_bytes: usize,
    /// How long the guest may compute without asking the host for anything.
    pub unbroken_cpu: Duration,
    /// How long the job may take in all; none for no end.
    pub wall_clock: Option<Duration>,
    /// How long a connection may take to be made. The guest may only ask for less.
    pub connect: Duration,
    /// How long the head of an answer may take. The guest may only ask for less.
    pub first_byte: Duration,
    /// How long a pause within a body may be. The guest may only ask for less.
    pub between_bytes: Duration,
    /// Bytes of one answer.
    pub response_bytes: u64,
    /// Bytes of all answers together.
    pub total_bytes: u64,
    /// Requests in all.
    pub requests: u64,
    /// Requests under way at once; more wait.
    pub concurrent_requests: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 512 << 20,
            table_elements: 20_000,
            handles: 10_000,
            hostcall_bytes: 512 << 20,
            unbroken_cpu: Duration::from_secs(60),
            wall_clock: None,
            connect: Duration::from_secs(30),
            first_byte: Duration::from_secs(600),
            between_bytes: Duration::from_secs(120),
            response_bytes: 2 << 30,
            total_bytes: 1 << 40,
            requests: 10_000_000,
            concurrent_requests: 64,
        }
    }
}

/// What a job has used.
#[derive(Debug, Default)]
pub struct Usage {
    requests: AtomicU64,
    received: AtomicU64,
    memory: AtomicU64,
}

impl Usage {
    /// Requests sent.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Bytes of bodies received, as they came over the network.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// The most linear memory the guest had, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    /// One more request; answers how many there are.
    pub(crate) fn add_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// More bytes; answers how many there are.
    pub(crate) fn add_received(&self, bytes: u64) -> u64 {
        self.received.fetch_add(bytes, Ordering::Relaxed) + bytes
    }
}

/// Refuses growth beyond the limits, and notes the most there was.
pub(crate) struct Limiter {
    pub(crate) limits: Limits,
    pub(crate) usage: Arc<Usage>,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let allowed = desired <= self.limits.memory;
        if allowed {
            self.usage.memory.fetch_max(desired as u64, Ordering::Relaxed);
        }
        Ok(allowed)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= self.limits.table_elements)
    }
}
