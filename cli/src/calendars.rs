//! `calendars`: the list of what there is to back up.

use std::collections::BTreeMap;

use connector_host::api::Source;
use connector_host::engine::Connector;
use connector_host::types::{EntryKind, ScanItem};
use connector_host::{Importer, JobError};
use serde_json::json;

use crate::account::AccountArguments;
use crate::exit::Exit;
use crate::output::Output;
use crate::progress::Progress;

/// Number of objects in each directory, and of entries that could not be listed.
#[derive(Default)]
struct Counts {
    objects: BTreeMap<String, u64>,
    failed: u64,
}

/// Prints one line for each calendar.
pub(crate) async fn run(connector: &Connector, account: &AccountArguments) -> Result<Exit, JobError> {
    let output = account.output(false);
    let importer = account.open_importer(connector).await?;
    let counts = count(&importer, &mut Progress::without_bar(output)).await?;
    for (path, objects) in &counts.objects {
        print_calendar(output, &importer, path, *objects).await;
    }
    Ok(print_summary(output, &counts))
}

async fn print_calendar(output: Output, importer: &Importer, path: &str, objects: u64) {
    let name = text(importer, path, "displayname").await;
    let color = text(importer, path, "color").await;
    let value = json!({ "path": path, "objects": objects, "name": name, "color": color });
    output.print_object("calendar", value);
    let (path, name) = (path.trim_start_matches('/'), name.unwrap_or_default());
    output.print_line(&format!("{objects:>8}  {path:<24} {name}"));
}

fn print_summary(output: Output, counts: &Counts) -> Exit {
    let Counts { objects, failed } = counts;
    let exit = if *failed == 0 { Exit::Done } else { Exit::Partial };
    let (calendars, total) = (objects.len(), objects.values().sum::<u64>());
    let value = json!({ "exit": exit as i32, "calendars": calendars, "objects": total, "failed": failed });
    output.print_object("summary", value);
    let failed = if *failed == 0 { String::new() } else { format!(", {failed} failed") };
    output.print_line(&format!("{total:>8}  in {calendars} calendars{failed}"));
    exit
}

/// Lists the account, and prints what could not be listed.
async fn count(importer: &Importer, progress: &mut Progress) -> Result<Counts, JobError> {
    let mut scan = importer.scan();
    let mut counts = Counts::default();
    while let Some(items) = scan.next().await {
        for item in items {
            counts.add(item, progress);
        }
    }
    progress.finish();
    scan.finish().await.map(|()| counts)
}

impl Counts {
    fn add(&mut self, item: ScanItem, progress: &mut Progress) {
        match item {
            ScanItem::Entry(entry) if entry.kind == EntryKind::Directory && entry.path != "/" => {
                self.objects.insert(entry.path, 0);
            }
            ScanItem::Entry(entry) if entry.path.ends_with(".ics") => {
                let directory = entry.path.rsplit_once('/').map_or("", |(directory, _)| directory);
                *self.objects.entry(directory.to_owned()).or_default() += 1;
            }
            ScanItem::Entry(_) | ScanItem::Notice(_) | ScanItem::Omitted(_) => {}
            ScanItem::Failed(failure) => {
                self.failed += 1;
                self.objects.remove(&failure.path);
                progress.print_failed(&failure.path, &failure.error);
            }
        }
    }
}

/// Reads one of the small files that describe a calendar, if it exists.
async fn text(importer: &Importer, directory: &str, name: &str) -> Option<String> {
    let bytes = importer.read(&format!("{directory}/{name}")).await.ok()?.collect().await.ok()?;
    String::from_utf8(bytes).ok()
}
