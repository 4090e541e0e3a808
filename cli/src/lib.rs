//! Options that belong to the program and not to the connector. This is a library only for the tests, which compare
//! them with the schemas.

pub mod host_options;
