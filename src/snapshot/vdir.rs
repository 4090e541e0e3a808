//! The metadata files of the vdir format, which other programs read and people edit: `displayname`, `color`,
//! `description` and `order`, each with the value of one property.

use std::collections::BTreeMap;
use std::str::Utf8Error;

use bytes::Bytes;

use crate::caldav::calendar::Properties;

/// The names of the files.
const NAMES: [&str; 4] = ["displayname", "color", "description", "order"];

/// Returns true if `name` is one of the metadata files.
pub(crate) fn is_metadata(name: &str) -> bool {
    NAMES.contains(&name)
}

/// Returns the names and contents of the files for these properties.
pub(crate) fn files(properties: &Properties) -> impl Iterator<Item = (&'static str, Bytes)> {
    let values = [
        properties.displayname.clone(),
        properties.color.as_deref().and_then(vdir_color),
        properties.description.clone(),
        properties.order.clone(),
    ];
    NAMES.into_iter().zip(values).filter_map(|(name, value)| Some((name, Bytes::from(value?))))
}

/// The values that the files of one folder have.
#[derive(Clone, Debug, Default)]
pub(crate) struct VdirMetadata(BTreeMap<&'static str, String>);

impl VdirMetadata {
    /// Adds the content of a file. Other names than those of the format are ignored.
    pub(crate) fn add(&mut self, name: &str, bytes: &[u8]) -> Result<(), Utf8Error> {
        if let Some(name) = NAMES.iter().find(|known| **known == name) {
            self.0.insert(name, std::str::from_utf8(bytes)?.trim().to_owned());
        }
        Ok(())
    }

    /// Replaces the properties that a file has a value for. A color stays as the server spelt it if the file
    /// has the same one.
    pub(crate) fn apply(&self, properties: &mut Properties) {
        let value = |name: &str| self.0.get(name).filter(|text| !text.is_empty()).cloned();
        properties.displayname = value("displayname").or(properties.displayname.take());
        properties.description = value("description").or(properties.description.take());
        properties.order = value("order").or(properties.order.take());
        if let Some(color) = value("color")
            && properties.color.as_deref().and_then(vdir_color).as_deref() != Some(color.as_str())
        {
            properties.color = Some(color);
        }
    }
}

/// Converts a color of a server to `#RRGGBB`, the only form that vdir readers accept. Servers add alpha, and
/// use three digits or six. Returns none for the names of colors, which `.caldav.json` keeps.
pub(crate) fn vdir_color(raw: &str) -> Option<String> {
    let digits = raw.trim().strip_prefix('#')?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let long = match digits.len() {
        3 | 4 => digits.chars().take(3).flat_map(|c| [c, c]).collect(),
        6 | 8 => digits.get(..6)?.to_owned(),
        _ => return None,
    };
    Some(format!("#{}", long.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_become_what_vdir_readers_accept() {
        for (raw, expected) in [
            ("#ff00aaFF", Some("#FF00AA")),
            ("#f0a", Some("#FF00AA")),
            ("#FF00AA", Some("#FF00AA")),
            ("red", None),
            ("#12", None),
        ] {
            assert_eq!(vdir_color(raw).as_deref(), expected, "{raw}");
        }
    }

    fn properties(displayname: &str, color: &str) -> Properties {
        Properties {
            displayname: Some(displayname.to_owned()),
            color: Some(color.to_owned()),
            ..Properties::default()
        }
    }

    #[test]
    fn files_that_nobody_edited_change_nothing() {
        let original = properties("Work", "#ff00aaFF");
        let mut metadata = VdirMetadata::default();
        for (name, bytes) in files(&original) {
            metadata.add(name, &bytes).unwrap();
        }
        let mut read = original.clone();
        metadata.apply(&mut read);
        assert_eq!(read, original);
    }

    #[test]
    fn edited_files_win() {
        let mut metadata = VdirMetadata::default();
        for (name, text) in [("displayname", "Play\n"), ("color", "#000000"), ("order", ""), ("other", "x")] {
            metadata.add(name, text.as_bytes()).unwrap();
        }
        let mut read = properties("Work", "#ff00aaFF");
        metadata.apply(&mut read);
        assert_eq!(read, properties("Play", "#000000"));
        assert!(metadata.add("displayname", b"\xff").is_err());
    }
}
