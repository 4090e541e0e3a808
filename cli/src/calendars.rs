//! `calendars`: what there is to back up.

use std::collections::BTreeMap;

use connector_host::Importer;
use connector_host::JobError;
use connector_host::api::Source;
use connector_host::engine::Connector;
use connector_host::error::printable;
use connector_host::types::{EntryKind, ScanItem};
use serde_json::json;

use crate::output::Output;
use crate::{Account, Exit, stop_on_ctrl_c};

/// By directory: how many objects.
type Counts = BTreeMap<String, u64>;

pub(crate) async fn run(connector: &Connector, account: &Account) -> Exit {
    let output = Output::new(account.json, false);
    let importer = match account.open(connector).await {
        Ok(importer) => importer,
        Err(error) => return output.fail(&error),
    };
    let stop = importer.clone();
    stop_on_ctrl_c(move || stop.cancel());
    let (counts, failed) = match count(&importer, output).await {
        Ok(counted) => counted,
        Err(error) => return output.fail(&error),
    };
    for (path, objects) in &counts {
        let (name, color) =
            (text(&importer, path, "displayname").await, text(&importer, path, "color").await);
        output.object("calendar", json!({ "path": path, "objects": objects, "name": name, "color": color }));
        output.line(&format!(
            "{objects:>8}  {:<24} {}",
            path.trim_start_matches('/'),
            name.unwrap_or_default()
        ));
    }
    let exit = if failed == 0 { Exit::Done } else { Exit::Partial };
    let total: u64 = counts.values().sum();
    output.object(
        "summary",
        json!({ "exit": exit as i32, "calendars": counts.len(), "objects": total, "failed": failed }),
    );
    output.line(&format!(
        "{total:>8}  in {} calendars{}",
        counts.len(),
        if failed == 0 { String::new() } else { format!(", {failed} failed") }
    ));
    exit
}

async fn count(importer: &Importer, output: Output) -> Result<(Counts, usize), JobError> {
    let mut scan = importer.scan();
    let (mut counts, mut failed) = (Counts::new(), 0);
    while let Some(more) = scan.next().await {
        for item in more {
            match item {
                ScanItem::Entry(entry) if entry.kind == EntryKind::Directory && entry.path != "/" => {
                    counts.insert(entry.path, 0);
                }
                ScanItem::Entry(entry) if entry.path.ends_with(".ics") => {
                    let directory = entry.path.rsplit_once('/').map_or("", |(directory, _)| directory);
                    *counts.entry(directory.to_owned()).or_default() += 1;
                }
                ScanItem::Entry(_) | ScanItem::Notice(_) | ScanItem::Omitted(_) => {}
                ScanItem::Failed(failure) => {
                    failed += 1;
                    counts.remove(&failure.path);
                    output.object("failed", json!({ "path": failure.path, "code": failure.error.code(), "message": failure.error.message() }));
                    if !output.json {
                        eprintln!(
                            "failed: {}: {}",
                            printable(&failure.path),
                            printable(failure.error.message())
                        );
                    }
                }
            }
        }
    }
    scan.finish().await.map(|()| (counts, failed))
}

/// One of the small files that describe a calendar, if it is there.
async fn text(importer: &Importer, directory: &str, name: &str) -> Option<String> {
    let bytes = importer.read(&format!("{directory}/{name}")).await.ok()?.collect().await.ok()?;
    String::from_utf8(bytes).ok()
}
