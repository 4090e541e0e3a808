//! A connector as a plugin of Plakar 1.1: both gRPC services on the two pipes that Plakar starts a plugin with.
//!
//! [`serve`] answers HTTP/2 at once and returns when Plakar closes its end. The component is loaded and a job opened when
//! Plakar calls `Init`, with the options of a location. A [`Plugin`] holds what the program decides: how options are
//! split between host and connector, where the component comes from, and what happens to notices.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use connector_host::{Connector, JobConfig};
//! use connector_plakar::{Pipes, Plugin, serve};
//!
//! # async fn example() -> std::io::Result<()> {
//! let split = |options| Ok((JobConfig::new().label("plakar"), options));
//! let load = || Connector::load(Path::new("connector.wasm")).map_err(|error| error.to_string());
//! let plugin = Plugin::new(split, load, |notice| eprintln!("{notice}"));
//! serve(plugin, Pipes::of_this_process()).await
//! # }
//! ```
//!
//! Plakar's behaviour was measured with the program itself (1.1.4). Where a line looks odd, a comment says what fails
//! without it.

mod exporter;
mod importer;
mod incoming;
mod ledger;
mod pipe;
mod plugin;
// For tests, which are its only clients. Not a part of the interface of this library.
#[doc(hidden)]
pub mod protocol;
mod records;
mod serve;

pub use pipe::Pipes;
pub use plugin::{Plugin, SplitOptions};
pub use serve::serve;
