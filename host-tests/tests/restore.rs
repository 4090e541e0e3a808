//! Restores to real servers: what a backup had comes back, a second run has nothing to do, and what was
//! changed or lost in the meantime is mended without touching anything else.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use caldav::ical::compare::Normalized;
use host_tests::program::{self, Outcome};
use host_tests::seed;
use host_tests::servers::radicale::Radicale;
use host_tests::servers::xandikos::Xandikos;
use host_tests::servers::{PASSWORD, TestServer, USER};

#[tokio::test(flavor = "multi_thread")]
async fn radicale() -> anyhow::Result<()> {
    everything(&Radicale::start(false)?, &Radicale::start(false)?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn xandikos() -> anyhow::Result<()> {
    everything(&Xandikos::start(false)?, &Xandikos::start(false)?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_the_other_server_refuses_are_made_plain() -> anyhow::Result<()> {
    let (from, to) = (Xandikos::start(false)?, Radicale::start(true)?);
    seed::plant(&from.client()?, from.home(), &seed::account(from.odd_names())).await?;
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("backup");
    ensure!(run("backup", &from, &folder, &[]).await?.code == 0);
    let restored = run("restore", &to, &folder, &[]).await?;
    ensure!(restored.code == 0, "{restored:?}");
    let members = to.client()?.members(&format!("{}work/", to.home())).await?;
    let plain = members.iter().filter(|href| href.contains("/work/C") && href.contains("colon-")).count();
    ensure!(plain == 1, "{members:?}");
    let again = run("restore", &to, &folder, &[]).await?;
    ensure!(again.code == 0 && figure(&again, "created")? + figure(&again, "updated")? == 0, "{again:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn from_radicale_to_xandikos() -> anyhow::Result<()> {
    let (from, to) = (Radicale::start(false)?, Xandikos::start(true)?);
    seed::plant(&from.client()?, from.home(), &seed::account(&[])).await?;
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("backup");
    ensure!(run("backup", &from, &folder, &[]).await?.code == 0);
    let restored = run("restore", &to, &folder, &[]).await?;
    ensure!(restored.code == 0, "{restored:?}");
    let diff = run("diff", &to, &folder, &[]).await?;
    ensure!(diff.code == 0, "{diff:?}");
    Ok(())
}

/// Xandikos writes what exists already in threads of its own, and answers 423 to whoever comes second.
#[tokio::test(flavor = "multi_thread")]
async fn many_changed_objects_are_mended_although_the_server_locks_its_calendar() -> anyhow::Result<()> {
    let server = Xandikos::start(false)?;
    let client = server.client()?;
    seed::plant(&client, server.home(), &seed::account(&[])).await?;
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("backup");
    ensure!(run("backup", &server, &folder, &[]).await?.code == 0);
    let changed = 100;
    for i in 0..changed {
        let object = seed::event(&format!("meeting-{i}@seed"), "Changed by mistake", "");
        client.put(&format!("{}work/meeting-{i:03}.ics", server.home()), object).await?;
    }
    let restored = run("restore", &server, &folder, &[]).await?;
    ensure!(restored.code == 0 && figure(&restored, "updated")? == changed, "{restored:?}");
    ensure!(run("diff", &server, &folder, &[]).await?.code == 0);
    println!("{changed} changed, {} requests", figure(&restored, "requests")?);
    Ok(())
}

/// Runs `backup`, `restore` or `diff` between the server and `folder`.
async fn run(
    command: &str,
    server: &dyn TestServer,
    folder: &Path,
    more: &[&str],
) -> anyhow::Result<Outcome> {
    let options = server.options();
    let (location, folder) = (server.location(), folder.display().to_string());
    let mut arguments = if command == "backup" {
        vec![command, &location, &folder]
    } else {
        vec![command, &folder, &location]
    };
    arguments.push("--json");
    arguments.extend(options.iter().flat_map(|option| ["-o", option.as_str()]));
    arguments.extend(more);
    program::run(&arguments, &[("CALDAV_USERNAME", USER), ("CALDAV_PASSWORD", PASSWORD)]).await
}

fn figure(outcome: &Outcome, name: &str) -> anyhow::Result<u64> {
    outcome.summary()?[name].as_u64().with_context(|| name.to_owned())
}

/// Paths of what the run reported with this outcome.
fn paths(outcome: &Outcome, what: &str) -> Vec<String> {
    let all = outcome.objects();
    let done = all.iter().filter(|object| object["type"] == "done" && object["outcome"] == what);
    done.filter_map(|object| object["path"].as_str().map(str::to_owned)).collect()
}

/// What the server makes of an object that is not restored but simply stored.
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
    let account = seed::account(from.odd_names());
    seed::plant(&from.client()?, from.home(), &account).await?;
    let objects: usize = account.iter().map(|calendar| calendar.objects.len()).sum();
    let scratch = tempfile::tempdir()?;
    let (first, again) = (scratch.path().join("first"), scratch.path().join("again"));
    ensure!(run("backup", from, &first, &[]).await?.code == 0);
    let before = program::tree(&first)?;

    // A dry run says what a restore would do, and does nothing.
    let dry = run("restore", to, &first, &["--dry-run"]).await?;
    ensure!(dry.code == 0 && figure(&dry, "created")? >= objects as u64, "{dry:?}");
    ensure!(
        figure(&run("restore", to, &first, &["--dry-run"]).await?, "created")? == figure(&dry, "created")?
    );

    // Everything comes back: the backup of the restored account is the same tree.
    let restored = run("restore", to, &first, &[]).await?;
    ensure!(restored.code == 0, "{}: {restored:?}", to.name());
    ensure!(run("backup", to, &again, &[]).await?.code == 0);
    let mut after = program::tree(&again)?;
    // A calendar that the server makes for itself.
    after.retain(|path, _| !path.starts_with("calendar/") || before.contains_key(path));
    let mut rewritten = 0;
    ensure!(
        before.keys().eq(after.keys()),
        "{}: {:?}",
        to.name(),
        before
            .keys()
            .filter(|k| !after.contains_key(*k))
            .chain(after.keys().filter(|k| !before.contains_key(*k)))
            .collect::<Vec<_>>()
    );
    for (path, bytes) in &before {
        if after[path] != *bytes && path.ends_with(".ics") {
            rewritten += 1;
            ensure!(
                control(to, bytes).await? == after[path],
                "{}: {path} differs, and not by the server's doing",
                to.name()
            );
        } else {
            ensure!(
                after[path] == *bytes,
                "{}: {path}: {} became {}",
                to.name(),
                String::from_utf8_lossy(bytes),
                String::from_utf8_lossy(&after[path])
            );
        }
    }

    // Again: nothing to do, nothing written.
    let second = run("restore", to, &first, &[]).await?;
    ensure!(second.code == 0, "{second:?}");
    ensure!(
        figure(&second, "created")? == 0 && figure(&second, "updated")? == 0,
        "{}: {second:?}",
        to.name()
    );
    let same = run("diff", to, &first, &[]).await?;
    ensure!(same.code == 0, "{}: {:?}", to.name(), same.out);

    mended(to, &first).await?;
    println!(
        "{}: {objects} objects, {} requests, {rewritten} rewritten by the server; again {} requests",
        to.name(),
        figure(&restored, "requests")?,
        figure(&second, "requests")?
    );
    Ok(())
}

/// One object changed, one deleted, one new, a calendar gone: those come back, and nothing else is touched.
async fn mended(to: &dyn TestServer, folder: &Path) -> anyhow::Result<()> {
    let client = to.client()?;
    let work = format!("{}work/", to.home());
    client
        .put(&format!("{work}meeting-007.ics"), seed::event("meeting-7@seed", "Changed by mistake", ""))
        .await?;
    client.delete(&format!("{work}meeting-008.ics")).await?;
    client.put(&format!("{work}newer.ics"), seed::event("newer@seed", "Newer", "")).await?;
    client.delete(&format!("{}tasks/", to.home())).await?;

    let diff = run("diff", to, folder, &[]).await?;
    ensure!(diff.code == 3, "{diff:?}");
    ensure!(paths(&diff, "updated") == ["/work/meeting-007.ics"], "{:?}", paths(&diff, "updated"));
    let notices: BTreeMap<String, String> = diff
        .objects()
        .iter()
        .filter(|object| object["type"] == "notice")
        .map(|object| (object["path"].to_string(), object["message"].to_string()))
        .collect();
    ensure!(notices["\"/work/meeting-007.ics\""].contains("SUMMARY"), "{notices:?}");
    ensure!(notices["\"/work/newer.ics\""].contains("server only"), "{notices:?}");

    let skipped = run("restore", to, folder, &["-o", "conflict=skip"]).await?;
    ensure!(skipped.code == 0 && paths(&skipped, "skipped") == ["/work/meeting-007.ics"], "{skipped:?}");
    ensure!(paths(&skipped, "created").contains(&"/work/meeting-008.ics".to_owned()));

    client.delete(&format!("{work}meeting-009.ics")).await?;
    let mended = run("restore", to, folder, &[]).await?;
    ensure!(mended.code == 0, "{mended:?}");
    ensure!(paths(&mended, "created") == ["/work/meeting-009.ics"], "{:?}", paths(&mended, "created"));
    ensure!(paths(&mended, "updated") == ["/work/meeting-007.ics"], "{:?}", paths(&mended, "updated"));
    // What is newer than the backup stays.
    ensure!(Normalized::of(&client.get(&format!("{work}newer.ics")).await?).is_some());
    client.delete(&format!("{work}newer.ics")).await?;
    ensure!(run("diff", to, folder, &[]).await?.code == 0);

    // Beside what is there, once.
    client.put(&format!("{work}meeting-010.ics"), seed::event("meeting-10@seed", "Mine", "")).await?;
    for created in [1, 0] {
        let outcome = run("restore", to, folder, &["-o", "conflict=duplicate"]).await?;
        ensure!(outcome.code == 0 && figure(&outcome, "created")? == created, "{outcome:?}");
    }
    Ok(())
}
