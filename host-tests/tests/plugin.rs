//! Both services of the plugin over a pair of pipes: the order of calls and messages, and faults in between.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use connector_plakar::protocol::importer::{
    CloseRequest, ImportRequest, ImportResponse, OpenRequest, PingRequest,
};
use connector_plakar::protocol::plakar::connectors::{FileInfo, Record, Result as Acknowledgement};
use connector_plakar::protocol::plakar::exporter::export_request::Packet;
use connector_plakar::protocol::plakar::exporter::{ExportRequest, ExportResponse};
use dav_model::{Reply, found, object};
use futures::channel::mpsc;
use futures::stream::{self, StreamExt};
use futures::{FutureExt, SinkExt};
use host_tests::fake::Fake;
use host_tests::plugin::Plugin;
use host_tests::program::{built, command};
use host_tests::scratch::entries;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::{Code, Status, Streaming};

/// Time to wait before concluding that an event does not happen.
const WHILE: Duration = Duration::from_millis(200);

const PASSWORD: &str = "hush-hush";

/// Flags that both services report: STREAM (4) and NOMERGE (16) of Plakar.
const FLAGS: u32 = 20;

/// Returns the options for a fake server.
fn options(fake: &Fake) -> Vec<(&'static str, String)> {
    vec![
        ("location", format!("caldav://{}", fake.url())),
        ("insecure", "true".to_owned()),
        ("username", "alice".to_owned()),
        ("password", PASSWORD.to_owned()),
        ("retries", "0".to_owned()),
    ]
}

fn borrowed<'a>(options: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    options.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Starts a plugin, and opens its importer.
async fn importing(fake: &Fake) -> anyhow::Result<Plugin> {
    let plugin = Plugin::start().await?;
    plugin.init_importer(&borrowed(&options(fake))).await?;
    Ok(plugin)
}

/// Starts a plugin, and opens its exporter.
async fn exporting(fake: &Fake) -> anyhow::Result<Plugin> {
    let plugin = Plugin::start().await?;
    plugin.init_exporter(&borrowed(&options(fake))).await?;
    Ok(plugin)
}

/// A call of `Import` under way: the stream of acknowledgements to send, and the stream of records.
struct Import {
    acknowledgements: mpsc::Sender<ImportRequest>,
    answers: Streaming<ImportResponse>,
}

async fn import(plugin: &Plugin) -> Result<Import, Status> {
    let (acknowledgements, outgoing) = mpsc::channel(100);
    let answers = plugin.importer().import(outgoing).await?.into_inner();
    Ok(Import { acknowledgements, answers })
}

impl Import {
    /// Returns the records up to `finished`.
    async fn records(&mut self) -> Result<Vec<Record>, Status> {
        let mut records = Vec::new();
        while let Some(answer) = self.answers.message().await? {
            if answer.finished {
                return Ok(records);
            }
            records.extend(answer.record);
        }
        Err(Status::data_loss("the call ended before `finished`"))
    }
}

/// Opens a file, and returns its chunks.
async fn open(plugin: &Plugin, path: &str) -> Result<Vec<Bytes>, Status> {
    let record = Record { pathname: path.to_owned(), ..Record::default() };
    let request = OpenRequest { record: Some(record) };
    let answers = plugin.importer().open(request).await?.into_inner();
    answers.map(|answer| answer.map(|answer| answer.chunk)).collect::<Vec<_>>().await.into_iter().collect()
}

fn is_refused_sign_in(error: &Status) -> anyhow::Result<()> {
    assert_eq!(error.code(), Code::Unauthenticated, "{error:?}");
    ensure!(error.message().contains("user name and password"), "{error:?}");
    Ok(())
}

fn info(name: &str, mode: u32) -> FileInfo {
    FileInfo { name: name.to_owned(), mode, ..FileInfo::default() }
}

/// Time of modification of all objects on the fake server, Sun, 22 Nov 2026 10:00:00 GMT, in seconds since 1970.
const LAST_MODIFIED: i64 = 1_795_341_600;

const DIRECTORY: u32 = 1 << 31 | 0o700;

fn record(path: &str, mode: u32) -> ExportRequest {
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("/");
    let has_reader = mode & (1 << 31) == 0;
    let record = Record {
        has_reader,
        pathname: path.to_owned(),
        file_info: Some(info(name, mode)),
        ..Record::default()
    };
    ExportRequest { packet: Some(Packet::Record(record)) }
}

