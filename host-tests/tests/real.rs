//! Real servers, plain and with TLS: everything on them comes into the folder once, byte for byte, and
//! stays up to date.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use host_tests::program::{self, Outcome};
use host_tests::seed;
use host_tests::servers::radicale::Radicale;
use host_tests::servers::xandikos::Xandikos;
use host_tests::servers::{PASSWORD, TestServer, USER};

#[tokio::test(flavor = "multi_thread")]
async fn radicale() -> anyhow::Result<()> {
    everything(&Radicale::start(false)?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn radicale_with_tls() -> anyhow::Result<()> {
    everything(&Radicale::start(true)?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn xandikos() -> anyhow::Result<()> {
    everything(&Xandikos::start(false)?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn xandikos_with_tls() -> anyhow::Result<()> {
    everything(&Xandikos::start(true)?).await
}

/// Backs the server up into `folder`.
async fn backup(server: &dyn TestServer, folder: &Path, more: &[&str]) -> anyhow::Result<Outcome> {
    let options = server.options();
    let (location, folder) = (server.location(), folder.display().to_string());
    let mut arguments = vec!["backup", &location, &folder, "--json"];
    arguments.extend(options.iter().flat_map(|option| ["-o", option.as_str()]));
    arguments.extend(more);
    program::run(&arguments, &[("CALDAV_USERNAME", USER), ("CALDAV_PASSWORD", PASSWORD)]).await
}

/// What a plain client sees: by directory, the bytes of every object with CRLF line ends, sorted.
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
            // Xandikos lists a name with a colon as a bare relative href.
            let href = if href.starts_with('/') { href } else { format!("{path}{href}") };
            bodies.push(caldav::ical::with_crlf(client.get(&href).await?.to_vec()));
        }
        bodies.sort();
        all.insert((*calendar).to_owned(), bodies);
    }
    Ok(all)
}

fn in_the_folder(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<Vec<u8>>>> {
    let mut all: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (path, bytes) in program::tree(folder)? {
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
    let client = server.client()?;
    seed::plant(&client, server.home(), &account).await?;
    let names: Vec<&str> = account.iter().map(|calendar| calendar.name).collect();
    let total: usize = account.iter().map(|calendar| calendar.objects.len()).sum();
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("backup");

    // The first run has everything, once, as a plain GET gives it.
    let first = backup(server, &folder, &[]).await?;
    ensure!(first.code == 0, "{}: {first:?}", server.name());
    let saved = in_the_folder(&folder)?;
    let there = on_the_server(server, &names).await?;
    for name in &names {
        let (saved, there) = (saved.get(*name).context("no directory")?, &there[*name]);
        ensure!(
            saved.len() == there.len(),
            "{}: {name}: {} objects saved, {} there",
            server.name(),
            saved.len(),
            there.len()
        );
        ensure!(saved == there, "{}: {name}: the bytes differ", server.name());
    }
    ensure!(names.iter().map(|name| saved[*name].len()).sum::<usize>() == total);
    let files = program::tree(&folder)?;
    for name in [
        "work/with space.ics",
        "work/at@sign.ics",
        "work/café.ics",
        "work/percent%2541.ics",
        "work/weekly.ics",
    ] {
        ensure!(files.contains_key(name), "{}: {name} is missing: {:?}", server.name(), files.keys());
    }
    ensure!(
        files.keys().filter(|name| name.to_lowercase().starts_with("work/twin~")).count() == 2,
        "case twins are told apart"
    );

    // Every property is in the files that describe the calendar.
    let text = |name: &str| {
        files
            .get(name)
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .with_context(|| name.to_owned())
    };
    ensure!(text("work/displayname")? == "Work & meetings" && text("work/description")? == "What pays");
    ensure!(text("work/color")? == "#1E90FF");
    let sidecar: serde_json::Value = serde_json::from_str(&text("tasks/.caldav.json")?)?;
    ensure!(sidecar["properties"]["components"] == serde_json::json!(["VJOURNAL", "VTODO"]), "{sidecar}");
    ensure!(
        sidecar["properties"]["color"] == "#FF8C00FF"
            && sidecar["properties"]["displayname"] == "Tasks"
            && sidecar["kind"] == "calendar",
        "{sidecar}"
    );

    // Nothing changed: nothing is read, and the files are the same.
    let second = backup(server, &folder, &[]).await?.summary()?;
    ensure!(second["new"] == 0 && second["changed"] == 0 && second["removed"] == 0, "{second}");
    ensure!(second["requests"].as_u64() <= Some(3 + 6), "{second}");
    ensure!(program::tree(&folder)? == files);

    // One is new, one changes, one goes.
    let work = format!("{}work/", server.home());
    client.put(&format!("{work}new.ics"), seed::event("new@seed", "New", "")).await?;
    client
        .put(&format!("{work}meeting-007.ics"), seed::event("meeting-7@seed", "Another summary", ""))
        .await?;
    client.delete(&format!("{work}meeting-008.ics")).await?;
    let third = backup(server, &folder, &[]).await?.summary()?;
    ensure!(
        third["new"] == 1 && third["changed"] == 1 && third["removed"] == 1 && third["failed"] == 0,
        "{third}"
    );
    ensure!(in_the_folder(&folder)?["work"] == on_the_server(server, &["work"]).await?["work"]);

    // One by one, without multiget, with the line ends of the server.
    let singly = scratch.path().join("singly");
    let fourth = backup(server, &singly, &["-o", "fetch=get", "-o", "calendars=tasks"]).await?;
    ensure!(fourth.code == 0, "{fourth:?}");
    let bodies = &in_the_folder(&singly)?["tasks"];
    ensure!(bodies.iter().map(|b| caldav::ical::with_crlf(b.clone())).eq(there["tasks"].iter().cloned()));
    println!(
        "{}: {total} objects, {} requests, unchanged {}",
        server.name(),
        first.summary()?["requests"],
        second["requests"]
    );
    Ok(())
}
