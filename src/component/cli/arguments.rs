//! The arguments of the command line, and the environment.

use super::output::Outcome;
use crate::options::location::Location;

/// Summary of the command line.
pub(super) const USAGE: &str = "\
Usage: backup LOCATION | restore LOCATION | calendars LOCATION | check LOCATION, each with [-o key=value]...
  backup writes a tar to standard output, restore reads one from standard input.
  The environment may have CALDAV_USERNAME and CALDAV_PASSWORD";

/// The options of a command.
pub(super) struct Invocation {
    /// Names and values, for the connector.
    pub(super) pairs: Vec<(String, String)>,
    /// Whether the connection may be unencrypted. This option is the program's own, as in every host.
    insecure: bool,
}

impl Invocation {
    /// Reads the options after the location. Those that are missing may be in the environment.
    pub(super) fn parse(location: &str, rest: &[String]) -> Outcome<Self> {
        let mut pairs = vec![("location".to_owned(), location.to_owned())];
        for (name, variable) in [("username", "CALDAV_USERNAME"), ("password", "CALDAV_PASSWORD")] {
            pairs.extend(std::env::var(variable).ok().map(|value| (name.to_owned(), value)));
        }
        let mut arguments = Self { pairs, insecure: false };
        let mut rest = rest.iter();
        while let Some(flag) = rest.next() {
            let pair = match flag.strip_prefix("-o") {
                Some("") => rest.next().map_or("", String::as_str),
                Some(pair) => pair,
                None => return Err([flag, ": not understood\n", USAGE].concat()),
            };
            let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
            match name {
                "insecure" => arguments.insecure = value == "true",
                _ => arguments.pairs.push((name.to_owned(), value.to_owned())),
            }
        }
        Ok(arguments)
    }

    /// Fails if the location is not encrypted and that is not allowed.
    pub(super) fn check_encrypted(&self, location: &Location) -> Outcome {
        let origin = &location.start.origin;
        if origin.https || self.insecure {
            return Ok(());
        }
        let why =
            "not encrypted; the password would be readable on the way. Use https, or add -o insecure=true";
        Err(format!("{origin}: {why}"))
    }
}
