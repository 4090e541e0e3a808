//! Options for tests.

use super::Options;

/// Options for a test: the location `https://cal.example` and these.
pub(crate) fn options(pairs: &[(&str, &str)]) -> Options {
    let base = [("location", "caldav://cal.example/"), ("username", "alice"), ("password", "secret")];
    let pairs: Vec<_> = base.iter().chain(pairs).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Options::parse(&pairs).unwrap()
}
