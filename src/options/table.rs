//! The table of all options: the one place that has their names, defaults, values and explanations.
//!
//! Parsing reads it; `--help`, the manual page, the tables of the README and the JSON schemas are generated from it.

use Side::{Both, Destination, Source};
use Values::{Choice, Flag, List, ListOf, Number, Pairs, Seconds, Text};

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct OptionSpec {
    /// The name, as users write it.
    pub name: &'static str,
    /// Connectors that take it.
    pub side: Side,
    /// Value that counts if the option is missing or empty; empty for none.
    pub default: &'static str,
    /// The values it may have.
    pub values: Values,
    /// Explanation for people, in one sentence without its full stop.
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

impl OptionSpec {
    /// Returns an option that has no default and is not a secret.
    #[must_use]
    pub const fn new(side: Side, name: &'static str, values: Values, help: &'static str) -> Self {
        // The component shows no explanation, and the texts would be a quarter of a percent of it.
        let help = if cfg!(target_family = "wasm") { "" } else { help };
        Self { name, side, default: "", values, help, secret: false }
    }

    /// Returns the same option with the value that counts if none is given.
    #[must_use]
    pub const fn with_default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }
}

/// All options of this connector, in the order of the documentation.
pub static OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        Both,
        "location",
        Text,
        "Server, account, calendar home set or single calendar: caldav://HOST, caldav://HOST/PATH, or an https address after caldav://",
    ),
    OptionSpec::new(Both, "username", Text, "Name to sign in with"),
    OptionSpec {
        secret: true,
        ..OptionSpec::new(Both, "password", Text, "Password; many services require an app password here")
    },
    OptionSpec::new(Both, "name", Text, "Name of your own for the account; it changes nothing"),
    OptionSpec::new(
        Source,
        "calendars",
        List,
        "Only calendars whose folder name or display name matches one of these patterns (*, ?)",
    ),
    OptionSpec::new(Source, "exclude", List, "No calendars that match one of these patterns"),
    OptionSpec::new(
        Source,
        "components",
        ListOf(&["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"]),
        "Only calendars and objects of these kinds, as far as the server reports the kind",
    ),
    OptionSpec::new(
        Source,
        "fetch",
        Choice(&["multiget", "get"]),
        "How to fetch objects: many in one request, or each with a request of its own and the server's own line ends",
    )
    .with_default("multiget"),
    OptionSpec::new(
        Destination,
        "conflict",
        Choice(&["overwrite", "skip", "duplicate"]),
        "What to do with an object that exists with other content; duplicate writes the backup's beside it, with another UID",
    )
    .with_default("overwrite"),
    OptionSpec::new(
        Destination,
        "into",
        Text,
        "Calendar that everything goes to: folder name, display name or path",
    ),
    OptionSpec::new(
        Destination,
        "map",
        Pairs,
        "Calendars that single folders go to, such as work:Office, home:/dav/alice/private/",
    ),
    OptionSpec::new(Destination, "create", Flag, "Create calendars that do not exist").with_default("true"),
    OptionSpec::new(
        Destination,
        "scheduling",
        Choice(&["suppress", "allow"]),
        "Whether the server may send invitations and replies to other people",
    )
    .with_default("suppress"),
    OptionSpec::new(
        Destination,
        "verify",
        Choice(&["full", "etag", "none"]),
        "How to check what was written: read everything back and compare, look only at the listing, or not at all",
    )
    .with_default("full"),
    OptionSpec::new(Destination, "dry_run", Flag, "Only report what would be done").with_default("false"),
    OptionSpec::new(Both, "concurrency", Number { min: 1, max: 32 }, "Most requests at once").with_default("4"),
    OptionSpec::new(
        Both,
        "timeout",
        Seconds { min: 1, max: 3600 },
        "Time to wait for a connection, for an answer, and for more of it",
    )
    .with_default("60"),
    OptionSpec::new(
        Both,
        "retries",
        Number { min: 0, max: 20 },
        "Repetitions of a request that failed for a temporary reason",
    )
    .with_default("4"),
];

/// Options that programs which run this connector keep for themselves. They are known here only for advice; a test of
/// `plakar-caldav` compares them with its own table.
pub const OF_THE_HOST: &[&str] = &[
    "password_file",
    "password_command",
    "insecure",
    "tls_ca",
    "tls_no_verify",
    "tls_cert",
    "tls_key",
    "allow_hosts",
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
            assert!(!option.help.ends_with('.') && !option.help.contains(". "), "{}", option.help);
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
