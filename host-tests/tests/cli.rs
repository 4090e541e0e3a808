//! The program as its users experience it: mistakes, interruptions, folders in an unexpected state.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::ensure;
use dav_model::{Reply, object};
use host_tests::fake::Fake;
use host_tests::program::{self, Cli, tree};
use host_tests::scratch::{Scratch, files};

/// A run of `check` that must fail.
struct Mistake {
    exit: i32,
    /// Texts that the one line on standard error must contain.
    says: &'static [&'static str],
    check: Cli,
}

fn mistake(exit: i32, says: &'static [&'static str], check: Cli) -> Mistake {
    Mistake { exit, says, check: check.check() }
}

/// Fails unless there is one line on standard error and nothing on standard output. With `--json`, the last line has
/// the exit code.
async fn is_refused(mistake: Mistake) -> anyhow::Result<()> {
    let mut outcome = mistake.check.exits(mistake.exit).await?.in_one_line()?;
    for words in mistake.says {
        outcome = outcome.says(words)?;
    }
    assert_eq!(outcome.out, "", "standard output");
    mistake.check.json().exits(mistake.exit).await?.summary()?;
    Ok(())
}

host_tests::cases! { is_refused;
    an_address_without_encryption => mistake(64, &["not encrypted", "insecure=true"], Cli::at("http://127.0.0.1:1"));
    an_option_that_is_misspelt => mistake(64, &["did you mean password"],
        Cli::at("http://127.0.0.1:1").option("insecure", true).option("pasword", "x"));
    a_host_that_does_not_exist => mistake(69, &["no-such-host.invalid", "Check the location"],
        Cli::at("caldav://no-such-host.invalid"));
    a_server_that_is_down => mistake(69, &["refused", "whether the server is up"],
        Cli::at("http://127.0.0.1:1").option("insecure", true));
    a_scheme_that_is_not_http => mistake(64, &["not a caldav:// or https:// address"], Cli::at("ftp://127.0.0.1/"));
    a_password_in_the_address => mistake(64, &["take the password out"], Cli::at("caldav://u:secret@127.0.0.1/"));
    a_file_that_is_missing => mistake(64, &["tls_ca", "/nowhere"],
        Cli::at("caldav://127.0.0.1").option("tls_ca", "/nowhere"));
    a_password_command_that_fails => mistake(64, &["password_command"],
        Cli::at("http://127.0.0.1:1").option("insecure", true).option("username", "alice").option("password_command", "false"));
}

/// A `check` of a server that answers every request with the same status.
struct Answered {
    status: u16,
    /// True if the run has a user name and a password.
    signs_in: bool,
    exit: i32,
    says: &'static [&'static str],
}

async fn is_explained(case: Answered) -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 1)]).await?;
    fake.fault(move |_| Some(Reply::status(case.status)));
    let check = Cli::new(&fake);
    let check = if case.signs_in { check.option("username", "alice").option("password", "x") } else { check };
    is_refused(mistake(case.exit, case.says, check)).await
}

host_tests::cases! { is_explained;
    a_wrong_password => Answered { status: 401, signs_in: true, exit: 77, says: &["does not accept", "app password"] };
    a_missing_password => Answered { status: 401, signs_in: false, exit: 77, says: &["requires a user name and a password"] };
    a_server_without_caldav => Answered {
        status: 404, signs_in: false, exit: 65, says: &["no CalDAV server was found", "/.well-known/caldav (404)"]
    };
}

#[tokio::test]
async fn a_command_that_is_misspelt() -> anyhow::Result<()> {
    let outcome = program::run(&["bakup"], &[]).await?.exited(64)?;
    ensure!(outcome.err.contains("backup"), "no command is suggested: {outcome:?}");
    Ok(())
}

/// Runs a prepared `check`, and expects these Basic credentials (RFC 7617, section 2) in every request.
async fn signs_in_with(credentials: &str, prepare: impl FnOnce(Cli) -> Cli) -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 1)]).await?;
    prepare(Cli::new(&fake).check()).succeeds().await?;
    let expected = format!("Basic {credentials}");
    for request in fake.take_requests() {
        assert_eq!(request.header("authorization"), Some(expected.as_str()), "{}", request.path);
    }
    Ok(())
}

#[tokio::test]
async fn a_password_comes_from_the_first_line_of_a_file() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("password");
    std::fs::write(&file, "from the file\nnot this\n")?;
    let with_file = |cli: Cli| cli.option("username", "alice").option("password_file", file.display());
    signs_in_with("YWxpY2U6ZnJvbSB0aGUgZmlsZQ==", with_file).await
}

