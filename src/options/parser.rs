//! Values of single options, taken from the pairs that a host passes and compared with the table.

use super::table::{NOT_YET, OF_THE_HOST, OPTIONS, Side, Values, find};
use crate::error::{Error, Kind};

/// The options of one run while they are read. Problems are collected, so that all of them are reported at
/// once.
pub(super) struct Parser<'a> {
    pairs: &'a [(String, String)],
    problems: Vec<String>,
}

impl<'a> Parser<'a> {
    /// Starts with the pairs that were given to `side`, and notes every name that it does not take.
    pub(super) fn new(side: Side, pairs: &'a [(String, String)]) -> Self {
        let problems = pairs.iter().filter_map(|(name, _)| out_of_place(side, name)).collect();
        Self { pairs, problems }
    }

    /// Returns the value exactly as it was given; the last one if there are several.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        self.pairs.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Returns the value without space around it, or the default.
    pub(super) fn text(&self, name: &str) -> &'a str {
        match self.raw(name).unwrap_or_default().trim() {
            "" => default(name),
            text => text,
        }
    }

    /// Returns the value, or none if it is empty and has no default.
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Notes a problem, written as `option: problem. Advice`.
    pub(super) fn problem(&mut self, text: String) {
        self.problems.push(text);
    }

    /// Returns the choice that was made.
    pub(super) fn choice(&mut self, name: &'static str) -> &'static str {
        let text = self.text(name);
        let choices = choices(name);
        choices.iter().copied().find(|choice| *choice == text).unwrap_or_else(|| {
            self.problem(format!("{name}: {text} is not one of {}", choices.join(", ")));
            default(name)
        })
    }

    /// Returns whether the option is set.
    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        self.choice(name) == "true"
    }

    /// Returns a whole number, or a time in seconds.
    pub(super) fn number(&mut self, name: &'static str) -> u64 {
        let text = self.text(name);
        let number = number(find(name).map(|option| option.values), text);
        number.map_err(|what| self.problem(format!("{name}: {text} is not {what}"))).unwrap_or_default()
    }

    /// Returns the items of a list, as they were written.
    pub(super) fn list(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text(name).split(',').map(str::trim).filter(|item| !item.is_empty())
    }

    /// Returns the items of a list of known words, in the table's spelling.
    pub(super) fn words(&mut self, name: &'static str) -> Vec<String> {
        let words = self.list(name).map(str::to_ascii_uppercase).collect::<Vec<_>>();
        for word in words.iter().filter(|word| !choices(name).contains(&word.as_str())) {
            self.problem(format!("{name}: {word} is not one of {}", choices(name).join(", ")));
        }
        words
    }

    /// Returns the pairs of a list of `FROM:TO`.
    pub(super) fn pairs(&mut self, name: &'static str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for item in self.list(name) {
            match item.split_once('=').or_else(|| item.split_once(':')) {
                Some((from, to)) if !from.trim().is_empty() && !to.trim().is_empty() => {
                    pairs.push((from.trim().to_owned(), to.trim().to_owned()));
                }
                _ => self.problem(format!("{name}: {item} is not FROM:TO, such as work:Office")),
            }
        }
        pairs
    }

    /// Returns the parsed options, or all problems, one on each line. Options are missing only after a
    /// problem.
    pub(super) fn finish<T>(self, options: Option<T>) -> Result<T, Error> {
        options
            .filter(|_| self.problems.is_empty())
            .ok_or_else(|| Error::new(Kind::InvalidOptions, self.problems.join("\n")))
    }
}

fn default(name: &str) -> &'static str {
    find(name).map_or("", |option| option.default)
}

fn choices(name: &str) -> &'static [&'static str] {
    match find(name).map(|option| option.values) {
        Some(Values::Choice(choices) | Values::ListOf(choices)) => choices,
        Some(Values::Flag) => &["true", "false"],
        _ => &[],
    }
}

/// The number that `text` is; the error says what it is not.
fn number(values: Option<Values>, text: &str) -> Result<u64, String> {
    let (digits, factor, min, max, what) = match values {
        Some(Values::Seconds { min, max }) => {
            let (digits, factor) = match text.strip_suffix('m') {
                Some(digits) => (digits, 60),
                None => (text.strip_suffix('s').unwrap_or(text), 1),
            };
            (digits, factor, min, max, "a number of seconds")
        }
        Some(Values::Number { min, max }) => (text, 1, min, max, "a whole number"),
        _ => (text, 1, 0, u64::MAX, "a whole number"),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    number.filter(|number| (min..=max).contains(number)).ok_or_else(|| format!("{what} from {min} to {max}"))
}

/// Returns the problem of an option that `side` does not take; none if it takes it.
fn out_of_place(side: Side, name: &str) -> Option<String> {
    let Some(option) = find(name) else { return Some(unknown(name)) };
    let why = match side {
        _ if option.side.includes(side) => return None,
        Side::Destination => "is for backups; a restore writes all that it is given",
        _ => "is for restoring, not for backups",
    };
    Some([name, ": ", why].concat())
}

/// Returns the problem of an option that is not in the table.
fn unknown(name: &str) -> String {
    if OF_THE_HOST.contains(&name) {
        return format!(
            "{name}: is for the program that runs this connector, and this one does not offer it"
        );
    }
    if NOT_YET.contains(&name) {
        return format!("{name}: this version does not have this option yet");
    }
    let known = OPTIONS.iter().map(|option| option.name);
    let lower = name.to_ascii_lowercase();
    let nearest = known
        .clone()
        .chain(OF_THE_HOST.iter().copied())
        .map(|known| (strsim::levenshtein(&lower, known), known))
        .filter(|(distance, known)| *distance <= known.len() / 2)
        .min();
    if let Some((_, nearest)) = nearest {
        return format!("{name}: unknown option; did you mean {nearest}?");
    }
    format!("{name}: unknown option; there are {}", known.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let seconds = |text: &str| number(Some(Values::Seconds { min: 1, max: 3600 }), text);
        assert_eq!(seconds("5m"), Ok(300));
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("60"), Ok(60));
        assert!(seconds("2h").is_err() && seconds("61m").is_err() && seconds("0").is_err());
        assert!(seconds("307445734561825861m").is_err());
    }

    #[test]
    fn every_default_is_a_value_of_its_option() {
        let pairs = [];
        for option in OPTIONS {
            let mut parser = Parser::new(Side::Source, &pairs);
            match option.values {
                Values::Choice(_) | Values::Flag => assert_eq!(parser.choice(option.name), option.default),
                Values::Number { .. } | Values::Seconds { .. } => {
                    assert_eq!(parser.number(option.name).to_string(), option.default);
                }
                Values::Text | Values::List | Values::ListOf(_) | Values::Pairs => {
                    assert_eq!(option.default, "");
                }
            }
            assert!(parser.finish(Some(())).is_ok(), "{}", option.name);
        }
    }
}
