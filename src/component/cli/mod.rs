//! The component run on its own, by any runtime that has `wasi:cli/run` and `wasi:http`: `backup LOCATION`
//! writes a tar to standard output and `restore LOCATION` reads one, `calendars` and `check` write text.

mod arguments;
mod backup;
mod calendars;
mod check;
mod listing;
mod output;
#[cfg(feature = "restore")]
mod restore;
mod tar;

use std::rc::Rc;

use crate::http::Transport;
use crate::options::SourceOptions;
use crate::source::Importer;
use arguments::{Invocation, USAGE};
use output::{Outcome, eprint_error};

/// Runs the command that the arguments name. Errors go to standard error.
pub(crate) async fn run(transport: Rc<dyn Transport>) -> Result<(), ()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    dispatch(transport, &arguments).await.map_err(|error| eprint_error(&error))
}

async fn dispatch(transport: Rc<dyn Transport>, arguments: &[String]) -> Outcome {
    let [command, location, rest @ ..] = arguments else { return Err(USAGE.to_owned()) };
    let arguments = Invocation::parse(location, rest)?;
    #[cfg(feature = "restore")]
    if command == "restore" {
        return restore::run(&exporter(transport, &arguments)?).await;
    }
    let options = SourceOptions::parse(&arguments.pairs).map_err(|error| error.to_string())?;
    arguments.check_encrypted(&options.connection.location)?;
    let importer = Importer::new(transport, options);
    match command.as_str() {
        "backup" => backup::run(&importer).await,
        "calendars" => calendars::run(&importer).await,
        "check" => check::run(&importer).await,
        _ => Err([command, ": there is no such command\n", USAGE].concat()),
    }
}

#[cfg(feature = "restore")]
fn exporter(transport: Rc<dyn Transport>, arguments: &Invocation) -> Outcome<crate::destination::Exporter> {
    let options =
        crate::options::DestinationOptions::parse(&arguments.pairs).map_err(|error| error.to_string())?;
    arguments.check_encrypted(&options.connection.location)?;
    Ok(crate::destination::Exporter::new(transport, options))
}