#[tokio::test]
async fn a_password_comes_from_a_command() -> anyhow::Result<()> {
    let with_command = |cli: Cli| {
        let command = "echo from a command";
        cli.option("username", "alice").option("password_command", command).variable("PATH", "/bin:/usr/bin")
    };
    signs_in_with("YWxpY2U6ZnJvbSBhIGNvbW1hbmQ=", with_command).await
}

#[tokio::test]
async fn a_password_comes_from_the_environment() -> anyhow::Result<()> {
    let with_variables = |cli: Cli| {
        cli.variable("CALDAV_USERNAME", "alice").variable("CALDAV_PASSWORD", "from the environment")
    };
    signs_in_with("YWxpY2U6ZnJvbSB0aGUgZW52aXJvbm1lbnQ=", with_variables).await
}

#[tokio::test]
async fn a_folder_that_is_not_ours_is_left_alone() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 3)]).await?;
    std::fs::create_dir_all(&scratch.folder)?;
    std::fs::write(scratch.folder.join("thesis.txt"), "years of work")?;
    scratch.backup().exits(64).await?.says("not empty and holds no backup")?;
    Ok(())
}

#[tokio::test]
async fn a_folder_with_the_backup_of_another_account_is_left_alone() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 3)]).await?;
    scratch.backup().succeeds().await?;
    let other = scratch.backup().option("username", "bob").option("password", "x");
    other.exits(64).await?.says("holds the backup of")?;
    Ok(())
}

#[tokio::test]
async fn files_changed_or_lost_in_the_folder_come_back() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 5)]).await?;
    scratch.backup().succeeds().await?;
    let before = tree(&scratch.folder)?;
    let (changed, lost, foreign) = ("work/000001.ics", "work/000002.ics", "work/mine.txt");
    std::fs::write(scratch.folder.join(changed), "scribbled over")?;
    std::fs::remove_file(scratch.folder.join(lost))?;
    std::fs::write(scratch.folder.join(foreign), "not from the server")?;
    let repaired = [changed, lost].len();
    let outcome = scratch.backup().json().succeeds().await?;
    outcome.counts("changed", repaired)?.counts("unchanged", before.len() - repaired)?;
    let mut after = tree(&scratch.folder)?;
    ensure!(after.remove(foreign).is_some(), "a file of the user was removed");
    ensure!(after == before, "the files of the backup are not as before");
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_gone_from_the_server_but_changed_here_stays() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 5)]).await?;
    scratch.backup().succeeds().await?;
    let (changed, plain) = ("000003.ics", "000004.ics");
    std::fs::write(scratch.folder.join("work").join(changed), "precious notes")?;
    scratch.server.remove("work", changed);
    scratch.server.remove("work", plain);
    scratch.backup().succeeds().await?.says("the file stays")?.says("1 removed")?;
    ensure!(scratch.folder.join("work").join(changed).exists(), "the changed file was removed");
    ensure!(!scratch.folder.join("work").join(plain).exists(), "the other file was not removed");
    Ok(())
}

#[tokio::test]
async fn a_dry_run_writes_nothing() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 3)]).await?;
    scratch.backup().succeeds().await?;
    let before = tree(&scratch.folder)?;
    scratch.server.put("work", "000000.ics", object("changed"));
    scratch.server.put("work", "new.ics", object("new"));
    scratch.server.remove("work", "000001.ics");
    let outcome = scratch.backup().flag("--dry-run").succeeds().await?;
    for line in ["new     /work/new.ics", "changed /work/000000.ics", "removed /work/000001.ics"] {
        ensure!(outcome.err.contains(line), "the output does not contain {line:?}: {outcome:?}");
    }
    ensure!(tree(&scratch.folder)? == before, "a file was written");
    Ok(())
}

#[tokio::test]
async fn filters_choose_calendars() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("family", 2), ("work", 3), ("work-old", 4)]).await?;
    scratch.backup().option("calendars", "work*").option("exclude", "*-old").succeeds().await?;
    let before = tree(&scratch.folder)?;
    let other: Vec<_> = before.keys().filter(|path| !path.starts_with("work/")).collect();
    ensure!(other.is_empty(), "other calendars were backed up too: {other:?}");
    // With other filters, the calendars left out must not count as deleted.
    for calendars in ["family", "wrok"] {
        scratch.backup().option("calendars", calendars).exits(64).await?.says("another choice")?;
        ensure!(tree(&scratch.folder)? == before, "{calendars}: the folder changed");
    }
    Ok(())
}

#[tokio::test]
async fn a_filter_that_leaves_no_calendar_names_those_there_are() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("family", 2), ("work", 3), ("work-old", 4)]).await?;
    let calendars = Cli::new(&scratch.server).calendars().option("calendars", "wrok");
    let outcome = calendars.exits(64).await?;
    ensure!(outcome.err.contains("family, work, work-old"), "{outcome:?}");
    Ok(())
}

