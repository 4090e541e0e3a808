//! The options, as strings from outside, parsed into types. Every mistake is reported at once.

pub mod location;
pub mod providers;
#[cfg(test)]
pub(crate) mod sample;
mod session;

use std::time::Duration;

use wildmatch::WildMatch;

use crate::error::{Error, Kind};
use crate::session::Secret;
use location::Location;

/// Everything a run is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to start.
    pub location: Location,
    /// The name to sign in with; empty to send no credentials.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// Which calendars to read.
    pub filter: Filter,
    /// How bodies are fetched.
    pub fetch: Fetch,
    /// How to restore.
    pub restore: Restore,
    /// The most requests under way at once.
    pub concurrency: usize,
    /// How long to wait for a connection, for an answer to begin, and for more of it.
    pub timeout: Duration,
    /// How often a request that failed for a passing reason is sent again.
    pub retries: u32,
}

/// How bodies are fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fetch {
    /// Many at once (RFC 4791 7.9), one by one where that fails.
    #[default]
    Multiget,
    /// One by one: the server's bytes without the line-end rules of XML.
    Get,
}

/// How to restore.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restore {
    /// What to do about an object that is there with other content.
    pub conflict: Conflict,
    /// Where everything goes, whatever calendar it was in.
    pub into: Option<String>,
    /// Where single calendars go: directory of the backup, and calendar.
    pub map: Vec<(String, String)>,
    /// Whether calendars that are not there are made.
    pub create: bool,
    /// Whether the server may write to people who are invited.
    pub scheduling: bool,
    /// How closely to look at what was written.
    pub verify: Verify,
    /// Whether to say what would be done, and do nothing.
    pub dry_run: bool,
}

/// What to do about an object that is there with other content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conflict {
    /// It becomes what the backup has.
    #[default]
    Overwrite,
    /// It stays.
    Skip,
    /// It stays, and the backup's gets another UID and a place beside it.
    Duplicate,
}

/// How closely to look at what was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// Everything is read back and compared.
    #[default]
    Full,
    /// The listing must have it.
    Etag,
    /// The answer to the PUT is believed.
    None,
}

/// What options are for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Destination,
}

/// Which calendars are wanted. Patterns match the directory's name or the display name.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Any of these; all when empty.
    pub calendars: Vec<WildMatch>,
    /// None of these.
    pub exclude: Vec<WildMatch>,
    /// Component kinds such as `VEVENT`; all when empty.
    pub components: Vec<String>,
    /// The options as they were written; empty when there are none.
    pub text: String,
}

impl Filter {
    /// Whether a calendar of these names and this component set (empty: any) is wanted.
    #[must_use]
    pub fn wants(&self, names: &[&str], components: &[String]) -> bool {
        let any = |patterns: &[WildMatch]| patterns.iter().any(|p| names.iter().any(|name| p.matches(name)));
        (self.calendars.is_empty() || any(&self.calendars))
            && !any(&self.exclude)
            && (self.components.is_empty()
                || components.is_empty()
                || components.iter().any(|kind| self.components.contains(kind)))
    }
}

/// The options there are. The order is the order of the documentation.
pub const KNOWN: &[&str] = &[
    "location",
    "username",
    "password",
    "name",
    "calendars",
    "exclude",
    "components",
    "fetch",
    "conflict",
    "into",
    "map",
    "create",
    "scheduling",
    "verify",
    "dry_run",
    "concurrency",
    "timeout",
    "retries",
];

/// Options that a host keeps to itself.
const OF_THE_HOST: &[&str] = &[
    "insecure",
    "tls_ca",
    "tls_no_verify",
    "tls_cert",
    "tls_key",
    "allow_hosts",
    "password_file",
    "password_command",
];

/// Options of the plan that this version does not have.
const NOT_YET: &[&str] =
    &["client_id", "client_secret", "refresh_token", "access_token", "auth_url", "token_url", "scope"];

