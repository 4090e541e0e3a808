//! The plugin as Plakar uses it, played by a peer with the library that Plakar uses (`plakar-peer/`).

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use dav_model::{Behaviour, Reply, Request, object};
use host_tests::certificates::issue;
use host_tests::fake::Fake;
use host_tests::peer::{Outcome, Peer, tree};
use host_tests::servers::radicale::Radicale;
use host_tests::servers::xandikos::Xandikos;
use host_tests::servers::{PASSWORD, TestServer, USER};
use host_tests::{program, seed};

/// A peer, a folder for what it backs up, and the options for a server.
struct Stage {
    peer: Peer,
    scratch: tempfile::TempDir,
    options: Vec<String>,
}

impl Stage {
    /// None where the peer cannot be built, which has been said then.
    fn new(location: &str, options: &[String]) -> anyhow::Result<Option<Self>> {
        let Some(peer) = Peer::build()? else { return Ok(None) };
        let mut stage = Self { peer, scratch: tempfile::tempdir()?, options: Vec::new() };
        stage.turn_to(location, options);
        Ok(Some(stage))
    }

    /// From now on, another server.
    fn turn_to(&mut self, location: &str, options: &[String]) {
        // Plakar wants a scheme that the manifest names; an address may follow it.
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

/// Backs up `from` by the command line and by the plugin, and restores what the plugin has to `to`.
async fn there_and_back(from: &dyn TestServer, to: &dyn TestServer) -> anyhow::Result<()> {
    let Some(mut stage) = Stage::new(&from.location(), &from.options())? else { return Ok(()) };
    seed::plant(&from.client()?, from.home(), &seed::account(from.odd_names())).await?;
    let expected = program::backed_up(from).await?;
    let first = stage.play("backup", &["-workers", "8"], &[]).await?.well()?;
    println!("{}: {} records, {} files opened", from.name(), first.figure("records"), first.figure("opens"));
    ensure!(tree(stage.folder())? == expected, "{}: the trees differ", from.name());
    ensure!(first.figure("opens") == i64::try_from(expected.len())?, "{first:?}");
    ensure!(first.figure("acks") == first.figure("records"), "{first:?}");
    let again = stage.play("backup", &[], &[]).await?.well()?;
    ensure!(again.figure("opens") == 0 && tree(stage.folder())? == expected, "{again:?}");
    let moved = seed::event("meeting-7@seed", "Moved", "");
    from.client()?.put(&format!("{}work/meeting-007.ics", from.home()), moved).await?;
    ensure!(stage.play("backup", &[], &[]).await?.well()?.figure("opens") == 1);

    // To another server, twice: the same files are there, and then nothing is left to do.
    stage.turn_to(&to.location(), &to.options());
    for _ in 0..2 {
        let restored = stage.play("restore", &[], &[]).await?.well()?;
        ensure!(restored.figure("acks") == restored.figure("records"), "{restored:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_objects_take_few_requests_although_they_are_opened_one_by_one() -> anyhow::Result<()> {
    let fake = Fake::start(&[("home", 2000), ("work", 3000)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    // Readers that overtake each other cost a few requests more.
    for (workers, requests, read) in [("1", 5000 / 64 + 20, 5000), ("8", 5000 / 64 + 60, 5050)] {
        let first = stage.play("backup", &["-workers", workers], &[]).await?.well()?;
        let seen = fake.take_requests();
        println!("{workers} at once: {} files opened, {} requests", first.figure("opens"), seen.len());
        ensure!(first.figure("opens") == 5004 && seen.len() <= requests, "{}", seen.len());
        ensure!(bodies(&seen) <= read, "{} bodies", bodies(&seen));
        if workers == "1" {
            std::fs::remove_file(stage.folder().join(".peer.json"))?;
        }
    }
    let unchanged = stage.play("backup", &[], &[]).await?.well()?;
    let seen = fake.take_requests();
    ensure!(unchanged.figure("opens") == 0 && bodies(&seen) == 0 && seen.len() <= 6, "{}", seen.len());
    // Fifty here and there, in no order.
    let mut at = 17_u32;
    let mut changed = std::collections::BTreeSet::new();
    while changed.len() < 50 {
        at = at.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let calendar = if at & 0x10000 == 0 { ("home", 2000) } else { ("work", 3000) };
        changed.insert((calendar.0, (at >> 8) % calendar.1));
    }
    for (calendar, i) in &changed {
        fake.put(calendar, &format!("{i:06}.ics"), object(&format!("{calendar}-{i}-changed")));
    }
    let _ = fake.take_requests();
    let third = stage.play("backup", &[], &[]).await?.well()?;
    let seen = fake.take_requests();
    println!(
        "50 changed: {} opened, {} requests, {} bodies",
        third.figure("opens"),
        seen.len(),
        bodies(&seen)
    );
    ensure!(third.figure("opens") == 50 && bodies(&seen) <= 100, "{}", bodies(&seen));
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
        let outcome = stage.play("backup", &[], &[]).await?.well()?;
        ensure!(bodies(&fake.take_requests()) == 3, "{outcome:?}");
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
        let outcome = stage.play("backup", &[], &[]).await?;
        ensure!(outcome.code() == code && outcome.message().contains(words), "{words}: {outcome:?}");
        ensure!(
            !outcome.message().contains('\n') && !stage.folder().join(".peer.json").exists(),
            "{outcome:?}"
        );
        ensure!(outcome.figure("acks") == outcome.figure("records"), "{outcome:?}");
        anyhow::Ok(())
    };
    fake.fault(|_| Some(Reply::status(401)));
    refused(&stage, "Unauthenticated", "does not accept this user name and password").await?;
    fake.fault(|_| Some(Reply::status(503)));
    refused(&stage, "ResourceExhausted", "503").await?;
    // In the middle of the listing.
    fake.fault(|seen| (seen.path == "/cal/work/").then(|| Reply::status(401)));
    refused(&stage, "Unauthenticated", "does not accept").await?;
    // All of the calendars.
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
    let outcome = stage.play("backup", &[], &[]).await?;
    ensure!(outcome.code().is_empty() && outcome.errors() == 1, "{outcome:?}");
    ensure!(outcome.error("/work").is_some_and(|why| why.contains("403")), "{outcome:?}");
    ensure!(stage.folder().join("home/000004.ics").exists());
    fake.fault(|seen| {
        seen.body
            .contains("000003.ics")
            .then(|| Reply::status(500))
            .filter(|_| seen.path.starts_with("/cal/work/"))
    });
    let outcome = stage.play("backup", &[], &[]).await?;
    ensure!(outcome.code().is_empty() && outcome.errors() <= 1, "{outcome:?}");
    fake.clear_fault();
    stage.play("backup", &[], &[]).await?.well()?;
    ensure!(tree(stage.folder())?.len() == 14);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_is_not_asked_for_every_object() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 300)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    fake.fault(|seen| (seen.method != "PROPFIND").then(Reply::reset));
    let outcome = stage.play("backup", &[], &[]).await?;
    let asked = fake.take_requests().len();
    ensure!(outcome.errors() == 300 && asked <= 30, "{asked} requests, {} errors", outcome.errors());
    // A password that is refused from now on is not sent three hundred times.
    fake.fault(|seen| (seen.method != "PROPFIND").then(|| Reply::status(401)));
    let outcome = stage.play("backup", &[], &[]).await?;
    let asked = fake.take_requests().len();
    ensure!(outcome.errors() == 300 && asked <= 10, "{asked} requests, {} errors", outcome.errors());
    ensure!(
        outcome.error("/work/000299.ics").is_some_and(|why| why.contains("user name and password")),
        "{outcome:?}"
    );
    fake.clear_fault();
    stage.play("backup", &[], &[]).await?.well()?;
    ensure!(tree(stage.folder())?.len() == 302);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_of_a_backup_the_next_one_is_right() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 200)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    fake.delay(Duration::from_millis(2));
    for at in [1, 2, 3, 10, 64, 65, 150, 200] {
        let killed = stage.play("backup", &["-kill-after", &at.to_string()], &[]).await?;
        ensure!(!killed.code().is_empty() && killed.figure("exit") != 0, "{killed:?}");
    }
    stage.play("backup", &[], &[]).await?.well()?;
    ensure!(tree(stage.folder())?.len() == 202);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_a_calendar_and_an_object_come_back() -> anyhow::Result<()> {
    let fake = Fake::start(&[("home", 7), ("work", 90)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    let (work, home) = (fake.objects("work"), fake.objects("home"));

    fake.empty();
    let whole = stage.play("restore", &[], &[]).await?.well()?;
    ensure!(whole.figure("acks") == whole.figure("records"), "{whole:?}");
    ensure!(fake.objects("work") == work && fake.objects("home") == home);
    // What is there is no error, and nothing is written again.
    let _ = fake.take_requests();
    stage.play("restore", &[], &[]).await?.well()?;
    assert_eq!(fake.take_puts(), 0, "objects written again");

    fake.empty();
    stage.play("restore", &["-only", "/work"], &[]).await?.well()?;
    ensure!(fake.calendars() == ["work"] && fake.objects("work") == work, "{:?}", fake.calendars());

    fake.empty();
    stage.play("restore", &["-only", "/work/000003.ics"], &[]).await?.well()?;
    ensure!(fake.calendars() == ["work"] && fake.objects("work").keys().eq(["000003.ics"]));
    // Elsewhere: by an option, and by the location of a calendar, as `@dst:/path` gives it.
    stage.play("restore", &["-only", "/work/000004.ics"], &["into=Other"]).await?.well()?;
    ensure!(fake.objects("Other").keys().eq(["000004.ics"]), "{:?}", fake.calendars());
    let place = format!("location=caldav://{}/cal/Other/", fake.url());
    stage.play("restore", &["-only", "/work/000005.ics"], &[&place]).await?.well()?;
    stage.play("restore", &["-only", "/home"], &[&place]).await?.well()?;
    ensure!(fake.objects("Other").len() == 2 + 7, "{:?}", fake.objects("Other").keys());
    ensure!(fake.calendars() == ["Other", "work"], "{:?}", fake.calendars());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_refused_is_named_and_the_restore_fails() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 40)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    fake.empty();
    fake.fault(|seen| {
        (seen.method == "PUT" && seen.path.ends_with("000007.ics")).then(|| Reply::status(403))
    });
    let outcome = stage.play("restore", &[], &[]).await?;
    ensure!(outcome.code() == "Unknown" && outcome.errors() == 1, "{outcome:?}");
    ensure!(
        outcome.message().starts_with("1 of 44 could not be restored, this one /work/000007.ics: "),
        "{outcome:?}"
    );
    ensure!(outcome.error("/work/000007.ics").is_some_and(|why| why.contains("403")), "{outcome:?}");
    ensure!(
        outcome.figure("acks") == outcome.figure("records") && fake.objects("work").len() == 39,
        "{outcome:?}"
    );
    fake.clear_fault();
    stage.play("restore", &[], &[]).await?.well()?;
    ensure!(fake.objects("work").len() == 40);
    // What the server loses is told, and is no failure of the restore.
    fake.empty();
    fake.behave(Behaviour { drops: Some("DESCRIPTION"), ..Behaviour::default() });
    let outcome = stage.play("restore", &[], &[]).await?;
    ensure!(
        outcome.code().is_empty()
            && outcome.error("/work/000001.ics") == Some("the server lost VEVENT DESCRIPTION"),
        "{outcome:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_cannot_be_made_is_heard_to_its_end() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 40)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    // From the first: one sentence, and not a word for each record.
    fake.fault(|_| Some(Reply::status(401)));
    let outcome = stage.play("restore", &[], &[]).await?;
    ensure!(outcome.code() == "Unauthenticated" && outcome.errors() == 0, "{outcome:?}");
    // After signing in, before anything is written.
    fake.fault(|seen| (seen.path == "/cal/work/").then(|| Reply::status(401)));
    let outcome = stage.play("restore", &[], &[]).await?;
    ensure!(
        outcome.code() == "Unauthenticated" && outcome.figure("acks") == outcome.figure("records"),
        "{outcome:?}"
    );
    ensure!(outcome.errors() >= 40, "{outcome:?}");
    // In the middle of it.
    fake.empty();
    fake.fault(|seen| {
        (seen.method == "PUT" && seen.path.ends_with("000020.ics")).then(|| Reply::status(401))
    });
    let outcome = stage.play("restore", &[], &[]).await?;
    ensure!(
        outcome.code() == "Unauthenticated" && outcome.figure("acks") == outcome.figure("records"),
        "{outcome:?}"
    );
    fake.clear_fault();
    stage.play("restore", &[], &[]).await?.well()?;
    ensure!(fake.objects("work").len() == 40);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_off_is_not_written() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 10)]).await?;
    let Some(stage) = Stage::of_fake(&fake)? else { return Ok(()) };
    stage.play("backup", &[], &[]).await?.well()?;
    fake.empty();
    let outcome = stage.play("restore", &["-cut", "/work/000006.ics"], &[]).await?;
    ensure!(
        outcome.error("/work/000006.ics").is_some_and(|why| why.contains("came out of the store")),
        "{outcome:?}"
    );
    ensure!(
        outcome.code() == "Unknown" && outcome.figure("acks") == outcome.figure("records"),
        "{outcome:?}"
    );
    ensure!(fake.objects("work").len() == 6 && !fake.objects("work").contains_key("000006.ics"));
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
        ensure!(!killed.code().is_empty() && killed.figure("exit") != 0, "{killed:?}");
    }
    stage.play("restore", &[], &[]).await?.well()?;
    ensure!(fake.objects("work") == before);
    Ok(())
}
