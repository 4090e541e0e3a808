//! What the tests stand on: servers, real and fake, an account to put on them, and the program under
//! test. A new server is one file in `servers/`.

pub mod certificates;
pub mod client;
pub mod fake;
pub mod native;
mod outcome;
pub mod peer;
pub mod plakar;
pub mod plugin;
pub mod program;
pub mod scratch;
pub mod seed;
pub mod servers;