/// Options of backups alone.
pub const READING: &[&str] = &["calendars", "exclude", "components", "fetch"];
/// Options of restores alone.
pub const WRITING: &[&str] = &["conflict", "into", "map", "create", "scheduling", "verify", "dry_run"];

impl Options {
    /// Parses what a host passes to a source.
    pub fn parse(pairs: &[(String, String)]) -> Result<Self, Error> {
        Self::parse_for(Side::Source, pairs)
    }

    /// Parses what a host passes to a destination.
    pub fn parse_to_restore(pairs: &[(String, String)]) -> Result<Self, Error> {
        Self::parse_for(Side::Destination, pairs)
    }

    fn parse_for(side: Side, pairs: &[(String, String)]) -> Result<Self, Error> {
        let mut problems: Vec<String> =
            pairs.iter().filter_map(|(name, _)| out_of_place(side, name)).collect();
        let value = |name: &str| pairs.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let text = |name: &str| value(name).unwrap_or_default().trim();

        let location = match text("location") {
            "" => Err("location: missing; write caldav://HOST or caldav://HOST/PATH.".to_owned()),
            text => Location::parse(text),
        };
        let user = location.as_ref().ok().and_then(|location| location.user.clone());
        let username =
            Some(text("username")).filter(|t| !t.is_empty()).map(str::to_owned).or(user).unwrap_or_default();
        // Not trimmed: a password may begin or end with a space.
        let password = Secret::from(value("password").unwrap_or_default());
        if username.is_empty() && !password.reveal().is_empty() {
            problems.push("username: missing; a password alone cannot sign in.".to_owned());
        }
        if username.contains(':') || username.contains(char::is_control) {
            problems.push("username: may not contain a colon or control characters (RFC 7617).".to_owned());
        }
        let provider = location.as_ref().ok().and_then(|location| location.provider);
        if let Some(provider) = provider.filter(|provider| provider.name == "Google") {
            problems.push(format!("location: {} This version cannot do that.", provider.hint));
        }
        let mut keep = |result: Result<u64, String>| {
            result.map_err(|problem| problems.push(problem)).unwrap_or_default()
        };
        let concurrency = keep(number("concurrency", text("concurrency"), 4, 1..=32));
        let retries = keep(number("retries", text("retries"), 4, 0..=20));
        let timeout = keep(seconds("timeout", text("timeout"), 60, 1..=3600));
        let fetch = match text("fetch") {
            "" | "multiget" => Fetch::Multiget,
            "get" => Fetch::Get,
            other => {
                problems.push(format!("fetch: {other} is neither multiget nor get."));
                Fetch::default()
            }
        };
        let filter = Filter {
            calendars: patterns(text("calendars")),
            exclude: patterns(text("exclude")),
            components: list(text("components")).map(str::to_ascii_uppercase).collect(),
            text: [text("calendars"), text("exclude"), text("components")].join(" ").trim().to_owned(),
        };
        for kind in &filter.components {
            if !matches!(kind.as_str(), "VEVENT" | "VTODO" | "VJOURNAL" | "VFREEBUSY" | "VAVAILABILITY") {
                problems.push(format!("components: {kind} is not one of VEVENT, VTODO, VJOURNAL."));
            }
        }
        let restore = match side {
            Side::Destination => restore(&text, &mut problems),
            Side::Source => Restore::default(),
        };
        match (location, problems.as_slice()) {
            (Ok(location), []) => Ok(Self {
                location: location.with_user(&username),
                username,
                password,
                filter,
                fetch,
                restore,
                concurrency: usize::try_from(concurrency).unwrap_or(1),
                timeout: Duration::from_secs(timeout),
                retries: u32::try_from(retries).unwrap_or(0),
            }),
            (location, _) => {
                problems.extend(location.err());
                Err(Error::new(Kind::InvalidOptions, problems.join("\n")))
            }
        }
    }
}

