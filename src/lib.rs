//! The CalDAV connector: everything it takes to back up the calendars of an account.
//!
//! The crate is built twice: as a WebAssembly component, where [`http::Transport`] is `wasi:http`, and
//! natively, for tests and as the yardstick of the benchmark. Only the modules that exist in the
//! component alone know of WASI; what is below them is plain async Rust on one thread.
//!
//! From the outside in: [`source`] lists an account and reads its objects; [`caldav`] and [`webdav`]
//! are the requests that takes, one to a file; [`session`] sends them; [`http`] has the outside world.

pub mod account;
pub mod caldav;
pub mod destination;
pub mod error;
pub mod http;
pub mod ical;
pub mod objects;
pub mod options;
pub mod quirks;
pub mod session;
pub mod snapshot;
pub mod source;
pub mod webdav;

#[cfg(target_family = "wasm")]
#[allow(unsafe_code, unreachable_pub)] // The generated exports are `pub extern "C"`.
mod component;
// The archive is part of the component's command line, and tested natively.
#[cfg(all(test, not(target_family = "wasm")))]
#[path = "component/cli/tar.rs"]
mod tar;
