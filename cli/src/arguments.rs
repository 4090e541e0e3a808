//! The command line as clap parses it. Help, manual and completions are made from it.

use std::path::PathBuf;

use caldav::options::table::Side;
use clap::{Parser, Subcommand, ValueHint};

use crate::account::AccountArguments;
use crate::backup::BackupArguments;
use crate::restore::{DiffArguments, RestoreArguments};
use crate::{exit, options};

/// Back up the calendars of a CalDAV account, and restore them
///
/// Copies every calendar of an account, every object in it and every property of the calendars, and writes them back.
/// Runs by hand, and as a plugin of plakar(1). The code that talks to the server is a WebAssembly component that can
/// reach that server and nothing else.
///
/// A restore deletes nothing, invites nobody and can be repeated.
#[derive(Parser)]
#[command(name = "plakar-caldav", version, after_help = exit::help(), subcommand_value_name = "COMMAND")]
pub(crate) struct Arguments {
    /// The component to run, instead of the one beside this program
    #[arg(long, global = true, env = "PLAKAR_CALDAV_COMPONENT", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) component: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: ProgramCommand,
}

#[derive(Subcommand)]
pub(crate) enum ProgramCommand {
    #[command(flatten)]
    Account(AccountCommand),
    /// Show the component: its imports, its exports, and the limits of a job
    Inspect {
        /// Print one JSON object
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
    /// Print the completions for a shell
    Completions {
        /// bash, elvish, fish, powershell or zsh
        #[arg(hide_possible_values = true)]
        shell: clap_complete::Shell,
    },
    /// Update the schemas, the manual and the README of the repository from the tables of options
    #[command(hide = true)]
    Generate {
        /// The repository
        #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
        repository: PathBuf,
    },
}

/// Commands that run the component for an account.
#[derive(Subcommand)]
pub(crate) enum AccountCommand {
    /// Back up every calendar of an account into a folder, again and again into the same one
    #[command(after_long_help = options::help(Side::Source))]
    Backup(BackupArguments),
    /// Write a backup, or any folder or file of calendar objects, to an account. Nothing is deleted there, and nobody
    /// gets an invitation
    #[command(after_long_help = options::help(Side::Destination))]
    Restore(RestoreArguments),
    /// Show the differences between a backup and the account. Exit code 3 if there are any
    #[command(after_long_help = options::help(Side::Destination))]
    Diff(DiffArguments),
    /// List the calendars of an account
    #[command(after_long_help = options::help(Side::Source))]
    Calendars(AccountArguments),
    /// Sign in and report what the server supports
    #[command(after_long_help = options::help(Side::Source))]
    Check(AccountArguments),
}

impl AccountCommand {
    pub(crate) fn account(&self) -> &AccountArguments {
        match self {
            Self::Backup(BackupArguments { account, .. })
            | Self::Restore(RestoreArguments { account, .. })
            | Self::Diff(DiffArguments { account, .. })
            | Self::Calendars(account)
            | Self::Check(account) => account,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn help_of_a_command_lists_the_options_it_takes() {
        let mut command = Arguments::command();
        for (name, side) in [
            ("backup", Side::Source),
            ("calendars", Side::Source),
            ("check", Side::Source),
            ("restore", Side::Destination),
            ("diff", Side::Destination),
        ] {
            let command = command.find_subcommand_mut(name).unwrap();
            let help = command.render_long_help().to_string();
            assert!(help.contains("Options of -o"), "{help}");
            assert_eq!(help.contains("\n  conflict"), side == Side::Destination, "{help}");
            assert_eq!(help.contains("\n  calendars"), side == Side::Source, "{help}");
            assert!(help.contains("\n  password_file"), "{help}");
        }
    }
}
