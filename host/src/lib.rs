//! Runs a connector component: any that exports `plakar:connector` (see `wit/`).
//!
//! The host has all the authority and no knowledge of the protocol. [`engine`] compiles a component
//! once; a [`job`] is one run of it for one tenant, with a store, a connection pool and [`limits`] of
//! its own; [`egress`] is the only way out to the network; [`mirror`] makes a folder equal to what a
//! source holds, and [`spread`] gives a folder to a destination; [`plugin`] serves Plakar. Nothing here knows what a calendar is.

pub mod bindings;
pub mod egress;
pub mod engine;
pub mod error;
pub mod grant;
pub mod job;
pub mod limits;
pub mod mirror;
pub mod plugin;
pub mod spread;
mod streams;

pub use error::Error;
