//! The options of a restore.

use super::connection::{self, ConnectionOptions};
use super::parser::Parser;
use super::table::Side;
use crate::error::Error;

/// Everything a restore is told.
#[derive(Clone, Debug)]
pub struct DestinationOptions {
    /// Location, credentials and limits.
    pub connection: ConnectionOptions,
    /// Treatment of an object that exists with other content.
    pub conflict: Conflict,
    /// The calendar that everything goes to, whatever calendar it was in.
    pub into: Option<String>,
    /// The calendars that single folders go to: folder of the backup, and calendar.
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

/// Treatment of an object that exists with other content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The object gets the content of the backup.
    Overwrite,
    /// The object stays as it is.
    Skip,
    /// The object stays, and the one of the backup gets another UID and a place beside it.
    Duplicate,
}

/// How closely to look at what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Everything is read back and compared.
    Full,
    /// The listing must have it.
    Etag,
    /// The answer to the PUT is believed.
    None,
}

impl DestinationOptions {
    /// Parses what a host passes to a destination.
    ///
    /// # Errors
    /// [`crate::error::Kind::InvalidOptions`], with one line for each option that is missing, unknown or
    /// wrong.
    pub fn parse(pairs: &[(String, String)]) -> Result<Self, Error> {
        let mut parser = Parser::new(Side::Destination, pairs);
        let connection = connection::parse(&mut parser);
        let (conflict, verify) = (conflict(&mut parser), verify(&mut parser));
        let (into, map) = (parser.optional("into"), parser.pairs("map"));
        if into.is_some() && !map.is_empty() {
            parser.problem("into: cannot be used together with map".to_owned());
        }
        let create = parser.flag("create");
        let scheduling = parser.choice("scheduling") == "allow";
        let dry_run = parser.flag("dry_run");
        let options =
            |connection| Self { connection, conflict, into, map, create, scheduling, verify, dry_run };
        parser.finish(connection.map(options))
    }
}

fn conflict(parser: &mut Parser<'_>) -> Conflict {
    match parser.choice("conflict") {
        "skip" => Conflict::Skip,
        "duplicate" => Conflict::Duplicate,
        _ => Conflict::Overwrite,
    }
}

fn verify(parser: &mut Parser<'_>) -> Verify {
    match parser.choice("verify") {
        "etag" => Verify::Etag,
        "none" => Verify::None,
        _ => Verify::Full,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<DestinationOptions, Error> {
        let location = [("location", "caldav://h/")];
        let pairs: Vec<_> =
            location.iter().chain(pairs).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        DestinationOptions::parse(&pairs)
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let options = parse(&[]).unwrap();
        assert!(options.create && !options.scheduling && !options.dry_run);
        assert_eq!((options.conflict, options.verify), (Conflict::Overwrite, Verify::Full));
        assert!(options.into.is_none() && options.map.is_empty());
    }

    #[test]
    fn every_choice_has_a_meaning_of_its_own() {
        let conflict = |text| parse(&[("conflict", text)]).unwrap().conflict;
        assert_eq!(
            ["overwrite", "skip", "duplicate"].map(conflict),
            [Conflict::Overwrite, Conflict::Skip, Conflict::Duplicate]
        );
        let verify = |text| parse(&[("verify", text)]).unwrap().verify;
        assert_eq!(["full", "etag", "none"].map(verify), [Verify::Full, Verify::Etag, Verify::None]);
        assert!(parse(&[("scheduling", "allow")]).unwrap().scheduling);
        assert!(!parse(&[("create", "false")]).unwrap().create);
    }

    #[test]
    fn calendars_are_mapped_by_colon_or_equals_sign() {
        let options = parse(&[("map", "a:B, c=/d/")]).unwrap();
        let map = [("a".to_owned(), "B".to_owned()), ("c".to_owned(), "/d/".to_owned())];
        assert_eq!(options.map, map);
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let error = parse(&[("map", "a"), ("into", "x"), ("verify", "maybe"), ("fetch", "get")]).unwrap_err();
        assert_eq!(error.message().lines().count(), 3, "{error}");
        let error = parse(&[("map", "a:b"), ("into", "x")]).unwrap_err();
        assert!(error.message().contains("together with map"), "{error}");
    }
}
