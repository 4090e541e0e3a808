//! WebDAV (RFC 4918), which CalDAV is built on.
//!
//! Each file is one request: `request` builds it, a function reads its answer, and the errors and tests are
//! beside. Nothing here sends anything. The other files are what the answers have in common: hrefs, the
//! multistatus body, refusals, and what a status means.

pub mod capabilities;
pub mod get;
pub mod href;
pub mod multistatus;
pub mod propfind;
pub mod proppatch;
pub mod put;
pub mod refusal;
pub mod status;
