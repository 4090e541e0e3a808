//! `plugin`: the program as Plakar starts it.

use std::io::IsTerminal;
use std::path::PathBuf;

use connector_host::Limits;
use connector_host::engine::Connector;
use connector_plakar::{Pipes, Plugin, serve};
use plakar_caldav::host_options;

use crate::advice;
use crate::exit::Exit;
use crate::output::Output;

/// Variable that, if set, has notices printed on standard error; Plakar cannot show them.
const LOG: &str = "PLAKAR_CALDAV_LOG";

/// Serves Plakar. A missing component is reported when Plakar first needs it.
pub(crate) async fn run(component: anyhow::Result<PathBuf>) -> Exit {
    let output = Output::new(false, false);
    if std::io::stdin().is_terminal() || std::io::stdout().is_terminal() {
        let message =
            "plugin: Plakar starts this, with pipes for its two ends. By hand, use `backup` and `restore`";
        return output.refuse(message, Exit::Usage);
    }
    // Ctrl-C in a terminal reaches this process too. Plakar handles it, and ends this process.
    tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    let load = move || {
        let file = component.as_ref().map_err(|error| format!("{error:#}"))?;
        Connector::load(file).map_err(|error| error.to_string())
    };
    let split = |options| host_options::split(options, Limits::default());
    let print = if std::env::var_os(LOG).is_some() { eprint_notice } else { |_: &str| () };
    let plugin = Plugin::new(split, load, print).explain(advice::explain);
    match serve(plugin, Pipes::of_this_process()).await {
        Ok(()) => Exit::Done,
        Err(error) => output.refuse(&format!("plugin: {error}"), Exit::Failure),
    }
}

fn eprint_notice(notice: &str) {
    eprintln!("plakar-caldav: {notice}");
}
