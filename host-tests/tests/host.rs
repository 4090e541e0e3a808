//! The host library as embedders use it: the ends of jobs, engines with a pool, and the log.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use connector_folder::backup_to_folder;
use connector_host::api::{ReadSession, WriteSession};
use connector_host::egress::origins::OriginError;
use connector_host::engine::{CodeSource, EngineBuilder, Pool};
use connector_host::error::Deadline;
use connector_host::{
    Connector, Destination, Error, Exporter, Importer, JobConfig, JobError, Limits, Source,
};
use host_tests::fake::Fake;
use host_tests::program::{Cli, built, workspace};
use host_tests::scratch::files;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Builds the connector that misbehaves, once per process.
fn hostile() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let built = Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--locked", "--profile", "component", "--target", "wasm32-wasip2"])
                .args(["--package", "hostile-guest"])
                .current_dir(workspace())
                .status();
            assert!(built.is_ok_and(|status| status.success()), "hostile-guest cannot be built");
            workspace().join("target/wasm32-wasip2/component/hostile_guest.wasm")
        })
        .clone()
}

/// Returns the connector that misbehaves, on an engine that all tests share.
fn connector() -> Connector {
    static LOADED: OnceLock<Connector> = OnceLock::new();
    LOADED.get_or_init(|| Connector::load(&hostile()).expect("hostile-guest cannot be loaded")).clone()
}

fn options(what: &str, at: &str) -> Vec<(String, String)> {
    vec![("what".to_owned(), what.to_owned()), ("at".to_owned(), at.to_owned())]
}

fn limited(change: impl FnOnce(&mut Limits)) -> JobConfig {
    let mut limits = Limits::default();
    change(&mut limits);
    JobConfig::new().limits(limits)
}

async fn importer(what: &str, at: &str, config: JobConfig) -> Result<Importer, JobError> {
    Importer::open(&connector(), options(what, at), config).await
}

/// Scans to the end, and returns the verdict on the scan.
async fn scan(importer: &Importer) -> Result<(), JobError> {
    let mut scan = importer.scan();
    while scan.next().await.is_some() {}
    scan.finish().await
}