/// What to say about an option that has no place here, if it has none.
fn out_of_place(side: Side, name: &str) -> Option<String> {
    if !KNOWN.contains(&name) {
        return Some(unknown(name));
    }
    match side {
        Side::Source if WRITING.contains(&name) => {
            Some(format!("{name}: is for restoring, not for backups."))
        }
        Side::Destination if READING.contains(&name) => {
            Some(format!("{name}: is for backups; a restore writes all that it is given."))
        }
        _ => None,
    }
}

fn restore<'a>(text: &impl Fn(&str) -> &'a str, problems: &mut Vec<String>) -> Restore {
    let mut choice = |name: &str, choices: &[&str]| {
        let text = text(name);
        let at = choices.iter().position(|choice| *choice == text);
        at.or(text.is_empty().then_some(0)).unwrap_or_else(|| {
            problems.push(format!("{name}: {text} is not one of {}.", choices.join(", ")));
            0
        })
    };
    let conflict = [Conflict::Overwrite, Conflict::Skip, Conflict::Duplicate]
        .get(choice("conflict", &["overwrite", "skip", "duplicate"]))
        .copied()
        .unwrap_or_default();
    let verify = [Verify::Full, Verify::Etag, Verify::None]
        .get(choice("verify", &["full", "etag", "none"]))
        .copied()
        .unwrap_or_default();
    let create = choice("create", &["true", "false"]) == 0;
    let scheduling = choice("scheduling", &["suppress", "allow"]) == 1;
    let dry_run = choice("dry_run", &["false", "true"]) == 1;
    let mut map = Vec::new();
    for pair in list(text("map")) {
        match pair.split_once('=').or_else(|| pair.split_once(':')) {
            Some((from, to)) if !from.trim().is_empty() && !to.trim().is_empty() => {
                map.push((from.trim().to_owned(), to.trim().to_owned()));
            }
            _ => problems.push(format!("map: {pair} is not FROM:TO, such as work:Office.")),
        }
    }
    let into = Some(text("into").to_owned()).filter(|into| !into.is_empty());
    if into.is_some() && !map.is_empty() {
        problems.push("into: cannot be used together with map.".to_owned());
    }
    Restore { conflict, into, map, create, scheduling, verify, dry_run }
}

