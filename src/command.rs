//! The component run on its own, by any runtime that has `wasi:cli/run` and `wasi:http`:
//! `backup LOCATION` writes a tar to standard output, `calendars` and `check` write text.

use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;

use crate::archive::Archive;
use crate::error::Error;
use crate::options::Options;
use crate::runtime::Runtime;
use crate::source::{Entry, Importer, ScanItem};

const USAGE: &str =
    "Usage: backup LOCATION | calendars LOCATION | check LOCATION, each with [-o key=value]...
  backup writes a tar to standard output. The environment may have CALDAV_USERNAME and CALDAV_PASSWORD.";

/// Runs what the arguments say. Messages go to standard error.
pub(crate) async fn run(runtime: Rc<dyn Runtime>) -> Result<(), ()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    obey(runtime, &arguments).await.map_err(|error| eprintln!("{error:#}"))
}

async fn obey(runtime: Rc<dyn Runtime>, arguments: &[String]) -> anyhow::Result<()> {
    let [command, location, rest @ ..] = arguments else { bail!(USAGE) };
    let importer = Importer::new(runtime, options(location, rest)?);
    match command.as_str() {
        "backup" => backup(&importer).await,
        "calendars" => calendars(&importer).await,
        "check" => check(&importer).await,
        _ => bail!("{command}: there is no such command.\n{USAGE}"),
    }
}

/// The options of the command line, and those of the environment that it leaves out.
fn options(location: &str, rest: &[String]) -> anyhow::Result<Options> {
    let mut pairs = vec![("location".to_owned(), location.to_owned())];
    for (name, variable) in [("username", "CALDAV_USERNAME"), ("password", "CALDAV_PASSWORD")] {
        pairs.extend(std::env::var(variable).ok().map(|value| (name.to_owned(), value)));
    }
    let mut insecure = false;
    let mut rest = rest.iter();
    while let Some(flag) = rest.next() {
        let pair = match flag.strip_prefix("-o") {
            Some("") => rest.next().context("-o wants key=value after it.")?,
            Some(pair) => pair,
            None => bail!("{flag}: not understood.\n{USAGE}"),
        };
        let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
        match name {
            "insecure" => insecure = value == "true",
            _ => pairs.push((name.to_owned(), value.to_owned())),
        }
    }
    let options = Options::parse(&pairs)?;
    if !options.location.start.origin.https && !insecure {
        bail!(
            "{}: not encrypted; the password would be readable on the way. Use https, or add -o insecure=true.",
            options.location.start.origin
        );
    }
    Ok(options)
}

async fn backup(importer: &Importer) -> anyhow::Result<()> {
    let mut archive = Archive::default();
    let mut failed = 0_usize;
    let mut files: Vec<Entry> = Vec::new();
    let mut out = std::io::stdout().lock();
    let mut directories = Vec::new();
    let listed = importer
        .scan(async |items| {
            for item in items {
                match item {
                    ScanItem::Entry(entry) if entry.is_directory => directories.push(entry.path),
                    ScanItem::Entry(entry) => files.push(entry),
                    other => failed += usize::from(!remark(&other)),
                }
            }
            true
        })
        .await;
    listed?;
    for path in &directories {
        out.write_all(&archive.directory(path)?)?;
    }
    let total = files.len();
    let mut next = files.iter().map(|entry| entry.path.clone());
    let mut times: Vec<(&str, Option<Duration>)> =
        files.iter().map(|entry| (entry.path.as_str(), entry.modified)).collect();
    times.sort_unstable();
    let time_of = |path: &str| {
        let at = times.binary_search_by_key(&path, |(path, _)| path).ok()?;
        times.get(at)?.1
    };
    let mut written: std::io::Result<()> = Ok(());
    importer
        .read_all(
            async |most| Some(next.by_ref().take(most).collect::<Vec<_>>()).filter(|paths| !paths.is_empty()),
            async |ready| {
                for (path, body) in ready {
                    match body {
                        Ok(bytes) if written.is_ok() => {
                            written = write(&mut archive, &mut out, &path, time_of(&path), &bytes);
                        }
                        Ok(_) => {}
                        Err(error) => {
                            failed += 1;
                            eprintln!("failed: {path}: {error}");
                        }
                    }
                }
                written.is_ok()
            },
        )
        .await;
    written.context("standard output")?;
    out.write_all(&archive.end()?)?;
    out.flush()?;
    eprintln!("{} calendars, {total} files, {failed} failed", directories.len().saturating_sub(1));
    ensure!(failed == 0, "The archive is whole but for what is named above.");
    Ok(())
}

fn write(
    archive: &mut Archive,
    out: &mut impl Write,
    path: &str,
    modified: Option<Duration>,
    bytes: &Bytes,
) -> std::io::Result<()> {
    out.write_all(&archive.file(path, modified, bytes)?)
}

/// Tells what is not an entry. Answers whether nothing is missing because of it.
fn remark(item: &ScanItem) -> bool {
    match item {
        ScanItem::Entry(_) => true,
        ScanItem::Notice(path, message) => {
            eprintln!("note: {}{message}", path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default());
            true
        }
        ScanItem::Failed(path, error) => {
            eprintln!("failed: {path}: {error}");
            false
        }
    }
}

async fn calendars(importer: &Importer) -> anyhow::Result<()> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    let mut whole = true;
    let listed: Result<(), Error> = importer
        .scan(async |items| {
            for item in items {
                match item {
                    ScanItem::Entry(entry) if entry.is_directory => counts.push((entry.path, 0)),
                    ScanItem::Entry(entry) if entry.path.ends_with(".ics") => {
                        counts.last_mut().into_iter().for_each(|(_, count)| *count += 1);
                    }
                    other => whole &= remark(&other),
                }
            }
            true
        })
        .await;
    listed?;
    for (path, count) in counts.iter().skip(1) {
        let name = importer.read(&format!("{path}/displayname")).await.unwrap_or_default();
        println!("{path}\t{count}\t{}", String::from_utf8_lossy(&name));
    }
    if whole { Ok(()) } else { bail!("Not every calendar could be listed.") }
}

async fn check(importer: &Importer) -> anyhow::Result<()> {
    let mut all_good = true;
    for finding in importer.check().await? {
        all_good &= finding.good;
        println!("{} {}: {}", if finding.good { "ok  " } else { "BAD " }, finding.topic, finding.text);
    }
    if all_good { Ok(()) } else { bail!("See the lines marked BAD.") }
}
