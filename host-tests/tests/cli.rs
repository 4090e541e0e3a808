//! The program as people meet it: mistakes, interruptions, folders that are not what they should be.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::ensure;
use host_tests::fake::{Fake, Reply, object};
use host_tests::program::{self, Outcome};

struct Scratch {
    fake: Fake,
    folder: PathBuf,
    _parent: tempfile::TempDir,
}

impl Scratch {
    async fn new(calendars: &[(&str, usize)]) -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir()?;
        Ok(Self {
            fake: Fake::start(calendars).await?,
            folder: scratch.path().join("backup"),
            _parent: scratch,
        })
    }

    async fn backup(&self, more: &[&str]) -> anyhow::Result<Outcome> {
        let (url, folder) = (self.fake.url(), self.folder.display().to_string());
        program::run(&[&["backup", &url, &folder, "-o", "insecure=true"], more].concat(), &[]).await
    }
}

/// A run of `check` that must fail: one line on standard error, nothing on standard output.
async fn refused(arguments: &[&str], code: i32, words: &[&str]) -> anyhow::Result<()> {
    let outcome = program::run(arguments, &[]).await?;
    ensure!(outcome.code == code, "{arguments:?}: {outcome:?}");
    for word in words {
        ensure!(outcome.err.contains(word), "{arguments:?}: {word:?} is not said: {}", outcome.err);
    }
    ensure!(outcome.err.trim_end().lines().count() == 1, "{arguments:?}: one line, please: {}", outcome.err);
    ensure!(outcome.out.is_empty(), "{arguments:?}: {}", outcome.out);
    // With --json the code is the same and the last line says it.
    let json = program::run(&[arguments, &["--json"]].concat(), &[]).await?;
    ensure!(json.code == code, "{json:?}");
    json.summary()?;
    Ok(())
}