fn chunk(bytes: impl Into<Bytes>) -> ExportRequest {
    ExportRequest { packet: Some(Packet::Chunk(bytes.into())) }
}

/// Returns the packets of a complete file: the record, the content, and an empty chunk.
fn file(path: &str, bytes: Bytes) -> Vec<ExportRequest> {
    vec![record(path, 0o600), chunk(bytes), chunk(Bytes::new())]
}

/// Sends all packets, half-closes, and returns the error that was acknowledged for each path (empty for success) and
/// the status that ended the call.
async fn export(
    plugin: &Plugin,
    packets: Vec<ExportRequest>,
) -> anyhow::Result<(BTreeMap<String, String>, Result<(), Status>)> {
    let mut answers = plugin.exporter().export(stream::iter(packets)).await?.into_inner();
    let mut said = BTreeMap::new();
    loop {
        match answers.message().await {
            Ok(Some(ExportResponse { result: Some(Acknowledgement { header: Some(header), error }) })) => {
                ensure!(header.file_info.is_some(), "{header:?}: Plakar would end the restore");
                ensure!(
                    said.insert(header.pathname.clone(), error).is_none(),
                    "{} came twice",
                    header.pathname
                );
            }
            Ok(Some(other)) => bail!("{other:?}"),
            Ok(None) => return Ok((said, Ok(()))),
            Err(status) => return Ok((said, Err(status))),
        }
    }
}

#[tokio::test]
async fn init_tells_what_is_backed_up_without_asking_the_server() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 1)]).await?;
    let plugin = Plugin::start().await?;
    let mut given = options(&fake);
    let answer = plugin.init_importer(&borrowed(&given)).await?;
    assert_eq!((answer.r#type.as_str(), answer.root.as_str(), answer.flags), ("caldav", "/", FLAGS));
    ensure!(answer.origin.starts_with("alice@127.0.0.1:"), "{answer:?}");
    ensure!(!answer.origin.contains(PASSWORD), "the password is shown: {answer:?}");
    // The origin is the same in every run, and another one with other filters.
    ensure!(plugin.init_importer(&borrowed(&given)).await? == answer);
    given.push(("calendars", "work".to_owned()));
    ensure!(plugin.init_importer(&borrowed(&given)).await?.origin != answer.origin);
    ensure!(fake.take_requests().is_empty());
    let answer = plugin.init_exporter(&borrowed(&options(&fake))).await?;
    assert_eq!((answer.r#type.as_str(), answer.flags), ("caldav", FLAGS));
    ensure!(!answer.origin.contains(PASSWORD), "the password is shown: {answer:?}");
    ensure!(plugin.end().await? == (Some(0), String::new()));
    Ok(())
}

#[tokio::test]
async fn init_refuses_wrong_options_in_one_line() -> anyhow::Result<()> {
    let plugin = Plugin::start().await?;
    let cases: [(&[(&str, &str)], &[&str]); 5] = [
        (&[], &["location: missing"]),
        (
            &[("location", "caldav://h"), ("pasword", "secret-1"), ("timeout", "soon")],
            &["did you mean password?", "timeout"],
        ),
        (&[("location", "caldav://h"), ("insecure", "perhaps")], &["insecure", "neither true nor false"]),
        (&[("location", "caldav://u:secret-1@h")], &["take the password out"]),
        (&[("location", "caldav://https:/calendars/")], &["@NAME:/PATH", "caldav://HOST"]),
    ];
    for (given, words) in cases {
        for error in [plugin.init_importer(given).await.err(), plugin.init_exporter(given).await.err()] {
            let error = error.with_context(|| format!("{given:?} was accepted"))?;
            assert_eq!(error.code(), Code::InvalidArgument, "{error:?}");
            for word in words {
                ensure!(
                    error.message().contains(word),
                    "the message does not contain {word:?}: {}",
                    error.message()
                );
            }
            ensure!(!error.message().contains('\n'), "more than one line: {}", error.message());
            ensure!(!error.message().contains("secret-1"), "the password is shown: {}", error.message());
        }
    }
    // The plugin keeps running.
    let fake = Fake::start(&[("work", 1)]).await?;
    plugin.init_importer(&borrowed(&options(&fake))).await?;
    ensure!(plugin.end().await? == (Some(0), String::new()));
    Ok(())
}

#[tokio::test]
async fn http_answers_before_the_component_is_touched() -> anyhow::Result<()> {
    let plugin = Plugin::start_with(&["--component", "/nowhere/caldav.wasm", "plugin"], &[]).await?;
    let error = plugin.init_importer(&[("location", "caldav://h")]).await.unwrap_err();
    ensure!(error.message().contains("/nowhere/caldav.wasm"), "{error:?}");
    ensure!(plugin.end().await? == (Some(0), String::new()));
    Ok(())
}

#[tokio::test]
async fn what_is_called_too_early_or_too_late_is_refused() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 1)]).await?;
    let plugin = Plugin::start().await?;
    ensure!(plugin.importer().ping(PingRequest {}).await.unwrap_err().code() == Code::FailedPrecondition);
    ensure!(import(&plugin).await.is_err(), "a listing before `Init`");
    ensure!(open(&plugin, "/work/000000.ics").await.is_err(), "a file before `Init`");
    plugin.init_importer(&borrowed(&options(&fake))).await?;
    // Files that are not in the listing, and files before the first listing.
    ensure!(open(&plugin, "/work/000000.ics").await.unwrap_err().code() == Code::NotFound);
    assert_eq!(import(&plugin).await?.records().await?.len(), entries(1, 1), "records");
    for path in ["", "/", "/work", "/work/other.ics", "/../etc/passwd"] {
        ensure!(open(&plugin, path).await.is_err(), "{path}");
    }
    open(&plugin, "/work/000000.ics").await?;
    plugin.importer().close(CloseRequest {}).await?;
    ensure!(open(&plugin, "/work/000000.ics").await.unwrap_err().code() == Code::FailedPrecondition);
    ensure!(plugin.end().await? == (Some(0), String::new()));
    Ok(())
}

