//! `restore` and `diff`: a folder to an account, or what would be done about it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use connector_folder::{RestoreError, RestoreEvent, RestoreSummary, restore_folder};
use connector_host::Exporter;
use connector_host::engine::Connector;
use connector_host::error::printable;
use connector_host::types::Outcome;
use indicatif::HumanDuration;
use serde_json::json;

use crate::output::{Output, requests};
use crate::progress::Progress;
use crate::{Account, Exit, stop_on_ctrl_c};

pub(crate) struct Options {
    pub(crate) dir: PathBuf,
    pub(crate) mode: Mode,
    pub(crate) no_progress: bool,
    pub(crate) quiet: bool,
}

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everything in its place.
    Restore,
    /// What a restore would do.
    DryRun,
    /// What differs.
    Diff,
}

pub(crate) async fn run(connector: &Connector, account: &Account, options: Options) -> Exit {
    let output = Output::new(account.json, options.quiet);
    let exporter = match account.open_to_restore(connector, options.mode != Mode::Restore).await {
        Ok(exporter) => exporter,
        Err(error) => return output.fail(&error),
    };
    let stop = exporter.clone();
    stop_on_ctrl_c(move || stop.cancel());
    let started = Instant::now();
    let mut report = Report::new(output, &options);
    let (summary, result) = restore_folder(&exporter, &options.dir, &mut |event| report.event(&event)).await;
    report.progress.finish();
    let differs = options.mode == Mode::Diff
        && (summary.created + summary.updated + summary.skipped > 0 || report.on_the_other_side > 0);
    let exit = match &result {
        Ok(()) if summary.failed == 0 && !differs => Exit::Done,
        Ok(()) => Exit::Partial,
        Err(_) if exporter.is_cancelled() => Exit::Interrupted,
        Err(error) => error.into(),
    };
    conclude(output, &exporter, &summary, &report, result.err().as_ref(), exit, started.elapsed());
    exit
}

/// The summary: always last, whatever happened.
fn conclude(
    output: Output,
    exporter: &Exporter,
    summary: &RestoreSummary,
    report: &Report,
    error: Option<&RestoreError>,
    exit: Exit,
    took: Duration,
) {
    let dry = report.mode != Mode::Restore;
    let RestoreSummary { created, updated, unchanged, skipped, failed, .. } = summary;
    let usage = exporter.usage();
    if output.json {
        let error = error.map(|error| {
            let code = if let RestoreError::Destination(error) = error { error.code() } else { "host" };
            json!({ "code": code, "message": format!("{error}.").replace("..", ".") })
        });
        output.object(
            "summary",
            json!({
                "exit": exit as i32, "destination": exporter.identity().origin, "dry_run": dry, "created": created,
                "updated": updated, "unchanged": unchanged, "skipped": skipped, "failed": failed,
                "notices": report.notices, "extra": report.on_the_other_side, "requests": usage.requests(), "received": usage.received(),
                "guest_memory": usage.memory(), "milliseconds": took.as_millis(), "error": error,
            }),
        );
        return;
    }
    if let Some(error) = error {
        eprintln!("plakar-caldav: {}", printable(&error.to_string()));
    }
    if report.mode == Mode::Diff {
        let same = created + updated + skipped + failed + report.on_the_other_side == 0 && error.is_none();
        output.line(&if same {
            format!("No difference: {unchanged} are the same on both sides.")
        } else {
            format!(
                "{created} only in the backup, {} differ, {} only on the server, {unchanged} the same, {failed} failed",
                updated + skipped,
                report.on_the_other_side
            )
        });
        return;
    }
    let would = if dry { "Dry run, nothing was written. " } else { "" };
    output.line(&format!(
        "{would}{created} created, {updated} updated, {unchanged} unchanged, {skipped} skipped, {failed} failed; {}, {}",
        requests(usage.requests()),
        HumanDuration(took),
    ));
}

/// Prints what happens on the way.
struct Report {
    output: Output,
    mode: Mode,
    progress: Progress,
    notices: u64,
    on_the_other_side: u64,
}

impl Report {
    fn new(output: Output, options: &Options) -> Self {
        let has_bar = !options.quiet && !options.no_progress;
        let mut progress = Progress::new(output, has_bar, "files");
        progress.is_result = options.mode == Mode::Diff;
        Self { output, mode: options.mode, progress, notices: 0, on_the_other_side: 0 }
    }

    fn event(&mut self, event: &RestoreEvent<'_>) {
        match event {
            RestoreEvent::Found(files) => self.progress.expect(*files),
            RestoreEvent::Done { path, outcome } => self.done(path, outcome),
            RestoreEvent::Notice { path, message } => {
                self.notices += 1;
                self.output.object("notice", json!({ "path": path, "message": message }));
                let place = path.map(|path| format!("{path}: ")).unwrap_or_default();
                self.progress.line(&format!(
                    "{}{place}{message}",
                    if self.mode == Mode::Diff { "" } else { "note: " }
                ));
            }
            RestoreEvent::Omitted { path, message } => {
                self.output.object("omitted", json!({ "path": path, "message": message }));
                self.progress.line(&format!("left out: {path}: {message}"));
            }
            RestoreEvent::Extra { path } => {
                self.on_the_other_side += 1;
                self.output.object("extra", json!({ "path": path }));
                if self.mode == Mode::Diff {
                    self.progress.line(&format!("{path}: is on the server only"));
                }
            }
            _ => {}
        }
    }

    fn done(&mut self, path: &str, outcome: &Outcome) {
        self.progress.advance();
        let (word, why) = match outcome {
            Outcome::Created => ("created", None),
            Outcome::Updated => ("updated", None),
            Outcome::Unchanged => ("unchanged", None),
            Outcome::Skipped(why) => ("skipped", Some(why.as_str())),
            Outcome::Failed(error) => ("failed", Some(error.message())),
        };
        let code = if let Outcome::Failed(error) = outcome { Some(error.code()) } else { None };
        self.output.object("done", json!({ "path": path, "outcome": word, "code": code, "message": why }));
        match (outcome, why) {
            // What ends the whole run is said once, at the end.
            (Outcome::Failed(error), _) if error.ends_run() => {}
            (Outcome::Failed(_), Some(why)) => self.progress.failed(path, why),
            (_, Some(why)) => self.progress.line(&format!("skipped: {path}: {why}")),
            (Outcome::Created, None) if self.mode == Mode::Diff => {
                self.progress.line(&format!("{path}: is in the backup only"));
            }
            (Outcome::Created, None) if self.mode == Mode::DryRun => {
                self.progress.line(&format!("would be created: {path}"));
            }
            (Outcome::Updated, None) if self.mode == Mode::DryRun => {
                self.progress.line(&format!("would be updated: {path}"));
            }
            _ => {}
        }
    }
}
