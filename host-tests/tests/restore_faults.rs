//! Faults of a server during a restore, and differences between servers, one test for each. A test checks the exit
//! code, the message, the objects on the server, and that a second run has nothing left to do.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use dav_model::fault::{after, every};
use dav_model::{Behaviour, ETags, NewCalendars, Reply, Request, Uids, object, object_name};
use host_tests::program::Cli;
use host_tests::scratch::{CALENDAR_ENTRIES, Scratch};

/// Fails unless `work` has this number of objects on the server.
fn has_objects(scratch: &Scratch, expected: usize) -> anyhow::Result<()> {
    let found = scratch.server.objects("work").len();
    ensure!(found == expected, "{found} objects on the server instead of {expected}");
    Ok(())
}

/// Fails unless a second restore has this exit code and writes nothing.
async fn nothing_is_left_to_do(scratch: &Scratch, restore: &Cli, exit: i32) -> anyhow::Result<()> {
    drop(scratch.server.take_requests());
    restore.exits(exit).await?.had_nothing_to_do()?;
    assert_eq!(scratch.server.take_puts(), 0, "objects written again");
    Ok(())
}

/// Fails unless a restore to a server with this behaviour writes every object, to one calendar, and a second run writes
/// nothing.
async fn gets_everything(behaviour: Behaviour) -> anyhow::Result<()> {
    const OBJECTS: usize = 20;
    let scratch = Scratch::backed_up(&[("work", OBJECTS)]).await?;
    let is_moved = behaviour.new_calendars == NewCalendars::Moved;
    scratch.server.behave(behaviour);
    scratch.restore().json().succeeds().await?;
    let calendars = scratch.server.calendars();
    let [calendar] = calendars.as_slice() else { anyhow::bail!("not one calendar: {calendars:?}") };
    assert_eq!(calendar != "work", is_moved, "the calendar is at another address");
    assert_eq!(scratch.server.objects(calendar).len(), OBJECTS, "objects on the server");
    nothing_is_left_to_do(&scratch, &scratch.restore().json(), 0).await?;
    assert_eq!(scratch.server.calendars(), calendars, "calendars after the second run");
    Ok(())
}

fn making(new_calendars: NewCalendars) -> Behaviour {
    Behaviour { new_calendars, ..Behaviour::default() }
}

