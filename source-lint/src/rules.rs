//! The rules as data: which files are meant, which way imports point, which figures are allowed.
//!
//! A folder stands for the module of that name: `src/http` means `src/http.rs` and everything below `src/http/`.

use std::ops::RangeInclusive;

/// Source folders of the product's crates. Tests and this package are left out.
pub(crate) const PRODUCT: &[&str] =
    &["src", "dav-xml/src", "host/src", "folder/src", "plakar/src", "cli/src"];

/// Modules that speak a protocol: their documentation carries meaning, units, errors and RFC sections.
pub(crate) const PROTOCOL: &[&str] = &["src/webdav", "src/caldav", "dav-xml/src"];

/// Folders in which ends of sentences are not checked: the program prints whole sentences, and clap makes its help
/// from documentation and drops the full stop.
pub(crate) const PRINTS_SENTENCES: &[&str] = &["cli/src", "host/src/cli"];

/// Modules of the connector from the lowest to the highest. A module imports from lower rows only; two modules in one
/// row do not import each other.
pub(crate) const LAYERS: &[&[&str]] = &[
    &["src/error"],
    &["src/http"],
    &["src/quirks"],
    &["src/webdav"],
    &["src/caldav"],
    &["src/session"],
    &["src/snapshot"],
    &["src/ical"],
    &["src/options"],
    &["src/objects"],
    &["src/account"],
    &["src/source", "src/destination"],
    &["src/component"],
];

/// Words that must not appear in some files, in code, comments or text.
pub(crate) struct Forbidden {
    /// Folders, or single files, that the rule is about.
    pub(crate) files: &'static [&'static str],
    pub(crate) except: &'static [&'static str],
    /// Regular expression of whole words; letter case does not matter.
    pub(crate) words: &'static str,
    pub(crate) why: &'static str,
}

/// Words that belong to one part of the tree only.
pub(crate) const FORBIDDEN: &[Forbidden] = &[
    Forbidden {
        files: &["src", "dav-xml/src"],
        except: &["src/component"],
        words: "wasip3|wit_bindgen",
        why: "only component/ knows WASI",
    },
    Forbidden {
        files: &["host"],
        except: &[],
        words: "calendars?|caldav|ics",
        why: "the host library runs any connector",
    },
];

/// Type names that several crates or layers may define, because they mean the same thing in each.
pub(crate) const SHARED_TYPE_NAMES: &[&str] = &[
    "Entry",
    "Error",
    "Exporter",
    "Finding",
    "Identity",
    "Importer",
    "Kind",
    "Result",
    "ScanItem",
    "WriteItem",
];

/// Lines of a function, from `fn` to the closing brace.
pub(crate) const FUNCTION_P50: usize = 10;
/// See [`FUNCTION_P50`].
pub(crate) const FUNCTION_P90: usize = 30;
/// See [`FUNCTION_P50`].
pub(crate) const FUNCTION_MAX: usize = 60;
/// Lines of a file without its test modules.
pub(crate) const FILE_P90: usize = 300;
/// Percentage of documentation in the non-blank lines of the protocol modules.
pub(crate) const PROTOCOL_DOCS: RangeInclusive<usize> = 25..=35;

/// Returns true if `path` is the module `folder`, or a file below it.
pub(crate) fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
}

/// Returns true if `path` is within one of `folders`.
pub(crate) fn is_within_any(path: &str, folders: &[&str]) -> bool {
    folders.iter().any(|folder| is_within(path, folder))
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn a_folder_stands_for_the_module_of_that_name() {
        assert!(is_within("src/http.rs", "src/http"));
        assert!(is_within("src/http/request.rs", "src/http"));
        assert!(!is_within("src/https.rs", "src/http"));
        assert!(!is_within("host/src/http.rs", "src/http"));
    }
}
