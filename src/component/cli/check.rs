//! `check LOCATION`: what the server is and what it can do.

use super::output::{Outcome, print};
use crate::source::Importer;

/// Runs the command.
pub(super) async fn run(importer: &Importer) -> Outcome {
    let mut all_good = true;
    for finding in importer.check().await.map_err(|error| error.to_string())? {
        all_good &= finding.good;
        print(&[if finding.good { "ok   " } else { "BAD  " }, finding.topic, ": ", &finding.text, "\n"])?;
    }
    if all_good { Ok(()) } else { Err("See the lines marked BAD".to_owned()) }
}
