//! The plugin as Plakar uses it. The peer in `plakar-peer/` plays the part of Plakar, with the same gRPC library.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use dav_model::{Behaviour, Reply, Request, object, object_name};
use host_tests::certificates::issue;
use host_tests::fake::Fake;
use host_tests::peer::{Outcome, Peer, tree};
use host_tests::scratch::{entries, files};
use host_tests::servers::radicale::Radicale;
use host_tests::servers::xandikos::Xandikos;
use host_tests::servers::{PASSWORD, TestServer, USER};
use host_tests::{program, seed};

/// A peer, a folder for its backups, and the options for a server.
struct Stage {
    peer: Peer,
    scratch: tempfile::TempDir,
    options: Vec<String>,
}

impl Stage {
    /// Builds the peer. Returns none, after a printed line, if there is no Go to build it.
    fn new(location: &str, options: &[String]) -> anyhow::Result<Option<Self>> {
        let Some(peer) = Peer::build()? else { return Ok(None) };
        let mut stage = Self { peer, scratch: tempfile::tempdir()?, options: Vec::new() };
        stage.turn_to(location, options);
        Ok(Some(stage))
    }

    /// Selects the server for the next runs.
    fn turn_to(&mut self, location: &str, options: &[String]) {
        // Plakar accepts only the schemes in the manifest; a whole address may follow the scheme.
        let scheme = if location.starts_with("http") { "caldav://" } else { "" };
        let account = [
            format!("location={scheme}{location}"),
            format!("username={USER}"),
            format!("password={PASSWORD}"),
        ];
        self.options = [&account, options].concat();
    }

    fn of_fake(fake: &Fake) -> anyhow::Result<Option<Self>> {
        Self::new(&fake.url(), &["insecure=true".to_owned(), "retries=0".to_owned()])
    }

    fn folder(&self) -> &Path {
        self.scratch.path()
    }

    async fn play(&self, mode: &str, flags: &[&str], more: &[&str]) -> anyhow::Result<Outcome> {
        let folder = self.folder().display().to_string();
        let options: Vec<&str> =
            self.options.iter().map(String::as_str).chain(more.iter().copied()).collect();
        self.peer.play(&[&["-mode", mode, "-dir", &folder], flags].concat(), &options).await
    }
}

fn bodies(requests: &[Request]) -> usize {
    requests.iter().map(Request::bodies).sum()
}

