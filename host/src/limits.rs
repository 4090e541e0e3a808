//! How much of everything one job may take, and how much it has taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use wasmtime::ResourceLimiter;

/// The limits of one job. [`Limits::default`] has values that a large account does not reach; set the fields that
/// should be different:
///
/// ```
/// let mut limits = connector_host::Limits::default();
/// limits.memory = 64 << 20;
/// limits.wall_clock = Some(std::time::Duration::from_secs(3600));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of linear memory, of all memories of the guest together. A listing takes about 200 bytes for each object.
    /// 512 MiB by default; an engine with a [pool](crate::engine::Pool) may allow less.
    pub memory: usize,
    /// Elements of each table of the guest. 20,000 by default.
    pub table_elements: usize,
    /// Resources the guest may hold: requests, bodies, streams. 10,000 by default.
    pub handles: usize,
    /// Bytes that the guest may hand to the host in one call: one large object must fit. 512 MiB by default.
    pub hostcall_bytes: usize,
    /// Time for which the guest may compute without sending a request or receiving a byte. 60 s by default.
    pub unbroken_cpu: Duration,
    /// Time from the start of the job to its end. No limit by default.
    pub wall_clock: Option<Duration>,
    /// Time until a connection is made. The guest may only ask for less. 30 s by default.
    pub connect: Duration,
    /// Time until the head of a response arrives. The guest may only ask for less. 600 s by default.
    pub first_byte: Duration,
    /// Time between two pieces of a body. The guest may only ask for less. 120 s by default.
    pub between_bytes: Duration,
    /// Bytes of one response body. 2 GiB by default.
    pub response_bytes: u64,
    /// Bytes of all response bodies together. 1 TiB by default.
    pub total_bytes: u64,
    /// Requests in all. 10 million by default.
    pub requests: u64,
    /// Requests under way at once; more wait. 64 by default.
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

/// Resources that a job has used so far.
#[derive(Debug, Default)]
pub struct Usage {
    requests: AtomicU64,
    received: AtomicU64,
    memory: AtomicU64,
    was_refused_memory: AtomicBool,
}

impl Usage {
    /// Returns the number of requests sent.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the number of bytes of response bodies, as they came over the network.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Returns the most linear memory that the guest had, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.memory.load(Ordering::Relaxed)
    }

    /// Counts one more request, and returns how many there are.
    pub(crate) fn add_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts more bytes received, and returns how many there are.
    pub(crate) fn add_received(&self, bytes: u64) -> u64 {
        self.received.fetch_add(bytes, Ordering::Relaxed) + bytes
    }

    /// Returns true if the guest has asked for more memory than it may have.
    pub(crate) fn was_refused_memory(&self) -> bool {
        self.was_refused_memory.load(Ordering::Relaxed)
    }
}

/// Instances, memories and tables of one guest: a component that Rust's toolchain builds has five instances, one
/// memory and two tables.
pub(crate) const MAX_INSTANCES: usize = 32;
/// See [`MAX_INSTANCES`].
pub(crate) const MAX_MEMORIES: usize = 4;
/// See [`MAX_INSTANCES`].
pub(crate) const MAX_TABLES: usize = 16;

/// Refuses growth beyond the limits, and notes the most there was.
pub(crate) struct Limiter {
    limits: Limits,
    usage: Arc<Usage>,
    /// Bytes of all memories together.
    memory: usize,
}

impl Limiter {
    pub(crate) fn new(limits: Limits, usage: Arc<Usage>) -> Self {
        Self { limits, usage, memory: 0 }
    }

    pub(crate) fn max_handles(&self) -> usize {
        self.limits.handles
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory.saturating_sub(current).saturating_add(desired);
        if total > self.limits.memory {
            self.usage.was_refused_memory.store(true, Ordering::Relaxed);
            return Ok(false);
        }
        self.memory = total;
        self.usage.memory.fetch_max(total as u64, Ordering::Relaxed);
        Ok(true)
    }

    /// The system, or the slot of a pool, has less than the limit.
    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.usage.was_refused_memory.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= self.limits.table_elements)
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_limited_over_all_memories_of_a_guest() {
        let usage = Arc::new(Usage::default());
        let mut limiter = Limiter::new(Limits { memory: 100, ..Limits::default() }, Arc::clone(&usage));
        assert!(limiter.memory_growing(0, 40, None).unwrap());
        assert!(limiter.memory_growing(0, 40, None).unwrap(), "another memory");
        assert!(limiter.memory_growing(40, 60, None).unwrap());
        assert!(!usage.was_refused_memory());
        assert!(!limiter.memory_growing(40, 41, None).unwrap());
        assert!(usage.was_refused_memory());
        assert_eq!(usage.memory(), 100);
    }

    #[test]
    fn tables_are_limited_one_by_one() {
        let mut limiter = Limiter::new(Limits::default(), Arc::default());
        assert!(limiter.table_growing(0, 20_000, None).unwrap());
        assert!(!limiter.table_growing(0, 20_001, None).unwrap());
    }
}