/// What to say about an option that cannot be used.
fn unknown(name: &str) -> String {
    if OF_THE_HOST.contains(&name) {
        return format!(
            "{name}: is for the program that runs this connector, and this one does not offer it."
        );
    }
    if NOT_YET.contains(&name) {
        return format!("{name}: this version does not have this option yet.");
    }
    let nearest = KNOWN
        .iter()
        .chain(OF_THE_HOST)
        .map(|known| (strsim::levenshtein(&name.to_ascii_lowercase(), known), known))
        .filter(|(distance, known)| *distance <= known.len() / 2)
        .min();
    match nearest {
        Some((_, nearest)) => format!("{name}: unknown option; did you mean {nearest}?"),
        None => format!("{name}: unknown option; there are {}.", KNOWN.join(", ")),
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn patterns(text: &str) -> Vec<WildMatch> {
    list(text).map(WildMatch::new).collect()
}

fn number(name: &str, text: &str, default: u64, range: std::ops::RangeInclusive<u64>) -> Result<u64, String> {
    if text.is_empty() {
        return Ok(default);
    }
    text.parse().ok().filter(|n| range.contains(n)).ok_or_else(|| {
        format!("{name}: {text} is not a whole number from {} to {}.", range.start(), range.end())
    })
}

/// A number of seconds, also written `90s` or `5m`.
fn seconds(
    name: &str,
    text: &str,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, String> {
    let (digits, factor) = match text.strip_suffix('m') {
        Some(digits) => (digits, 60),
        None => (text.strip_suffix('s').unwrap_or(text), 1),
    };
    number(name, digits, default / factor, 0..=u64::MAX / 60)
        .map(|n| n * factor)
        .ok()
        .filter(|n| range.contains(n))
        .ok_or_else(|| {
            format!("{name}: {text} is not a number of seconds from {} to {}.", range.start(), range.end())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Options, Error> {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Options::parse(&pairs)
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let options = parse(&[("location", "caldav://alice@cal.example/")]).unwrap();
        assert_eq!((options.concurrency, options.retries, options.timeout), (4, 4, Duration::from_secs(60)));
        assert_eq!((options.username.as_str(), options.fetch), ("alice", Fetch::Multiget));
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let error = parse(&[
            ("pasword", "x"),
            ("concurrency", "0"),
            ("timeout", "soon"),
            ("fetch", "all"),
            ("components", "VEVENT,EVENTS"),
            ("zzz", ""),
            ("tls_ca", "x"),
            ("conflict", "skip"),
            ("client_id", "x"),
        ])
        .unwrap_err();
        assert_eq!(error.kind, Kind::InvalidOptions);
        let lines: Vec<&str> = error.message().lines().collect();
        for (start, word) in [
            ("pasword:", "did you mean password?"),
            ("concurrency:", "1 to 32"),
            ("timeout:", "seconds"),
            ("fetch:", "multiget"),
            ("components:", "EVENTS"),
            ("zzz:", "there are location"),
            ("tls_ca:", "program"),
            ("conflict:", "for restoring"),
            ("client_id:", "yet"),
            ("location:", "missing"),
        ] {
            assert!(
                lines.iter().any(|l| l.starts_with(start) && l.contains(word)),
                "{start} {word}: {lines:#?}"
            );
        }
        assert_eq!(lines.len(), 10);
    }

    #[test]
    fn restores_have_options_of_their_own() {
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            std::iter::once(&("location", "caldav://h/"))
                .chain(pairs)
                .map(|(n, v)| ((*n).into(), (*v).into()))
                .collect()
        };
        let options =
            Options::parse_to_restore(&pairs(&[("map", "a:B, c=/d/"), ("conflict", "skip")])).unwrap();
        let map = [("a".to_owned(), "B".to_owned()), ("c".to_owned(), "/d/".to_owned())];
        assert_eq!(
            (options.restore.map.as_slice(), options.restore.conflict),
            (map.as_slice(), Conflict::Skip)
        );
        assert!(options.restore.create && !options.restore.scheduling && !options.restore.dry_run);
        let wrong = pairs(&[("map", "a"), ("into", "x"), ("verify", "maybe"), ("fetch", "get")]);
        let error = Options::parse_to_restore(&wrong).unwrap_err();
        assert_eq!(error.message().lines().count(), 3, "{error}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let options =
            parse(&[("location", "caldav://h/"), ("username", "u"), ("password", "hush hush")]).unwrap();
        assert!(!format!("{options:?}").contains("hush"));
        assert_eq!(options.password.reveal(), "hush hush");
    }

    #[test]
    fn filters_match_either_name_and_any_component() {
        let filter = Filter {
            calendars: patterns("work*, Fam?ly"),
            exclude: patterns("*old"),
            components: vec!["VTODO".to_owned()],
            text: String::new(),
        };
        let kinds = |kinds: &[&str]| kinds.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>();
        assert!(filter.wants(&["x1", "Family"], &[]));
        assert!(filter.wants(&["workshop"], &kinds(&["VEVENT", "VTODO"])));
        assert!(!filter.wants(&["workshop"], &kinds(&["VEVENT"])));
        assert!(!filter.wants(&["work-old"], &[]));
        assert!(!filter.wants(&["home"], &[]));
    }

    #[test]
    fn times_have_units() {
        assert_eq!(seconds("t", "5m", 60, 1..=3600), Ok(300));
        assert_eq!(seconds("t", "90s", 60, 1..=3600), Ok(90));
        assert_eq!(seconds("t", "", 60, 1..=3600), Ok(60));
        assert!(seconds("t", "2h", 60, 1..=3600).is_err());
    }
}
