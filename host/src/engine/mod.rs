//! Compiles components, and gives them what they may import. An [`Engine`] is shared by all connectors and jobs of a
//! program: it has one thread that interrupts guests, and one pool of memory if it is built with one.

mod builder;
mod connector;
mod imports;

pub(crate) use builder::TICK;
pub use builder::{CompileTarget, Engine, EngineBuilder, EngineError, Pool};
pub use connector::{CodeSource, Connector};