host_tests::cases! { gets_everything;
    a_usual_server => Behaviour::default();
    a_server_that_answers_207_and_makes_no_calendar => making(NewCalendars::PromisedOnly);
    a_server_that_makes_calendars_elsewhere => making(NewCalendars::Moved);
    a_server_whose_calendars_appear_later => making(NewCalendars::Late(Duration::from_millis(2500)));
    a_server_that_ignores_if_none_match => Behaviour { ignores_none_match: true, ..Behaviour::default() };
    a_server_without_etags => Behaviour { etags: ETags::Absent, ..Behaviour::default() };
    a_server_with_weak_etags => Behaviour { etags: ETags::Weak, ..Behaviour::default() };
    a_server_whose_answers_are_lost => Behaviour { loses_answers: Some(3), ..Behaviour::default() };
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_does_not_keep_is_named() -> anyhow::Result<()> {
    const OBJECTS: usize = 3;
    let scratch = Scratch::backed_up(&[("work", OBJECTS)]).await?;
    std::fs::write(scratch.folder.join("work/color"), "#112233")?;
    let drops = Some("DESCRIPTION");
    scratch.server.behave(Behaviour { loses_properties: true, drops, ..Behaviour::default() });
    let outcome = scratch.restore().json().succeeds().await?;
    let color_file = 1;
    let outcome = outcome.counts("created", CALENDAR_ENTRIES + color_file + OBJECTS)?;
    let outcome = outcome.says("did not keep: color")?;
    assert_eq!(outcome.out.matches("lost VEVENT DESCRIPTION").count(), OBJECTS, "notices about objects");
    Ok(())
}

/// Prepares a backup of `work` with five objects, and a server that refuses new calendars.
async fn without_new_calendars() -> anyhow::Result<Scratch> {
    let scratch = Scratch::backed_up(&[("work", 5)]).await?;
    scratch.server.behave(making(NewCalendars::Forbidden));
    Ok(scratch)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_makes_no_calendars_says_so() -> anyhow::Result<()> {
    let scratch = without_new_calendars().await?;
    let outcome = scratch.restore().json().exits(3).await?;
    outcome.counts("failed", CALENDAR_ENTRIES + 5)?.says("into= or map=")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_makes_no_calendars_takes_what_is_mapped() -> anyhow::Result<()> {
    let scratch = without_new_calendars().await?;
    scratch.server.put("other", "x.ics", object("x"));
    scratch.restore().option("map", "work:other").succeeds().await?;
    assert_eq!(scratch.server.objects("other").len(), 1 + 5, "objects on the server");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_that_may_not_be_made_is_named_with_those_there_are() -> anyhow::Result<()> {
    let scratch = without_new_calendars().await?;
    scratch.server.make("other");
    let restore = scratch.restore().option("into", "nowhere").option("create", false).json();
    restore.exits(3).await?.says("The account has other")?;
    Ok(())
}

/// A restore of three objects to an account where another calendar has an object with the UID of one of them and other
/// content.
struct Conflict {
    uids: Uids,
    /// Value of the option `conflict`.
    option: &'static str,
    exit: i32,
    says: &'static str,
    /// Number of objects in `work` after the restore.
    objects: usize,
    /// True if the object in the other calendar is overwritten.
    overwrites: bool,
}

async fn is_followed(case: Conflict) -> anyhow::Result<()> {
    let scratch = Scratch::backed_up(&[("work", 3)]).await?;
    let other = String::from_utf8(object("work-0").to_vec())?.replace("SUMMARY:Number", "SUMMARY:Other");
    scratch.server.put("other", "there.ics", other.clone());
    scratch.server.behave(Behaviour { uids: case.uids, ..Behaviour::default() });
    let restore = scratch.restore().option("conflict", case.option).json();
    restore.exits(case.exit).await?.says(case.says)?;
    has_objects(&scratch, case.objects)?;
    assert_eq!(
        scratch.server.objects("other")["there.ics"] != other,
        case.overwrites,
        "the object in the other calendar was overwritten"
    );
    restore.exits(case.exit).await?.had_nothing_to_do()?;
    Ok(())
}

host_tests::cases! { is_followed;
    a_uid_that_is_taken_is_overwritten => Conflict {
        uids: Uids::UniqueWithHref, option: "overwrite", exit: 0,
        says: "the account has it at /cal/other/there.ics", objects: 2, overwrites: true,
    };
    a_uid_that_is_taken_is_skipped => Conflict {
        uids: Uids::UniqueWithHref, option: "skip", exit: 0,
        says: "is at /cal/other/there.ics with other content", objects: 2, overwrites: false,
    };
    a_uid_that_is_taken_somewhere_fails => Conflict {
        uids: Uids::Unique, option: "overwrite", exit: 3, says: "does not say where", objects: 2, overwrites: false,
    };
    a_uid_that_is_taken_somewhere_is_duplicated => Conflict {
        uids: Uids::Unique, option: "duplicate", exit: 0, says: "", objects: 3, overwrites: false,
    };
}

const REFUSED: &str = "/work/000001.ics";

/// Returns true for the PUT of the object that the server refuses.
fn is_refused_put(request: &Request) -> bool {
    request.is("PUT", &["/cal", REFUSED].concat())
}

/// A refusal of one object, and the error that the user gets.
struct Refusal {
    reply: Reply,
    code: &'static str,
    says: &'static str,
}

fn refusal(reply: Reply, code: &'static str, says: &'static str) -> Refusal {
    Refusal { reply, code, says }
}

/// Fails unless the restore reports the refused object with its reason and writes all others, and the next run writes
/// the missing one.
async fn is_named(case: Refusal) -> anyhow::Result<()> {
    const OBJECTS: usize = 10;
    let scratch = Scratch::backed_up(&[("work", OBJECTS)]).await?;
    scratch.server.fault(move |request| is_refused_put(request).then(|| case.reply.clone()));
    let failed = scratch.restore().json().exits(3).await?.reported("failed");
    let [failed] = failed.as_slice() else { anyhow::bail!("not one failure: {failed:?}") };
    assert_eq!(failed["path"], REFUSED);
    assert_eq!(failed["code"], case.code, "{failed}");
    let message = failed["message"].as_str().context("no message")?;
    ensure!(message.contains(case.says), "the message does not contain {:?}: {message}", case.says);
    has_objects(&scratch, OBJECTS - 1)?;
    scratch.server.clear_fault();
    drop(scratch.server.take_requests());
    scratch.restore().succeeds().await?;
    assert_eq!(scratch.server.take_puts(), 1, "objects written by the next run");
    has_objects(&scratch, OBJECTS)
}

host_tests::cases! { is_named;
    refused_with_412 => refusal(Reply::status(412), "conflict", "keeps changing");
    refused_with_403 => refusal(Reply::status(403), "forbidden", "read-only");
    refused_for_missing_privileges => refusal(Reply::error(403, "<d:need-privileges/>"), "read-only", "may not write");
    refused_for_its_component => refusal(
        Reply::error(403, "<d:supported-calendar-component/>"), "unsupported", "of this kind"
    );
    refused_with_413 => refusal(Reply::status(413), "too-large", "larger than");
    refused_for_its_size => refusal(Reply::error(412, "<d:max-resource-size/>"), "too-large", "larger than");
    refused_with_507 => refusal(Reply::status(507), "quota-exceeded", "no room");
    refused_as_invalid => refusal(Reply::error(415, "<d:valid-calendar-data/>"), "protocol", "as it is");
    refused_for_a_lock => refusal(Reply::error(423, "<d:lock-token-submitted/>"), "conflict", "has it locked");
    refused_with_500 => refusal(Reply::status(500), "protocol", "500");
}

/// Answers `reply` to one PUT in four. Fails unless everything is restored.
async fn is_waited_out(reply: Reply) -> anyhow::Result<()> {
    const OBJECTS: usize = 10;
    let scratch = Scratch::backed_up(&[("work", OBJECTS)]).await?;
    scratch.server.fault(every(4, |request| request.method == "PUT", move || reply.clone()));
    scratch.restore().succeeds().await?;
    has_objects(&scratch, OBJECTS)
}

host_tests::cases! { is_waited_out;
    a_429_now_and_then => Reply::status(429).header("retry-after", "1");
    a_503_now_and_then => Reply::status(503);
    a_423_now_and_then => Reply::status(423);
    a_reset_now_and_then => Reply::reset();
    a_502_now_and_then => Reply::status(502);
}

/// Makes an object vanish after the server has accepted it. Fails unless the restore reports that, with this value of
/// `verify`.
async fn finds_what_vanished(verify: &str) -> anyhow::Result<()> {
    let scratch = Scratch::backed_up(&[("work", 3)]).await?;
    scratch.server.fault(|request| is_refused_put(request).then(|| Reply::status(201)));
    let outcome = scratch.restore().option("verify", verify).json().exits(3).await?;
    outcome.says("no longer there")?.counts("failed", 1)?;
    Ok(())
}

host_tests::cases! { finds_what_vanished;
    a_vanished_object_is_found_by_its_content => "full";
    a_vanished_object_is_found_by_its_etag => "etag";
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_in_the_middle_ends_it() -> anyhow::Result<()> {
    const OBJECTS: usize = 200;
    const TAKEN: usize = 50;
    /// Requests under way when the first is refused, and a second attempt of one.
    const AT_ONCE: usize = 10;
    let scratch = Scratch::backed_up(&[("work", OBJECTS)]).await?;
    scratch.server.fault(after(TAKEN, |request| request.method == "PUT", || Reply::status(401)));
    scratch.restore().exits(77).await?;
    let puts = scratch.server.take_puts();
    ensure!(puts <= TAKEN + AT_ONCE, "{puts} objects were sent");
    scratch.server.clear_fault();
    scratch.restore().succeeds().await?;
    has_objects(&scratch, OBJECTS)
}

/// Returns an event with an organizer and an attendee.
fn meeting() -> String {
    String::from_utf8_lossy(&object("meeting")).replace(
        "SUMMARY:",
        "ORGANIZER;CN=Me:mailto:me@example.org\r\nATTENDEE:mailto:you@example.org\r\nSUMMARY:",
    )
}

/// Expected result for an event with attendees.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meeting {
    /// The event is stored unchanged.
    Same,
    /// The event is stored with `SCHEDULE-AGENT=CLIENT` (RFC 6638, section 7.1) for the organizer and the attendee.
    WithAgents,
    /// The event is stored only with `scheduling=allow`.
    Refused,
}

/// A server with its identifying headers, and the expected result of a restore to it.
struct Scheduling {
    dav: &'static str,
    server: &'static str,
    meeting: Meeting,
}

async fn invites_nobody(case: Scheduling) -> anyhow::Result<()> {
    let scratch = Scratch::backed_up(&[("work", 1)]).await?;
    std::fs::write(scratch.folder.join("work/meeting.ics"), meeting())?;
    scratch.server.behave(Behaviour { dav: case.dav, server: case.server, ..Behaviour::default() });
    let restore = scratch.restore().json();
    let exit = if case.meeting == Meeting::Refused { 3 } else { 0 };
    let outcome = restore.exits(exit).await?;
    for request in scratch.server.take_requests().iter().filter(|request| request.method == "PUT") {
        asks_for_silence(request);
    }
    let stored = scratch.server.objects("work").remove("meeting.ics");
    let agents = stored.as_ref().map(|text| text.matches("SCHEDULE-AGENT=CLIENT").count());
    match case.meeting {
        Meeting::Same => assert_eq!(stored, Some(meeting())),
        Meeting::WithAgents => assert_eq!(agents, Some(2), "agents in {stored:?}"),
        Meeting::Refused => {
            assert_eq!(stored, None);
            outcome.says("scheduling=allow")?;
        }
    }
    // The added parameters do not count as a difference.
    nothing_is_left_to_do(&scratch, &restore, exit).await?;
    if case.meeting == Meeting::Refused {
        scratch.restore().option("scheduling", "allow").succeeds().await?;
        assert_eq!(scratch.server.objects("work")["meeting.ics"], meeting());
    }
    Ok(())
}

/// Fails unless the request has all headers that tell servers not to send messages.
fn asks_for_silence(request: &Request) {
    for (name, value) in [("schedule-reply", "F"), ("scheduling-enabled", "F"), ("x-nc-scheduling", "false")]
    {
        assert_eq!(request.header(name), Some(value), "{name} of {}", request.path);
    }
}

const SCHEDULES: &str = ", calendar-auto-schedule";

host_tests::cases! { invites_nobody;
    no_scheduling_invites_nobody => Scheduling { dav: "", server: "", meeting: Meeting::Same };
    nextcloud_invites_nobody => Scheduling {
        dav: ", calendar-auto-schedule, nc-calendar-search", server: "", meeting: Meeting::Same
    };
    cyrus_invites_nobody => Scheduling { dav: SCHEDULES, server: "Cyrus-HTTP/3.6", meeting: Meeting::Same };
    any_other_server_invites_nobody => Scheduling { dav: SCHEDULES, server: "", meeting: Meeting::WithAgents };
    sogo_invites_nobody => Scheduling { dav: SCHEDULES, server: "SOGo", meeting: Meeting::Refused };
}

/// A server with the calendar `mine`, and a folder with files to restore.
struct Things {
    scratch: Scratch,
}

impl Things {
    async fn new() -> anyhow::Result<Self> {
        let scratch = Scratch::new(&[("mine", 1)]).await?;
        std::fs::create_dir(&scratch.folder)?;
        Ok(Self { scratch })
    }

    /// Prepares a restore of a file or folder, by its name.
    fn restore(&self, name: &str) -> Cli {
        Cli::new(&self.scratch.server).restore(&self.scratch.folder.join(name)).json()
    }
}

/// Returns one file with this number of events, as calendar programs export it.
fn export(count: usize) -> String {
    let event = |number: usize| {
        let text = String::from_utf8_lossy(&object(&format!("event-{number}"))).into_owned();
        let event = text.split_once("BEGIN:VEVENT").map_or(String::new(), |(_, rest)| rest.to_owned());
        ["BEGIN:VEVENT", &event.replace("END:VCALENDAR\r\n", "")].concat()
    };
    let events: String = (0..count).map(event).collect();
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\n{events}END:VCALENDAR\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_exported_file_with_hundreds_of_events_is_restored() -> anyhow::Result<()> {
    const EVENTS: usize = 300;
    let things = Things::new().await?;
    let server = &things.scratch.server;
    std::fs::write(things.scratch.folder.join("export.ics"), export(EVENTS))?;
    things.restore("export.ics").exits(3).await?.says("into=NAME")?;
    let restore = things.restore("export.ics").option("into", "Imported");
    restore.succeeds().await?;
    let objects = server.objects("Imported");
    assert_eq!(objects.len(), EVENTS, "objects on the server");
    let with_method = objects.values().filter(|text| text.contains("METHOD")).count();
    assert_eq!(with_method, 0, "objects with METHOD");
    nothing_is_left_to_do(&things.scratch, &restore, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_ics_files_with_something_else_among_them_is_restored() -> anyhow::Result<()> {
    let things = Things::new().await?;
    let plain = things.scratch.folder.join("plain");
    std::fs::create_dir(&plain)?;
    std::fs::write(plain.join("a b.ics"), object("a"))?;
    std::fs::write(plain.join("b"), object("b"))?;
    std::fs::write(plain.join("notes.txt"), "hello")?;
    std::fs::write(plain.join("broken.ics"), "hello")?;
    std::os::unix::fs::symlink(plain.join("b"), plain.join("link.ics"))?;
    let outcome = things.restore("plain").option("into", "mine").exits(3).await?;
    let objects = ["a b.ics", "b"].len();
    let outcome = outcome.counts("created", objects)?.counts("skipped", ["notes.txt"].len())?;
    let outcome = outcome.counts("failed", ["broken.ics"].len())?;
    outcome.says("omitted")?.says("link.ics")?;
    let there = things.scratch.server.objects("mine");
    ensure!(there.contains_key("a%20b.ics"), "{:?}", there.keys());
    Ok(())
}

/// vdirsyncer writes a folder for each calendar, with files for its name and colour beside the objects.
#[tokio::test(flavor = "multi_thread")]
async fn a_vdir_is_restored_with_its_name_and_colour() -> anyhow::Result<()> {
    const OBJECTS: usize = 3;
    let things = Things::new().await?;
    let family = things.scratch.folder.join("vdir/family");
    std::fs::create_dir_all(&family)?;
    std::fs::write(family.join("displayname"), "Family")?;
    std::fs::write(family.join("color"), "#AA0000")?;
    for number in 0..OBJECTS {
        std::fs::write(family.join(object_name(number)), object(&format!("f{number}")))?;
    }
    things.restore("vdir").succeeds().await?;
    assert_eq!(things.scratch.server.objects("family").len(), OBJECTS, "objects on the server");
    let calendars = Cli::new(&things.scratch.server).calendars().json().run().await?;
    calendars.says("\"Family\"")?.says("#AA0000")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_at_all_is_a_mistake() -> anyhow::Result<()> {
    let things = Things::new().await?;
    std::fs::create_dir(things.scratch.folder.join("empty"))?;
    things.restore("empty").exits(66).await?;
    things.restore("missing").exits(66).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_and_run_again_it_ends_the_same() -> anyhow::Result<()> {
    const ROUNDS: u64 = 50;
    let scratch = Scratch::backed_up(&[("home", 60), ("work", 140)]).await?;
    let objects = || (scratch.server.objects("home"), scratch.server.objects("work"));
    scratch.server.delay(Duration::from_millis(2));
    let took = scratch.restore().json().succeeds().await?.figure("milliseconds")?;
    let wanted = objects();
    let mut before_the_end = 0;
    for round in 0..ROUNDS {
        scratch.server.empty();
        // Moments spread over the whole run, in no particular order.
        let after = Duration::from_millis(10 + round * 7919 % took.max(50));
        let mut child = scratch.restore().process()?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        tokio::time::sleep(after).await;
        before_the_end += u64::from(child.try_wait()?.is_none());
        child.kill().await?;
        scratch.restore().succeeds().await.with_context(|| format!("killed after {after:?}"))?;
        ensure!(objects() == wanted, "killed after {after:?}, the objects are not the same");
    }
    println!("{before_the_end} of {ROUNDS} were killed before their end");
    ensure!(before_the_end >= ROUNDS / 2, "most runs were over before they were killed");
    Ok(())
}

/// Restores this number of objects, and returns the peak memory of the component in bytes.
async fn memory_for(objects: usize) -> anyhow::Result<u64> {
    const MOST_AT_ONCE: usize = 4;
    let scratch = Scratch::backed_up(&[("work", objects)]).await?;
    let outcome = scratch.restore().json().succeeds().await?;
    has_objects(&scratch, objects)?;
    let at_once = scratch.server.most_puts();
    ensure!(at_once <= MOST_AT_ONCE, "{at_once} objects were written at once");
    outcome.figure("guest_memory")
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_under_way_are_bounded_and_memory_does_not_grow() -> anyhow::Result<()> {
    const SLACK: u64 = 2 << 20;
    let (few, many) = (memory_for(1000).await?, memory_for(5000).await?);
    println!("guest memory for 1,000 and 5,000 objects: {few} and {many} bytes");
    ensure!(many <= few + SLACK, "{few} bytes for 1,000 objects, {many} for 5,000");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_password_is_told_in_one_line() -> anyhow::Result<()> {
    let scratch = Scratch::backed_up(&[("work", 3)]).await?;
    scratch.server.fault(|_| Some(Reply::status(401)));
    let restore = scratch.restore().variable("CALDAV_USERNAME", "a").variable("CALDAV_PASSWORD", "b");
    restore.exits(77).await?.in_one_line()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_told_in_one_line() -> anyhow::Result<()> {
    let scratch = Scratch::backed_up(&[("work", 3)]).await?;
    let down = Cli::at("http://127.0.0.1:1/").option("insecure", true).restore(&scratch.folder);
    down.exits(69).await?.in_one_line()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn options_of_backups_and_wrong_values_are_named() -> anyhow::Result<()> {
    let scratch = Scratch::backed_up(&[("work", 3)]).await?;
    let wrong = scratch.restore().option("fetch", "get").option("verify", "no");
    let outcome = wrong.exits(64).await?;
    for words in ["is for backups", "full, etag, none"] {
        ensure!(outcome.err.contains(words), "the output does not contain {words:?}: {outcome:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_a_restore_and_the_next_one_ends_it() -> anyhow::Result<()> {
    const OBJECTS: usize = 300;
    let scratch = Scratch::backed_up(&[("work", OBJECTS)]).await?;
    scratch.server.delay(Duration::from_millis(20));
    let child = scratch.restore().process()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let id = child.id().context("the program has ended")?.to_string();
    ensure!(std::process::Command::new("kill").args(["-INT", &id]).status()?.success(), "kill failed");
    let output = child.wait_with_output().await?;
    assert_eq!(output.status.code(), Some(130), "exit code");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(said.trim().lines().count() <= 3, "more than three lines: {said}");
    scratch.server.delay(Duration::ZERO);
    scratch.restore().succeeds().await?;
    has_objects(&scratch, OBJECTS)
}
