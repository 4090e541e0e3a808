//! WebDAV (RFC 4918): what CalDAV is built on. One request to a file.

pub mod get;
pub mod href;
pub mod multistatus;
pub mod options;
pub mod propfind;
pub mod proppatch;
pub mod put;
pub mod refusal;
