//! The records of `wit/types.wit`. They are written here and not generated, so that [`Error`] can be shown to people. A
//! difference to `wit/` is found when a component is linked: `wasmtime` compares every type.

#![allow(clippy::pedantic, clippy::indexing_slicing)] // Of the code that the derives generate.

use wasmtime::component::{ComponentType, Lift, Lower};

use crate::error::Error;

/// A point in time: seconds since 1970-01-01T00:00:00Z, and nanoseconds after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Datetime {
    /// Whole seconds since 1970-01-01T00:00:00Z; negative before.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

/// The other side and the account on it. Holds no secret and is equal in every run with equal options.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Identity {
    /// Short name of the connector.
    pub kind: String,
    /// Account and server, such as `alice@example.org`.
    pub origin: String,
    /// Path at which the tree of entries begins; `/` unless the connector says otherwise.
    pub root: String,
}

/// The kind of an [`Entry`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub enum EntryKind {
    /// Holds other entries.
    #[component(name = "directory")]
    Directory,
    /// Holds bytes.
    #[component(name = "file")]
    File,
}

/// One entry of the tree, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Entry {
    /// Absolute path, as the connector gives it: a host that uses it as a file name has to check it.
    pub path: String,
    /// Directory or file.
    pub kind: EntryKind,
    /// Number of bytes that reading returns; none if that is not certain.
    pub size: Option<u64>,
    /// Time of the last change; none if the other side does not say.
    pub modified: Option<Datetime>,
    /// Opaque. Two equal versions of one path promise equal bytes; none if nothing can be promised.
    pub version: Option<String>,
}

/// A text for people. Nothing is missing because of it.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Notice {
    /// Path of the entry that it is about, if there is one.
    pub path: Option<String>,
    /// Text for people.
    pub message: String,
}

/// Something that the connector leaves out on purpose. Not a failure.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Omission {
    /// Path of the entry that is missing or incomplete, if the tree has one.
    pub path: Option<String>,
    /// Text for people: the thing that is left out, and the reason.
    pub message: String,
}

/// An entry about which nothing is known, nor about anything below it.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Failure {
    /// Path of the entry.
    pub path: String,
    /// The reason.
    pub error: Error,
}

/// One line of a connector's report on the other side.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Finding {
    /// Short name, such as `server`.
    pub topic: String,
    /// Text for people.
    pub text: String,
    /// False if this keeps something from working.
    pub good: bool,
}
