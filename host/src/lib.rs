//! Runs a connector component: any that exports `plakar:connector` (see `wit/`).
//!
//! The host has all the authority and no knowledge of the protocol. [`engine`] compiles a component
//! once; a [`job`] is one run of it for one tenant, with a store, a connection pool and [`limits`] of
//! its own, and to others what [`api`] says; [`egress`] is the only way out to the network.

pub mod api;
pub mod bindings;
pub mod egress;
pub mod engine;
pub mod error;
pub mod job;
pub mod limits;
mod streams;

pub use error::Error;
