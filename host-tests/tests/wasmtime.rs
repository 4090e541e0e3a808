//! The component under stock `wasmtime`, with `-S http` and nothing else. `just test-wasmtime` installs that program;
//! without it, the test prints a line and succeeds.

use std::process::Stdio;

use anyhow::{Context, ensure};
use host_tests::fake::Fake;
use host_tests::program::{built, workspace};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Numbers of objects in the two calendars.
const FAMILY: usize = 3;
const WORK: usize = 70;

#[tokio::test(flavor = "multi_thread")]
async fn stock_wasmtime_backs_up_checks_and_restores() -> anyhow::Result<()> {
    let wasmtime = workspace().join("target/tools/bin/wasmtime");
    if !wasmtime.exists() {
        println!("SKIPPED: {} is missing. Run `just test-wasmtime`", wasmtime.display());
        return Ok(());
    }
    let fake = Fake::start(&[("family", FAMILY), ("work", WORK)]).await?;
    let component = built("caldav.wasm")?;
    let start = |command: &'static str| {
        let mut start = Command::new(&wasmtime);
        start
            .args(["run", "-S", "http"])
            .arg(&component)
            .args([
                command,
                &fake.url(),
                "-o",
                "insecure=true",
                "-o",
                "username=alice",
                "-o",
                "password=secret",
            ])
            .stdin(Stdio::null());
        start
    };
    let run = |command: &'static str| start(command).output();
    let check = run("check").await?;
    ensure!(check.status.success(), "{check:?}");
    println!("{}", String::from_utf8_lossy(&check.stdout));
    let backup = run("backup").await?;
    ensure!(backup.status.success(), "{}", String::from_utf8_lossy(&backup.stderr));
    let mut names = Vec::new();
    for entry in tar::Archive::new(backup.stdout.as_slice()).entries()? {
        names.push(entry?.path()?.to_string_lossy().into_owned());
    }
    let objects = names.iter().filter(|name| name.ends_with(".ics")).count();
    assert_eq!(objects, FAMILY + WORK, "objects in the archive");
    ensure!(names.iter().any(|name| name == "work/.caldav.json"), "{names:?}");
    println!("backup: {} entries, {}", names.len(), String::from_utf8_lossy(&backup.stderr).trim());
    let calendars = run("calendars").await?;
    ensure!(
        String::from_utf8_lossy(&calendars.stdout).contains("/work\t70\tThe work calendar"),
        "{calendars:?}"
    );
    // Restore the archive to the empty account.
    let before = fake.objects("work");
    fake.empty();
    let mut restore = start("restore").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    restore.stdin.take().context("no input")?.write_all(&backup.stdout).await?;
    let restore = restore.wait_with_output().await?;
    ensure!(restore.status.success(), "{}", String::from_utf8_lossy(&restore.stderr));
    ensure!(fake.objects("work") == before, "the objects of work are not the same");
    assert_eq!(fake.objects("family").len(), FAMILY, "objects in family");
    println!("restore: {}", String::from_utf8_lossy(&restore.stderr).trim());
    Ok(())
}