/// Backs up `from` with the command line and with the plugin, and restores the plugin's backup to `to`.
async fn there_and_back(from: &dyn TestServer, to: &dyn TestServer) -> anyhow::Result<()> {
    let Some(mut stage) = Stage::new(&from.location(), &from.options())? else { return Ok(()) };
    seed::plant(&from.client()?, from.home(), &seed::account(from.odd_names())).await?;
    let expected = program::backed_up(from).await?;
    let first = stage.play("backup", &["-workers", "8"], &[]).await?.well()?;
    println!("{}: {} records, {} files opened", from.name(), first.figure("records"), first.figure("opens"));
    ensure!(tree(stage.folder())? == expected, "{}: the trees differ", from.name());
    first.counts("opens", expected.len())?.acknowledged()?;
    stage.play("backup", &[], &[]).await?.well()?.counts("opens", 0)?;
    ensure!(tree(stage.folder())? == expected, "{}: the trees differ after a second run", from.name());
    let moved = seed::event("meeting-7@seed", "Moved", "");
    from.client()?.put(&format!("{}work/meeting-007.ics", from.home()), moved).await?;
    stage.play("backup", &[], &[]).await?.well()?.counts("opens", 1)?;

    // To another server, twice: the same files exist there, and the second restore succeeds as well.
    stage.turn_to(&to.location(), &to.options());
    for _ in 0..2 {
        stage.play("restore", &[], &[]).await?.well()?.acknowledged()?;
    }
    let (before, after) = (tree(stage.folder())?, program::backed_up(to).await?);
    let missing: Vec<_> = before.keys().filter(|path| !after.contains_key(*path)).collect();
    ensure!(missing.is_empty(), "{}: {missing:?}", to.name());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn radicale() -> anyhow::Result<()> {
    there_and_back(&Radicale::start_tls(&issue()?)?, &Radicale::start()?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn xandikos() -> anyhow::Result<()> {
    there_and_back(&Xandikos::start()?, &Xandikos::start_tls()?).await
}

/// Largest number of hrefs in one multiget.
const BATCH: usize = 64;

/// Opens all of 5,000 objects with this number of workers. Fails if that takes more than `requests` requests or `read`
/// bodies.
async fn few_requests(workers: &str, requests: usize, read: usize) -> anyhow::Result<()> {
    let fake = Fake::start(&[("home", 2000), ("work", 3000)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &["-workers", workers], &[]).await?.well()?.counts("opens", files(2, 5000))?;
    let seen = fake.take_requests();
    println!("{workers} at once: {} requests, {} bodies", seen.len(), bodies(&seen));
    ensure!(seen.len() <= requests, "{} requests", seen.len());
    ensure!(bodies(&seen) <= read, "{} bodies", bodies(&seen));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_objects_that_are_opened_one_by_one_take_few_requests() -> anyhow::Result<()> {
    few_requests("1", 5000 / BATCH + 20, 5000).await
}

/// Workers that overtake each other cost a few more requests.
#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_objects_that_are_opened_eight_at_once_take_few_requests() -> anyhow::Result<()> {
    few_requests("8", 5000 / BATCH + 60, 5050).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_five_thousand_objects_only_what_changed_is_read_again() -> anyhow::Result<()> {
    const CHANGED: usize = 50;
    let fake = Fake::start(&[("home", 2000), ("work", 3000)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    drop(fake.take_requests());
    stage.play("backup", &[], &[]).await?.well()?.counts("opens", 0)?;
    let seen = fake.take_requests();
    assert_eq!(bodies(&seen), 0, "bodies when nothing changed");
    ensure!(seen.len() <= 6, "{} requests when nothing changed", seen.len());
    // Changes at scattered places, in no particular order.
    let mut at = 17_u32;
    let mut changed = std::collections::BTreeSet::new();
    while changed.len() < CHANGED {
        at = at.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let (calendar, objects) = if at & 0x10000 == 0 { ("home", 2000) } else { ("work", 3000) };
        changed.insert((calendar, (at >> 8) as usize % objects));
    }
    for (calendar, number) in &changed {
        fake.put(calendar, &object_name(*number), object(&format!("{calendar}-{number}-changed")));
    }
    stage.play("backup", &[], &[]).await?.well()?.counts("opens", CHANGED)?;
    let seen = fake.take_requests();
    println!("{CHANGED} changed: {} requests, {} bodies", seen.len(), bodies(&seen));
    ensure!(bodies(&seen) <= 2 * CHANGED, "{} bodies", bodies(&seen));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_version_is_read_every_time() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 3)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    fake.fault(|seen| {
        let is_listing = seen.method == "PROPFIND" && seen.path == "/cal/work/";
        let one = |i: usize| {
            dav_model::found(
                &format!("/cal/work/{i:06}.ics"),
                "<d:resourcetype/><d:getcontenttype>text/calendar</d:getcontenttype>",
            )
        };
        is_listing.then(|| Reply::multistatus(&(0..3).map(one).collect::<String>()))
    });
    for _ in 0..2 {
        stage.play("backup", &[], &[]).await?.well()?;
        assert_eq!(bodies(&fake.take_requests()), 3, "bodies");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_leaves_the_next_snapshot() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 5)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    fake.remove("work", "000002.ics");
    stage.play("backup", &[], &[]).await?.well()?;
    ensure!(!stage.folder().join("work/000002.ics").exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_cannot_be_made_ends_in_one_sentence_and_in_no_snapshot() -> anyhow::Result<()> {
    let fake = Fake::start(&[("home", 5), ("work", 5)]).await?;
    let Some(mut stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    let refused = async |stage: &Stage, code: &str, words: &str| {
        let outcome = stage.play("backup", &[], &[]).await?.ended(code, words)?.acknowledged()?;
        ensure!(!outcome.message().contains('\n'), "more than one line: {}", outcome.message());
        ensure!(!stage.folder().join(".peer.json").exists(), "there is a snapshot: {outcome:?}");
        anyhow::Ok(())
    };
    fake.fault(|_| Some(Reply::status(401)));
    refused(&stage, "Unauthenticated", "does not accept this user name and password").await?;
    fake.fault(|_| Some(Reply::status(503)));
    refused(&stage, "ResourceExhausted", "503").await?;
    // In the middle of the scan.
    fake.fault(|seen| (seen.path == "/cal/work/").then(|| Reply::status(401)));
    refused(&stage, "Unauthenticated", "does not accept").await?;
    // Every calendar is forbidden.
    fake.fault(|seen| {
        seen.path.starts_with("/cal/").then(|| Reply::status(403)).filter(|_| seen.path != "/cal/")
    });
    refused(&stage, "PermissionDenied", "no calendar could be listed").await?;
    fake.fault(|seen| (seen.path == "/cal/").then(|| Reply::multistatus("")));
    refused(&stage, "Unknown", "list of calendars is empty").await?;
    if let Some(location) = stage.options.first_mut() {
        *location = "location=caldav://http://127.0.0.1:1".to_owned();
    }
    refused(&stage, "Unknown", "whether the server is up").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_or_an_object_that_cannot_be_read_is_named() -> anyhow::Result<()> {
    let fake = Fake::start(&[("home", 5), ("work", 5)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    fake.fault(|seen| (seen.path == "/cal/work/").then(|| Reply::status(403)));
    let outcome = stage.play("backup", &[], &[]).await?.ended("", "")?;
    outcome.says_about(1)?.says_of("/work", "403")?;
    ensure!(stage.folder().join("home/000004.ics").exists(), "the other calendar was not backed up");
    fake.fault(|seen| {
        seen.body
            .contains("000003.ics")
            .then(|| Reply::status(500))
            .filter(|_| seen.path.starts_with("/cal/work/"))
    });
    let outcome = stage.play("backup", &[], &[]).await?.ended("", "")?;
    ensure!(outcome.errors() <= 1, "{outcome:?}");
    fake.clear_fault();
    stage.play("backup", &[], &[]).await?.well()?;
    assert_eq!(tree(stage.folder())?.len(), files(2, 10), "files");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_is_not_asked_for_every_object() -> anyhow::Result<()> {
    const OBJECTS: usize = 300;
    let fake = Fake::start(&[("work", OBJECTS)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    fake.fault(|seen| (seen.method != "PROPFIND").then(Reply::reset));
    stage.play("backup", &[], &[]).await?.says_about(OBJECTS)?;
    let asked = fake.take_requests().len();
    ensure!(asked <= 30, "{asked} requests to a server that breaks connections");
    // A password that was refused is not sent for every object.
    fake.fault(|seen| (seen.method != "PROPFIND").then(|| Reply::status(401)));
    let outcome = stage.play("backup", &[], &[]).await?.says_about(OBJECTS)?;
    let asked = fake.take_requests().len();
    ensure!(asked <= 10, "{asked} requests with a password that was refused");
    outcome.says_of("/work/000299.ics", "user name and password")?;
    fake.clear_fault();
    stage.play("backup", &[], &[]).await?.well()?;
    assert_eq!(tree(stage.folder())?.len(), files(1, OBJECTS), "files");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_of_a_backup_the_next_one_is_right() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 200)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    fake.delay(Duration::from_millis(2));
    for at in [1, 2, 3, 10, 64, 65, 150, 200] {
        let killed = stage.play("backup", &["-kill-after", &at.to_string()], &[]).await?;
        killed.was_killed()?;
    }
    stage.play("backup", &[], &[]).await?.well()?;
    assert_eq!(tree(stage.folder())?.len(), files(1, 200), "files");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_a_calendar_and_an_object_come_back() -> anyhow::Result<()> {
    let fake = Fake::start(&[("home", 7), ("work", 90)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    let (work, home) = (fake.objects("work"), fake.objects("home"));

    fake.empty();
    stage.play("restore", &[], &[]).await?.well()?.acknowledged()?;
    ensure!(fake.objects("work") == work, "the objects of work are not the same");
    ensure!(fake.objects("home") == home, "the objects of home are not the same");
    // Objects that exist already are not an error, and they are not written again.
    let _ = fake.take_requests();
    stage.play("restore", &[], &[]).await?.well()?;
    assert_eq!(fake.take_puts(), 0, "objects written again");

    fake.empty();
    stage.play("restore", &["-only", "/work"], &[]).await?.well()?;
    assert_eq!(fake.calendars(), ["work"]);
    ensure!(fake.objects("work") == work, "the objects of work are not the same");

    fake.empty();
    stage.play("restore", &["-only", "/work/000003.ics"], &[]).await?.well()?;
    assert_eq!(fake.calendars(), ["work"]);
    assert_eq!(fake.objects("work").into_keys().collect::<Vec<_>>(), ["000003.ics"]);
    // To another calendar: with an option, and with the location of a calendar, to which Plakar expands `@dst:/path`.
    stage.play("restore", &["-only", "/work/000004.ics"], &["into=Other"]).await?.well()?;
    assert_eq!(fake.objects("Other").into_keys().collect::<Vec<_>>(), ["000004.ics"]);
    let place = format!("location=caldav://{}/cal/Other/", fake.url());
    stage.play("restore", &["-only", "/work/000005.ics"], &[&place]).await?.well()?;
    stage.play("restore", &["-only", "/home"], &[&place]).await?.well()?;
    assert_eq!(fake.objects("Other").len(), 2 + home.len(), "objects in Other");
    assert_eq!(fake.calendars(), ["Other", "work"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_refused_is_named_and_the_restore_fails() -> anyhow::Result<()> {
    const OBJECTS: usize = 40;
    let fake = Fake::start(&[("work", OBJECTS)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    fake.empty();
    fake.fault(|seen| seen.is("PUT", "/cal/work/000007.ics").then(|| Reply::status(403)));
    let all = entries(1, OBJECTS);
    let message = format!("1 of {all} could not be restored, this one /work/000007.ics: ");
    let outcome = stage.play("restore", &[], &[]).await?.ended("Unknown", &message)?;
    outcome.says_about(1)?.says_of("/work/000007.ics", "403")?.acknowledged()?;
    assert_eq!(fake.objects("work").len(), OBJECTS - 1, "objects on the server");
    fake.clear_fault();
    stage.play("restore", &[], &[]).await?.well()?;
    assert_eq!(fake.objects("work").len(), OBJECTS, "objects on the server");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_loses_is_told_and_is_not_a_failure() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 3)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    fake.empty();
    fake.behave(Behaviour { drops: Some("DESCRIPTION"), ..Behaviour::default() });
    let outcome = stage.play("restore", &[], &[]).await?.ended("", "")?;
    assert_eq!(outcome.error("/work/000001.ics"), Some("the server lost VEVENT DESCRIPTION"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_cannot_be_made_is_heard_to_its_end() -> anyhow::Result<()> {
    const OBJECTS: usize = 40;
    let fake = Fake::start(&[("work", OBJECTS)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    let refused = async || stage.play("restore", &[], &[]).await?.ended("Unauthenticated", "");
    // From the first request: one message, and no error for each record.
    fake.fault(|_| Some(Reply::status(401)));
    refused().await?.says_about(0)?;
    // After the sign-in, before any write.
    fake.fault(|seen| (seen.path == "/cal/work/").then(|| Reply::status(401)));
    let outcome = refused().await?.acknowledged()?;
    ensure!(outcome.errors() >= OBJECTS, "{} paths have an error", outcome.errors());
    // In the middle of the restore.
    fake.empty();
    fake.fault(|seen| seen.is("PUT", "/cal/work/000020.ics").then(|| Reply::status(401)));
    refused().await?.acknowledged()?;
    fake.clear_fault();
    stage.play("restore", &[], &[]).await?.well()?;
    assert_eq!(fake.objects("work").len(), OBJECTS, "objects on the server");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_off_is_not_written() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 10)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    fake.empty();
    let outcome = stage.play("restore", &["-cut", "/work/000006.ics"], &[]).await?.ended("Unknown", "")?;
    outcome.says_of("/work/000006.ics", "came out of the store")?.acknowledged()?;
    let restored: Vec<String> = (0..6).map(object_name).collect();
    assert_eq!(fake.objects("work").into_keys().collect::<Vec<_>>(), restored);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_of_a_restore_the_next_one_is_right() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 120)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    let before = fake.objects("work");
    fake.empty();
    fake.delay(Duration::from_millis(1));
    for at in [1, 2, 4, 20, 70, 100, 124] {
        let killed = stage.play("restore", &["-kill-after", &at.to_string()], &[]).await?;
        killed.was_killed()?;
    }
    stage.play("restore", &[], &[]).await?.well()?;
    ensure!(fake.objects("work") == before);
    Ok(())
}
