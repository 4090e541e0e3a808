//! Engines, and how they are configured.

use std::time::Duration;

use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits::{MAX_INSTANCES, MAX_MEMORIES, MAX_TABLES};

/// Time after which a guest that computes is interrupted for a moment, so that other tasks of the thread can run.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Runs components. Cheap to clone; every clone is the same engine.
#[derive(Clone)]
pub struct Engine {
    pub(super) wasmtime: wasmtime::Engine,
    /// Bytes of memory that a pool has for one job.
    pub(super) memory: Option<usize>,
}

/// Processors that compiled code is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompileTarget {
    /// This machine's, with all their extensions.
    #[default]
    ThisMachine,
    /// All of this architecture: for code that is carried to another machine.
    AnyMachine,
}

/// Memory that is reserved when an engine is built, for a known number of jobs. Starting a job is faster then, and the
/// jobs of a program together cannot have more memory than the pool. Without a pool, each job reserves its own.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Pool {
    /// Jobs at the same time. One more fails with [`JobError::NoCapacity`](crate::JobError::NoCapacity).
    pub jobs: u32,
    /// Bytes of linear memory of one job; [`Limits::memory`](crate::Limits::memory) may only be less.
    pub memory: usize,
    /// Bytes of a job's memory that stay resident when it has ended, for the next one.
    pub keep_resident: usize,
}

impl Pool {
    /// Describes a pool for as many jobs at the same time, with 512 MiB of address space for each of them and 1 MiB of
    /// memory that stays resident.
    #[must_use]
    pub fn new(jobs: u32) -> Self {
        Self { jobs, memory: 512 << 20, keep_resident: 1 << 20 }
    }

    /// Sets the most linear memory of one job, in bytes.
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Sets how much of a job's memory stays resident when it has ended, in bytes.
    #[must_use]
    pub fn keep_resident(mut self, bytes: usize) -> Self {
        self.keep_resident = bytes;
        self
    }

    fn strategy(self) -> InstanceAllocationStrategy {
        let count = |each: usize| self.jobs.saturating_mul(u32::try_from(each).unwrap_or(u32::MAX));
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(self.jobs)
            .total_core_instances(count(INSTANCES))
            .total_memories(self.jobs)
            .total_tables(count(TABLES))
            .total_stacks(count(STACKS))
            .max_core_instances_per_component(u32::try_from(MAX_INSTANCES).unwrap_or(u32::MAX))
            .max_memories_per_component(u32::try_from(MAX_MEMORIES).unwrap_or(u32::MAX))
            .max_tables_per_component(u32::try_from(MAX_TABLES).unwrap_or(u32::MAX))
            .max_memory_size(self.memory)
            .linear_memory_keep_resident(self.keep_resident)
            .max_unused_warm_slots(self.jobs);
        InstanceAllocationStrategy::Pooling(pool)
    }
}

/// Core instances, tables and stacks that a pool has for one job. A component that Rust's toolchain builds has five
/// instances and two tables; a stack is needed for each call that is under way.
const INSTANCES: usize = 8;
/// See [`INSTANCES`].
const TABLES: usize = 4;
/// See [`INSTANCES`].
const STACKS: usize = 16;

/// The reason why a component cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    File {
        /// Path of the file.
        path: String,
        /// Reason given by the system.
        error: std::io::Error,
    },
    /// The engine could not be built.
    #[error("the WebAssembly engine cannot be set up: {0:#}")]
    Engine(wasmtime::Error),
    /// The file is not a component, or the component imports or exports something else than a connector does.
    #[error("the component cannot be used: {0:#}")]
    Component(wasmtime::Error),
}

/// Makes an [`Engine`].
///
/// ```no_run
/// use connector_host::engine::{EngineBuilder, Pool};
///
/// # fn example() -> Result<(), connector_host::engine::EngineError> {
/// // 200 jobs at the same time, with 64 MiB each, of any number of connectors.
/// let engine = EngineBuilder::new().pool(Pool::new(200).memory(64 << 20)).build()?;
/// let mail = engine.load("mail.wasm".as_ref())?;
/// let contacts = engine.load("contacts.wasm".as_ref())?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineBuilder {
    target: CompileTarget,
    pool: Option<Pool>,
}

impl EngineBuilder {
    /// Starts with an engine for this machine and without a pool.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what code is compiled for.
    #[must_use]
    pub fn target(mut self, target: CompileTarget) -> Self {
        self.target = target;
        self
    }

    /// Reserves memory for jobs.
    #[must_use]
    pub fn pool(mut self, pool: Pool) -> Self {
        self.pool = Some(pool);
        self
    }

    /// Builds the engine, and starts its thread, which ends when the last clone of the engine and the last of its
    /// connectors and jobs are dropped.
    ///
    /// # Errors
    ///
    /// The system has not enough address space for the pool, or cannot start a thread.
    pub fn build(self) -> Result<Engine, EngineError> {
        let wasmtime = self.wasmtime().map_err(EngineError::Engine)?;
        Ok(Engine { wasmtime, memory: self.pool.map(|pool| pool.memory) })
    }

    fn wasmtime(self) -> wasmtime::Result<wasmtime::Engine> {
        let mut config = Config::new();
        if self.target == CompileTarget::AnyMachine {
            // A target that is named is taken without the extensions that this processor happens to have.
            config.target(env!("TARGET"))?;
        }
        config.epoch_interruption(true);
        config.wasm_component_model_async(true);
        if let Some(pool) = self.pool {
            config.allocation_strategy(pool.strategy());
        }
        let engine = wasmtime::Engine::new(&config)?;
        let weak = engine.weak();
        // A thread of its own: a guest that never yields must not be able to stop the clock.
        std::thread::Builder::new().name("epoch".to_owned()).spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })?;
        Ok(engine)
    }
}
