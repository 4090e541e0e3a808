//! The manual page: sections that clap generates, the tables of options, and sections that are written by hand.

use caldav::options::table::{OptionSpec, Side};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::arguments::Arguments;
use crate::output::with_full_stop;
use crate::{exit, options};

/// Month of the last change that readers of the page would notice. Without one, `man` takes the next field for it.
const DATE: &str = "2026-11";

/// Sections that are written by hand, before and after the exit codes.
const PLAKAR: &str = include_str!("plakar.roff");
const ENVIRONMENT: &str = include_str!("environment.roff");
const SEE_ALSO: &str = include_str!("see_also.roff");

/// Returns the page in the language of `man`.
pub(super) fn render() -> anyhow::Result<String> {
    let command = Arguments::command();
    let man = Man::new(command.clone()).date(DATE).manual("User Commands");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut page = String::from_utf8(page)?;
    page.push_str(".SH COMMANDS\n");
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        page.push_str(&command_section(command.clone())?);
    }
    page.push_str(&option_tables());
    for section in [PLAKAR, ENVIRONMENT, &exit_status(), SEE_ALSO] {
        page.push_str(section);
    }
    Ok(without_preambles(&page))
}

/// Returns the description and the arguments of one command.
fn command_section(command: Command) -> anyhow::Result<String> {
    let mut command = command.disable_help_flag(true);
    let mut roff = Roff::new();
    let usage = command.render_usage().to_string();
    roff.control("SS", [usage.trim_start_matches("Usage: ")]);
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    roff.text([roman(with_full_stop(&about))]);
    let mut arguments = Vec::new();
    Man::new(command).render_options_section(&mut arguments)?;
    let arguments = String::from_utf8(arguments)?;
    let arguments = arguments.split_once(".SH OPTIONS\n").map_or("", |(_, list)| list);
    Ok(roff.render() + arguments)
}

/// Returns the sections on the options of `-o`, and of Plakar's sources and destinations.
fn option_tables() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["OPTIONS OF ACCOUNTS"]);
    roff.text([roman("As "), bold("-o"), roman(" KEY=VALUE, and in Plakar's sources and destinations.")]);
    for (title, side) in
        [("Of both", Side::Both), ("Of backups", Side::Source), ("Of restores", Side::Destination)]
    {
        roff.control("SS", [title]);
        options::all().filter(|option| option.side == side).for_each(|option| add_option(&mut roff, option));
    }
    roff.render()
}

fn add_option(roff: &mut Roff, option: &OptionSpec) {
    let values = options::describe_values(option.values, str::to_owned);
    let values = if values.is_empty() { values } else { format!(" Values: {values}.") };
    let default = option.default;
    let default = if default.is_empty() { String::new() } else { format!(" Default: {default}.") };
    roff.control("TP", []);
    roff.text([bold(option.name)]);
    roff.text([roman([with_full_stop(option.help), values, default].concat())]);
}

fn exit_status() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    roff.text([roman(with_full_stop(&exit::describe_codes()))]);
    roff.render()
}

/// Removes the preamble that `roff` writes before each part: it defines a string for the apostrophe, which may stand
/// for itself within a line.
fn without_preambles(page: &str) -> String {
    page.replace(&Roff::new().render(), "").replace("\\*(Aq", "'")
}
