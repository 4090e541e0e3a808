//! Benchmark of the plugin: the time until it answers `Init`, and the cost of backups that open one or eight files at
//! once. `bench_plugin [OBJECTS] [RUNS]` needs Go for the peer.

use anyhow::Context;
use host_tests::fake::Fake;
use host_tests::peer::{Outcome, Peer};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let number =
        |at: usize, default: usize| std::env::args().nth(at).map_or(Ok(default), |text| text.parse());
    let (objects, runs) = (number(1, 5000)?, number(2, 5)?);
    let Some(peer) = Peer::build()? else { return Ok(()) };
    let fake = Fake::start(&[("home", objects * 2 / 5), ("work", objects - objects * 2 / 5)]).await?;
    let location = format!("location=caldav://{}", fake.url());
    let options = [location.as_str(), "insecure=true", "username=alice", "password=x"];

    let mut starts = Vec::new();
    for _ in 0..4 * runs {
        starts.push(peer.play(&["-mode", "nothing"], &options).await?.well()?);
    }
    println!("spawn to Init answered: {:.1} ms (median of {})", median(&starts, "start"), starts.len());

    for workers in ["1", "8"] {
        for unchanged in [false, true] {
            let mut outcomes: Vec<Outcome> = Vec::new();
            let folder = tempfile::tempdir()?;
            let place = folder.path().display().to_string();
            let flags = ["-mode", "backup", "-dir", &place, "-workers", workers];
            for _ in 0..runs {
                if unchanged {
                    peer.play(&flags, &options).await?.well()?;
                } else {
                    std::fs::remove_dir_all(folder.path())?;
                }
                outcomes.push(peer.play(&flags, &options).await?.well()?);
            }
            let last = outcomes.last().context("no run")?;
            let (wall, processor) = (median(&outcomes, "played"), median(&outcomes, "processor"));
            let what = if unchanged { "unchanged" } else { "cold" };
            println!(
                "{objects} objects, {workers} at once, {what}: {wall:.0} ms, plugin's processor {processor:.0} ms, {} MiB; {:.0} us and {:.0} us for each of {} opens",
                last.figure("memory") >> 10,
                1000.0 * wall / last.figure("opens") as f64,
                1000.0 * processor / last.figure("opens") as f64,
                last.figure("opens"),
            );
        }
    }
    Ok(())
}

/// Returns the median of a measurement.
fn median(outcomes: &[Outcome], name: &str) -> f64 {
    let mut all: Vec<f64> = outcomes.iter().map(|outcome| outcome.milliseconds(name)).collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}
