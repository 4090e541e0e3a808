//! The connector's table of options and the program's own, as one.

use caldav::options::table::{OPTIONS, OptionSpec, Side, Values};
use plakar_caldav::host_options::HOST_OPTIONS;

/// Columns of the help, and of the names within it.
const WIDTH: usize = 100;
const NAME_WIDTH: usize = 18;

/// Returns all options, first those of the connector.
pub(crate) fn all() -> impl Iterator<Item = &'static OptionSpec> {
    OPTIONS.iter().chain(HOST_OPTIONS)
}

/// Returns the options that a source or a destination takes.
pub(crate) fn options_of(side: Side) -> impl Iterator<Item = &'static OptionSpec> {
    all().filter(move |option| option.side.includes(side))
}

/// Returns the values that an option may have, empty for any text. `quote` marks words to be typed.
pub(crate) fn describe_values(values: Values, quote: impl Fn(&str) -> String) -> String {
    let words = |words: &[&str]| words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(", ");
    match values {
        Values::Text => String::new(),
        Values::Flag => words(&["true", "false"]),
        Values::Choice(choices) => words(choices),
        Values::Number { min, max } => format!("{min} to {max}"),
        Values::Seconds { min, max } => {
            format!("{min} to {max} seconds, also as {} or {}", quote("90s"), quote("5m"))
        }
        Values::List => "comma-separated list".to_owned(),
        Values::ListOf(choices) => format!("comma-separated list of {}", words(choices)),
        Values::Pairs => format!("comma-separated list of {}", quote("FROM:TO")),
    }
}

/// Returns the part of a command's `--help` that lists the options of `side`. The location is an argument of its own.
pub(crate) fn help(side: Side) -> String {
    let mut text = "Options of -o, as KEY=VALUE:".to_owned();
    for option in options_of(side).filter(|option| option.name != "location") {
        let lines = wrap(&explanation(option), WIDTH - NAME_WIDTH - 2);
        for (at, line) in lines.iter().enumerate() {
            let name = if at == 0 { option.name } else { "" };
            text.push_str(&format!("\n  {name:<NAME_WIDTH$}{line}"));
        }
    }
    text
}

/// Returns the explanation with values and default in brackets, as clap writes them.
fn explanation(option: &OptionSpec) -> String {
    let default = Some(option.default).filter(|text| !text.is_empty());
    let parts = [
        Some(describe_values(option.values, str::to_owned)).filter(|text| !text.is_empty()),
        default.map(|default| format!("default: {default}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { option.help.to_owned() } else { format!("{} [{}]", option.help, parts.join("; ")) }
}

/// Breaks a text into lines of at most `width` characters, between words.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_the_options_of_its_side() {
        for (side, other) in [(Side::Source, Side::Destination), (Side::Destination, Side::Source)] {
            let help = help(side);
            let is_there = |name: &str| help.contains(&format!("\n  {name:<NAME_WIDTH$}"));
            for option in options_of(side).filter(|option| option.name != "location") {
                assert!(is_there(option.name), "{}: {help}", option.name);
            }
            assert!(all().filter(|option| option.side == other).all(|option| !is_there(option.name)));
            assert!(help.lines().all(|line| line.chars().count() <= WIDTH), "{help}");
        }
    }

    #[test]
    fn values_and_defaults_are_in_brackets() {
        let of = |name| all().find(|option| option.name == name).map(explanation).unwrap();
        assert!(of("verify").ends_with(" [full, etag, none; default: full]"), "{}", of("verify"));
        assert!(of("concurrency").ends_with(" [1 to 32; default: 4]"));
        assert!(of("into").ends_with("path"));
    }
}
