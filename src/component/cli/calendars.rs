//! `calendars LOCATION`: a line for each calendar, with path, number of objects and name.

use super::listing::{Scanned, scan};
use super::output::{Outcome, print};
use crate::source::{Entry, Importer};

/// Runs the command.
pub(super) async fn run(importer: &Importer) -> Outcome {
    let Scanned { directories, files, is_complete } = scan(importer).await?;
    for path in directories.iter().skip(1) {
        let is_inside = |entry: &&Entry| {
            entry.path.ends_with(".ics") && entry.path.rsplit_once('/').is_some_and(|(own, _)| own == path)
        };
        let count = files.iter().filter(is_inside).count();
        let name = importer.read(&[path, "/displayname"].concat()).await.unwrap_or_default();
        print(&[path, "\t", &count.to_string(), "\t", &String::from_utf8_lossy(&name), "\n"])?;
    }
    if is_complete { Ok(()) } else { Err("Some calendars could not be listed".to_owned()) }
}
