//! All files that describe a calendar together: `.caldav.json`, and those of the vdir format, which may be
//! all there is, or may have been edited.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::calendar_json::CalendarJson;
use super::vdir::{self, VdirMetadata};
use crate::caldav::calendar::{Calendar, Properties};

/// Returns the names and contents of the files that describe a calendar. `names` are those of
/// [`CalendarJson::names`].
pub(crate) fn files(calendar: &Calendar, names: BTreeMap<String, String>) -> Vec<(&'static str, Bytes)> {
    let json = CalendarJson::new(&calendar.target.path, &calendar.properties, names);
    std::iter::once((CalendarJson::NAME, json.to_bytes())).chain(vdir::files(&calendar.properties)).collect()
}

/// Returns true if a file of this name describes a calendar.
pub(crate) fn describes(name: &str) -> bool {
    name == CalendarJson::NAME || vdir::is_metadata(name)
}

/// Content of the files that describe the calendar of one folder, as far as they have been read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Descriptions {
    json: Option<CalendarJson>,
    vdir: VdirMetadata,
    /// The paths of the files.
    pub(crate) paths: Vec<String>,
}

impl Descriptions {
    /// Adds a file; `name` is the last segment of its path. The error says what is wrong with it.
    pub(crate) fn add(&mut self, path: &str, name: &str, bytes: &[u8]) -> Result<(), String> {
        if name == CalendarJson::NAME {
            self.json = Some(CalendarJson::parse(bytes).map_err(|error| error.to_string())?);
        } else {
            self.vdir.add(name, bytes).map_err(|_| "not UTF-8".to_owned())?;
        }
        self.paths.push(path.to_owned());
        Ok(())
    }

    /// Returns the path of the calendar on the server it was read from, if that is known.
    pub(crate) fn href(&self) -> Option<&str> {
        self.json.as_ref().map(|json| json.href.as_str()).filter(|href| !href.is_empty())
    }

    /// Returns the segment of an object's href, if its file name cannot be converted back to it.
    pub(crate) fn segment(&self, name: &str) -> Option<&str> {
        self.json.as_ref()?.names.get(name).map(String::as_str)
    }

    /// Returns the properties of the calendar. Files of the vdir format win, because people edit them.
    pub(crate) fn properties(&self) -> Properties {
        let mut properties = self.json.as_ref().map(|json| json.properties.clone()).unwrap_or_default();
        self.vdir.apply(&mut properties);
        properties
    }
}
