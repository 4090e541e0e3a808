//! `restore` and `diff`: a folder to an account, or what would be done about it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueHint};
use connector_folder::{RestoreError, RestoreEvent, RestoreSummary, restore_folder};
use connector_host::engine::Connector;
use connector_host::types::Outcome;
use connector_host::{Exporter, JobError};
use indicatif::HumanDuration;
use serde_json::json;

use crate::account::AccountArguments;
use crate::exit::Exit;
use crate::output::{HOST_CODE, Output, error_object, requests, with_full_stop};
use crate::progress::Progress;

#[derive(Args)]
pub(crate) struct RestoreArguments {
    /// A folder of an earlier backup, a folder of .ics files, or one .ics file
    #[arg(value_hint = ValueHint::AnyPath)]
    dir: PathBuf,
    #[command(flatten)]
    pub(crate) account: AccountArguments,
    /// Only report what would be done
    #[arg(long)]
    dry_run: bool,
    /// Show no progress bar
    #[arg(long)]
    no_progress: bool,
    /// Print only failures
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Args)]
pub(crate) struct DiffArguments {
    /// The folder of the backup
    #[arg(value_hint = ValueHint::AnyPath)]
    dir: PathBuf,
    #[command(flatten)]
    pub(crate) account: AccountArguments,
}

/// A restore, or a comparison, that was asked for.
pub(crate) struct RestoreTask<'a> {
    dir: &'a Path,
    account: &'a AccountArguments,
    mode: Mode,
    has_bar: bool,
    quiet: bool,
}

/// Purpose of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Write to the account.
    Restore,
    /// Report what a restore would do.
    DryRun,
    /// Report what differs.
    Diff,
}

impl<'a> From<&'a RestoreArguments> for RestoreTask<'a> {
    fn from(arguments: &'a RestoreArguments) -> Self {
        let RestoreArguments { dir, account, dry_run, no_progress, quiet } = arguments;
        let mode = if *dry_run { Mode::DryRun } else { Mode::Restore };
        Self { dir, account, mode, has_bar: !quiet && !no_progress, quiet: *quiet }
    }
}

impl<'a> From<&'a DiffArguments> for RestoreTask<'a> {
    fn from(arguments: &'a DiffArguments) -> Self {
        let DiffArguments { dir, account } = arguments;
        Self { dir, account, mode: Mode::Diff, has_bar: false, quiet: false }
    }
}

/// Gives the folder to the account, or compares the two.
pub(crate) async fn run(connector: &Connector, task: &RestoreTask<'_>) -> Result<Exit, JobError> {
    let exporter = task.account.open_exporter(connector, task.mode != Mode::Restore).await?;
    let started = Instant::now();
    let mut printer = RestorePrinter::new(task);
    let (summary, result) = restore_folder(&exporter, task.dir, &mut |event| printer.print(&event)).await;
    printer.progress.finish();
    let differs = task.mode == Mode::Diff
        && (summary.created + summary.updated + summary.skipped > 0 || printer.extra > 0);
    let exit = match &result {
        Ok(()) if summary.failed == 0 && !differs => Exit::Done,
        Ok(()) => Exit::Partial,
        Err(_) if exporter.is_cancelled() => Exit::Interrupted,
        Err(error) => error.into(),
    };
    let end = RestoreEnd {
        exporter: &exporter,
        printer: &printer,
        summary,
        error: result.err(),
        exit,
        took: started.elapsed(),
    };
    end.print();
    Ok(exit)
}

/// Everything that the summary says.
struct RestoreEnd<'a> {
    exporter: &'a Exporter,
    printer: &'a RestorePrinter,
    summary: RestoreSummary,
    error: Option<RestoreError>,
    exit: Exit,
    took: Duration,
}

