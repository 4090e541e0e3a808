//! The parts of the README that are generated, each between two comments.

use anyhow::Context;
use caldav::options::table::{OptionSpec, Side};

use crate::{exit, options};

/// Columns of the README's text, with a place for a full stop.
const WIDTH: usize = 119;

/// Replaces every generated part of the README.
pub(super) fn update(readme: &str) -> anyhow::Result<String> {
    let parts = [
        ("options of all commands", table(Side::Both)),
        ("options of backups", table(Side::Source)),
        ("options of restores", table(Side::Destination)),
        ("exit codes", exit_codes()),
    ];
    parts.iter().try_fold(readme.to_owned(), |readme, (name, content)| replace(&readme, name, content))
}

/// Replaces the text between the comments `generated: NAME` and `end`.
fn replace(readme: &str, name: &str, content: &str) -> anyhow::Result<String> {
    let begin = format!("<!-- generated: {name} -->\n");
    let end = "<!-- end -->";
    let (before, rest) = readme.split_once(&begin).with_context(|| format!("{begin} is missing"))?;
    let (_, after) = rest.split_once(end).with_context(|| format!("{end} is missing after {begin}"))?;
    Ok([before, &begin, content, end, after].concat())
}

fn exit_codes() -> String {
    options::wrap(&exit::help(), WIDTH).join("\n") + ".\n"
}

/// Returns the table of the options that have exactly this side. The location is explained in the text.
fn table(side: Side) -> String {
    let mut table = "| option | meaning | values | default |\n|---|---|---|---|\n".to_owned();
    for option in options::all().filter(|option| option.side == side && option.name != "location") {
        table.push_str(&row(option));
    }
    table
}

fn row(option: &OptionSpec) -> String {
    let values = options::describe_values(option.values, code);
    let default = if option.default.is_empty() { String::new() } else { code(option.default) };
    let cells = [code(option.name), escape(option.help), values, default];
    let cells = cells.map(|cell| if cell.is_empty() { " ".to_owned() } else { format!(" {cell} ") });
    format!("|{}|\n", cells.join("|"))
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// Returns text that Markdown shows as it is.
fn escape(text: &str) -> String {
    text.replace('*', "\\*").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_part_is_replaced() {
        let readme = "a\n<!-- generated: x -->\nold\n<!-- end -->\nb\n<!-- generated: y -->\n<!-- end -->\n";
        let expected =
            "a\n<!-- generated: x -->\nnew\n<!-- end -->\nb\n<!-- generated: y -->\n<!-- end -->\n";
        assert_eq!(replace(readme, "x", "new\n").unwrap(), expected);
        assert!(replace(readme, "z", "new\n").is_err());
    }
}
