//! Benchmark of the component against the same core built natively. Both make the same backups and restores, in turn,
//! each in a process of its own, against the same fake server.
//!
//! `bench [OBJECTS [RUNS [DELAY_MS]]]` prints the medians of wall time, processor time and peak memory, the numbers of
//! requests and bytes, and the ratios. It measures a cold and an unchanged backup, and a restore into an empty account
//! and into a full one.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use connector_folder::{BackupSummary, backup_to_folder, restore_folder};
use connector_host::engine::CodeSource;
use connector_host::{Connector, Exporter, Importer, JobConfig};
use host_tests::fake::Fake;
use host_tests::native::{NativeDestination, NativeSource};
use host_tests::program::built;

/// Shortest time that the server of the restore takes for an answer.
const PUT: Duration = Duration::from_millis(3);

/// Cost of one run of a child: seconds of wall and processor time, peak memory in MiB, requests, bytes received.
#[derive(Clone, Debug, Default)]
struct Run {
    wall: f64,
    cpu: f64,
    peak: f64,
    requests: usize,
    received: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["backup", how, url, folder] => backup(how, url, Path::new(folder)).await,
        ["restore", how, url, folder] => restore(how, url, Path::new(folder)).await,
        numbers => {
            let number = |at: usize, default: usize| numbers.get(at).map_or(Ok(default), |text| text.parse());
            compare(number(0, 10_000)?, number(1, 5)?, Duration::from_millis(number(2, 0)? as u64)).await
        }
    }
}

fn options(url: &str) -> Vec<(String, String)> {
    vec![
        ("location".to_owned(), url.to_owned()),
        ("username".to_owned(), "alice".to_owned()),
        ("password".to_owned(), "x".to_owned()),
    ]
}

fn connector() -> anyhow::Result<(Connector, JobConfig)> {
    let connector = Connector::load(&built("caldav.wasm")?)?;
    ensure!(
        matches!(connector.code_source(), CodeSource::File(_)),
        "run `just build`: {:?}",
        connector.code_source()
    );
    Ok((connector, JobConfig::new().plain_http(true)))
}

/// Makes one backup in this process, and prints its cost.
async fn backup(how: &str, url: &str, folder: &Path) -> anyhow::Result<()> {
    let (summary, result): (BackupSummary, _) = match how {
        "native" => backup_to_folder(&NativeSource::open(&options(url))?, folder, false, &mut |_| {}).await,
        "component" => {
            let (connector, config) = connector()?;
            let importer = Importer::open(&connector, options(url), config).await?;
            backup_to_folder(&importer, folder, false, &mut |_| {}).await
        }
        other => bail!("{other}: native or component"),
    };
    result?;
    ensure!(summary.failed == 0, "{summary:?}");
    print_cost()
}

/// Makes one restore in this process, and prints its cost.
async fn restore(how: &str, url: &str, folder: &Path) -> anyhow::Result<()> {
    let (summary, result) = match how {
        "native" => restore_folder(&NativeDestination::open(&options(url))?, folder, &mut |_| {}).await,
        "component" => {
            let (connector, config) = connector()?;
            let exporter = Exporter::open(&connector, options(url), config).await?;
            restore_folder(&exporter, folder, &mut |_| {}).await
        }
        other => bail!("{other}: native or component"),
    };
    result?;
    ensure!(summary.failed == 0, "{summary:?}");
    print_cost()
}

fn print_cost() -> anyhow::Result<()> {
    println!("{} {}", processor_seconds()?, peak_mebibytes()?);
    Ok(())
}

/// Returns the processor time that this process has used, from `/proc` (proc(5)).
fn processor_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
    let ticks = |at: usize| -> anyhow::Result<f64> { Ok(fields.get(at).context("stat")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}

fn peak_mebibytes() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).context("VmHWM")?;
    Ok(line.split_whitespace().nth(1).context("VmHWM")?.parse::<f64>()? / 1024.0)
}

async fn compare(objects: usize, runs: usize, delay: Duration) -> anyhow::Result<()> {
    let fake =
        Fake::start(&[("home", objects / 5), ("school", objects * 3 / 10), ("work", objects / 2)]).await?;
    let empty = Fake::start(&[]).await?;
    fake.delay(delay);
    // The fastest real server that was measured, sabre/dav, answers a PUT in 3 ms; others need 10 to 40 ms.
    empty.delay(delay.max(PUT));
    println!(
        "{objects} objects in 3 calendars, {runs} runs each in turn after one to warm up, {} ms added to every answer",
        delay.as_millis()
    );
    // Folders are removed at the end only: file systems create files slowly after many were removed.
    let scratch = tempfile::tempdir()?;
    let ways = ["component", "native"];
    let mut figures: [[Vec<Run>; 2]; 4] = Default::default();
    for run in 0..=runs {
        for (at, how) in ways.iter().enumerate() {
            let folder = scratch.path().join(format!("{how}-{run}"));
            for (what, command) in ["backup", "backup"].into_iter().enumerate() {
                let figure = spawn(&fake, command, how, &folder).await?;
                figures[what][at].extend((run > 0).then_some(figure));
            }
            empty.empty();
            for (what, command) in ["restore", "restore"].into_iter().enumerate() {
                let figure = spawn(&empty, command, how, &folder).await?;
                figures[what + 2][at].extend((run > 0).then_some(figure));
            }
        }
    }
    println!(
        "{:<22} {:>9} {:>9} {:>10} {:>9} {:>12}",
        "", "wall s", "cpu s", "peak MiB", "requests", "bytes"
    );
    let names = ["backup", "unchanged", "restore", "nothing to do"];
    for (what, [component, native]) in names.into_iter().zip(&figures) {
        let (component, native) = (median(component), median(native));
        for (how, run) in [("component", &component), ("native", &native)] {
            println!(
                "{:<22} {:>9.3} {:>9.2} {:>10.1} {:>9} {:>12}",
                format!("{what}, {how}"),
                run.wall,
                run.cpu,
                run.peak,
                run.requests,
                run.received
            );
        }
        println!(
            "{:<22} {:>9.2} {:>9.2} {:>10.2} {:>9.2} {:>12.2}",
            format!("{what}, ratio"),
            component.wall / native.wall,
            component.cpu / native.cpu,
            component.peak / native.peak,
            component.requests as f64 / native.requests as f64,
            component.received as f64 / native.received as f64
        );
    }
    Ok(())
}

async fn spawn(fake: &Fake, command: &str, how: &str, folder: &Path) -> anyhow::Result<Run> {
    let _ = fake.take_requests();
    let started = Instant::now();
    let output = tokio::process::Command::new(std::env::current_exe()?)
        .args([command, how, &fake.url()])
        .arg(folder)
        .output()
        .await?;
    let wall = started.elapsed().as_secs_f64();
    ensure!(output.status.success(), "{how}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let (cpu, peak) = text.trim().split_once(' ').context("no figures")?;
    Ok(Run {
        wall,
        cpu: cpu.parse()?,
        peak: peak.parse()?,
        requests: fake.take_requests().len(),
        received: fake.take_sent(),
    })
}

/// Returns the median of each measurement; requests and bytes are those of the last run.
fn median(runs: &[Run]) -> Run {
    let middle = |figure: fn(&Run) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(figure).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    let last = runs.last().cloned().unwrap_or_default();
    Run { wall: middle(|run| run.wall), cpu: middle(|run| run.cpu), peak: middle(|run| run.peak), ..last }
}
