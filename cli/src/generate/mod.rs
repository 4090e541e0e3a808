//! Files that are made from the tables of options and from the command line: schemas, manual, tables of the README.
//! They are committed; `just generate` updates them, and a test compares them.

mod manual;
mod readme;
mod schema;

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use caldav::options::table::Side;
use clap::{Command, CommandFactory};

use crate::arguments::Arguments;

/// Makes the content of a file from the content that it has.
type Generator = fn(&str) -> anyhow::Result<String>;

/// Generated files, relative to the repository.
const FILES: &[(&str, Generator)] = &[
    ("assets/source.schema.json", |_| schema::render(Side::Source)),
    ("assets/destination.schema.json", |_| schema::render(Side::Destination)),
    ("docs/plakar-caldav.1", |_| manual::render()),
    ("README.md", readme::update),
];

/// Updates all generated files of a repository, and prints the names of those that changed.
pub(crate) fn update(repository: &Path) -> anyhow::Result<()> {
    for (name, generate) in FILES {
        let path = repository.join(name);
        let current = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let content = generate(&current).context(*name)?;
        if content != current {
            std::fs::write(&path, content).with_context(|| path.display().to_string())?;
            println!("{name}");
        }
    }
    Ok(())
}

/// Prints the completions for a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut visible_command(), "plakar-caldav", &mut script);
    Ok(std::io::stdout().write_all(&script)?)
}

/// Returns the command line without hidden commands: `clap_complete` would offer them.
fn visible_command() -> Command {
    let command = Arguments::command();
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    Command::new("plakar-caldav")
        .version(env!("CARGO_PKG_VERSION"))
        .args(command.get_arguments().cloned())
        .subcommands(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_files_are_what_is_generated() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for (name, generate) in FILES {
            let current = std::fs::read_to_string(repository.join(name)).unwrap();
            let content = generate(&current).unwrap();
            assert!(content == current, "{name} is not what is generated: run `just generate`");
        }
    }
}
