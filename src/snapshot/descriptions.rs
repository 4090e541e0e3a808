//! The files of a backup that describe a calendar, read again: `.caldav.json`, and those of the vdir format,
//! which may be all there is, or may have been changed by hand.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

use super::vdir::vdir_color;
use crate::caldav::calendar::Properties;

/// The file with everything.
const SIDECAR: &str = ".caldav.json";
/// The files of the vdir format.
const VDIR: [&str; 4] = ["displayname", "color", "description", "order"];

/// What is known of a calendar by now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Descriptions {
    sidecar: Option<Sidecar>,
    vdir: BTreeMap<&'static str, String>,
    /// The paths of the files that said so.
    pub(crate) paths: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Sidecar {
    format: u32,
    href: String,
    properties: Properties,
    names: BTreeMap<String, String>,
}

/// Whether a file of this name describes the calendar.
pub(crate) fn describes(name: &str) -> bool {
    name == SIDECAR || VDIR.contains(&name)
}

/// Whether this is the file after which the calendar is known.
pub(crate) fn is_sidecar(name: &str) -> bool {
    name == SIDECAR
}

impl Descriptions {
    /// Takes a file in. The error says what is wrong with it.
    pub(crate) fn add(&mut self, name: &str, bytes: &Bytes) -> Result<(), String> {
        if is_sidecar(name) {
            let sidecar: Sidecar =
                serde_json::from_slice(bytes).map_err(|_| "it is no description of a calendar".to_owned())?;
            if sidecar.format > 1 {
                return Err(format!("its format is {}; this version knows 1", sidecar.format));
            }
            self.sidecar = Some(sidecar);
        } else if let Some(name) = VDIR.iter().find(|known| **known == name) {
            let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
            self.vdir.insert(name, text.trim().to_owned());
        }
        Ok(())
    }

    /// Where the calendar was, if that is known.
    pub(crate) fn href(&self) -> Option<&str> {
        self.sidecar.as_ref().map(|sidecar| sidecar.href.as_str()).filter(|href| !href.is_empty())
    }

    /// What an object was called on the server, if its file's name does not tell.
    pub(crate) fn segment(&self, name: &str) -> Option<&str> {
        self.sidecar.as_ref()?.names.get(name).map(String::as_str)
    }

    /// The properties to have. What a vdir file says was perhaps changed by hand: it wins.
    pub(crate) fn properties(&self) -> Properties {
        let mut all = self.sidecar.as_ref().map(|sidecar| sidecar.properties.clone()).unwrap_or_default();
        let vdir = |name: &str| self.vdir.get(name).filter(|text| !text.is_empty()).cloned();
        all.displayname = vdir("displayname").or(all.displayname);
        all.description = vdir("description").or(all.description);
        all.order = vdir("order").or(all.order);
        if let Some(color) = vdir("color")
            && all.color.as_deref().and_then(vdir_color).as_deref() != Some(color.as_str())
        {
            all.color = Some(color);
        }
        all
    }
}
