//! The component run on its own, by any runtime that has `wasi:cli/run` and `wasi:http`:
//! `backup LOCATION` writes a tar to standard output, `calendars` and `check` write text.

#[cfg(feature = "restore")]
mod restore;
mod tar;

use std::io::Write;
use std::rc::Rc;

use futures::channel::mpsc;
use futures::future::{join, join3};
use futures::{SinkExt, StreamExt};

use crate::http::Transport;
use crate::options::SourceOptions;
use crate::options::location::Location;
use crate::source::{Content, Entry, Importer, ScanItem};

const USAGE: &str =
    "Usage: backup LOCATION | restore LOCATION | calendars LOCATION | check LOCATION, each with [-o key=value]...
  backup writes a tar to standard output, restore reads one from standard input. The environment may have CALDAV_USERNAME and CALDAV_PASSWORD.";

/// Why a command failed, for people.
type Outcome<T = ()> = Result<T, String>;

/// Runs what the arguments say. Messages go to standard error.
pub(crate) async fn run(transport: Rc<dyn Transport>) -> Result<(), ()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    obey(transport, &arguments).await.map_err(|error| tell(&error))
}

async fn obey(transport: Rc<dyn Transport>, arguments: &[String]) -> Outcome {
    let [command, location, rest @ ..] = arguments else { return Err(USAGE.to_owned()) };
    #[cfg(feature = "restore")]
    if command == "restore" {
        let (pairs, insecure) = pairs(location, rest)?;
        let options = crate::options::DestinationOptions::parse(&pairs).map_err(|error| error.to_string())?;
        encrypted(&options.connection.location, insecure)?;
        return restore::run(&crate::destination::Exporter::new(transport, options)).await;
    }
    let (pairs, insecure) = pairs(location, rest)?;
    let options = SourceOptions::parse(&pairs).map_err(|error| error.to_string())?;
    encrypted(&options.connection.location, insecure)?;
    let importer = Importer::new(transport, options);
    match command.as_str() {
        "backup" => backup(&importer).await,
        "calendars" => calendars(&importer).await,
        "check" => check(&importer).await,
        _ => Err([command, ": there is no such command.\n", USAGE].concat()),
    }
}

/// Returns the options of the command line, those of the environment that it leaves out, and whether unencrypted
/// connections are allowed.
fn pairs(location: &str, rest: &[String]) -> Outcome<(Vec<(String, String)>, bool)> {
    let mut pairs = vec![("location".to_owned(), location.to_owned())];
    for (name, variable) in [("username", "CALDAV_USERNAME"), ("password", "CALDAV_PASSWORD")] {
        pairs.extend(std::env::var(variable).ok().map(|value| (name.to_owned(), value)));
    }
    let mut insecure = false;
    let mut rest = rest.iter();
    while let Some(flag) = rest.next() {
        let pair = match flag.strip_prefix("-o") {
            Some("") => rest.next().map_or("", String::as_str),
            Some(pair) => pair,
            None => return Err([flag, ": not understood.\n", USAGE].concat()),
        };
        let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
        match name {
            "insecure" => insecure = value == "true",
            _ => pairs.push((name.to_owned(), value.to_owned())),
        }
    }
    Ok((pairs, insecure))
}

/// Fails if the location is not encrypted and that is not allowed.
fn encrypted(location: &Location, insecure: bool) -> Outcome {
    let origin = &location.start.origin;
    if origin.https || insecure {
        return Ok(());
    }
    let why = "not encrypted; the password would be readable on the way. Use https, or add -o insecure=true.";
    Err(format!("{origin}: {why}"))
}

