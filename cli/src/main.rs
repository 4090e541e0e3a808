//! `plakar-caldav`: backs up calendars by hand, and serves Plakar. Each command has a file of its own.

mod account;
mod advice;
mod arguments;
mod backup;
mod calendars;
mod check;
mod component;
mod exit;
mod generate;
mod interrupt;
mod options;
mod output;
mod plugin;
mod progress;
mod restore;

use std::path::PathBuf;
use std::process::ExitCode;

use arguments::{AccountCommand, Arguments, ProgramCommand};
use clap::Parser;
use exit::Exit;
use output::Output;

/// Runs the command that the arguments name.
fn main() -> ExitCode {
    let exit = match Arguments::try_parse() {
        Ok(arguments) => run(arguments)
            .unwrap_or_else(|error| Output::new(false, false).refuse(&format!("{error:#}"), Exit::Failure)),
        Err(error) => {
            // Help and version are "errors" of clap, too; they go to standard output.
            error.print().ok();
            if error.use_stderr() { Exit::Usage } else { Exit::Done }
        }
    };
    exit.into()
}

fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let mut runtime = match arguments.command {
        // Many small calls, one after the other: going from thread to thread, they take a quarter more processor time.
        ProgramCommand::Plugin => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build()?;
    let exit = runtime.block_on(dispatch(arguments));
    // Nothing that is still running is worth waiting for: the summary is printed.
    runtime.shutdown_background();
    Ok(exit)
}

async fn dispatch(arguments: Arguments) -> Exit {
    let file = component::find(arguments.component);
    match arguments.command {
        ProgramCommand::Account(command) => run_with_account(&command, file).await,
        ProgramCommand::Plugin => plugin::run(file).await,
        ProgramCommand::Compile { portable } => {
            exit_of(file.and_then(|file| component::compile(&file, portable)), false)
        }
        ProgramCommand::Inspect { json } => {
            exit_of(file.and_then(|file| component::inspect(&file, json)), json)
        }
        ProgramCommand::Completions { shell } => exit_of(generate::completions(shell), false),
        ProgramCommand::Generate { repository } => exit_of(generate::update(&repository), false),
    }
}

/// Loads the component and runs a command that needs an account.
async fn run_with_account(command: &AccountCommand, file: anyhow::Result<PathBuf>) -> Exit {
    let output = command.account().output(false);
    let connector = match file.and_then(|file| component::load(&file, output)) {
        Ok(connector) => connector,
        Err(error) => return output.refuse(&format!("{error:#}"), Exit::Configuration),
    };
    let end = match command {
        AccountCommand::Backup(arguments) => backup::run(&connector, arguments).await,
        AccountCommand::Restore(arguments) => restore::run(&connector, &arguments.into()).await,
        AccountCommand::Diff(arguments) => restore::run(&connector, &arguments.into()).await,
        AccountCommand::Calendars(account) => calendars::run(&connector, account).await,
        AccountCommand::Check(account) => check::run(&connector, account).await,
    };
    end.unwrap_or_else(|error| output.fail(&error))
}

/// Returns the exit code of a command that needs no account, and prints why it failed.
fn exit_of(result: anyhow::Result<()>, json: bool) -> Exit {
    match result {
        Ok(()) => Exit::Done,
        Err(error) => Output::new(json, false).refuse(&format!("{error:#}"), Exit::Configuration),
    }
}
