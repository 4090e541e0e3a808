//! The options that belong to the program and not to the connector. A library only for the tests, which hold them
//! against the documentation.

pub mod host_options;
