//! The state of the account: calendars, objects and their paths.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use crate::behaviour::Behaviour;

/// Path of the principal (RFC 3744).
pub const PRINCIPAL: &str = "/p/alice/";
/// Path of the calendar home set (RFC 4791, section 6.2.1).
pub const HOME: &str = "/cal/";

/// Contents and behaviour of the server.
#[derive(Default)]
pub(crate) struct State {
    /// Calendars by their path.
    pub(crate) calendars: BTreeMap<String, Calendar>,
    pub(crate) behaviour: Behaviour,
    /// Number of PUT requests that stored an object.
    pub(crate) puts: usize,
}

/// A calendar collection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calendar {
    /// XML of each property that was set, by the property's name with its prefix.
    pub(crate) properties: BTreeMap<String, String>,
    /// Objects by the last segment of their path, in the spelling of the request.
    pub(crate) objects: BTreeMap<String, Object>,
    /// Time from which listings show the calendar; absent if they always do.
    pub(crate) visible_from: Option<Instant>,
}

/// A calendar object resource.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// Version, counted from 1; the entity tag is derived from it.
    pub(crate) version: u64,
    pub(crate) content: Bytes,
}

impl Calendar {
    /// Stores an object or a new version of it, and returns the version.
    pub(crate) fn store(&mut self, name: &str, content: Bytes) -> u64 {
        let version = self.objects.get(name).map_or(1, |object| object.version + 1);
        self.objects.insert(name.to_owned(), Object { version, content });
        version
    }

    /// Returns true if listings show the calendar by now.
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