#[tokio::test]
async fn ping_signs_in_and_lists_calendars() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 1)]).await?;
    let plugin = importing(&fake).await?;
    plugin.importer().ping(PingRequest {}).await?;
    ensure!(fake.take_requests().iter().any(|seen| seen.path == "/cal/"));
    fake.fault(|_| Some(Reply::status(401)));
    let plugin = importing(&fake).await?;
    let error = plugin.importer().ping(PingRequest {}).await.unwrap_err();
    is_refused_sign_in(&error)?;
    ensure!(!error.message().contains(PASSWORD));
    Ok(())
}

#[tokio::test]
async fn records_are_the_same_in_every_run_but_for_versions() -> anyhow::Result<()> {
    let fake = Fake::start(&[("home", 1), ("work", 2)]).await?;
    let list = async || anyhow::Ok(import(&importing(&fake).await?).await?.records().await?);
    let first = list().await?;
    ensure!(list().await? == first);
    let paths: Vec<&str> = first.iter().map(|record| record.pathname.as_str()).collect();
    ensure!(paths[..3] == ["/", "/home", "/home/.caldav.json"], "{paths:?}");
    let one =
        first.iter().find(|record| record.pathname == "/work/000001.ics").context("the record is missing")?;
    let about = one.file_info.as_ref().context("no info")?;
    assert_eq!((about.name.as_str(), about.size, about.mode, about.nlink), ("000001.ics", -1, 0o600, 1));
    assert_eq!(about.mod_time.map(|time| time.seconds), Some(LAST_MODIFIED));
    assert_eq!(about.groupname, "/work");
    let root = first[0].file_info.as_ref().context("no info")?;
    assert_eq!((root.name.as_str(), root.mode), ("/", DIRECTORY));
    let described = first[2].file_info.as_ref().context("no info")?;
    ensure!(u64::try_from(described.size)? == open_all(&fake, "/home/.caldav.json").await?, "{described:?}");
    // A new version changes the inode number, and nothing else.
    fake.put("work", "000001.ics", object("changed"));
    let second = list().await?;
    let different: Vec<_> = first.iter().zip(&second).filter(|(a, b)| a != b).collect();
    ensure!(different.len() == 1, "{different:?}");
    let (mut a, mut b) = (different[0].0.clone(), different[0].1.clone());
    for record in [&mut a, &mut b] {
        record.file_info.as_mut().context("no info")?.ino = 0;
    }
    ensure!(a == b);
    Ok(())
}