/// What a scan found: directories, files, and whether everything could be listed.
async fn list(importer: &Importer) -> Outcome<(Vec<String>, Vec<Entry>, bool)> {
    let (sender, mut found) = mpsc::channel(0);
    let (mut directories, mut files, mut whole) = (Vec::new(), Vec::new(), true);
    let sort = async {
        while let Some(items) = found.next().await {
            for item in items {
                match item {
                    ScanItem::Entry(entry) if entry.is_directory => directories.push(entry.path),
                    ScanItem::Entry(entry) => files.push(entry),
                    ScanItem::Notice(path, message) => {
                        tell(&["note: ", path.as_deref().unwrap_or_default(), ": ", &message].concat());
                    }
                    ScanItem::Omitted(path, message) => {
                        let place = path.map(|path| path + ": ").unwrap_or_default();
                        tell(&["left out: ", &place, &message].concat());
                    }
                    ScanItem::Failed(path, error) => {
                        whole = false;
                        tell(&["failed: ", &path, ": ", error.message()].concat());
                    }
                }
            }
        }
    };
    let (result, ()) = join(importer.scan(sender), sort).await;
    result.map_err(|error| error.to_string())?;
    Ok((directories, files, whole))
}

async fn backup(importer: &Importer) -> Outcome {
    let (directories, files, mut whole) = list(importer).await?;
    let mut written = Ok(());
    for path in &directories {
        written = written.and_then(|()| say(&tar::directory(path)));
    }
    let (mut wanted, receiver) = mpsc::channel(0);
    let (sender, mut ready) = mpsc::channel::<Vec<Content>>(0);
    let paths = files.iter().map(|entry| entry.path.clone()).collect();
    // The receiver lives until everything is read.
    let ask = async move { wanted.send(paths).await.unwrap_or_default() };
    // Bodies come almost in the order of the files.
    let mut at = 0;
    let write = async {
        while let Some(contents) = ready.next().await {
            for (path, body) in contents {
                match body {
                    Ok(bytes) => {
                        let (before, after) = files.split_at(at.min(files.len()));
                        let place = after
                            .iter()
                            .chain(before)
                            .position(|entry| entry.path == path)
                            .unwrap_or_default();
                        at = (at + place) % files.len().max(1);
                        let modified = files.get(at).and_then(|entry| entry.modified);
                        written = std::mem::replace(&mut written, Ok(()))
                            .and_then(|()| say(&tar::file(&path, modified, &bytes)));
                    }
                    Err(error) => {
                        whole = false;
                        tell(&["failed: ", &path, ": ", error.message()].concat());
                    }
                }
            }
        }
    };
    join3(importer.read_all(receiver, sender), ask, write).await;
    written
        .and_then(|()| say(&tar::END))
        .map_err(|error| ["standard output: ", &error.to_string()].concat())?;
    tell(&format!("{} calendars, {} files", directories.len().saturating_sub(1), files.len()));
    if whole { Ok(()) } else { Err("The archive is whole but for what is named above.".to_owned()) }
}

async fn calendars(importer: &Importer) -> Outcome {
    let (directories, files, whole) = list(importer).await?;
    for path in directories.iter().skip(1) {
        let inside = |entry: &&Entry| {
            entry.path.ends_with(".ics") && entry.path.rsplit_once('/').is_some_and(|(own, _)| own == path)
        };
        let count = files.iter().filter(inside).count();
        let name = importer.read(&[path, "/displayname"].concat()).await.unwrap_or_default();
        let line = [path, "\t", &count.to_string(), "\t", &String::from_utf8_lossy(&name), "\n"].concat();
        say(line.as_bytes()).map_err(|error| error.to_string())?;
    }
    if whole { Ok(()) } else { Err("Not every calendar could be listed.".to_owned()) }
}

async fn check(importer: &Importer) -> Outcome {
    let mut all_good = true;
    for finding in importer.check().await.map_err(|error| error.to_string())? {
        all_good &= finding.good;
        let line =
            [if finding.good { "ok   " } else { "BAD  " }, finding.topic, ": ", &finding.text, "\n"].concat();
        say(line.as_bytes()).map_err(|error| error.to_string())?;
    }
    if all_good { Ok(()) } else { Err("See the lines marked BAD.".to_owned()) }
}

/// To standard output.
fn say(bytes: &[u8]) -> std::io::Result<()> {
    std::io::stdout().write_all(bytes)
}

/// A line to standard error. There is nowhere to complain if that does not work.
fn tell(text: &str) {
    std::io::stderr().write_all(&[text.as_bytes(), b"\n"].concat()).ok();
}
