//! `backup`: an account into a folder.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueHint};
use connector_folder::{BackupError, BackupEvent, BackupSummary, backup_to_folder};
use connector_host::api::Source;
use connector_host::engine::Connector;
use connector_host::{Importer, JobError};
use indicatif::{HumanBytes, HumanDuration};
use serde_json::json;

use crate::account::AccountArguments;
use crate::exit::Exit;
use crate::output::{HOST_CODE, Output, error_object, requests};
use crate::progress::Progress;

#[derive(Args)]
pub(crate) struct BackupArguments {
    #[command(flatten)]
    pub(crate) account: AccountArguments,
    /// The folder: new, empty, or of an earlier run
    #[arg(value_hint = ValueHint::DirPath)]
    dir: PathBuf,
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

/// Makes the folder equal to the account.
pub(crate) async fn run(connector: &Connector, arguments: &BackupArguments) -> Result<Exit, JobError> {
    let BackupArguments { account, dir, dry_run, no_progress, quiet } = arguments;
    let output = account.output(*quiet);
    let importer = account.open_importer(connector).await?;
    let started = Instant::now();
    let has_bar = !quiet && !no_progress;
    let progress =
        if has_bar { Progress::with_bar(output, "objects") } else { Progress::without_bar(output) };
    let mut printer = BackupPrinter { output, is_dry_run: *dry_run, progress };
    let (summary, result) =
        backup_to_folder(&importer, dir, *dry_run, &mut |event| printer.print(&event)).await;
    printer.progress.finish();
    let exit = match &result {
        Ok(()) if summary.failed == 0 => Exit::Done,
        Ok(()) => Exit::Partial,
        Err(_) if importer.is_cancelled() => Exit::Interrupted,
        Err(error) => error.into(),
    };
    let end = BackupEnd {
        importer: &importer,
        summary,
        error: result.err(),
        exit,
        took: started.elapsed(),
        is_dry_run: *dry_run,
    };
    end.print(output);
    Ok(exit)
}

/// Everything that the summary says.
struct BackupEnd<'a> {
    importer: &'a Importer,
    summary: BackupSummary,
    error: Option<BackupError>,
    exit: Exit,
    took: Duration,
    is_dry_run: bool,
}

impl BackupEnd<'_> {
    /// Prints the summary: always last, whatever happened.
    fn print(&self, output: Output) {
        if output.json {
            self.print_json(output);
        } else {
            self.print_text(output);
        }
    }

    fn print_json(&self, output: Output) {
        let BackupSummary { new, changed, unchanged, removed, failed, bytes, .. } = self.summary;
        let usage = self.importer.usage();
        let error = self.error.as_ref().map(|error| {
            let code = if let BackupError::Source(error) = error { error.code() } else { HOST_CODE };
            error_object(code, &error.to_string())
        });
        let value = json!({
            "exit": self.exit as i32, "source": self.importer.identity().origin, "dry_run": self.is_dry_run,
            "new": new, "changed": changed, "unchanged": unchanged, "removed": removed, "failed": failed,
            "bytes": bytes, "requests": usage.requests(), "received": usage.received(),
            "guest_memory": usage.memory(), "milliseconds": self.took.as_millis(), "error": error,
        });
        output.print_object("summary", value);
    }

    fn print_text(&self, output: Output) {
        let BackupSummary { new, changed, unchanged, removed, failed, bytes, .. } = self.summary;
        let usage = self.importer.usage();
        if let Some(error) = &self.error {
            output.eprint_error(&error.to_string());
        }
        let is_same = new + changed + removed + failed == 0 && self.error.is_none();
        let nothing = if is_same { "Nothing changed. " } else { "" };
        let dry = if self.is_dry_run { "Dry run, nothing was written. " } else { "" };
        output.print_line(&format!(
            "{dry}{nothing}{new} new, {changed} changed, {unchanged} unchanged, {removed} removed, {failed} failed; {} written, {}, {} received, {}",
            HumanBytes(bytes),
            requests(usage.requests()),
            HumanBytes(usage.received()),
            HumanDuration(self.took),
        ));
    }
}

/// Prints the events of a backup.
struct BackupPrinter {
    output: Output,
    is_dry_run: bool,
    progress: Progress,
}

impl BackupPrinter {
    fn print(&mut self, event: &BackupEvent<'_>) {
        match event {
            BackupEvent::Listed { wanted, .. } => self.progress.set_total(*wanted),
            BackupEvent::Written { path, size, new } => self.print_written(path, *size, *new),
            BackupEvent::Removed { path } => {
                self.output.print_object("removed", json!({ "path": path }));
                self.progress.print_line(&format!("removed {path}"));
            }
            BackupEvent::Notice { path, message } => {
                self.progress.print_notice("notice", "note: ", *path, message);
            }
            BackupEvent::Omitted { path, message } => {
                self.progress.print_notice("omitted", "left out: ", *path, message);
            }
            BackupEvent::Failed { path, error } => self.progress.print_failed(path, error),
            _ => {}
        }
    }

    fn print_written(&self, path: &str, size: u64, is_new: bool) {
        self.progress.advance();
        self.output.print_object("written", json!({ "path": path, "bytes": size, "new": is_new }));
        if self.is_dry_run {
            self.progress.print_line(&format!("{} {path}", if is_new { "new    " } else { "changed" }));
        }
    }
}