fn is_a_trap(error: &JobError) -> bool {
    matches!(error, JobError::Trapped(text) if text.contains("unreachable"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_in_a_call_is_a_crash_to_everyone_who_asks() -> anyhow::Result<()> {
    let importer = importer("trap", "ping", JobConfig::new()).await?;
    for _ in 0..2 {
        let error = importer.ping().await.err().context("the call succeeded")?;
        ensure!(is_a_trap(&error), "{error:?}");
    }
    let error = scan(&importer).await.err().context("the call succeeded")?;
    ensure!(is_a_trap(&error), "{error:?}");
    let error = importer.join().await.err().context("the job succeeded")?;
    ensure!(is_a_trap(&error), "{error:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_in_a_scan_is_the_verdict_on_it() -> anyhow::Result<()> {
    let importer = importer("trap", "scan", JobConfig::new()).await?;
    let error = scan(&importer).await.err().context("the call succeeded")?;
    ensure!(is_a_trap(&error), "{error:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_in_a_read_is_the_reason_why_contents_are_missing() -> anyhow::Result<()> {
    let importer = importer("trap", "read-all", JobConfig::new()).await?;
    let ReadSession { mut paths, mut contents } = importer.read_all();
    paths.ready().await?;
    paths.send_now(vec!["/a".to_owned(), "/b".to_owned()])?;
    drop(paths);
    while contents.next().await.is_some() {}
    let error = contents.finish().await.err().context("the call succeeded")?;
    ensure!(is_a_trap(&error), "{error:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_in_a_write_is_the_verdict_on_it() -> anyhow::Result<()> {
    let exporter = Exporter::open(&connector(), options("trap", "write"), JobConfig::new()).await?;
    let WriteSession { items, mut reports } = exporter.write();
    drop(items);
    while reports.next().await.is_some() {}
    let error = reports.finish().await.err().context("the call succeeded")?;
    ensure!(is_a_trap(&error), "{error:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_takes_too_much_memory_ran_out_of_it() -> anyhow::Result<()> {
    const LIMIT: usize = 16 << 20;
    let importer = importer("grow", "scan", limited(|limits| limits.memory = LIMIT)).await?;
    ensure!(scan(&importer).await == Err(JobError::OutOfMemory { limit: LIMIT }));
    ensure!(importer.usage().memory() <= LIMIT as u64);
    // Too little memory to instantiate the component.
    let refused = self::importer("", "", limited(|limits| limits.memory = 1 << 16)).await;
    ensure!(matches!(refused, Err(JobError::OutOfMemory { limit: 65536 })));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_only_computes_is_stopped() -> anyhow::Result<()> {
    const LIMIT: Duration = Duration::from_millis(200);
    let expected = JobError::DeadlineExceeded(Deadline::UnbrokenCpu(LIMIT));
    let config = || limited(|limits| limits.unbroken_cpu = LIMIT);
    let importer = importer("spin", "scan", config()).await?;
    ensure!(scan(&importer).await.as_ref() == Err(&expected));
    let opened = self::importer("spin", "origins", config()).await;
    ensure!(opened.err() == Some(expected));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_ends_at_its_deadline() -> anyhow::Result<()> {
    const LIMIT: Duration = Duration::from_millis(200);
    for what in ["hang", "spin"] {
        let importer = importer(what, "scan", limited(|limits| limits.wall_clock = Some(LIMIT))).await?;
        let expected = Err(JobError::DeadlineExceeded(Deadline::WallClock(LIMIT)));
        ensure!(scan(&importer).await == expected, "{what}");
        ensure!(importer.join().await == expected, "{what}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_ends_within_seconds_whatever_it_does() -> anyhow::Result<()> {
    for what in ["hang", "spin"] {
        let importer = importer(what, "scan", JobConfig::new()).await?;
        let (job, started) = (importer.job().clone(), Instant::now());
        let scanning = tokio::spawn(async move { scan(&importer).await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        job.cancel();
        ensure!(scanning.await? == Err(JobError::Cancelled), "{what}");
        ensure!(job.join().await == Err(JobError::Cancelled), "{what}");
        ensure!(started.elapsed() < Duration::from_secs(10), "{what}: {:?}", started.elapsed());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_the_connector_reports_does_not_end_the_job() -> anyhow::Result<()> {
    let importer = importer("refuse", "ping", JobConfig::new()).await?;
    let refused = importer.ping().await;
    ensure!(matches!(refused, Err(JobError::Connector(Error::Forbidden(_)))), "{refused:?}");
    scan(&importer).await?;
    let missing = importer.read("/a").await.err().context("the call succeeded")?;
    ensure!(missing == JobError::Connector(Error::NotFound("/a".to_owned())));
    let job = importer.job().clone();
    importer.join().await?;
    job.join().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_dropped_while_it_works_was_cancelled() -> anyhow::Result<()> {
    let importer = importer("hang", "scan", JobConfig::new()).await?;
    let mut scan = importer.scan();
    drop(importer);
    ensure!(scan.next().await.is_none());
    ensure!(scan.finish().await == Err(JobError::Cancelled));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn origins_are_granted_by_the_configuration() -> anyhow::Result<()> {
    let asks = |origin: &str| vec![("origin".to_owned(), origin.to_owned())];
    let plain = "http://127.0.0.1:1";
    let refused = Importer::open(&connector(), asks(plain), JobConfig::new()).await.err();
    ensure!(refused == Some(JobError::Origin(OriginError::NotEncrypted(plain.to_owned()))));
    Importer::open(&connector(), asks(plain), JobConfig::new().plain_http(true)).await?;
    let refused = Importer::open(&connector(), asks("https://a/b"), JobConfig::new()).await.err();
    ensure!(matches!(refused, Some(JobError::Origin(OriginError::NotAnOrigin(_)))));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_spins_leaves_time_for_others() -> anyhow::Result<()> {
    // More guests than the runtime has threads.
    let mut spinning = Vec::new();
    for _ in 0..8 {
        let importer =
            importer("spin", "scan", limited(|limits| limits.wall_clock = Some(Duration::from_secs(5))))
                .await?;
        spinning.push(importer.scan());
        spinning.push(importer.scan());
        std::mem::forget(importer);
    }
    let started = Instant::now();
    let importer = importer("", "", JobConfig::new()).await?;
    for _ in 0..10 {
        scan(&importer).await?;
    }
    ensure!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_has_room_for_a_number_of_jobs_and_their_memory() -> anyhow::Result<()> {
    const JOBS: u32 = 3;
    const MEMORY: usize = 16 << 20;
    let engine = EngineBuilder::new().pool(Pool::new(JOBS).memory(MEMORY)).build()?;
    let connector = engine.load(&hostile())?;
    let open = || Importer::open(&connector, options("grow", "scan"), JobConfig::new());
    // Again and again: the end of a job is also the moment from which there is room for the next one.
    for _ in 0..20 {
        let mut jobs = Vec::new();
        for _ in 0..JOBS {
            jobs.push(open().await?);
        }
        let refused = open().await.err();
        ensure!(matches!(refused, Some(JobError::NoCapacity(_))), "{refused:?}");
        // The pool has less memory for a job than the limits allow; the smaller number applies.
        for job in jobs {
            ensure!(scan(&job).await == Err(JobError::OutOfMemory { limit: MEMORY }));
            ensure!(job.usage().memory() > 4 << 20, "{}", job.usage().memory());
            ensure!(job.join().await == Err(JobError::OutOfMemory { limit: MEMORY }));
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_work_in_a_pool_side_by_side() -> anyhow::Result<()> {
    const JOBS: u32 = 8;
    const OBJECTS: usize = 300;
    const MEMORY: usize = 32 << 20;
    let fake = Fake::start(&[("work", OBJECTS)]).await?;
    let folders = tempfile::tempdir()?;
    let engine = EngineBuilder::new().pool(Pool::new(JOBS).memory(MEMORY)).build()?;
    let connector = engine.load(&built("caldav.wasm")?)?;
    ensure!(
        matches!(connector.code_source(), CodeSource::File(_)),
        "an engine with a pool does not use the compiled file"
    );
    let backups = (0..JOBS).map(|job| {
        let (connector, folder) = (connector.clone(), folders.path().join(job.to_string()));
        let account =
            [("location", fake.url()), ("username", "alice".to_owned()), ("password", "x".to_owned())];
        let account = account.map(|(name, value)| (name.to_owned(), value)).to_vec();
        tokio::spawn(async move {
            let importer = Importer::open(&connector, account, JobConfig::new().plain_http(true)).await?;
            let (summary, result) = backup_to_folder(&importer, &folder, false, &mut |_| {}).await;
            result?;
            let memory = importer.usage().memory();
            importer.join().await?;
            anyhow::Ok((summary, memory))
        })
    });
    for backup in futures::future::join_all(backups).await {
        let (summary, memory) = backup??;
        ensure!(summary.new == files(1, OBJECTS) as u64 && summary.failed == 0, "{summary:?}");
        println!("{memory} bytes of memory");
        ensure!(memory <= MEMORY as u64);
    }
    Ok(())
}

/// A subscriber that collects the log of the library as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(&format!(" {field}={value:?}"));
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("connector_host")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Runs on one thread, because the subscriber is set for the current thread only.
#[tokio::test]
async fn a_job_is_logged_with_its_label_and_without_secrets() -> anyhow::Result<()> {
    let log = Log::default();
    let guard = tracing::subscriber::set_default(log.clone());
    let mut given = options("trap", "ping");
    given.push(("origin".to_owned(), "https://dav.example:443".to_owned()));
    given.push(("password".to_owned(), "hush".to_owned()));
    let importer = Importer::open(&connector(), given, JobConfig::new().label("tenant 17")).await?;
    ensure!(importer.ping().await.is_err() && importer.join().await.is_err());
    drop(guard);
    let text = log.text();
    for words in [
        "label=\"tenant 17\"",
        "origins granted",
        "https://dav.example:443",
        "job failed",
        "code=\"trapped\"",
    ] {
        ensure!(text.contains(words), "{words}: {text}");
    }
    ensure!(!text.contains("hush"), "{text}");
    Ok(())
}

#[tokio::test]
async fn the_program_tells_a_crash_from_an_interrupt() -> anyhow::Result<()> {
    for (what, code, words) in [("trap", 1, "crashed"), ("refuse", 77, "refused as asked")] {
        let cli = Cli::at("https://nowhere.example").flag("calendars").flag("https://nowhere.example");
        let component = hostile().display().to_string();
        let cli = cli.flag("--component").flag(component).flag("-o").flag(format!("what={what}"));
        cli.flag("-o").flag("at=scan").exits(code).await?.says(words)?;
    }
    Ok(())
}

#[test]
fn the_library_needs_nothing_of_the_program() -> anyhow::Result<()> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--package", "connector-host", "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(workspace())
        .output()?;
    ensure!(output.status.success(), "{output:?}");
    let tree = String::from_utf8(output.stdout)?;
    ensure!(tree.contains("wasmtime v"), "{tree}");
    for package in ["clap", "indicatif", "tonic", "prost", "protox", "plakar-caldav", "connector-folder"] {
        ensure!(!tree.lines().any(|line| line.starts_with(&format!("{package} "))), "{package}");
    }
    Ok(())
}
