//! `plakar-caldav`: backs up calendars by hand. Parses the arguments, runs one command, and turns what
//! comes of it into an exit code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
