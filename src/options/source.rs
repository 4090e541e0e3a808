//! The options of a backup.

use wildmatch::WildMatch;

use super::connection::{self, ConnectionOptions};
use super::parser::Parser;
use super::table::Side;
use crate::error::Error;

/// Everything a backup is told.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// Location, credentials and limits.
    pub connection: ConnectionOptions,
    /// Which calendars to read.
    pub filter: Filter,
    /// How bodies are fetched.
    pub fetch: Fetch,
}

/// How bodies are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// Many at once (RFC 4791 7.9), one by one where that fails.
    Multiget,
    /// One by one: the server's bytes without the line-end rules of XML.
    Get,
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

impl SourceOptions {
    /// Parses what a host passes to a source.
    ///
    /// # Errors
    /// [`crate::error::Kind::InvalidOptions`], with one line for each option that is missing, unknown or
    /// wrong.
    pub fn parse(pairs: &[(String, String)]) -> Result<Self, Error> {
        let mut parser = Parser::new(Side::Source, pairs);
        let connection = connection::parse(&mut parser);
        let filter = Filter::parse(&mut parser);
        let fetch = if parser.choice("fetch") == "get" { Fetch::Get } else { Fetch::Multiget };
        parser.finish(connection.map(|connection| Self { connection, filter, fetch }))
    }
}

impl Filter {
    fn parse(parser: &mut Parser<'_>) -> Self {
        let as_written = ["calendars", "exclude", "components"].map(|name| parser.text(name));
        Self {
            calendars: parser.list("calendars").map(WildMatch::new).collect(),
            exclude: parser.list("exclude").map(WildMatch::new).collect(),
            components: parser.words("components"),
            text: as_written.join(" ").trim().to_owned(),
        }
    }

    /// Returns true if a calendar of these names and this component set (empty: any) is wanted.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::Kind;

    fn parse(pairs: &[(&str, &str)]) -> Result<SourceOptions, Error> {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        SourceOptions::parse(&pairs)
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let options = parse(&[("location", "caldav://alice@cal.example/")]).unwrap();
        let connection = options.connection;
        assert_eq!(
            (connection.concurrency, connection.retries, connection.timeout),
            (4, 4, Duration::from_secs(60))
        );
        assert_eq!((connection.username.as_str(), options.fetch), ("alice", Fetch::Multiget));
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
    fn secrets_are_not_shown() {
        let options =
            parse(&[("location", "caldav://h/"), ("username", "u"), ("password", "hush hush")]).unwrap();
        assert!(!format!("{options:?}").contains("hush"));
        assert_eq!(options.connection.password.reveal(), "hush hush");
    }

    #[test]
    fn filters_match_either_name_and_any_component() {
        let filter = parse(&[
            ("location", "caldav://h/"),
            ("calendars", "work*, Fam?ly"),
            ("exclude", "*old"),
            ("components", "vtodo"),
        ])
        .unwrap()
        .filter;
        let kinds = |kinds: &[&str]| kinds.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>();
        assert!(filter.wants(&["x1", "Family"], &[]));
        assert!(filter.wants(&["workshop"], &kinds(&["VEVENT", "VTODO"])));
        assert!(!filter.wants(&["workshop"], &kinds(&["VEVENT"])));
        assert!(!filter.wants(&["work-old"], &[]));
        assert!(!filter.wants(&["home"], &[]));
        assert_eq!(filter.text, "work*, Fam?ly *old vtodo");
    }
}