async fn open_all(fake: &Fake, path: &str) -> anyhow::Result<u64> {
    let plugin = importing(fake).await?;
    import(&plugin).await?.records().await?;
    Ok(open(&plugin, path).await?.concat().len() as u64)
}

#[tokio::test]
async fn the_call_ends_well_only_after_the_half_close() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 3)]).await?;
    let plugin = importing(&fake).await?;
    let mut listing = import(&plugin).await?;
    listing.records().await?;
    ensure!(
        tokio::time::timeout(WHILE, listing.answers.message()).await.is_err(),
        "the call ended too early"
    );
    listing.acknowledgements.close_channel();
    ensure!(listing.answers.message().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn acknowledgements_are_taken_apart_from_everything_else() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 10)]).await?;
    let plugin = importing(&fake).await?;
    let Import { mut acknowledgements, mut answers } = import(&plugin).await?;
    // Far more than any flow-control window holds, before a single record is read.
    let header = Record { pathname: "/".repeat(4096), ..Record::default() };
    let one = ImportRequest { result: Some(Acknowledgement { header: Some(header), error: String::new() }) };
    for _ in 0..5000 {
        acknowledgements.send(one.clone()).await?;
    }
    acknowledgements.close_channel();
    let mut count = 0;
    while let Some(answer) = answers.message().await? {
        count += usize::from(!answer.finished);
    }
    assert_eq!(count, entries(1, 10), "records");
    Ok(())
}

#[tokio::test]
async fn a_listing_that_nobody_reads_waits_and_files_are_opened_meanwhile() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 30_000)]).await?;
    let plugin = importing(&fake).await?;
    let mut listing = import(&plugin).await?;
    for _ in 0..10 {
        listing.answers.message().await?;
    }
    ensure!(!open(&plugin, "/work/000000.ics").await?.is_empty());
    ensure!(!open(&plugin, "/work/000003.ics").await?.is_empty());
    // The listing is cancelled in the middle; the next one is complete.
    drop(listing);
    assert_eq!(import(&plugin).await?.records().await?.len(), entries(1, 30_000), "records");
    Ok(())
}

#[tokio::test]
async fn a_large_file_comes_in_chunks_that_plakar_takes() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 0)]).await?;
    let large = String::from_utf8(object("large").to_vec())?.replace(
        "END:VEVENT",
        &format!("ATTACH;ENCODING=BASE64;VALUE=BINARY:{}\r\nEND:VEVENT", "QUJD".repeat(1_500_000)),
    );
    fake.put("work", "large.ics", Bytes::from(large.clone()));
    fake.put("work", "small.ics", object("small"));
    let plugin = importing(&fake).await?;
    import(&plugin).await?.records().await?;
    let chunks = open(&plugin, "/work/large.ics").await?;
    ensure!(chunks.concat() == large.as_bytes());
    ensure!(
        chunks.iter().all(|chunk| (1..=1 << 20).contains(&chunk.len())),
        "{:?}",
        chunks.iter().map(Bytes::len).collect::<Vec<_>>()
    );
    ensure!(open(&plugin, "/work/small.ics").await?.concat() == object("small"));
    Ok(())
}

#[tokio::test]
async fn many_are_opened_at_once_and_some_are_given_up() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 500)]).await?;
    let plugin = importing(&fake).await?;
    import(&plugin).await?.records().await?;
    let _ = fake.take_requests();
    let opened = stream::iter(0..500).map(async |i| {
        let path = format!("/work/{i:06}.ics");
        if i % 7 == 3 {
            // The caller cancels this call.
            let record = Record { pathname: path, ..Record::default() };
            let mut importer = plugin.importer();
            drop(importer.open(OpenRequest { record: Some(record) }).await);
            return Ok(Vec::new());
        }
        open(&plugin, &path).await.map(|chunks| chunks.concat())
    });
    let all: Vec<_> = opened.buffered(32).collect().await;
    for (i, bytes) in all.into_iter().enumerate() {
        let bytes = bytes?;
        let expected = if i % 7 == 3 { Bytes::new() } else { object(&format!("work-{i}")) };
        ensure!(bytes == expected, "the content of object {i}");
    }
    ensure!(fake.take_requests().len() <= 40, "the objects were not read in batches by one instance");
    Ok(())
}

