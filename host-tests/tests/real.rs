//! Backups of real servers, plain and with TLS: the folder has every object once, byte for byte, and stays up to date.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use host_tests::certificates::issue;
use host_tests::program::{Cli, tree};
use host_tests::seed;
use host_tests::servers::TestServer;
use host_tests::servers::radicale::Radicale;
use host_tests::servers::xandikos::Xandikos;
use serde_json::{Value, json};

/// Largest number of requests when nothing changed: one for each of three calendars, and six to discover them.
const MOST_WHEN_UNCHANGED: u64 = 3 + 6;

#[tokio::test(flavor = "multi_thread")]
async fn radicale() -> anyhow::Result<()> {
    everything(&Radicale::start()?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn radicale_with_tls() -> anyhow::Result<()> {
    everything(&Radicale::start_tls(&issue()?)?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn xandikos() -> anyhow::Result<()> {
    everything(&Xandikos::start()?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn xandikos_with_tls() -> anyhow::Result<()> {
    everything(&Xandikos::start_tls()?).await
}

/// Returns the objects that a plain client sees: by calendar, the bytes of every object with CRLF line ends, sorted.
async fn on_the_server(
    server: &dyn TestServer,
    calendars: &[&str],
) -> anyhow::Result<BTreeMap<String, Vec<Vec<u8>>>> {
    let client = server.client()?;
    let mut all = BTreeMap::new();
    for calendar in calendars {
        let path = format!("{}{calendar}/", server.home());
        let mut bodies = Vec::new();
        for href in client.members(&path).await? {
            // Xandikos 0.4 lists a name with a colon as a relative href without `./`.
            let href = if href.starts_with('/') { href } else { format!("{path}{href}") };
            bodies.push(caldav::ical::with_crlf(client.get(&href).await?.to_vec()));
        }
        bodies.sort();
        all.insert((*calendar).to_owned(), bodies);
    }
    Ok(all)
}

/// Returns the objects in the backup: by directory, the bytes of every object, sorted.
fn in_the_folder(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<Vec<u8>>>> {
    let mut all: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (path, bytes) in tree(folder)? {
        if let Some((directory, name)) = path.split_once('/')
            && name.ends_with(".ics")
        {
            all.entry(directory.to_owned()).or_default().push(bytes);
        }
    }
    for bodies in all.values_mut() {
        bodies.sort();
    }
    Ok(all)
}

async fn everything(server: &dyn TestServer) -> anyhow::Result<()> {
    let account = seed::account(server.odd_names());
    seed::plant(&server.client()?, server.home(), &account).await?;
    let names: Vec<&str> = account.iter().map(|calendar| calendar.name).collect();
    let total: usize = account.iter().map(|calendar| calendar.objects.len()).sum();
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("backup");
    let first = Cli::new(server).backup(&folder).json().succeeds().await?;
    let there = on_the_server(server, &names).await?;
    everything_is_there_once(&in_the_folder(&folder)?, &there)?;
    assert_eq!(there.values().map(Vec::len).sum::<usize>(), total, "objects on the server");
    let files = tree(&folder)?;
    odd_names_are_kept(&files)?;
    properties_are_kept(&files)?;
    let unchanged = nothing_changed(server, &folder).await?;
    one_of_each_changed(server, &folder).await?;
    one_by_one(server, &scratch.path().join("singly"), &there["tasks"]).await?;
    println!(
        "{}: {total} objects, {} requests, unchanged {unchanged}",
        server.name(),
        first.figure("requests")?
    );
    Ok(())
}

/// Fails unless the folder has every object of the calendars once, with the bytes of a plain GET.
fn everything_is_there_once(
    saved: &BTreeMap<String, Vec<Vec<u8>>>,
    there: &BTreeMap<String, Vec<Vec<u8>>>,
) -> anyhow::Result<()> {
    for (name, there) in there {
        let saved = saved.get(name).with_context(|| format!("{name} is missing"))?;
        ensure!(
            saved.len() == there.len(),
            "{name}: {} objects saved of {} on the server",
            saved.len(),
            there.len()
        );
        ensure!(saved == there, "{name}: the bytes differ");
    }
    Ok(())
}

fn odd_names_are_kept(files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    for name in ["with space.ics", "at@sign.ics", "café.ics", "percent%2541.ics", "weekly.ics"] {
        ensure!(files.contains_key(&format!("work/{name}")), "{name} is missing: {:?}", files.keys());
    }
    let twins = files.keys().filter(|name| name.to_lowercase().starts_with("work/twin~"));
    assert_eq!(twins.count(), 2, "names that differ in case only");
    Ok(())
}

/// Fails unless every property is in the files that describe the calendar.
fn properties_are_kept(files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<()> {
    let text = |name: &str| {
        let bytes = files.get(name).with_context(|| format!("{name} is missing"))?;
        anyhow::Ok(String::from_utf8_lossy(bytes).into_owned())
    };
    assert_eq!(text("work/displayname")?, "Work & meetings");
    assert_eq!(text("work/description")?, "What pays");
    assert_eq!(text("work/color")?, "#1E90FF");
    let described: Value = serde_json::from_str(&text("tasks/.caldav.json")?)?;
    assert_eq!(described["kind"], "calendar");
    let properties = &described["properties"];
    assert_eq!(properties["components"], json!(["VJOURNAL", "VTODO"]));
    assert_eq!(properties["color"], "#FF8C00FF");
    assert_eq!(properties["displayname"], "Tasks");
    Ok(())
}

/// Makes a backup with nothing to do: no object is read, and the files stay the same. Returns the number of requests.
async fn nothing_changed(server: &dyn TestServer, folder: &Path) -> anyhow::Result<u64> {
    let before = tree(folder)?;
    let outcome = Cli::new(server).backup(folder).json().succeeds().await?;
    let outcome = outcome.counts("new", 0)?.counts("changed", 0)?.counts("removed", 0)?;
    let requests = outcome.figure("requests")?;
    ensure!(requests <= MOST_WHEN_UNCHANGED, "{requests} requests");
    ensure!(tree(folder)? == before, "the files changed");
    Ok(requests)
}

/// Creates, changes and deletes one object each. The next backup has exactly these differences.
async fn one_of_each_changed(server: &dyn TestServer, folder: &Path) -> anyhow::Result<()> {
    let client = server.client()?;
    let work = format!("{}work/", server.home());
    let changed = seed::event("meeting-7@seed", "Another summary", "");
    client.put(&format!("{work}new.ics"), seed::event("new@seed", "New", "")).await?;
    client.put(&format!("{work}meeting-007.ics"), changed).await?;
    client.delete(&format!("{work}meeting-008.ics")).await?;
    let outcome = Cli::new(server).backup(folder).json().succeeds().await?;
    outcome.counts("new", 1)?.counts("changed", 1)?.counts("removed", 1)?.counts("failed", 0)?;
    let there = on_the_server(server, &["work"]).await?;
    ensure!(in_the_folder(folder)?["work"] == there["work"], "the bytes differ");
    Ok(())
}

/// Makes a backup with GET instead of multiget. The objects differ in their line ends only.
async fn one_by_one(server: &dyn TestServer, folder: &Path, tasks: &[Vec<u8>]) -> anyhow::Result<()> {
    let backup = Cli::new(server).backup(folder).option("fetch", "get").option("calendars", "tasks");
    backup.succeeds().await?;
    let bodies = in_the_folder(folder)?.remove("tasks").context("tasks is missing")?;
    ensure!(bodies.into_iter().map(caldav::ical::with_crlf).eq(tasks.iter().cloned()), "the bytes differ");
    Ok(())
}
