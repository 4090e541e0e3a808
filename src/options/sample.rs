//! Options for tests.

use super::SourceOptions;

/// Returns the options of a backup: the location `https://cal.example`, a user name, a password, and `pairs`.
pub(crate) fn source_options(pairs: &[(&str, &str)]) -> SourceOptions {
    let base = [("location", "caldav://cal.example/"), ("username", "alice"), ("password", "secret")];
    let pairs: Vec<_> = base.iter().chain(pairs).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    SourceOptions::parse(&pairs).unwrap()
}
