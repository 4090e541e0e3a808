//! `backup`: an account into a folder.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use connector_folder::{BackupError, BackupEvent, BackupSummary, backup_to_folder};
use connector_host::Importer;
use connector_host::api::Source;
use connector_host::engine::Connector;
use connector_host::error::printable;
use indicatif::{HumanBytes, HumanDuration};
use serde_json::json;

use crate::output::{Output, requests};
use crate::progress::Progress;
use crate::{Account, Exit, stop_on_ctrl_c};

pub(crate) struct Options {
    pub(crate) dir: PathBuf,
    pub(crate) dry_run: bool,
    pub(crate) no_progress: bool,
    pub(crate) quiet: bool,
}

pub(crate) async fn run(connector: &Connector, account: &Account, options: Options) -> Exit {
    let output = Output::new(account.json, options.quiet);
    let importer = match account.open(connector).await {
        Ok(importer) => importer,
        Err(error) => return output.fail(&error),
    };
    let stop = importer.clone();
    stop_on_ctrl_c(move || stop.cancel());
    let started = Instant::now();
    let mut report = Report::new(output, &options);
    let (summary, result) =
        backup_to_folder(&importer, &options.dir, options.dry_run, &mut |event| report.event(&event)).await;
    report.progress.finish();
    let exit = match &result {
        Ok(()) if summary.failed == 0 => Exit::Done,
        Ok(()) => Exit::Partial,
        Err(_) if importer.is_cancelled() => Exit::Interrupted,
        Err(error) => error.into(),
    };
    conclude(output, &importer, &summary, result.err().as_ref(), exit, started.elapsed(), options.dry_run);
    exit
}

/// The summary: always last, whatever happened.
fn conclude(
    output: Output,
    importer: &Importer,
    summary: &BackupSummary,
    error: Option<&BackupError>,
    exit: Exit,
    took: Duration,
    dry: bool,
) {
    let BackupSummary { new, changed, unchanged, removed, failed, bytes, .. } = summary;
    let usage = importer.usage();
    if output.json {
        let error = error.map(|error| {
            let code = if let BackupError::Source(error) = error { error.code() } else { "host" };
            json!({ "code": code, "message": format!("{error}.").replace("..", ".") })
        });
        output.object(
            "summary",
            json!({
                "exit": exit as i32, "source": importer.identity().origin, "dry_run": dry, "new": new, "changed": changed,
                "unchanged": unchanged, "removed": removed, "failed": failed, "bytes": bytes, "requests": usage.requests(),
                "received": usage.received(), "guest_memory": usage.memory(), "milliseconds": took.as_millis(), "error": error,
            }),
        );
        return;
    }
    if let Some(error) = error {
        eprintln!("plakar-caldav: {}", printable(&error.to_string()));
    }
    let nothing =
        if new + changed + removed + failed == 0 && error.is_none() { "Nothing changed. " } else { "" };
    let would = if dry { "Dry run, nothing was written. " } else { "" };
    output.line(&format!(
        "{would}{nothing}{new} new, {changed} changed, {unchanged} unchanged, {removed} removed, {failed} failed; {} written, {}, {} received, {}",
        HumanBytes(*bytes),
        requests(usage.requests()),
        HumanBytes(usage.received()),
        HumanDuration(took),
    ));
}

/// Prints what happens on the way.
struct Report {
    output: Output,
    dry: bool,
    progress: Progress,
}

impl Report {
    fn new(output: Output, options: &Options) -> Self {
        let has_bar = !options.quiet && !options.no_progress;
        Self { output, dry: options.dry_run, progress: Progress::new(output, has_bar, "objects") }
    }

    fn event(&mut self, event: &BackupEvent<'_>) {
        match event {
            BackupEvent::Listed { wanted, .. } => self.progress.expect(*wanted),
            BackupEvent::Written { path, size, new } => {
                self.progress.advance();
                self.output.object("written", json!({ "path": path, "bytes": size, "new": new }));
                if self.dry {
                    self.progress.line(&format!("{} {path}", if *new { "new    " } else { "changed" }));
                }
            }
            BackupEvent::Removed { path } => {
                self.output.object("removed", json!({ "path": path }));
                self.progress.line(&format!("removed {path}"));
            }
            BackupEvent::Notice { path, message } => {
                self.output.object("notice", json!({ "path": path, "message": message }));
                self.progress.line(&format!(
                    "note: {}{message}",
                    path.map(|path| format!("{path}: ")).unwrap_or_default()
                ));
            }
            BackupEvent::Omitted { path, message } => {
                self.output.object("omitted", json!({ "path": path, "message": message }));
                self.progress.line(&format!(
                    "left out: {}{message}",
                    path.map(|path| format!("{path}: ")).unwrap_or_default()
                ));
            }
            BackupEvent::Failed { path, error } => {
                self.output.object(
                    "failed",
                    json!({ "path": path, "code": error.code(), "message": error.message() }),
                );
                self.progress.failed(path, error.message());
            }
            _ => {}
        }
    }
}
