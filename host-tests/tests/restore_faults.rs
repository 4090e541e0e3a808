//! What a server can do wrong while it is written to, and what it can be like. For each: the exit code,
//! what the user reads, what is there afterwards; and that a second run has nothing left to do.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use host_tests::fake::{Fake, Habits, Reply, Seen, object};
use host_tests::program::{self, Outcome};

/// An account, its backup, and the same account emptied.
struct Scratch {
    fake: Fake,
    folder: PathBuf,
    _parent: tempfile::TempDir,
}

impl Scratch {
    async fn new(calendars: &[(&str, usize)]) -> anyhow::Result<Self> {
        let fake = Fake::start(calendars).await?;
        let parent = tempfile::tempdir()?;
        let scratch = Self { fake, folder: parent.path().join("backup"), _parent: parent };
        let (url, folder) = (scratch.fake.url(), scratch.folder.display().to_string());
        let backup = program::run(&["backup", &url, &folder, "-o", "insecure=true"], &[]).await?;
        ensure!(backup.code == 0, "{backup:?}");
        scratch.fake.empty();
        let _ = scratch.fake.take_seen();
        Ok(scratch)
    }

    async fn restore(&self, more: &[&str]) -> anyhow::Result<Outcome> {
        let (url, folder) = (self.fake.url(), self.folder.display().to_string());
        let fixed = ["restore", &folder, &url, "--json", "-o", "insecure=true"];
        program::run(&[&fixed, more].concat(), &[]).await
    }

    fn puts(&self) -> usize {
        self.fake.take_seen().iter().filter(|seen| seen.method == "PUT").count()
    }
}

fn figure(outcome: &Outcome, name: &str) -> anyhow::Result<u64> {
    Ok(outcome.summary()?[name].as_u64().unwrap_or(u64::MAX))
}