/// Starts a backup, sends it a signal after this number of requests, and returns its exit code (-1 after a signal).
async fn interrupted(scratch: &Scratch, signal: &str, requests: usize) -> anyhow::Result<i32> {
    let mut child = scratch.backup().process()?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut seen = 0;
    while seen < requests && child.try_wait()?.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        seen += scratch.server.take_requests().len();
    }
    if let Some(id) = child.id() {
        std::process::Command::new("kill").args([signal, &id.to_string()]).status()?;
    }
    Ok(child.wait().await?.code().unwrap_or(-1))
}

/// Kills a backup after this number of requests. The files that it left are complete, and the next run finishes the
/// backup.
async fn is_killed_after(requests: usize) -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("home", 300), ("work", 700)]).await?;
    let elsewhere = scratch.folder.with_file_name("whole");
    Cli::new(&scratch.server).backup(&elsewhere).succeeds().await?;
    let expected = tree(&elsewhere)?;
    drop(scratch.server.take_requests());
    scratch.server.delay(Duration::from_millis(5));
    interrupted(&scratch, "-KILL", requests).await?;
    let left = if scratch.folder.exists() { tree(&scratch.folder)? } else { BTreeMap::new() };
    let damaged: Vec<_> = left.iter().filter(|(path, bytes)| expected.get(*path) != Some(*bytes)).collect();
    ensure!(damaged.is_empty(), "files are incomplete: {:?}", damaged.iter().map(|(path, _)| path));
    let next = scratch.backup().json().succeeds().await?;
    ensure!(tree(&scratch.folder)? == expected, "the next run did not repair the backup: {next:?}");
    println!("{} files were left, {} were kept by the next run", left.len(), next.figure("unchanged")?);
    Ok(())
}

host_tests::cases! { is_killed_after;
    killed_after_1_request => 1;
    killed_after_3_requests => 3;
    killed_after_5_requests => 5;
    killed_after_7_requests => 7;
    killed_after_9_requests => 9;
    killed_after_12_requests => 12;
    killed_after_15_requests => 15;
    killed_after_18_requests => 18;
}

/// After a kill, the index is right. If the power failed then, it may be right about files whose content is lost.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_lost_their_content_in_a_power_cut_are_read_again() -> anyhow::Result<()> {
    const OBJECTS: usize = 700;
    let scratch = Scratch::new(&[("work", OBJECTS)]).await?;
    scratch.server.delay(Duration::from_millis(5));
    interrupted(&scratch, "-KILL", 12).await?;
    let left = tree(&scratch.folder)?;
    ensure!(left.len() > 2, "the backup was killed before it had written anything: {}", left.len());
    for (path, bytes) in left {
        let place = scratch.folder.join(path);
        let time = std::fs::metadata(&place)?.modified()?;
        std::fs::write(&place, vec![0; bytes.len()])?;
        std::fs::File::options().write(true).open(&place)?.set_modified(time)?;
    }
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let index = scratch.folder.join(".mirror.jsonl");
    let lines = std::fs::read_to_string(&index)?;
    ensure!(lines.contains(boot.trim()), "the index does not say in which boot the run was");
    std::fs::write(&index, lines.replace(boot.trim(), "another boot"))?;
    let next = scratch.backup().json().succeeds().await?;
    assert_eq!(next.figure("unchanged")?, 0, "files taken over");
    let whole = tree(&scratch.folder)?;
    assert_eq!(whole.len(), files(1, OBJECTS), "files");
    ensure!(whole.values().all(|bytes| !bytes.contains(&0)), "a file without its content was kept");
    assert_eq!(scratch.backup().json().succeeds().await?.figure("unchanged")?, whole.len() as u64);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_cleanly() -> anyhow::Result<()> {
    const OBJECTS: usize = 2000;
    let scratch = Scratch::new(&[("work", OBJECTS)]).await?;
    scratch.server.delay(Duration::from_millis(50));
    let started = Instant::now();
    assert_eq!(interrupted(&scratch, "-INT", 6).await?, 130, "exit code");
    ensure!(started.elapsed() < Duration::from_secs(20), "the program took {:?} to stop", started.elapsed());
    scratch.server.delay(Duration::ZERO);
    scratch.backup().succeeds().await?;
    assert_eq!(tree(&scratch.folder)?.len(), files(1, OBJECTS), "files after the next run");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_do_not_share_a_folder() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 1)]).await?;
    scratch.server.delay(Duration::from_millis(500));
    let (first, second) = (scratch.backup(), scratch.backup());
    let (first, second) = tokio::join!(first.succeeds(), async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        second.exits(75).await
    });
    first?;
    second?.says("in use by another run")?;
    Ok(())
}
