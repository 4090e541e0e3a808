//! What is printed: lines for people on standard error with the result on standard output, or one JSON
//! object per line on standard output.

use connector_host::error::{JobError, printable};
use serde_json::{Value, json};

use crate::{Exit, advice};

/// How to print.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
    pub(crate) quiet: bool,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// An object of the JSON output; nothing for people.
    pub(crate) fn object(self, kind: &str, mut value: Value) {
        if self.json {
            if let Some(fields) = value.as_object_mut() {
                fields.insert("type".to_owned(), json!(kind));
            }
            println!("{value}");
        }
    }

    /// A line for people; nothing in the JSON output.
    pub(crate) fn line(self, text: &str) {
        if !self.json && !self.quiet {
            println!("{}", printable(text));
        }
    }

    /// The end of a command that could not be done.
    pub(crate) fn fail(self, error: &JobError) -> Exit {
        self.end(error.code(), &advice::explain(error), Exit::from(error))
    }

    /// The end of a command that this program itself refuses.
    pub(crate) fn refuse(self, message: &str, exit: Exit) -> Exit {
        self.end("host", message, exit)
    }

    fn end(self, code: &str, message: &str, exit: Exit) -> Exit {
        if self.json {
            self.object(
                "summary",
                json!({ "exit": exit as i32, "error": { "code": code, "message": message } }),
            );
        } else {
            eprintln!("plakar-caldav: {}", printable(message));
        }
        exit
    }
}

/// So many requests, in words.
pub(crate) fn requests(count: u64) -> String {
    if count == 1 { "1 request".to_owned() } else { format!("{count} requests") }
}
