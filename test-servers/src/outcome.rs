//! Results of a run of a program, and assertions about them.

use std::process::Output;

use anyhow::{Context, ensure};
use serde_json::Value;

/// Number of last lines of each stream that a message quotes.
const QUOTED: usize = 6;

/// Exit code and output of a run.
pub struct Outcome {
    /// Arguments of the run, for messages.
    command: String,
    /// Exit code; -1 after a signal.
    pub code: i32,
    /// Standard output as text.
    pub out: String,
    /// Standard error as text.
    pub err: String,
}

impl std::fmt::Debug for Outcome {
    /// Quotes the ends of both streams only: there may be thousands of lines, one for each object.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "`{}` ended with exit code {}", self.command, self.code)?;
        for (stream, text) in [("error", &self.err), ("output", &self.out)] {
            let lines: Vec<&str> = text.lines().collect();
            writeln!(f, "  standard {stream}, {} lines:", lines.len())?;
            for line in lines.iter().skip(lines.len().saturating_sub(QUOTED)) {
                writeln!(f, "    {line}")?;
            }
        }
        Ok(())
    }
}

impl Outcome {
    /// Returns the outcome of a process that has ended.
    #[must_use]
    pub fn of(command: &str, output: &Output) -> Self {
        Self {
            command: command.to_owned(),
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails unless this is the exit code.
    pub fn exited(self, code: i32) -> anyhow::Result<Self> {
        ensure!(self.code == code, "exit code {} instead of {code}: {self:?}", self.code);
        Ok(self)
    }

    /// Fails unless the exit code is 0.
    pub fn done(self) -> anyhow::Result<Self> {
        self.exited(0)
    }

    /// Fails unless `words` are on standard output or standard error.
    pub fn says(self, words: &str) -> anyhow::Result<Self> {
        ensure!(self.has_said(words), "the output does not contain {words:?}: {self:?}");
        Ok(self)
    }

    /// Returns true if `words` are on standard output or standard error.
    #[must_use]
    pub fn has_said(&self, words: &str) -> bool {
        self.out.contains(words) || self.err.contains(words)
    }

    /// Fails unless standard error has exactly one line.
    pub fn in_one_line(self) -> anyhow::Result<Self> {
        let lines = self.err.trim_end().lines().count();
        ensure!(lines == 1, "{lines} lines instead of one: {self:?}");
        Ok(self)
    }

    /// Returns the JSON objects that `--json` printed, one a line.
    #[must_use]
    pub fn objects(&self) -> Vec<Value> {
        self.out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Returns the last JSON object, which is the summary.
    ///
    /// # Errors
    ///
    /// Fails if that object is not a summary, or if its exit code differs from that of the process.
    pub fn summary(&self) -> anyhow::Result<Value> {
        let last = self.objects().pop().with_context(|| format!("no output: {self:?}"))?;
        ensure!(last["type"] == "summary", "the last line is not a summary: {last}");
        ensure!(
            last["exit"] == self.code,
            "the summary says {} and the exit code is {}",
            last["exit"],
            self.code
        );
        Ok(last)
    }

    /// Returns a number of the summary.
    pub fn figure(&self, name: &str) -> anyhow::Result<u64> {
        let summary = self.summary()?;
        summary[name].as_u64().with_context(|| format!("the summary has no {name}: {summary}"))
    }

    /// Fails unless a number of the summary has this value.
    pub fn counts(self, name: &str, expected: usize) -> anyhow::Result<Self> {
        let found = self.figure(name)?;
        ensure!(found == expected as u64, "{name} is {found} instead of {expected}: {self:?}");
        Ok(self)
    }

    /// Fails if the run created or updated an object.
    pub fn had_nothing_to_do(self) -> anyhow::Result<Self> {
        self.counts("created", 0)?.counts("updated", 0)
    }

    /// Returns the JSON objects of a restore or a diff with this outcome: `created`, `failed` …
    #[must_use]
    pub fn reported(&self, outcome: &str) -> Vec<Value> {
        let all = self.objects().into_iter();
        all.filter(|object| object["type"] == "done" && object["outcome"] == outcome).collect()
    }

    /// Returns the paths of the objects with this outcome.
    #[must_use]
    pub fn paths(&self, outcome: &str) -> Vec<String> {
        let paths = self.reported(outcome).into_iter();
        paths.filter_map(|object| object["path"].as_str().map(str::to_owned)).collect()
    }
}
