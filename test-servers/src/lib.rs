//! Real servers, a generated account for them, and the program under test. The demonstration and the tests in
//! `host-tests` use them. A new server is one file in `servers/`.

mod certificates;
pub mod client;
mod outcome;
pub mod program;
pub mod seed;
pub mod servers;

pub use certificates::Certificates;
