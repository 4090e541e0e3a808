//! What a long command prints on its way: a bar, lines above it, and failures, up to a readable number.

use std::io::IsTerminal;

use connector_host::error::printable;
use indicatif::{ProgressBar, ProgressStyle};

use crate::output::Output;

/// Failures that are printed one by one for people; the rest are counted. JSON has all of them.
const MOST_PRINTED: u64 = 50;

/// The bar and the lines.
pub(crate) struct Progress {
    output: Output,
    bar: Option<ProgressBar>,
    failed: u64,
    /// Whether lines are what the command is for.
    pub(crate) is_result: bool,
}

impl Progress {
    /// With a bar, if there is a terminal to show it on, that counts `things`.
    pub(crate) fn new(output: Output, has_bar: bool, things: &str) -> Self {
        let shown = has_bar && !output.json && std::io::stderr().is_terminal();
        let bar = shown.then(|| {
            let template = format!("{{spinner}} {{pos}}/{{len}} {things} {{wide_bar}} {{per_sec}} {{eta}}");
            let style = ProgressStyle::with_template(&template);
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { output, bar, failed: 0, is_result: false }
    }

    /// There is so much to do.
    pub(crate) fn expect(&self, count: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(count);
        }
    }

    /// One of it is done.
    pub(crate) fn advance(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Something could not be done.
    pub(crate) fn failed(&mut self, path: &str, why: &str) {
        self.failed += 1;
        if self.failed <= MOST_PRINTED && !self.output.json {
            self.aside(&format!("failed: {path}: {why}"));
        }
    }

    /// A line that is not needed with `--quiet`.
    pub(crate) fn line(&self, text: &str) {
        if !self.output.quiet && !self.output.json {
            self.aside(text);
        }
    }

    /// A line on standard error, above the bar if there is one; a result on standard output.
    fn aside(&self, text: &str) {
        let text = printable(text).to_string();
        match &self.bar {
            Some(bar) => bar.println(text),
            None if self.is_result => println!("{text}"),
            None => eprintln!("{text}"),
        }
    }

    /// Nothing more will be printed.
    pub(crate) fn finish(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
        if self.failed > MOST_PRINTED && !self.output.json {
            eprintln!("and {} more failed; --json names all of them", self.failed - MOST_PRINTED);
        }
    }
}
