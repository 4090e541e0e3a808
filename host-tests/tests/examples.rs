//! The examples of `connector-host` and `connector-folder`, run against the fake server.

use std::path::PathBuf;
use std::process::Output;

use anyhow::ensure;
use host_tests::program::{built, workspace};
use host_tests::scratch::{Scratch, files};
use tokio::process::Command;

const OBJECTS: usize = 70;

/// Returns the path of an example that `cargo test` has built.
fn example(name: &str) -> anyhow::Result<PathBuf> {
    let file = workspace().join("target/release/examples").join(name);
    ensure!(file.exists(), "{name} is missing. Run `cargo build --release --workspace --examples`");
    Ok(file)
}

async fn run(name: &str, arguments: &[String]) -> anyhow::Result<String> {
    let Output { status, stdout, stderr } = Command::new(example(name)?).args(arguments).output().await?;
    ensure!(status.success(), "{name}: {}", String::from_utf8_lossy(&stderr));
    Ok(String::from_utf8(stdout)?)
}

fn account(url: &str) -> Vec<String> {
    vec![format!("location={url}"), "username=alice".to_owned(), "password=x".to_owned()]
}

#[tokio::test(flavor = "multi_thread")]
async fn one_backup_makes_one() -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("work", OBJECTS)]).await?;
    let mut arguments =
        vec![built("caldav.wasm")?.display().to_string(), scratch.folder.display().to_string()];
    arguments.extend(account(&scratch.server.url()));
    let out = run("one_backup", &arguments).await?;
    ensure!(out.contains(&format!("{} new, 0 failed", files(1, OBJECTS))), "{out}");
    // The program accepts the folder as a backup of the same account.
    scratch.backup().option("username", "alice").option("password", "x").succeeds().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bindgen_reads_and_writes() -> anyhow::Result<()> {
    let (from, to) = (Scratch::new(&[("work", OBJECTS)]).await?, Scratch::new(&[]).await?);
    let mut arguments = vec![built("caldav.wasm")?.display().to_string()];
    arguments.extend(account(&from.server.url()));
    arguments.push("--".to_owned());
    arguments.extend(account(&to.server.url()));
    let out = run("bindgen", &arguments).await?;
    ensure!(out.contains(&format!("{} files", files(1, OBJECTS))), "{out}");
    let written = out.lines().last().unwrap_or_default();
    ensure!(
        written.strip_suffix(" written").is_some_and(|n| n.parse::<usize>().is_ok_and(|n| n >= OBJECTS)),
        "{out}"
    );
    Ok(())
}
