//! The state of the account: calendars, objects and their paths.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use crate::behaviour::Behaviour;

/// The path of the principal.
pub const PRINCIPAL: &str = "/p/alice/";
/// The path of the calendar home set.
pub const HOME: &str = "/cal/";

/// What the server holds.
#[derive(Default)]
pub(crate) struct State {
    /// By path.
    pub(crate) calendars: BTreeMap<String, Calendar>,
    pub(crate) behaviour: Behaviour,
    /// How many objects were stored by PUT.
    pub(crate) puts: usize,
}

/// A calendar or a subscription.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calendar {
    /// The XML of each property that was set, by its name with prefix.
    pub(crate) properties: BTreeMap<String, String>,
    /// By the last segment of the path, as it was sent.
    pub(crate) objects: BTreeMap<String, Object>,
    /// Listings do not show it before.
    pub(crate) visible_from: Option<Instant>,
}

/// A calendar object resource.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// Counted from 1; the `ETag` is made from it.
    pub(crate) version: u64,
    pub(crate) content: Bytes,
}

impl Calendar {
    /// Stores an object or another version of it; returns the version.
    pub(crate) fn store(&mut self, name: &str, content: Bytes) -> u64 {
        let version = self.objects.get(name).map_or(1, |object| object.version + 1);
        self.objects.insert(name.to_owned(), Object { version, content });
        version
    }

    /// Whether listings show it by now.
    pub(crate) fn is_visible(&self) -> bool {
        self.visible_from.is_none_or(|time| Instant::now() >= time)
    }
}

/// Splits the path of an object into the path of its calendar and its name.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |at| at + 1))
}

/// Returns the last segment of a calendar's path.
pub(crate) fn name_of(path: &str) -> &str {
    path.trim_start_matches(HOME).trim_end_matches('/')
}

pub(crate) fn path_of(calendar: &str) -> String {
    format!("{HOME}{calendar}/")
}
