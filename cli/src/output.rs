//! Standard output and standard error: lines for people with the result on standard output, or one JSON object per
//! line on standard output.

use connector_host::JobError;
use connector_host::error::printable;
use serde_json::{Value, json};

use crate::advice;
use crate::exit::Exit;

/// Which of the two forms is printed, and how much of it.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Prints an object of the JSON output; nothing for people.
    pub(crate) fn print_object(self, kind: &str, mut value: Value) {
        if self.json {
            if let Some(fields) = value.as_object_mut() {
                fields.insert("type".to_owned(), json!(kind));
            }
            println!("{value}");
        }
    }

    /// Prints a line of the result for people; nothing in the JSON output.
    pub(crate) fn print_line(self, text: &str) {
        if !self.json && !self.quiet {
            println!("{}", printable(text));
        }
    }

    /// Prints the error that a command ends with, and returns its exit code.
    pub(crate) fn fail(self, error: &JobError) -> Exit {
        let exit = Exit::from(error);
        self.end(error.code(), &advice::explain(error), exit);
        exit
    }

    /// Prints why this program itself cannot run a command, and returns `exit`.
    pub(crate) fn refuse(self, message: &str, exit: Exit) -> Exit {
        self.end(HOST_CODE, message, exit);
        exit
    }

    fn end(self, code: &str, message: &str, exit: Exit) {
        self.print_object("summary", json!({ "exit": exit as i32, "error": error_object(code, message) }));
        self.eprint_error(message);
    }

    /// Prints an error for people; nothing in the JSON output, where the summary has it.
    pub(crate) fn eprint_error(self, message: &str) {
        if !self.json {
            eprintln!("plakar-caldav: {}", printable(&with_full_stop(message)));
        }
    }
}

/// Code of errors that are not the connector's.
pub(crate) const HOST_CODE: &str = "host";

/// Returns an error as the JSON output has it.
pub(crate) fn error_object(code: &str, message: &str) -> Value {
    json!({ "code": code, "message": with_full_stop(message) })
}

/// Returns a message with a full stop behind each line that does not end a sentence yet. Errors come without one.
pub(crate) fn with_full_stop(message: &str) -> String {
    let is_ended = |line: &str| line.is_empty() || line.ends_with(['.', '!', '?', '…']);
    let lines = message.lines().map(str::trim_end);
    let lines = lines.map(|line| if is_ended(line) { line.to_owned() } else { format!("{line}.") });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns a number of requests, in words.
pub(crate) fn requests(count: u64) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{count} requests") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_stop_is_added_only_where_there_is_none() {
        for (message, expected) in [
            ("../backup..old/x: not a directory", "../backup..old/x: not a directory."),
            ("a: wrong. Do this", "a: wrong. Do this."),
            ("a: wrong.", "a: wrong."),
            (
                "pasword: unknown option; did you mean password?",
                "pasword: unknown option; did you mean password?",
            ),
            ("the answer began with abc…", "the answer began with abc…"),
            ("one: wrong\ntwo: wrong.\n", "one: wrong.\ntwo: wrong."),
            ("", ""),
        ] {
            assert_eq!(with_full_stop(message), expected);
            assert_eq!(error_object("x", message)["message"], expected);
        }
    }
}
