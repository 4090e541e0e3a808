//! The engine, and a component ready to run: compiled once, used by every job.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::p2::bindings::cli;

use crate::bindings::ConnectorPre;
use crate::job::State;

/// How often a guest that computes is interrupted for a moment.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// The first bytes of a compiled component's file; the digest of the component follows.
const MAGIC: &[u8; 8] = b"PLKCWA01";

/// A component that jobs can be made of. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    pub(crate) engine: Engine,
    pub(crate) pre: ConnectorPre<State>,
    component: Component,
    digest: String,
    origin: Origin,
}

/// Where the machine code came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A compiled file beside the component, which matched.
    Compiled(PathBuf),
    /// It was compiled just now, for this reason.
    JustNow(String),
}

/// Which processors compiled code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeFor {
    /// This one, with all that it can do.
    ThisMachine,
    /// Every one of this architecture: what is packed and carried elsewhere.
    AnyMachine,
}

/// Why a component cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The file.
    #[error("{path}: {error}")]
    File {
        /// Which one.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// The component is not one, or wants something that no job is given.
    #[error("the component cannot be used: {0:#}")]
    Component(wasmtime::Error),
}

impl Connector {
    /// Loads the component at `path`. The file beside it that ends in `.cwasm` is used when it was
    /// made from this component by this engine.
    ///
    /// Compiled files are machine code and are trusted: only files in a folder that others cannot
    /// write to belong beside a component.
    pub fn load(path: &Path) -> Result<Self, EngineError> {
        let bytes = read(path)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let engine = engine(CodeFor::ThisMachine).map_err(EngineError::Component)?;
        let compiled = path.with_extension("cwasm");
        let (component, origin) = match from_file(&engine, &compiled, digest) {
            Ok(component) => (component, Origin::Compiled(compiled)),
            Err(why) => {
                (Component::new(&engine, &bytes).map_err(EngineError::Component)?, Origin::JustNow(why))
            }
        };
        let pre = linker(&engine)
            .and_then(|linker| linker.instantiate_pre(&component))
            .and_then(ConnectorPre::new)
            .map_err(EngineError::Component)?;
        let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { engine, pre, component, digest, origin })
    }

    /// Writes the compiled file beside the component at `path`, atomically: for the processor of this machine, or
    /// for all of its kind.
    pub fn compile(path: &Path, code_for: CodeFor) -> Result<PathBuf, EngineError> {
        let bytes = read(path)?;
        let engine = engine(code_for).map_err(EngineError::Component)?;
        let code = engine.precompile_component(&bytes).map_err(EngineError::Component)?;
        let content = [MAGIC.as_slice(), &Sha256::digest(&bytes), &code].concat();
        let compiled = path.with_extension("cwasm");
        let partial = path.with_extension(format!("cwasm.{}", std::process::id()));
        let written = std::fs::write(&partial, content).and_then(|()| std::fs::rename(&partial, &compiled));
        written.map_err(|error| EngineError::File { path: compiled.display().to_string(), error })?;
        Ok(compiled)
    }

    /// The SHA-256 of the component, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Where the machine code came from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The names of what the component imports.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        self.component.component_type().imports(&self.engine).map(|(name, _)| name.to_owned()).collect()
    }

    /// The names of what the component exports.
    #[must_use]
    pub fn exports(&self) -> Vec<String> {
        self.component.component_type().exports(&self.engine).map(|(name, _)| name.to_owned()).collect()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, EngineError> {
    std::fs::read(path).map_err(|error| EngineError::File { path: path.display().to_string(), error })
}

/// An engine for small jobs that wait for a network most of the time.
fn engine(code_for: CodeFor) -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    if code_for == CodeFor::AnyMachine {
        // A target that is named is taken without the extensions that this processor happens to have.
        config.target(env!("TARGET"))?;
    }
    config.epoch_interruption(true);
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config)?;
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

/// All that a component can be given: HTTP, a monotonic clock, and what Rust's standard library wants
/// to exist. No files, no sockets, no random numbers: a component that imports them does not link.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    wasmtime_wasi::p3::clocks::add_to_linker(&mut linker)?;
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(&mut linker)?;
    let l = &mut linker;
    cli::environment::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(l, State::cli)?;
    Ok(linker)
}

/// The component in a compiled file, or why it is of no use.
fn from_file(engine: &Engine, path: &Path, digest: [u8; 32]) -> Result<Component, String> {
    let content = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let code = content
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.strip_prefix(&digest))
        .ok_or_else(|| format!("{} was made from another component", path.display()))?;
    // SAFETY: `Connector::compile` wrote the file, beside the component and with its digest; whoever
    // can write there can replace the component and this program too.
    #[allow(unsafe_code)]
    let component = unsafe { Component::deserialize(engine, code) };
    component.map_err(|_| format!("{} was made by another version", path.display()))
}