impl RestoreEnd<'_> {
    /// Prints the summary: always last, whatever happened.
    fn print(&self) {
        let RestorePrinter { output, mode, .. } = self.printer;
        if output.json {
            return self.print_json();
        }
        if let Some(error) = &self.error {
            output.eprint_error(&error.to_string());
        }
        output.print_line(&if *mode == Mode::Diff { self.differences() } else { self.totals() });
    }

    fn print_json(&self) {
        let RestoreSummary { created, updated, unchanged, skipped, failed, .. } = self.summary;
        let RestorePrinter { output, mode, notices, extra, .. } = self.printer;
        let usage = self.exporter.usage();
        let error = self.error.as_ref().map(|error| {
            let code = if let RestoreError::Destination(error) = error { error.code() } else { HOST_CODE };
            error_object(code, &error.to_string())
        });
        let value = json!({
            "exit": self.exit as i32, "destination": self.exporter.identity().origin,
            "dry_run": *mode != Mode::Restore, "created": created, "updated": updated,
            "unchanged": unchanged, "skipped": skipped, "failed": failed, "notices": notices, "extra": extra,
            "requests": usage.requests(), "received": usage.received(), "guest_memory": usage.memory(),
            "milliseconds": self.took.as_millis(), "error": error,
        });
        output.print_object("summary", value);
    }

    /// Returns the last line of a comparison.
    fn differences(&self) -> String {
        let RestoreSummary { created, updated, unchanged, skipped, failed, .. } = self.summary;
        let extra = self.printer.extra;
        if created + updated + skipped + failed + extra == 0 && self.error.is_none() {
            return format!("No difference: {unchanged} are the same on both sides.");
        }
        let differing = updated + skipped;
        format!(
            "{created} only in the backup, {differing} differ, {extra} only on the server, {unchanged} the same, {failed} failed"
        )
    }

    /// Returns the last line of a restore.
    fn totals(&self) -> String {
        let RestoreSummary { created, updated, unchanged, skipped, failed, .. } = self.summary;
        let dry = if self.printer.mode == Mode::DryRun { "Dry run, nothing was written. " } else { "" };
        format!(
            "{dry}{created} created, {updated} updated, {unchanged} unchanged, {skipped} skipped, {failed} failed; {}, {}",
            requests(self.exporter.usage().requests()),
            HumanDuration(self.took),
        )
    }
}

/// Prints the events of a restore, and counts some of them.
struct RestorePrinter {
    output: Output,
    mode: Mode,
    progress: Progress,
    notices: u64,
    /// Number of objects that only the account has.
    extra: u64,
}

impl RestorePrinter {
    fn new(task: &RestoreTask<'_>) -> Self {
        let output = task.account.output(task.quiet);
        let progress = match task.mode {
            Mode::Diff => Progress::without_bar(output).of_results(),
            _ if task.has_bar => Progress::with_bar(output, "files"),
            _ => Progress::without_bar(output),
        };
        Self { output, mode: task.mode, progress, notices: 0, extra: 0 }
    }

    fn print(&mut self, event: &RestoreEvent<'_>) {
        match event {
            RestoreEvent::Found(files) => self.progress.set_total(*files),
            RestoreEvent::Done { path, outcome } => self.print_outcome(path, outcome),
            RestoreEvent::Notice { path, message } => {
                self.notices += 1;
                let label = if self.mode == Mode::Diff { "" } else { "note: " };
                self.progress.print_notice("notice", label, *path, message);
            }
            RestoreEvent::Omitted { path, message } => {
                self.progress.print_notice("omitted", "left out: ", Some(path), message);
            }
            RestoreEvent::Extra { path } => {
                self.extra += 1;
                self.output.print_object("extra", json!({ "path": path }));
                if self.mode == Mode::Diff {
                    self.progress.print_line(&format!("{path}: is on the server only"));
                }
            }
            _ => {}
        }
    }

    fn print_outcome(&mut self, path: &str, outcome: &Outcome) {
        self.progress.advance();
        let (word, code, message) = match outcome {
            Outcome::Created => ("created", None, None),
            Outcome::Updated => ("updated", None, None),
            Outcome::Unchanged => ("unchanged", None, None),
            Outcome::Skipped(why) => ("skipped", None, Some(why.clone())),
            Outcome::Failed(error) => ("failed", Some(error.code()), Some(with_full_stop(error.message()))),
        };
        let value = json!({ "path": path, "outcome": word, "code": code, "message": message });
        self.output.print_object("done", value);
        match (outcome, self.mode) {
            // An error that ends the whole run is printed once, at the end.
            (Outcome::Failed(error), _) if error.ends_run() => {}
            (Outcome::Failed(error), _) => self.progress.count_failed(path, error.message()),
            (Outcome::Skipped(why), _) => self.progress.print_line(&format!("skipped: {path}: {why}")),
            (Outcome::Created, Mode::Diff) => {
                self.progress.print_line(&format!("{path}: is in the backup only"));
            }
            (Outcome::Created | Outcome::Updated, Mode::DryRun) => {
                self.progress.print_line(&format!("would be {word}: {path}"));
            }
            _ => {}
        }
    }
}