#[tokio::test]
async fn a_body_that_breaks_off_is_never_a_whole_file() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 3)]).await?;
    let plugin = importing(&fake).await?;
    import(&plugin).await?.records().await?;
    fake.fault(|seen| {
        (seen.method == "REPORT" || seen.method == "GET")
            .then(|| Reply::status(207).body("BEGIN:VCALENDAR\r\n").broken())
    });
    let error = open(&plugin, "/work/000001.ics").await.unwrap_err();
    ensure!(error.message().contains("/work/000001.ics"), "{error:?}");
    fake.clear_fault();
    ensure!(open(&plugin, "/work/000001.ics").await?.concat() == object("work-1"));
    Ok(())
}

#[tokio::test]
async fn both_services_work_side_by_side() -> anyhow::Result<()> {
    let (from, to) = (Fake::start(&[("work", 20)]).await?, Fake::start(&[]).await?);
    let plugin = importing(&from).await?;
    plugin.init_exporter(&borrowed(&options(&to))).await?;
    let records = import(&plugin).await?.records().await?;
    let mut packets = Vec::new();
    for record in records {
        let is_file = record.has_reader;
        let path = record.pathname.clone();
        packets.push(ExportRequest { packet: Some(Packet::Record(record)) });
        if is_file {
            packets.extend(open(&plugin, &path).await?.into_iter().map(chunk));
            packets.push(chunk(Bytes::new()));
        }
    }
    let (said, end) = export(&plugin, packets).await?;
    ensure!(end.is_ok(), "{end:?}");
    assert_eq!(said.len(), entries(1, 20), "acknowledgements");
    let errors: Vec<_> = said.iter().filter(|(_, error)| !error.is_empty()).collect();
    ensure!(errors.is_empty(), "{errors:?}");
    ensure!(to.objects("work") == from.objects("work"));
    Ok(())
}

#[tokio::test]
async fn a_restore_ends_only_after_the_half_close() -> anyhow::Result<()> {
    let fake = Fake::start(&[]).await?;
    let plugin = exporting(&fake).await?;
    let (mut packets, outgoing) = mpsc::channel(10);
    let mut answers = plugin.exporter().export(outgoing).await?.into_inner();
    packets.send(record("/", DIRECTORY)).await?;
    ensure!(answers.message().await?.is_some());
    ensure!(tokio::time::timeout(WHILE, answers.message()).await.is_err(), "the call ended too early");
    drop(packets);
    ensure!(answers.message().await?.is_none());
    Ok(())
}

#[tokio::test]
async fn records_that_are_no_calendar_objects_are_named() -> anyhow::Result<()> {
    let fake = Fake::start(&[]).await?;
    let plugin = exporting(&fake).await?;
    let (link, pipe) = (1 << 27 | 0o777, 1 << 25 | 0o600);
    let mut packets = vec![record("/", DIRECTORY), record("/work", DIRECTORY)];
    packets.extend(file("/work/link", Bytes::from_static(b"x")));
    packets.extend(file("/work/pipe", Bytes::from_static(b"x")));
    packets.extend(file("/work/notes.txt", Bytes::from_static(b"buy milk")));
    packets.extend(file("/work/empty.ics", Bytes::new()));
    packets.extend(file("/work/one.ics", object("one")));
    for (packet, mode) in [(2, link), (5, pipe)] {
        let Some(Packet::Record(record)) = &mut packets[packet].packet else { bail!("no record") };
        record.file_info = Some(info("x", mode));
    }
    let lost = Record {
        pathname: "/work/lost.ics".to_owned(),
        file_info: Some(info("lost.ics", 0o600)),
        ..Record::default()
    };
    packets.push(ExportRequest { packet: Some(Packet::Record(lost)) });
    let (said, end) = export(&plugin, packets).await?;
    for (path, words) in [
        ("/", ""),
        ("/work", ""),
        ("/work/one.ics", ""),
        ("/work/link", "a link or a special file"),
        ("/work/pipe", "a link or a special file"),
        ("/work/notes.txt", "neither a calendar object"),
        ("/work/empty.ics", "not a calendar object"),
        ("/work/lost.ics", "does not have its content"),
    ] {
        let text = said.get(path).with_context(|| format!("{path} was not acknowledged"))?;
        ensure!(text.contains(words), "the error of {path} does not contain {words:?}: {text}");
        assert_eq!(text.is_empty(), words.is_empty(), "{path}: {text}");
    }
    let end = end.unwrap_err();
    // A file that is not a calendar object at all is left out, without a failure; the others have failed.
    assert_eq!(end.code(), Code::Unknown, "{end:?}");
    ensure!(end.message().starts_with("4 of 8 could not be restored"), "{end:?}");
    ensure!(fake.objects("work").len() == 1);
    Ok(())
}

