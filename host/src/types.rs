//! The values that cross the boundary to a connector, as `wit/` defines them.

pub use crate::bindings::exports::plakar::connector::destination::{Item, Outcome, WriteItem};
pub use crate::bindings::exports::plakar::connector::source::{Content, ScanItem};
pub use crate::error::Error;
pub use crate::records::{Datetime, Entry, EntryKind, Failure, Finding, Identity, Notice, Omission};
