//! A component that is ready to run.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::builder::{CompileTarget, Engine, EngineBuilder, EngineError};
use super::imports::linker;
use crate::bindings::ConnectorPre;
use crate::state::StoreState;

/// First bytes of a compiled component's file; the digest of the component follows, then the code.
const MAGIC: &[u8; 8] = b"PLKCWA01";

/// A component that any number of jobs can be started from. Cheap to clone.
#[derive(Clone)]
pub struct Connector {
    pub(crate) engine: wasmtime::Engine,
    /// Bytes of memory that the engine's pool has for one job.
    pub(crate) memory: Option<usize>,
    pub(crate) pre: ConnectorPre<StoreState>,
    component: Component,
    digest: String,
    code_source: CodeSource,
}

/// Origin of the machine code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeSource {
    /// The compiled file beside the component, which matched it.
    File(PathBuf),
    /// Compiled when the component was loaded, for this reason.
    CompiledAtLoad(String),
}

impl Engine {
    /// Loads the component at `path`. The file beside it that ends in `.cwasm` is used if it was made from this
    /// component by this version; otherwise the component is compiled, which takes seconds.
    ///
    /// Compiled files are machine code and are trusted: a component belongs into a folder that only its operator can
    /// write to.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not a connector.
    pub fn load(&self, path: &Path) -> Result<Connector, EngineError> {
        Connector::new(self, path)
    }

    /// Writes the compiled file beside the component at `path`, in one step, and returns its path.
    ///
    /// # Errors
    ///
    /// The component cannot be read or compiled, or the file cannot be written.
    pub fn compile(&self, path: &Path) -> Result<PathBuf, EngineError> {
        let bytes = read(path)?;
        let code = self.wasmtime.precompile_component(&bytes).map_err(EngineError::Component)?;
        let compiled = path.with_extension("cwasm");
        let partial = path.with_extension(format!("cwasm.{}", std::process::id()));
        let written = std::fs::write(&partial, [MAGIC.as_slice(), &Sha256::digest(&bytes), &code].concat())
            .and_then(|()| std::fs::rename(&partial, &compiled));
        written.map_err(|error| EngineError::File { path: compiled.display().to_string(), error })?;
        Ok(compiled)
    }
}

impl Connector {
    /// Loads the component at `path` with an engine of its own: [`Engine::load`] with the default configuration.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not a connector.
    pub fn load(path: &Path) -> Result<Self, EngineError> {
        EngineBuilder::new().build()?.load(path)
    }

    /// Writes the compiled file beside the component at `path`: [`Engine::compile`] for a target.
    ///
    /// # Errors
    ///
    /// The component cannot be read or compiled, or the file cannot be written.
    pub fn compile(path: &Path, target: CompileTarget) -> Result<PathBuf, EngineError> {
        EngineBuilder::new().target(target).build()?.compile(path)
    }

    fn new(engine: &Engine, path: &Path) -> Result<Self, EngineError> {
        let bytes = read(path)?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        let compiled = path.with_extension("cwasm");
        let (component, code_source) = match deserialize(&engine.wasmtime, &compiled, digest) {
            Ok(component) => (component, CodeSource::File(compiled)),
            Err(why) => {
                let component = Component::new(&engine.wasmtime, &bytes).map_err(EngineError::Component)?;
                (component, CodeSource::CompiledAtLoad(why))
            }
        };
        let pre = linker(&engine.wasmtime)
            .and_then(|linker| linker.instantiate_pre(&component))
            .and_then(ConnectorPre::new)
            .map_err(EngineError::Component)?;
        let digest = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let engine = engine.clone();
        Ok(Self { engine: engine.wasmtime, memory: engine.memory, pre, component, digest, code_source })
    }

    /// Returns the SHA-256 of the component, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Returns where the machine code came from.
    #[must_use]
    pub fn code_source(&self) -> &CodeSource {
        &self.code_source
    }

    /// Returns the names of what the component imports.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        self.component.component_type().imports(&self.engine).map(|(name, _)| name.to_owned()).collect()
    }

    /// Returns the names of what the component exports.
    #[must_use]
    pub fn exports(&self) -> Vec<String> {
        self.component.component_type().exports(&self.engine).map(|(name, _)| name.to_owned()).collect()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, EngineError> {
    std::fs::read(path).map_err(|error| EngineError::File { path: path.display().to_string(), error })
}

/// Returns the component in a compiled file, or the reason why the file cannot be used.
fn deserialize(engine: &wasmtime::Engine, path: &Path, digest: [u8; 32]) -> Result<Component, String> {
    let content = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let code = content
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.strip_prefix(&digest))
        .ok_or_else(|| format!("{} was made from another component", path.display()))?;
    // SAFETY: `Engine::compile` wrote the file, beside the component and with its digest. An attacker who can write there
    // can replace the component and the program too.
    #[allow(unsafe_code)]
    let component = unsafe { Component::deserialize(engine, code) };
    component.map_err(|_| format!("{} was made by another version", path.display()))
}