#[tokio::test]
async fn pieces_of_a_file_are_put_together() -> anyhow::Result<()> {
    let fake = Fake::start(&[]).await?;
    let plugin = exporting(&fake).await?;
    let whole = object("pieces");
    let mut packets = vec![record("/", DIRECTORY), record("/work", DIRECTORY), record("/work/a.ics", 0o600)];
    packets.extend(whole.chunks(100).map(|piece| chunk(Bytes::copy_from_slice(piece))));
    packets.push(chunk(Bytes::new()));
    // A second end and bytes without a file are ignored.
    packets.extend([chunk(Bytes::new()), chunk(Bytes::from_static(b"stray"))]);
    // A record before the end of the previous file: the previous file is incomplete.
    packets.extend([record("/work/b.ics", 0o600), chunk(object("b"))]);
    packets.extend(file("/work/c.ics", object("c")));
    let (said, end) = export(&plugin, packets).await?;
    ensure!(said["/work/b.ics"].contains("came out of the store"), "{said:?}");
    ensure!(end.is_err(), "the restore succeeded");
    ensure!(fake.objects("work").keys().eq(["a.ics", "c.ics"]));
    ensure!(fake.objects("work")["a.ics"].as_bytes() == whole);
    Ok(())
}

#[tokio::test]
async fn a_restore_that_is_cancelled_leaves_no_half_written_object() -> anyhow::Result<()> {
    let fake = Fake::start(&[]).await?;
    let plugin = exporting(&fake).await?;
    let (mut packets, outgoing) = mpsc::channel(10);
    let answers = plugin.exporter().export(outgoing).await?.into_inner();
    packets.send(record("/work", DIRECTORY)).await?;
    for packet in file("/work/a.ics", object("a")) {
        packets.send(packet).await?;
    }
    packets.send(record("/work/b.ics", 0o600)).await?;
    packets.send(chunk(object("b").slice(..50))).await?;
    // The call is reset, as if Plakar had been interrupted.
    drop(answers);
    drop(packets);
    tokio::time::sleep(WHILE).await;
    ensure!(fake.objects("work").values().all(|text| text.ends_with("END:VCALENDAR\r\n")));
    ensure!(!fake.objects("work").contains_key("b.ics"));
    // The process keeps running: another restore succeeds.
    plugin.init_exporter(&borrowed(&options(&fake))).await?;
    let (_, end) = export(&plugin, file("/work/b.ics", object("b"))).await?;
    ensure!(end.is_ok(), "{end:?}");
    ensure!(fake.objects("work").contains_key("b.ics"), "the object is missing");
    ensure!(plugin.end().await? == (Some(0), String::new()));
    Ok(())
}

#[tokio::test]
async fn the_process_ends_with_its_input_whatever_goes_on() -> anyhow::Result<()> {
    // At once, before the first call.
    let mut process = command(&["plugin"], &[])?
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    drop(process.stdin.take());
    ensure!(process.wait().await?.code() == Some(0));
    // During calls that wait for a server that does not answer.
    let fake = Fake::start(&[("work", 3)]).await?;
    fake.fault(|_| Some(Reply::silence(Duration::from_secs(3600))));
    for is_import in [true, false] {
        let plugin = Plugin::start().await?;
        plugin.init_importer(&borrowed(&options(&fake))).await?;
        let given = options(&fake);
        let call = if is_import {
            let mut importer = plugin.importer();
            async move { importer.ping(PingRequest {}).await.map(drop) }.boxed_local()
        } else {
            async { plugin.init_exporter(&borrowed(&given)).await.map(drop) }.boxed_local()
        };
        ensure!(tokio::time::timeout(WHILE, call).await.is_err(), "the call did not wait for the server");
        ensure!(plugin.end().await? == (Some(0), String::new()));
    }
    Ok(())
}

