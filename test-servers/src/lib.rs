//! Real servers, an account to put on them, and the program that is run on them: for the demonstration, and for
//! the tests in `host-tests`. A new server is one file in `servers/`.

mod certificates;
pub mod client;
mod outcome;
pub mod program;
pub mod seed;
pub mod servers;

pub use certificates::Certificates;
