//! Restores to real servers: everything in a backup comes back, a second run has nothing to do, and a restore repairs
//! what was changed or deleted in the meantime without touching anything else.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use host_tests::certificates::issue;
use host_tests::program::{Cli, Outcome, tree};
use host_tests::seed;
use host_tests::servers::TestServer;
use host_tests::servers::radicale::Radicale;
use host_tests::servers::xandikos::Xandikos;

#[tokio::test(flavor = "multi_thread")]
async fn radicale() -> anyhow::Result<()> {
    everything(&Radicale::start()?, &Radicale::start()?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn xandikos() -> anyhow::Result<()> {
    everything(&Xandikos::start()?, &Xandikos::start()?).await
}

/// A backup of a real server with the generated account.
struct Backup {
    scratch: tempfile::TempDir,
    /// Number of objects in the account.
    objects: usize,
}

impl Backup {
    async fn of(server: &dyn TestServer, odd_names: &[&str]) -> anyhow::Result<Self> {
        let account = seed::account(odd_names);
        seed::plant(&server.client()?, server.home(), &account).await?;
        let objects = account.iter().map(|calendar| calendar.objects.len()).sum();
        let backup = Self { scratch: tempfile::tempdir()?, objects };
        Cli::new(server).backup(&backup.folder()).succeeds().await?;
        Ok(backup)
    }

    fn folder(&self) -> std::path::PathBuf {
        self.scratch.path().join("backup")
    }

    fn restore(&self, server: &dyn TestServer) -> Cli {
        Cli::new(server).restore(&self.folder()).json()
    }

    fn diff(&self, server: &dyn TestServer) -> Cli {
        Cli::new(server).diff(&self.folder()).json()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_the_other_server_refuses_are_made_plain() -> anyhow::Result<()> {
    let (from, to) = (Xandikos::start()?, Radicale::start_tls(&issue()?)?);
    let backup = Backup::of(&from, from.odd_names()).await?;
    backup.restore(&to).succeeds().await?;
    let members = to.client()?.members(&format!("{}work/", to.home())).await?;
    let plain = members.iter().filter(|href| href.contains("/work/C") && href.contains("colon-")).count();
    assert_eq!(plain, 1, "names made plain, of {members:?}");
    backup.restore(&to).succeeds().await?.had_nothing_to_do()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_radicale_to_xandikos() -> anyhow::Result<()> {
    let (from, to) = (Radicale::start()?, Xandikos::start_tls()?);
    let backup = Backup::of(&from, &[]).await?;
    backup.restore(&to).succeeds().await?;
    backup.diff(&to).succeeds().await?;
    Ok(())
}

/// Xandikos 0.4 overwrites objects in several threads, and answers 423 to a second write at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn many_changed_objects_are_mended_although_the_server_locks_its_calendar() -> anyhow::Result<()> {
    const CHANGED: usize = 100;
    let server = Xandikos::start()?;
    let backup = Backup::of(&server, &[]).await?;
    let client = server.client()?;
    for i in 0..CHANGED {
        let object = seed::event(&format!("meeting-{i}@seed"), "Changed by mistake", "");
        client.put(&format!("{}work/meeting-{i:03}.ics", server.home()), object).await?;
    }
    let restored = backup.restore(&server).succeeds().await?.counts("updated", CHANGED)?;
    backup.diff(&server).succeeds().await?;
    println!("{CHANGED} changed, {} requests", restored.figure("requests")?);
    Ok(())
}

/// Returns the content that the server stores for an object that a plain client puts there.
async fn control(server: &dyn TestServer, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let client = server.client()?;
    let path = format!("{}control/", server.home());
    client.mkcalendar(&path, "<D:displayname>Control</D:displayname>").await.ok();
    client.put(&format!("{path}one.ics"), bytes.to_vec()).await?;
    let stored = client.get(&format!("{path}one.ics")).await?.to_vec();
    client.delete(&format!("{path}one.ics")).await?;
    Ok(caldav::ical::with_crlf(stored))
}

async fn everything(from: &dyn TestServer, to: &dyn TestServer) -> anyhow::Result<()> {
    let backup = Backup::of(from, from.odd_names()).await?;
    let before = tree(&backup.folder())?;
    a_dry_run_writes_nothing(to, &backup).await?;

    let restored = backup.restore(to).succeeds().await?;
    let again = backup.scratch.path().join("again");
    Cli::new(to).backup(&again).succeeds().await?;
    let mut after = tree(&again)?;
    // Xandikos with `--defaults` creates this calendar by itself.
    after.retain(|path, _| !path.starts_with("calendar/") || before.contains_key(path));
    let rewritten = is_the_same_tree(to, &before, &after).await?;

    let second = backup.restore(to).succeeds().await?.had_nothing_to_do()?;
    backup.diff(to).succeeds().await?;
    changes_come_back(to, &backup).await?;
    println!(
        "{}: {} objects, {} requests, {rewritten} rewritten by the server; again {} requests",
        to.name(),
        backup.objects,
        restored.figure("requests")?,
        second.figure("requests")?
    );
    Ok(())
}

/// Makes two dry runs. They report the same objects, because the first one wrote nothing.
async fn a_dry_run_writes_nothing(to: &dyn TestServer, backup: &Backup) -> anyhow::Result<()> {
    let dry = backup.restore(to).flag("--dry-run");
    let created = dry.succeeds().await?.figure("created")?;
    ensure!(created >= backup.objects as u64, "only {created} of {} would be created", backup.objects);
    assert_eq!(dry.succeeds().await?.figure("created")?, created, "what would be created");
    Ok(())
}

/// Fails unless the backup of the restored account is the same tree, except for objects that the server rewrites even
/// for a plain client. Returns the number of these objects.
async fn is_the_same_tree(
    to: &dyn TestServer,
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
) -> anyhow::Result<usize> {
    let missing: Vec<_> = before.keys().filter(|path| !after.contains_key(*path)).collect();
    ensure!(missing.is_empty(), "not restored: {missing:?}");
    let more: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    ensure!(more.is_empty(), "not in the backup: {more:?}");
    let mut rewritten = 0;
    for (path, bytes) in before.iter().filter(|(path, bytes)| after[*path] != **bytes) {
        if path.ends_with(".ics") {
            rewritten += 1;
            ensure!(
                control(to, bytes).await? == after[path],
                "{path} differs, and the server did not rewrite it"
            );
        } else {
            assert_eq!(String::from_utf8_lossy(bytes), String::from_utf8_lossy(&after[path]), "{path}");
        }
    }
    Ok(rewritten)
}

/// Objects that the test changes on the server without the connector.
const CHANGED: &str = "/work/meeting-007.ics";
const DELETED: &str = "/work/meeting-008.ics";
const DELETED_LATER: &str = "/work/meeting-009.ics";
const DUPLICATED: &str = "/work/meeting-010.ics";
const NEWER: &str = "/work/newer.ics";

/// Changes one object, deletes one, creates one, and deletes a calendar. A restore brings back what was in the backup,
/// and touches nothing else.
async fn changes_come_back(to: &dyn TestServer, backup: &Backup) -> anyhow::Result<()> {
    let client = to.client()?;
    let at = |path: &str| [to.home().trim_end_matches('/'), path].concat();
    client.put(&at(CHANGED), seed::event("meeting-7@seed", "Changed by mistake", "")).await?;
    client.delete(&at(DELETED)).await?;
    client.put(&at(NEWER), seed::event("newer@seed", "Newer", "")).await?;
    client.delete(&at("/tasks/")).await?;
    differences_are_named(&backup.diff(to).exits(3).await?)?;

    let skipped = backup.restore(to).option("conflict", "skip").succeeds().await?;
    assert_eq!(skipped.paths("skipped"), [CHANGED]);
    ensure!(skipped.paths("created").iter().any(|path| path == DELETED), "{DELETED} did not come back");

    client.delete(&at(DELETED_LATER)).await?;
    let restored = backup.restore(to).succeeds().await?;
    assert_eq!(restored.paths("created"), [DELETED_LATER]);
    assert_eq!(restored.paths("updated"), [CHANGED]);
    // An object that is newer than the backup stays.
    client.get(&at(NEWER)).await?;
    client.delete(&at(NEWER)).await?;
    backup.diff(to).succeeds().await?;

    // With `conflict=duplicate`, a copy is created beside the existing object, once.
    client.put(&at(DUPLICATED), seed::event("meeting-10@seed", "Mine", "")).await?;
    for created in [1, 0] {
        backup.restore(to).option("conflict", "duplicate").succeeds().await?.counts("created", created)?;
    }
    Ok(())
}

fn differences_are_named(diff: &Outcome) -> anyhow::Result<()> {
    assert_eq!(diff.paths("updated"), [CHANGED]);
    let objects = diff.objects();
    let notice = objects.iter().find(|object| object["type"] == "notice" && object["path"] == CHANGED);
    let message = notice.and_then(|object| object["message"].as_str()).context("no notice")?;
    ensure!(message.contains("SUMMARY"), "the notice about {CHANGED} is {message:?}");
    let extra: Vec<_> = objects.iter().filter(|object| object["type"] == "extra").collect();
    assert!(extra.iter().any(|object| object["path"] == NEWER), "{NEWER} is not in {extra:?}");
    Ok(())
}
