//! `plakar-caldav`: backs up calendars by hand. One file for each command, and what they share.

mod advice;
mod backup;
mod calendars;
mod check;
mod component;
mod exit;
mod output;
mod plugin;
mod progress;
mod restore;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use connector_host::engine::Connector;
use connector_host::{Exporter, Importer, JobError, Limits};
use exit::Exit;
use output::Output;
use plakar_caldav::host_options;

/// Back up the calendars of a CalDAV account, and restore them.
#[derive(Parser)]
#[command(name = "plakar-caldav", version, about, after_help = exit::HELP)]
struct Cli {
    /// The component to run, in place of the one that came with this program
    #[arg(long, global = true, env = "PLAKAR_CALDAV_COMPONENT", value_name = "FILE")]
    component: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Back up every calendar of an account into a folder; again and again into the same one
    Backup {
        #[command(flatten)]
        account: Account,
        /// The folder: new, empty, or of an earlier run
        dir: PathBuf,
        /// Only tell what would be done
        #[arg(long)]
        dry_run: bool,
        /// No progress bar
        #[arg(long)]
        no_progress: bool,
        /// Print only failures
        #[arg(short, long)]
        quiet: bool,
    },
    /// Write a backup, or any folder or file of calendar objects, to an account. Nothing is ever deleted there,
    /// and nobody gets an invitation
    Restore {
        /// A folder of an earlier backup, a folder of .ics files, or one .ics file
        dir: PathBuf,
        #[command(flatten)]
        account: Account,
        /// Only tell what would be done
        #[arg(long)]
        dry_run: bool,
        /// No progress bar
        #[arg(long)]
        no_progress: bool,
        /// Print only failures
        #[arg(short, long)]
        quiet: bool,
    },
    /// Tell what differs between a backup and the account. Exit code 3 if anything does
    Diff {
        /// The folder of the backup
        dir: PathBuf,
        #[command(flatten)]
        account: Account,
    },
    /// List the calendars of an account
    Calendars {
        #[command(flatten)]
        account: Account,
    },
    /// Sign in and tell what the server can and cannot do
    Check {
        #[command(flatten)]
        account: Account,
    },
    /// Tell which component is run, what it imports and what it may use
    Inspect {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Serve Plakar, which starts this with pipes for standard input and output
    Plugin,
    /// Compile the component once, so that every later start is quick
    Compile {
        /// For every machine of this architecture, not only this one
        #[arg(long)]
        portable: bool,
    },
}

#[derive(Args)]
struct Account {
    /// <caldav://HOST>, <caldav://HOST/PATH>, or an https:// address
    location: String,
    /// An option, as key=value; may be repeated. A password is better given with
    /// `password_file`, `password_command` or the environment
    #[arg(short = 'o', value_name = "KEY=VALUE")]
    options: Vec<String>,
    /// The name to sign in with
    #[arg(long, env = "CALDAV_USERNAME", value_name = "NAME")]
    username: Option<String>,
    /// The password, from the environment only
    #[arg(long, env = "CALDAV_PASSWORD", hide = true, hide_env_values = true)]
    password: Option<String>,
    /// One JSON object per line; the last one is the summary
    #[arg(long)]
    json: bool,
}

impl Account {
    /// The options as a connector's host takes them. What `-o` says beats the environment.
    fn options(&self) -> Vec<(String, String)> {
        let pairs = self.options.iter().map(|text| text.split_once('=').unwrap_or((text, "true")));
        let mut pairs: Vec<(String, String)> =
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let has = |pairs: &[(String, String)], names: &[&str]| {
            pairs.iter().any(|(name, _)| names.contains(&name.as_str()))
        };
        if let Some(username) = self.username.as_ref().filter(|_| !has(&pairs, &["username"])) {
            pairs.push(("username".to_owned(), username.clone()));
        }
        let sources = ["password", "password_file", "password_command"];
        if let Some(password) = self.password.as_ref().filter(|_| !has(&pairs, &sources)) {
            pairs.push(("password".to_owned(), password.clone()));
        }
        pairs.push(("location".to_owned(), self.location.clone()));
        pairs
    }

    /// Starts a job for this account.
    async fn open(&self, connector: &Connector) -> Result<Importer, JobError> {
        let (config, options) = host_options::split(self.options(), Limits::default())?;
        Importer::open(connector, options, config).await
    }

    /// Starts a job that restores to this account, or only tells what it would do.
    async fn open_to_restore(&self, connector: &Connector, dry_run: bool) -> Result<Exporter, JobError> {
        let (config, mut options) = host_options::split(self.options(), Limits::default())?;
        if dry_run {
            options.push(("dry_run".to_owned(), "true".to_owned()));
        }
        Exporter::open(connector, options, config).await
    }
}

/// Runs the command that the arguments name.
fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are printed in the same way, and are no mistake.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            error.print().ok();
            return exit.into();
        }
    };
    let mut runtime = match cli.command {
        // Many small calls, one after the other: going from thread to thread, they take a quarter more processor time.
        Command::Plugin => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("plakar-caldav: {error}");
            return Exit::Failure.into();
        }
    };
    let exit = runtime.block_on(run(cli));
    // Nothing that is still going on is worth waiting for: the summary is out.
    runtime.shutdown_background();
    exit.into()
}

async fn run(cli: Cli) -> Exit {
    match component::find(cli.component) {
        Ok(file) => obey(cli.command, file).await,
        Err(message) if matches!(cli.command, Command::Plugin) => plugin::run(Err(message)).await,
        Err(message) => Output::new(false, false).refuse(&message, Exit::Configuration),
    }
}

async fn obey(command: Command, file: PathBuf) -> Exit {
    match command {
        Command::Plugin => plugin::run(Ok(file)).await,
        Command::Compile { portable } => component::compile(&file, portable),
        Command::Inspect { json } => component::inspect(&file, json),
        Command::Backup { account, dir, dry_run, no_progress, quiet } => {
            match component::load(&file, account.json) {
                Ok(connector) => {
                    backup::run(&connector, &account, backup::Options { dir, dry_run, no_progress, quiet })
                        .await
                }
                Err(exit) => exit,
            }
        }
        Command::Restore { dir, account, dry_run, no_progress, quiet } => {
            match component::load(&file, account.json) {
                Ok(connector) => {
                    let mode = if dry_run { restore::Mode::DryRun } else { restore::Mode::Restore };
                    let options = restore::Options { dir, mode, no_progress, quiet };
                    restore::run(&connector, &account, options).await
                }
                Err(exit) => exit,
            }
        }
        Command::Diff { dir, account } => match component::load(&file, account.json) {
            Ok(connector) => {
                let options =
                    restore::Options { dir, mode: restore::Mode::Diff, no_progress: true, quiet: false };
                restore::run(&connector, &account, options).await
            }
            Err(exit) => exit,
        },
        Command::Calendars { account } => match component::load(&file, account.json) {
            Ok(connector) => calendars::run(&connector, &account).await,
            Err(exit) => exit,
        },
        Command::Check { account } => match component::load(&file, account.json) {
            Ok(connector) => check::run(&connector, &account).await,
            Err(exit) => exit,
        },
    }
}

/// Stops the job at the first Ctrl-C, and the program at the second.
fn stop_on_ctrl_c(stop: impl FnOnce() + Send + 'static) {
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            eprintln!("\nStopping; Ctrl-C again to stop at once.");
            stop();
            tokio::signal::ctrl_c().await.ok();
            std::process::exit(Exit::Interrupted as i32);
        }
    });
}
