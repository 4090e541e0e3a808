//! Support for the tests: the fake server, the peers that play the part of Plakar, and the connector built natively.
//! The real servers and the program under test are in `test-servers`.

pub mod certificates;
pub mod fake;
pub mod native;
pub mod peer;
pub mod plakar;
pub mod plugin;
pub mod scratch;

pub use test_servers::{client, program, seed, servers};
