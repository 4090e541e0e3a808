//! The table of all options: the one place that has their names, defaults, values and explanations.
//!
//! Parsing reads it; `--help`, the manual page, the README and the JSON schemas are made from it or tested
//! against it.

use Side::{Both, Destination, Source};
use Values::{Choice, Flag, List, ListOf, Number, Pairs, Seconds, Text};

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// The name, as users write it.
    pub name: &'static str,
    /// Connectors that take the option.
    pub side: Side,
    /// The value that counts if the option is missing or empty; empty for none.
    pub default: &'static str,
    /// The values it may have.
    pub values: Values,
    /// One plain sentence for people, without its full stop.
    pub help: &'static str,
    /// Whether the value must not be shown or logged.
    pub secret: bool,
}

/// The connectors that take an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Backups and restores.
    Both,
    /// Backups alone.
    Source,
    /// Restores alone.
    Destination,
}

/// The values that an option may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
    /// A whole number.
    Number {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A time: seconds, also written `90s`, or minutes, written `5m`.
    Seconds {
        /// The shortest, in seconds.
        min: u64,
        /// The longest, in seconds.
        max: u64,
    },
    /// Any texts, separated by commas.
    List,
    /// Some of these in any case, separated by commas.
    ListOf(&'static [&'static str]),
    /// `FROM:TO` or `FROM=TO`, separated by commas.
    Pairs,
}

/// Makes a row of the table; none of the options but the password is a secret.
const fn row(
    side: Side,
    name: &'static str,
    default: &'static str,
    values: Values,
    help: &'static str,
) -> OptionSpec {
    // The component never shows them, and they would be a quarter of a percent of it.
    let help = if cfg!(target_family = "wasm") { "" } else { help };
    OptionSpec { name, side, default, values, help, secret: false }
}

/// All options of this connector, in the order of the documentation.
pub static OPTIONS: &[OptionSpec] = &[
    row(
        Both,
        "location",
        "",
        Text,
        "The server, an account, a home set or one calendar: caldav://HOST, caldav://HOST/PATH, or an https address after caldav://",
    ),
    row(Both, "username", "", Text, "The name to sign in with"),
    OptionSpec {
        secret: true,
        ..row(Both, "password", "", Text, "The password; many services want an app password here")
    },
    row(Both, "name", "", Text, "A name of your own for it; it changes nothing"),
    row(
        Source,
        "calendars",
        "",
        List,
        "Only these calendars: patterns (*, ?) for folder or display names, separated by commas",
    ),
    row(Source, "exclude", "", List, "Not these calendars: patterns, separated by commas"),
    row(
        Source,
        "components",
        "",
        ListOf(&["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"]),
        "Only these kinds of objects, separated by commas: VEVENT, VTODO, VJOURNAL",
    ),
    row(
        Source,
        "fetch",
        "multiget",
        Choice(&["multiget", "get"]),
        "How objects are fetched: many in one request, or one in each",
    ),
    row(
        Destination,
        "conflict",
        "overwrite",
        Choice(&["overwrite", "skip", "duplicate"]),
        "What to do about an object that is there with other content",
    ),
    row(
        Destination,
        "into",
        "",
        Text,
        "The calendar that everything goes to: folder name, display name or path",
    ),
    row(Destination, "map", "", Pairs, "Where single calendars go: FOLDER:CALENDAR, separated by commas"),
    row(Destination, "create", "true", Flag, "Make calendars that are not there"),
    row(
        Destination,
        "scheduling",
        "suppress",
        Choice(&["suppress", "allow"]),
        "Whether the server may write to people who are invited",
    ),
    row(
        Destination,
        "verify",
        "full",
        Choice(&["full", "etag", "none"]),
        "How closely to look at what was written",
    ),
    row(Destination, "dry_run", "false", Flag, "Only tell what would be done"),
    row(Both, "concurrency", "4", Number { min: 1, max: 32 }, "The most requests at once, 1 to 32"),
    row(
        Both,
        "timeout",
        "60",
        Seconds { min: 1, max: 3600 },
        "Seconds (or 90s, 5m) to wait for a connection, an answer, or more of it; at most an hour",
    ),
    row(
        Both,
        "retries",
        "4",
        Number { min: 0, max: 20 },
        "How often a request that failed for a passing reason is repeated, 0 to 20",
    ),
];

/// Options that programs which run this connector keep for themselves. They are known here for advice alone.
pub(super) const OF_THE_HOST: &[&str] = &[
    "insecure",
    "tls_ca",
    "tls_no_verify",
    "tls_cert",
    "tls_key",
    "allow_hosts",
    "password_file",
    "password_command",
];

/// Options that later versions will have. They are known here for advice alone.
pub(super) const NOT_YET: &[&str] =
    &["client_id", "client_secret", "refresh_token", "access_token", "auth_url", "token_url", "scope"];

impl Side {
    /// Returns true if an option of this side is taken by `other`, which is a source or a destination.
    #[must_use]
    pub fn includes(self, other: Self) -> bool {
        self == Both || self == other
    }
}

/// Returns the options that `side`, a source or a destination, takes.
pub fn options_of(side: Side) -> impl Iterator<Item = &'static OptionSpec> {
    OPTIONS.iter().filter(move |option| option.side.includes(side))
}

/// Returns the option called `name`.
#[must_use]
pub fn find(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|option| option.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_complete_and_unique() {
        for (at, option) in OPTIONS.iter().enumerate() {
            assert!(OPTIONS[..at].iter().all(|other| other.name != option.name), "{}", option.name);
            assert!(
                !option.help.ends_with('.') && !option.help.contains(". "),
                "{}: {}",
                option.name,
                option.help
            );
            assert!(!OF_THE_HOST.contains(&option.name) && !NOT_YET.contains(&option.name));
        }
    }

    #[test]
    fn only_the_password_is_a_secret() {
        let secrets: Vec<_> =
            OPTIONS.iter().filter(|option| option.secret).map(|option| option.name).collect();
        assert_eq!(secrets, ["password"]);
    }
}