#[tokio::test]
async fn mistakes_get_one_line_that_says_what_to_do() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 1)]).await?;
    let url = fake.url();
    refused(&["check", &url], 64, &["not encrypted", "insecure=true"]).await?;
    refused(&["check", &url, "-o", "insecure=true", "-o", "pasword=x"], 64, &["did you mean password"])
        .await?;
    refused(&["check", "caldav://no-such-host.invalid"], 69, &["no-such-host.invalid", "Check the location"])
        .await?;
    refused(
        &["check", "http://127.0.0.1:1", "-o", "insecure=true"],
        69,
        &["refused", "whether the server is up"],
    )
    .await?;
    refused(&["check", "ftp://127.0.0.1/"], 64, &["not a caldav:// or https:// address"]).await?;
    refused(&["check", "caldav://u:secret@127.0.0.1/"], 64, &["take the password out"]).await?;
    refused(&["check", "caldav://127.0.0.1", "-o", "tls_ca=/nowhere"], 64, &["tls_ca", "/nowhere"]).await?;
    refused(
        &["check", &url, "-o", "insecure=true", "-o", "username=alice", "-o", "password_command=false"],
        64,
        &["password_command"],
    )
    .await?;
    fake.fault(|_| Some(Reply::status(401)));
    refused(
        &["check", &url, "-o", "insecure=true", "-o", "username=alice", "-o", "password=x"],
        77,
        &["does not accept", "app password"],
    )
    .await?;
    refused(&["check", &url, "-o", "insecure=true"], 77, &["wants a user name and a password"]).await?;
    fake.fault(|_| Some(Reply::status(404)));
    refused(
        &["check", &url, "-o", "insecure=true"],
        65,
        &["no CalDAV server was found", "/.well-known/caldav (404)"],
    )
    .await?;
    let outcome = program::run(&["bakup"], &[]).await?;
    ensure!(outcome.code == 64 && outcome.err.contains("backup"), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn a_password_comes_from_where_it_is_said_to_be() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 1)]).await?;
    let file = scratch.folder.with_file_name("password");
    std::fs::write(&file, "from the file\nnot this\n")?;
    let (from_file, url) = (format!("password_file={}", file.display()), scratch.fake.url());
    // Basic credentials of `alice:from …`, as RFC 7617 has them.
    let cases: [(&[&str], &[(&str, &str)], &str); 3] = [
        (&["-o", "username=alice", "-o", &from_file], &[], "YWxpY2U6ZnJvbSB0aGUgZmlsZQ=="),
        (
            &["-o", "username=alice", "-o", "password_command=echo from a command"],
            &[("PATH", "/bin:/usr/bin")],
            "YWxpY2U6ZnJvbSBhIGNvbW1hbmQ=",
        ),
        (
            &[],
            &[("CALDAV_USERNAME", "alice"), ("CALDAV_PASSWORD", "from the environment")],
            "YWxpY2U6ZnJvbSB0aGUgZW52aXJvbm1lbnQ=",
        ),
    ];
    for (options, environment, expected) in cases {
        let _ = scratch.fake.take_seen();
        let outcome =
            program::run(&[&["check", &url, "-o", "insecure=true"], options].concat(), environment).await?;
        ensure!(outcome.code == 0, "{outcome:?}");
        let seen = scratch.fake.take_seen();
        ensure!(
            seen.iter().all(|seen| seen.header("authorization") == Some(&format!("Basic {expected}"))),
            "{options:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_folder_that_is_not_ours_is_left_alone() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 3)]).await?;
    std::fs::create_dir_all(&scratch.folder)?;
    std::fs::write(scratch.folder.join("thesis.txt"), "years of work")?;
    let outcome = scratch.backup(&[]).await?;
    ensure!(outcome.code == 64 && outcome.err.contains("not empty and holds no backup"), "{outcome:?}");
    std::fs::remove_file(scratch.folder.join("thesis.txt"))?;
    ensure!(scratch.backup(&[]).await?.code == 0);
    // Another account may not go into the same folder.
    let outcome = scratch.backup(&["-o", "username=bob", "-o", "password=x"]).await?;
    ensure!(outcome.code == 64 && outcome.err.contains("holds the backup of"), "{outcome:?}");
    Ok(())
}

#[tokio::test]
async fn files_changed_or_lost_in_the_folder_come_back() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 5)]).await?;
    ensure!(scratch.backup(&[]).await?.code == 0);
    let before = program::tree(&scratch.folder)?;
    std::fs::write(scratch.folder.join("work/000001.ics"), "scribbled over")?;
    std::fs::remove_file(scratch.folder.join("work/000002.ics"))?;
    std::fs::write(scratch.folder.join("work/mine.txt"), "not from the server")?;
    let summary = scratch.backup(&["--json"]).await?.summary()?;
    ensure!(
        summary["changed"] == 2 && summary["unchanged"].as_u64() == Some(before.len() as u64 - 2),
        "{summary}"
    );
    let mut after = program::tree(&scratch.folder)?;
    ensure!(after.remove("work/mine.txt").is_some(), "a file that is not ours was removed");
    ensure!(after == before);
    // Gone from the server, but changed here: it stays, and that is said.
    std::fs::write(scratch.folder.join("work/000003.ics"), "precious notes")?;
    scratch.fake.remove("work", "000003.ics");
    scratch.fake.remove("work", "000004.ics");
    let outcome = scratch.backup(&[]).await?;
    ensure!(outcome.err.contains("the file stays") && outcome.out.contains("1 removed"), "{outcome:?}");
    ensure!(
        scratch.folder.join("work/000003.ics").exists() && !scratch.folder.join("work/000004.ics").exists()
    );
    Ok(())
}

#[tokio::test]
async fn a_dry_run_writes_nothing() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 3)]).await?;
    ensure!(scratch.backup(&[]).await?.code == 0);
    let before = program::tree(&scratch.folder)?;
    scratch.fake.put("work", "000000.ics", object("changed"));
    scratch.fake.put("work", "new.ics", object("new"));
    scratch.fake.remove("work", "000001.ics");
    let outcome = scratch.backup(&["--dry-run"]).await?;
    ensure!(outcome.code == 0, "{outcome:?}");
    for line in ["new     /work/new.ics", "changed /work/000000.ics", "removed /work/000001.ics"] {
        ensure!(outcome.err.contains(line), "{line}: {outcome:?}");
    }
    ensure!(program::tree(&scratch.folder)? == before);
    Ok(())
}

