//! The CalDAV connector: it backs up and restores the calendars of an account.
//!
//! The crate is built twice: as a WebAssembly component, where [`http::Transport`] is `wasi:http`, and
//! natively, for tests and as the baseline of the benchmark. Only `component` uses WASI; everything else is
//! plain async Rust on one thread, without files, sockets and clocks.
//!
//! A module imports from those above it in this list alone:
//!
//! | module | what it is |
//! |---|---|
//! | [`error`] | the one error of the public interface |
//! | [`http`] | requests, responses, targets; the transport that exchanges them |
//! | [`quirks`] | where servers differ from the standards |
//! | [`webdav`] | the requests of WebDAV, one to a file; what a status means |
//! | [`caldav`] | the requests of CalDAV, one to a file |
//! | [`session`] | sends requests: signing in, redirects, retries, limits |
//! | [`snapshot`] | the files of a snapshot: names, descriptions of calendars, digests |
//! | [`ical`] | compares, splits and edits calendar objects |
//! | [`options`] | the options, parsed |
//! | [`objects`] | lists and fetches the objects of a calendar |
//! | [`account`] | finds the calendars of an account |
//! | [`source`], [`destination`] | the importer and the exporter |
//! | `component` | both as `wit/` has them, and the command line of the component |

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
