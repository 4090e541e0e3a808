//! Output of a long command on its way: a bar, lines above it, and failures, up to a readable number.

use std::io::IsTerminal;

use connector_host::Error;
use connector_host::error::printable;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::output::{Output, with_full_stop};

/// Failures that are printed one by one for people; the rest are counted. JSON has all of them.
const MAX_PRINTED: u64 = 50;

/// The bar and the lines.
pub(crate) struct Progress {
    output: Output,
    bar: Option<ProgressBar>,
    failed: u64,
    /// Whether lines are the result of the command, and go to standard output.
    is_result: bool,
}

impl Progress {
    /// Starts without a bar.
    pub(crate) fn without_bar(output: Output) -> Self {
        Self { output, bar: None, failed: 0, is_result: false }
    }

    /// Starts with a bar that counts `things`, if there is a terminal to show it on.
    pub(crate) fn with_bar(output: Output, things: &str) -> Self {
        let is_shown = !output.json && std::io::stderr().is_terminal();
        let bar = is_shown.then(|| {
            let template = format!("{{spinner}} {{pos}}/{{len}} {things} {{wide_bar}} {{per_sec}} {{eta}}");
            let style = ProgressStyle::with_template(&template);
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, ..Self::without_bar(output) }
    }

    /// Returns the same progress, whose lines are the result of the command.
    pub(crate) fn of_results(self) -> Self {
        Self { is_result: true, ..self }
    }

    /// Sets the number of things to do.
    pub(crate) fn set_total(&self, count: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(count);
        }
    }

    /// Counts one thing as done.
    pub(crate) fn advance(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Prints something that could not be done, in both forms.
    pub(crate) fn print_failed(&mut self, path: &str, error: &Error) {
        let (code, message) = (error.code(), with_full_stop(error.message()));
        self.output.print_object("failed", json!({ "path": path, "code": code, "message": message }));
        self.count_failed(path, error.message());
    }

    /// Prints something that could not be done, for people alone, up to a readable number.
    pub(crate) fn count_failed(&mut self, path: &str, message: &str) {
        self.failed += 1;
        if self.failed <= MAX_PRINTED && !self.output.json {
            self.write_line(&format!("failed: {path}: {}", with_full_stop(message)));
        }
    }

    /// Prints a notice or an omission, in both forms: as an object of type `kind`, and as a line that begins with
    /// `label`.
    pub(crate) fn print_notice(&self, kind: &str, label: &str, path: Option<&str>, message: &str) {
        self.output.print_object(kind, json!({ "path": path, "message": message }));
        let path = path.map(|path| format!("{path}: ")).unwrap_or_default();
        self.print_line(&format!("{label}{path}{message}"));
    }

    /// Prints a line for people that `--quiet` leaves out.
    pub(crate) fn print_line(&self, text: &str) {
        if !self.output.quiet && !self.output.json {
            self.write_line(text);
        }
    }

    /// Writes to standard error, above the bar if there is one; a result to standard output.
    fn write_line(&self, text: &str) {
        let text = printable(text).to_string();
        match &self.bar {
            Some(bar) => bar.println(text),
            None if self.is_result => println!("{text}"),
            None => eprintln!("{text}"),
        }
    }

    /// Removes the bar, and prints how many failures were not named.
    pub(crate) fn finish(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
        if self.failed > MAX_PRINTED && !self.output.json {
            eprintln!("and {} more failed; --json names all of them", self.failed - MAX_PRINTED);
        }
    }
}