#[tokio::test]
async fn filters_choose_calendars() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("family", 2), ("work", 3), ("work-old", 4)]).await?;
    let outcome = scratch.backup(&["-o", "calendars=work*", "-o", "exclude=*-old"]).await?;
    ensure!(outcome.code == 0, "{outcome:?}");
    ensure!(program::tree(&scratch.folder)?.keys().all(|path| path.starts_with("work/")));
    let before = program::tree(&scratch.folder)?;
    // Another choice does not make what it leaves out look deleted.
    for other in ["calendars=family", "calendars=wrok"] {
        let outcome = scratch.backup(&["-o", other]).await?;
        ensure!(outcome.code == 64 && outcome.err.contains("another choice"), "{outcome:?}");
        ensure!(program::tree(&scratch.folder)? == before, "{other}: something was removed");
    }
    let url = scratch.fake.url();
    let outcome =
        program::run(&["calendars", &url, "-o", "insecure=true", "-o", "calendars=wrok"], &[]).await?;
    ensure!(outcome.code == 64 && outcome.err.contains("family, work, work-old"), "{outcome:?}");
    Ok(())
}

/// Starts a backup and sends it a signal when it has made so many requests.
async fn interrupted(scratch: &Scratch, signal: &str, requests: usize) -> anyhow::Result<i32> {
    let (url, folder) = (scratch.fake.url(), scratch.folder.display().to_string());
    let mut child = program::command(&["backup", &url, &folder, "-o", "insecure=true"], &[])?
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()?;
    let mut seen = 0;
    while seen < requests && child.try_wait()?.is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
        seen += scratch.fake.take_seen().len();
    }
    if let Some(id) = child.id() {
        std::process::Command::new("kill").args([signal, &id.to_string()]).status()?;
    }
    Ok(child.wait().await?.code().unwrap_or(-1))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_the_next_run_is_right() -> anyhow::Result<()> {
    let whole = Scratch::new(&[("home", 300), ("work", 700)]).await?;
    ensure!(whole.backup(&[]).await?.code == 0);
    let expected = program::tree(&whole.folder)?;
    for requests in [1, 3, 5, 7, 9, 12, 15, 18] {
        let scratch = Scratch::new(&[("home", 300), ("work", 700)]).await?;
        scratch.fake.delay(Duration::from_millis(5));
        interrupted(&scratch, "-KILL", requests).await?;
        let left = if scratch.folder.exists() {
            program::tree(&scratch.folder)?
        } else {
            std::collections::BTreeMap::new()
        };
        ensure!(
            left.iter().all(|(path, bytes)| expected.get(path) == Some(bytes)),
            "killed after {requests}: half a file"
        );
        let summary = scratch.backup(&["--json"]).await?.summary()?;
        ensure!(program::tree(&scratch.folder)? == expected, "killed after {requests}: {summary}");
        println!(
            "killed after {requests} requests: {} files there, {} taken over",
            left.len(),
            summary["unchanged"]
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_stops_cleanly() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 2000)]).await?;
    scratch.fake.delay(Duration::from_millis(50));
    let started = std::time::Instant::now();
    ensure!(interrupted(&scratch, "-INT", 6).await? == 130);
    ensure!(started.elapsed() < Duration::from_secs(20));
    scratch.fake.delay(Duration::ZERO);
    ensure!(scratch.backup(&[]).await?.code == 0);
    ensure!(program::tree(&scratch.folder)?.len() == 2002);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_at_once_do_not_share_a_folder() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", 1)]).await?;
    scratch.fake.delay(Duration::from_millis(500));
    let (first, second) = tokio::join!(scratch.backup(&[]), async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        scratch.backup(&[]).await
    });
    let (first, second) = (first?, second?);
    ensure!(first.code == 0, "{first:?}");
    ensure!(second.code == 75 && second.err.contains("in use by another run"), "{second:?}");
    Ok(())
}