/// A server of these habits gets everything; a second run writes nothing.
async fn takes_everything(what: &str, habits: Habits, calendar: &str, says: &str) -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 20)]).await?;
    scratch.fake.habits(habits);
    let outcome = scratch.restore(&[]).await?;
    ensure!(outcome.code == 0, "{what}: {outcome:?}");
    ensure!(outcome.out.contains(says), "{what}: {says:?} is not said: {}", outcome.out);
    let calendar = if calendar.is_empty() { scratch.fake.calendars().remove(0) } else { calendar.to_owned() };
    ensure!(scratch.fake.objects(&calendar).len() == 20, "{what}: {:?}", scratch.fake.calendars());
    ensure!(scratch.fake.calendars().len() == 1, "{what}: {:?}", scratch.fake.calendars());
    let _ = scratch.fake.take_seen();
    let again = scratch.restore(&[]).await?;
    ensure!(again.code == 0 && scratch.puts() == 0, "{what}: {again:?}");
    ensure!(scratch.fake.calendars().len() == 1, "{what}: {:?}", scratch.fake.calendars());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_of_many_habits_get_everything() -> anyhow::Result<()> {
    let usual = Habits::default;
    for (what, habits, calendar, says) in [
        ("nothing special", usual(), "work", ""),
        ("207 and no calendar", Habits { empty_promise: true, ..usual() }, "work", ""),
        ("the address is another", Habits { moves_calendars: true, ..usual() }, "", ""),
        (
            "calendars appear later",
            Habits { slow_calendars: Some(Duration::from_millis(2500)), ..usual() },
            "work",
            "",
        ),
        ("If-None-Match is ignored", Habits { ignores_none_match: true, ..usual() }, "work", ""),
        ("no ETag", Habits { no_etags: true, ..usual() }, "work", ""),
        ("weak ETags", Habits { weak_etags: true, ..usual() }, "work", ""),
        ("lost answers", Habits { loses_answers: Some(3), ..usual() }, "work", ""),
    ] {
        takes_everything(what, habits, calendar, says).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_does_not_keep_is_named() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 3)]).await?;
    std::fs::write(scratch.folder.join("work/color"), "#112233")?;
    scratch.fake.habits(Habits { loses_properties: true, drops: Some("DESCRIPTION"), ..Habits::default() });
    let outcome = scratch.restore(&[]).await?;
    ensure!(outcome.code == 0 && figure(&outcome, "created")? == 7, "{outcome:?}");
    ensure!(outcome.out.contains("did not keep: color"), "{outcome:?}");
    ensure!(outcome.out.matches("lost VEVENT DESCRIPTION").count() == 3, "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_makes_no_calendars_says_so_and_takes_what_is_mapped() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 5)]).await?;
    scratch.fake.habits(Habits { no_calendars: true, ..Habits::default() });
    let outcome = scratch.restore(&[]).await?;
    ensure!(outcome.code == 3 && figure(&outcome, "failed")? == 8, "{outcome:?}");
    ensure!(outcome.out.contains("with into or map"), "{outcome:?}");
    scratch.fake.put("other", "x.ics", object("x"));
    let outcome = scratch.restore(&["-o", "map=work:other"]).await?;
    ensure!(outcome.code == 0 && scratch.fake.objects("other").len() == 6, "{outcome:?}");
    let outcome = scratch.restore(&["-o", "into=nowhere", "-o", "create=false"]).await?;
    ensure!(outcome.code == 3 && outcome.out.contains("The account has other"), "{outcome:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_uid_that_is_taken_is_followed() -> anyhow::Result<()> {
    for (says_where, conflict, code, created, words) in [
        (true, "overwrite", 0, 2, "the account has it at /cal/other/there.ics"),
        (true, "skip", 0, 2, "is at /cal/other/there.ics with other content"),
        (false, "overwrite", 3, 2, "does not say where"),
        (false, "duplicate", 0, 3, ""),
    ] {
        let scratch = Scratch::new(&[("work", 3)]).await?;
        // Another event with the UID of the first one.
        let other = String::from_utf8_lossy(&object("work-0")).replace("SUMMARY:Number", "SUMMARY:Other");
        scratch.fake.put("other", "there.ics", other.clone().into());
        scratch.fake.habits(Habits { unique_uids: Some(says_where), ..Habits::default() });
        let outcome = scratch.restore(&["-o", &format!("conflict={conflict}")]).await?;
        ensure!(outcome.code == code && outcome.out.contains(words), "{says_where} {conflict}: {outcome:?}");
        let work = scratch.fake.objects("work");
        ensure!(work.len() == created, "{says_where} {conflict}: {work:?}");
        let there = &scratch.fake.objects("other")["there.ics"];
        ensure!(
            (*there == other) != (conflict == "overwrite" && says_where),
            "{says_where} {conflict}: {there}"
        );
        let _ = scratch.fake.take_seen();
        let again = scratch.restore(&["-o", &format!("conflict={conflict}")]).await?;
        ensure!(
            again.code == code && figure(&again, "created")? + figure(&again, "updated")? == 0,
            "{again:?}"
        );
    }
    Ok(())
}

/// Whether it writes the second object.
fn is_put(seen: &Seen) -> bool {
    seen.method == "PUT" && seen.path == "/cal/work/000001.ics"
}

fn error(status: u16, precondition: &str) -> Reply {
    let body = format!("<d:error xmlns:d=\"DAV:\"><d:{precondition}/></d:error>");
    Reply::Plain(status, vec![("content-type", "application/xml".to_owned())], body.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_object_is_named_with_its_reason_and_the_others_are_written() -> anyhow::Result<()> {
    let faults: [(&str, fn() -> Reply, &str, &str); 10] = [
        ("412", || Reply::status(412), "conflict", "changes faster"),
        ("403", || Reply::status(403), "forbidden", "read-only"),
        ("privileges", || error(403, "need-privileges"), "read-only", "may not write"),
        ("component", || error(403, "supported-calendar-component"), "unsupported", "of this kind"),
        ("413", || Reply::status(413), "too-large", "larger than"),
        ("max-resource-size", || error(412, "max-resource-size"), "too-large", "larger than"),
        ("507", || Reply::status(507), "quota-exceeded", "no room"),
        ("invalid", || error(415, "valid-calendar-data"), "protocol", "as it is"),
        ("lock", || error(423, "lock-token-submitted"), "conflict", "has it locked"),
        ("500", || Reply::status(500), "protocol", "500"),
    ];
    for (what, fault, code, words) in faults {
        let scratch = Scratch::new(&[("work", 10)]).await?;
        scratch.fake.fault(move |seen| is_put(seen).then(fault));
        let outcome = scratch.restore(&[]).await?;
        ensure!(outcome.code == 3, "{what}: {outcome:?}");
        let failed: Vec<_> = outcome.objects().into_iter().filter(|o| o["outcome"] == "failed").collect();
        ensure!(failed.len() == 1 && failed[0]["path"] == "/work/000001.ics", "{what}: {failed:?}");
        ensure!(failed[0]["code"] == code, "{what}: {failed:?}");
        ensure!(failed[0]["message"].as_str().is_some_and(|text| text.contains(words)), "{what}: {failed:?}");
        ensure!(scratch.fake.objects("work").len() == 9, "{what}");
        scratch.fake.heal();
        let _ = scratch.fake.take_seen();
        let healed = scratch.restore(&[]).await?;
        ensure!(healed.code == 0 && scratch.puts() == 1, "{what}: {healed:?}");
        ensure!(scratch.fake.objects("work").len() == 10, "{what}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn passing_troubles_are_waited_out() -> anyhow::Result<()> {
    let faults: [(&str, fn() -> Reply); 5] = [
        ("429", || Reply::header(429, "retry-after", "1")),
        ("503", || Reply::status(503)),
        ("423", || Reply::status(423)),
        ("reset", || Reply::Reset),
        ("502", || Reply::status(502)),
    ];
    for (what, fault) in faults {
        let scratch = Scratch::new(&[("work", 10)]).await?;
        scratch.fake.fault(move |seen| (seen.method == "PUT" && seen.number % 4 == 0).then(fault));
        let outcome = scratch.restore(&[]).await?;
        ensure!(outcome.code == 0 && scratch.fake.objects("work").len() == 10, "{what}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_vanishes_after_it_was_taken_is_a_failure() -> anyhow::Result<()> {
    for verify in ["full", "etag"] {
        let scratch = Scratch::new(&[("work", 3)]).await?;
        scratch.fake.fault(|seen| is_put(seen).then(|| Reply::status(201)));
        let outcome = scratch.restore(&["-o", &format!("verify={verify}")]).await?;
        ensure!(outcome.code == 3 && outcome.out.contains("does not have it now"), "{verify}: {outcome:?}");
        ensure!(figure(&outcome, "failed")? == 1, "{verify}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_in_the_middle_ends_it() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 200)]).await?;
    scratch.fake.fault(|seen| (seen.method == "PUT" && seen.number > 50).then(|| Reply::status(401)));
    let outcome = scratch.restore(&[]).await?;
    ensure!(outcome.code == 77, "{outcome:?}");
    ensure!(scratch.puts() < 70);
    scratch.fake.heal();
    ensure!(scratch.restore(&[]).await?.code == 0 && scratch.fake.objects("work").len() == 200);
    Ok(())
}

/// An event with guests.
fn meeting() -> String {
    String::from_utf8_lossy(&object("meeting")).replace(
        "SUMMARY:",
        "ORGANIZER;CN=Me:mailto:me@example.org\r\nATTENDEE:mailto:you@example.org\r\nSUMMARY:",
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_an_invitation() -> anyhow::Result<()> {
    let schedules = ", calendar-auto-schedule";
    for (what, habits, code, has_agent) in [
        ("no scheduling", Habits::default(), 0, false),
        (
            "Nextcloud",
            Habits { says: ", calendar-auto-schedule, nc-calendar-search", ..Habits::default() },
            0,
            false,
        ),
        ("Cyrus", Habits { says: schedules, server: "Cyrus-HTTP/3.6", ..Habits::default() }, 0, false),
        ("any other", Habits { says: schedules, ..Habits::default() }, 0, true),
        ("SOGo", Habits { says: schedules, server: "SOGo", ..Habits::default() }, 3, false),
    ] {
        let scratch = Scratch::new(&[("work", 1)]).await?;
        std::fs::write(scratch.folder.join("work/meeting.ics"), meeting())?;
        scratch.fake.habits(habits.clone());
        let outcome = scratch.restore(&[]).await?;
        ensure!(outcome.code == code, "{what}: {outcome:?}");
        let quiet = |seen: &Seen| {
            seen.header("schedule-reply") == Some("F")
                && seen.header("scheduling-enabled") == Some("F")
                && seen.header("x-nc-scheduling") == Some("false")
        };
        ensure!(scratch.fake.take_seen().iter().filter(|seen| seen.method == "PUT").all(quiet), "{what}");
        let stored = scratch.fake.objects("work");
        match stored.get("meeting.ics") {
            None => ensure!(code == 3 && outcome.out.contains("scheduling=allow"), "{what}: {outcome:?}"),
            Some(text) => ensure!(
                text.matches("SCHEDULE-AGENT=CLIENT").count() == if has_agent { 2 } else { 0 },
                "{what}: {text}"
            ),
        }
        // What was added is no difference.
        let again = scratch.restore(&[]).await?;
        ensure!(scratch.puts() == 0 && again.code == code, "{what}: {again:?}");
        if code == 3 {
            let allowed = scratch.restore(&["-o", "scheduling=allow"]).await?;
            ensure!(
                allowed.code == 0 && scratch.fake.objects("work")["meeting.ics"] == meeting(),
                "{what}: {allowed:?}"
            );
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_people_have_is_restored() -> anyhow::Result<()> {
    let fake = Fake::start(&[("mine", 1)]).await?;
    let scratch = tempfile::tempdir()?;
    let url = fake.url();
    let restore = async |from: &std::path::Path, more: &[&str]| {
        let from = from.display().to_string();
        let fixed = ["restore", from.as_str(), url.as_str(), "--json", "-o", "insecure=true"];
        program::run(&[&fixed, more].concat(), &[]).await
    };
    // One exported file with hundreds of events.
    let events: String = (0..300)
        .map(|i| String::from_utf8_lossy(&object(&format!("event-{i}"))).into_owned())
        .map(|text| {
            text.split_once("BEGIN:VEVENT").map_or(String::new(), |(_, e)| format!("BEGIN:VEVENT{e}"))
        })
        .map(|text| text.replace("END:VCALENDAR\r\n", ""))
        .collect();
    let export = scratch.path().join("export.ics");
    std::fs::write(
        &export,
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\n{events}END:VCALENDAR\r\n"),
    )?;
    let outcome = restore(&export, &[]).await?;
    ensure!(outcome.code == 3 && outcome.out.contains("into=NAME"), "{outcome:?}");
    let outcome = restore(&export, &["-o", "into=Imported"]).await?;
    ensure!(outcome.code == 0 && fake.objects("Imported").len() == 300, "{outcome:?}");
    ensure!(fake.objects("Imported").values().all(|text| !text.contains("METHOD")));
    let _ = fake.take_seen();
    ensure!(restore(&export, &["-o", "into=Imported"]).await?.code == 0);
    ensure!(fake.take_seen().iter().all(|seen| seen.method != "PUT"));

    // A folder of .ics files, with something else among them.
    let plain = scratch.path().join("plain");
    std::fs::create_dir(&plain)?;
    std::fs::write(plain.join("a b.ics"), object("a"))?;
    std::fs::write(plain.join("b"), object("b"))?;
    std::fs::write(plain.join("notes.txt"), "hello")?;
    std::fs::write(plain.join("broken.ics"), "hello")?;
    std::os::unix::fs::symlink(plain.join("b"), plain.join("link.ics"))?;
    let outcome = restore(&plain, &["-o", "into=mine"]).await?;
    ensure!(
        outcome.code == 3
            && figure(&outcome, "created")? == 2
            && figure(&outcome, "skipped")? == 1
            && figure(&outcome, "failed")? == 1,
        "{outcome:?}"
    );
    ensure!(outcome.out.contains("left out") && outcome.out.contains("link.ics"), "{outcome:?}");
    ensure!(fake.objects("mine").contains_key("a%20b.ics"), "{:?}", fake.objects("mine").keys());

    // A vdir as vdirsyncer writes it: a folder for each calendar, its name and colour beside the objects.
    let vdir = scratch.path().join("vdir");
    std::fs::create_dir_all(vdir.join("family"))?;
    std::fs::write(vdir.join("family/displayname"), "Family")?;
    std::fs::write(vdir.join("family/color"), "#AA0000")?;
    for i in 0..3 {
        std::fs::write(vdir.join(format!("family/{i}.ics")), object(&format!("f{i}")))?;
    }
    let outcome = restore(&vdir, &[]).await?;
    ensure!(outcome.code == 0 && fake.objects("family").len() == 3, "{outcome:?}");
    let calendars = program::run(&["calendars", &url, "--json", "-o", "insecure=true"], &[]).await?;
    ensure!(calendars.out.contains("\"Family\"") && calendars.out.contains("#AA0000"), "{calendars:?}");

    // Nothing at all is a mistake.
    std::fs::create_dir(scratch.path().join("empty"))?;
    ensure!(restore(&scratch.path().join("empty"), &[]).await?.code == 66);
    ensure!(restore(&scratch.path().join("missing"), &[]).await?.code == 66);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_and_run_again_it_ends_the_same() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("home", 60), ("work", 140)]).await?;
    scratch.fake.delay(Duration::from_millis(2));
    let whole = scratch.restore(&[]).await?;
    ensure!(whole.code == 0, "{whole:?}");
    let wanted = (scratch.fake.objects("home"), scratch.fake.objects("work"));
    let took = whole.summary()?["milliseconds"].as_u64().unwrap_or(500);
    let (url, folder) = (scratch.fake.url(), scratch.folder.display().to_string());
    let mut before_the_end = 0;
    for round in 0..50_u64 {
        scratch.fake.empty();
        // Spread over the run as if by chance.
        let after = Duration::from_millis(10 + round * 7919 % took.max(50));
        let mut child = program::command(&["restore", &folder, &url, "-o", "insecure=true"], &[])?.spawn()?;
        tokio::time::sleep(after).await;
        before_the_end += usize::from(child.try_wait()?.is_none());
        child.kill().await?;
        let again = scratch.restore(&[]).await?;
        ensure!(again.code == 0, "after {after:?}: {again:?}");
        ensure!((scratch.fake.objects("home"), scratch.fake.objects("work")) == wanted, "after {after:?}");
    }
    println!("{before_the_end} of 50 were killed before their end");
    ensure!(before_the_end >= 25);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_under_way_are_bounded_and_memory_does_not_grow() -> anyhow::Result<()> {
    let mut memory = Vec::new();
    for objects in [1000, 5000] {
        let scratch = Scratch::new(&[("work", objects)]).await?;
        let outcome = scratch.restore(&[]).await?;
        ensure!(outcome.code == 0 && scratch.fake.objects("work").len() == objects, "{outcome:?}");
        ensure!(scratch.fake.most_puts() <= 4, "{} at once", scratch.fake.most_puts());
        memory.push(figure(&outcome, "guest_memory")?);
    }
    println!("guest memory for 1,000 and 5,000 objects: {memory:?}");
    ensure!(memory[1] <= memory[0] + (2 << 20), "{memory:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_and_interruptions_are_told_once() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 300)]).await?;
    let (url, folder) = (scratch.fake.url(), scratch.folder.display().to_string());
    let fixed = ["restore", folder.as_str(), url.as_str(), "-o", "insecure=true"];
    scratch.fake.fault(|_| Some(Reply::status(401)));
    let refused = program::run(&fixed, &[("CALDAV_USERNAME", "a"), ("CALDAV_PASSWORD", "b")]).await?;
    ensure!(refused.code == 77 && refused.err.trim().lines().count() == 1, "{refused:?}");
    scratch.fake.heal();
    let gone = program::run(&["restore", &folder, "http://127.0.0.1:1/", "-o", "insecure=true"], &[]).await?;
    ensure!(gone.code == 69 && gone.err.trim().lines().count() == 1, "{gone:?}");
    let wrong = program::run(&[&fixed[..], &["-o", "fetch=get", "-o", "verify=no"]].concat(), &[]).await?;
    ensure!(
        wrong.code == 64 && wrong.err.contains("is for backups") && wrong.err.contains("full, etag, none"),
        "{wrong:?}"
    );
    // Ctrl-C in the middle.
    scratch.fake.delay(Duration::from_millis(20));
    let child = program::command(&fixed, &[])?
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let pid = child.id().unwrap_or_default().to_string();
    ensure!(tokio::process::Command::new("kill").args(["-INT", &pid]).status().await?.success());
    let output = child.wait_with_output().await?;
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(130), "{output:?}");
    ensure!(err.trim().lines().count() <= 3, "{err}");
    scratch.fake.delay(Duration::ZERO);
    ensure!(scratch.restore(&[]).await?.code == 0 && scratch.fake.objects("work").len() == 300);
    Ok(())
}
