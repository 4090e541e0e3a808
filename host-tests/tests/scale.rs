//! How much a large account costs: requests, bodies, memory.

use anyhow::ensure;
use host_tests::fake::{Fake, object};
use host_tests::program;

async fn backup(fake: &Fake, folder: &str, more: &[&str]) -> anyhow::Result<serde_json::Value> {
    let url = fake.url();
    let arguments = [&["backup", &url, folder, "--json", "-o", "insecure=true"], more].concat();
    let outcome = program::run(&arguments, &[]).await?;
    ensure!(outcome.code == 0, "{}{}", outcome.err, outcome.out.lines().last().unwrap_or_default());
    outcome.summary()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_objects_take_few_requests() -> anyhow::Result<()> {
    let fake = Fake::start(&[("home", 2000), ("school", 3000), ("work", 5000)]).await?;
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("backup").display().to_string();
    let cold = backup(&fake, &folder, &[]).await?;
    println!("cold: {cold}");
    ensure!(cold["new"].as_u64() >= Some(10_000), "{cold}");
    ensure!(fake.take_seen().len() <= 200, "{cold}");
    let unchanged = backup(&fake, &folder, &[]).await?;
    println!("unchanged: {unchanged}");
    let seen = fake.take_seen();
    ensure!(seen.len() <= 3 + 6 && seen.iter().all(|seen| seen.method == "PROPFIND"), "{unchanged}");
    // Fifty here and there: those, and no other.
    for i in 0..50 {
        fake.put("work", &format!("{:06}.ics", i * 97), object(&format!("changed-{i}")));
    }
    let changed = backup(&fake, &folder, &[]).await?;
    let bodies: usize = fake.take_seen().iter().map(|seen| seen.hrefs().count()).sum();
    ensure!(changed["changed"] == 50 && bodies == 50, "{bodies}: {changed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_objects_are_listed_in_little_memory() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 100_000)]).await?;
    let url = fake.url();
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("backup").display().to_string();
    let outcome =
        program::run(&["backup", &url, &folder, "--dry-run", "--json", "-o", "insecure=true"], &[]).await?;
    let summary = outcome.summary()?;
    ensure!(summary["new"].as_u64() >= Some(100_000), "{summary}");
    let memory = summary["guest_memory"].as_u64().unwrap_or(u64::MAX);
    println!("100,000 objects listed: {} KiB of guest memory", memory >> 10);
    ensure!(memory <= 64 << 20, "{memory} bytes");
    Ok(())
}
