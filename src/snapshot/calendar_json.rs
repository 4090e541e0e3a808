//! The files that describe a calendar: those of the vdir format, which other programs read, and one
//! of our own with everything else that a restore needs.

use bytes::Bytes;
use serde::{Serialize, Serializer};

use super::vdir::vdir_color;
use crate::caldav::calendar::{Calendar, Properties};

/// The content of `.caldav.json`. Field order is file order; nothing in it changes on its own.
#[derive(Serialize)]
struct Sidecar<'a> {
    /// The version of this format.
    format: u32,
    kind: &'static str,
    /// Where the calendar was.
    href: &'a str,
    properties: &'a Properties,
    /// What objects are called on the server, where the file's name does not tell.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_map")]
    names: Vec<(String, String)>,
}

fn as_map<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, own)| (name, own)))
}

/// Names and contents of the files.
pub(crate) fn files(calendar: &Calendar, names: Vec<(String, String)>) -> Vec<(&'static str, Bytes)> {
    let properties = &calendar.properties;
    let vdir = [
        ("displayname", properties.displayname.clone()),
        ("color", properties.color.as_deref().and_then(vdir_color)),
        ("description", properties.description.clone()),
        ("order", properties.order.clone()),
    ];
    let kind = if properties.subscription.is_some() { "subscription" } else { "calendar" };
    let sidecar = Sidecar { format: 1, kind, href: &calendar.target.path, properties, names };
    // Strings and numbers cannot fail to become JSON.
    let mut json = serde_json::to_string_pretty(&sidecar).unwrap_or_default();
    json.push('\n');
    let vdir = vdir.into_iter().filter_map(|(name, text)| Some((name, Bytes::from(text?))));
    std::iter::once((".caldav.json", Bytes::from(json))).chain(vdir).collect()
}