#[tokio::test]
async fn an_exporter_signs_in_at_its_beginning_and_only_then() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 0)]).await?;
    let plugin = Plugin::start().await?;
    fake.fault(|_| Some(Reply::status(401)));
    let error = plugin.init_exporter(&borrowed(&options(&fake))).await.unwrap_err();
    is_refused_sign_in(&error)?;
    fake.clear_fault();
    let _ = fake.take_requests();
    plugin.init_exporter(&borrowed(&options(&fake))).await?;
    let (_, end) = export(&plugin, file("/work/a.ics", object("a"))).await?;
    ensure!(end.is_ok(), "{end:?}");
    assert_eq!(fake.objects("work").len(), 1, "objects on the server");
    let seen = fake.take_requests();
    let home = seen.iter().filter(|seen| seen.method == "PROPFIND" && seen.path == "/cal/").count();
    ensure!(home == 1, "the home set was listed {home} times: {seen:?}");
    ensure!(plugin.end().await? == (Some(0), String::new()));
    Ok(())
}

/// Ctrl-C in a terminal reaches Plakar and its plugin. Plakar decides what becomes of the plugin.
#[tokio::test]
async fn an_interrupt_is_left_to_plakar() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 1)]).await?;
    let plugin = importing(&fake).await?;
    let id = plugin.process.id().context("the plugin has ended")?.to_string();
    ensure!(std::process::Command::new("kill").args(["-INT", &id]).status()?.success());
    tokio::time::sleep(WHILE).await;
    ensure!(import(&plugin).await?.records().await?.len() > 2);
    ensure!(plugin.end().await? == (Some(0), String::new()));
    Ok(())
}

#[tokio::test]
async fn what_is_no_http_ends_the_process() -> anyhow::Result<()> {
    let mut process = command(&["plugin"], &[])?
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let (mut stdin, mut stdout) = process.stdin.take().zip(process.stdout.take()).context("no pipes")?;
    stdin.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n and more of that kind").await?;
    let mut answer = Vec::new();
    stdout.read_to_end(&mut answer).await?;
    ensure!(process.wait().await?.code().is_some());
    Ok(())
}

#[tokio::test]
async fn remarks_are_printed_only_where_they_are_asked_for() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 1)]).await?;
    fake.fault(|seen| {
        let calendar = "<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>";
        let home = [
            found("/cal/", "<d:resourcetype><d:collection/></d:resourcetype>"),
            found("/cal/work/", calendar),
            found("/cal/inbox/", "<d:resourcetype><d:collection/></d:resourcetype>"),
        ];
        (seen.path == "/cal/").then(|| Reply::multistatus(&home.concat()))
    });
    for (environment, expected) in [(&[][..], 0), (&[("PLAKAR_CALDAV_LOG", "1")][..], 1)] {
        let plugin = Plugin::start_with(&["plugin"], environment).await?;
        plugin.init_importer(&borrowed(&options(&fake))).await?;
        import(&plugin).await?.records().await?;
        let (code, said) = plugin.end().await?;
        assert_eq!(code, Some(0), "exit code");
        assert_eq!(said.lines().count(), expected, "lines of {said:?}");
        ensure!(expected == 0 || said.contains("left out: /cal/inbox/ is not a calendar"), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn nothing_is_written_beside_the_program() -> anyhow::Result<()> {
    let fake = Fake::start(&[("work", 3)]).await?;
    let package = tempfile::tempdir()?;
    let program = package.path().join("plakar-caldav");
    std::fs::copy(built("plakar-caldav")?, &program)?;
    std::fs::copy(built("caldav.wasm")?, package.path().join("caldav.wasm"))?;
    let home = tempfile::tempdir()?;
    let before = listing(package.path())?;
    let Some(peer) = host_tests::peer::Peer::build()? else { return Ok(()) };
    let folder = home.path().join("out").display().to_string();
    let given: Vec<String> = options(&fake).iter().map(|(name, value)| format!("{name}={value}")).collect();
    let given: Vec<&str> = given.iter().map(String::as_str).collect();
    peer.play_with(&program, &["-mode", "backup", "-dir", &folder], &given).await?.well()?;
    ensure!(listing(package.path())? == before, "{:?}", listing(package.path())?);
    Ok(())
}

fn listing(folder: &Path) -> anyhow::Result<Vec<(String, u64, std::time::SystemTime)>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        all.push((entry.file_name().to_string_lossy().into_owned(), about.len(), about.modified()?));
    }
    all.sort();
    Ok(all)
}
