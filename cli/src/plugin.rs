//! `plugin`: what Plakar starts.

use std::io::IsTerminal;
use std::path::PathBuf;

use connector_host::Limits;
use connector_host::engine::Connector;
use connector_plakar::{Pipes, Plugin, serve};
use plakar_caldav::host_options;

use crate::output::Output;
use crate::{Exit, advice};

/// Set, it has remarks printed on standard error, for which Plakar has no place.
const LOG: &str = "PLAKAR_CALDAV_LOG";

/// Serves Plakar. A component that is missing is told when Plakar asks for it.
pub(crate) async fn run(component: Result<PathBuf, String>) -> Exit {
    if std::io::stdin().is_terminal() || std::io::stdout().is_terminal() {
        let message =
            "plugin: Plakar starts this, with pipes for its two ends. By hand, use `backup` and `restore`.";
        return Output::new(false, false).refuse(message, Exit::Usage);
    }
    // Ctrl-C in a terminal reaches this process too. It is Plakar's to answer: it says so, and ends this process.
    tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    let load = move || {
        let file = component.clone()?;
        Connector::load(&file).map_err(|error| format!("{error}."))
    };
    let split = |options| host_options::split(options, Limits::default());
    let plugin = Plugin::new(split, load, if std::env::var_os(LOG).is_some() { print } else { |_| () })
        .explain(advice::explain);
    match serve(plugin, Pipes::of_this_process()).await {
        Ok(()) => Exit::Done,
        Err(error) => {
            eprintln!("plakar-caldav plugin: {error}");
            Exit::Failure
        }
    }
}

fn print(notice: &str) {
    eprintln!("plakar-caldav: {notice}");
}
