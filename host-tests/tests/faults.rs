//! What a server can do wrong. For each: the exit code, what the user reads, and that nothing the folder
//! had is lost; and when the server is well again, the next run makes the folder right.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use bytes::Bytes;
use host_tests::fake::{Fake, Reply, Seen, found, multistatus, object, refused};
use host_tests::program::{self, Outcome};

/// A fault, and what is expected of a run that meets it.
struct Case {
    name: &'static str,
    /// The exit code.
    code: i32,
    /// Words that the user reads; empty when there is nothing to read.
    words: &'static str,
    fault: Box<dyn Fn(&Seen) -> Option<Reply> + Send + Sync>,
}

fn case(
    name: &'static str,
    code: i32,
    words: &'static str,
    fault: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
) -> Case {
    Case { name, code, words, fault: Box::new(fault) }
}

/// Whether the request is for the `work` calendar itself.
fn lists_work(seen: &Seen) -> bool {
    seen.method == "PROPFIND" && seen.path == "/cal/work/"
}

fn is_report(seen: &Seen) -> bool {
    seen.method == "REPORT" && seen.path == "/cal/work/"
}

/// The listing of `work` with these responses in front of nothing else.
fn listing(responses: &str) -> Reply {
    Reply::multistatus(&format!(
        "{}{responses}",
        found("/cal/work/", "<d:resourcetype><d:collection/></d:resourcetype>")
    ))
}

/// The answer of a server that is well, to a multiget, without those hrefs that `leave_out` names.
fn answers(seen: &Seen, leave_out: &str) -> String {
    let all = seen.hrefs().filter(|href| !href.contains(leave_out));
    let text = |href: &str| {
        String::from_utf8_lossy(&object(&format!("again-{href}")))
            .replace('&', "&amp;")
            .replace('\r', "&#13;")
    };
    all.map(|href| found(href, &format!("<c:calendar-data>{}</c:calendar-data>", text(href)))).collect()
}

fn cases() -> Vec<Case> {
    let once = |then: fn() -> Reply| move |seen: &Seen| (is_report(seen) && seen.number < 6).then(then);
    vec![
        case("401 at the start", 77, "does not accept", |_| Some(Reply::status(401))),
        case("401 in the middle", 77, "does not accept", |seen| is_report(seen).then(|| Reply::status(401))),
        case("403 on one calendar", 3, "403", |seen| lists_work(seen).then(|| Reply::status(403))),
        case("404 for one object", 3, "000007.ics", |seen| match seen.method.as_str() {
            "GET" => Some(Reply::status(404)),
            "REPORT" if seen.path == "/cal/work/" => Some(Reply::multistatus(&format!(
                "{}{}",
                answers(seen, "000007"),
                refused("/cal/work/000007.ics", 404)
            ))),
            _ => None,
        }),
        case("answers are missing", 0, "", |seen| {
            is_report(seen).then(|| Reply::multistatus(&answers(seen, "00001")))
        }),
        case("malformed XML in one batch", 0, "", |seen| {
            (is_report(seen) && seen.body.contains("000007.ics"))
                .then(|| Reply::multistatus("<d:response><d:href>/x</wrong>"))
        }),
        case("a body that is cut off", 0, "", |seen| {
            is_report(seen)
                .then(|| Reply::Broken(Bytes::from(multistatus("").replace("</d:multistatus>", ""))))
        }),
        case("resets", 3, "connection", |seen| {
            (is_report(seen) || seen.method == "GET").then_some(Reply::Reset)
        }),
        case("429 for a moment", 0, "", once(|| Reply::header(429, "retry-after", "1"))),
        case("503 for a moment", 0, "", once(|| Reply::header(503, "retry-after", "1"))),
        case("429 for ever", 75, "429", |_| Some(Reply::header(429, "retry-after", "1"))),
        case("429 for a day", 75, "429", |_| Some(Reply::header(429, "retry-after", "86400"))),
        case("503 at the start", 75, "503", |_| Some(Reply::status(503))),
        case("507 for one listing", 3, "507", |seen| lists_work(seen).then(|| Reply::status(507))),
        case("507 within a listing", 3, "only a part", |seen| {
            lists_work(seen).then(|| listing(&refused("/cal/work/", 507)))
        }),
        case("silence", 69, "no answer in time", |seen| {
            (seen.path == "/").then_some(Reply::Silence(Duration::from_secs(30)))
        }),
        case("a body that stops", 3, "no answer in time", |seen| {
            lists_work(seen).then(|| Reply::Drip(207, Bytes::from_static(b" "), Duration::from_secs(30)))
        }),
        case("a body without end", 3, "more bytes in one place", |seen| {
            lists_work(seen).then(|| Reply::Drip(207, Bytes::from(" ".repeat(60_000)), Duration::ZERO))
        }),
        case("a redirect to the same server", 0, "", |seen| {
            (seen.path == "/").then(|| Reply::header(301, "location", "/p/alice/"))
        }),
        case("a redirect to another server", 78, "another server", |seen| {
            (seen.path == "/").then(|| Reply::header(302, "location", "https://127.0.0.2/dav/"))
        }),
        case("redirects in a circle", 65, "more than 5 redirects", |_| {
            Some(Reply::header(302, "location", "/again"))
        }),
        case("an href of another calendar", 3, "not in this calendar", |seen| {
            lists_work(seen).then(|| listing(&found("/cal/home/000001.ics", "<d:getetag>1</d:getetag>")))
        }),
        case("an href of another server", 3, "not in this calendar", |seen| {
            lists_work(seen)
                .then(|| listing(&found("https://evil.example/x.ics", "<d:getetag>1</d:getetag>")))
        }),
        case("dots for a name", 3, "not in this calendar", |seen| {
            lists_work(seen).then(|| listing(&found("/cal/work/%2e%2e", "<d:getetag>1</d:getetag>")))
        }),
        case("an empty answer", 3, "even of the calendar itself", |seen| {
            lists_work(seen).then(|| Reply::multistatus(""))
        }),
        case("an account without home set", 66, "calendar-home-set", |seen| {
            (seen.path == "/p/alice/")
                .then(|| Reply::multistatus(&found("/p/alice/", "<d:displayname>A</d:displayname>")))
        }),
        case("an empty home set", 66, "no calendar there", |seen| {
            (seen.path == "/cal/").then(|| {
                Reply::multistatus(&found("/cal/", "<d:resourcetype><d:collection/></d:resourcetype>"))
            })
        }),
        case("a listing that breaks off", 3, "connection broke", |seen| {
            lists_work(seen).then(|| {
                Reply::Broken(Bytes::from(
                    multistatus(&found("/cal/work/000001.ics", "<d:getetag>1</d:getetag>"))
                        .replace("</d:multistatus>", ""),
                ))
            })
        }),
        case("a million elements", 3, "more elements", |seen| {
            lists_work(seen).then(|| Reply::multistatus(&"<d:x/>".repeat(1_000_000)))
        }),
        case("an entity bomb", 3, "entity", |seen| {
            let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;'>]><d:multistatus xmlns:d='DAV:'><d:response><d:href>&b;</d:href></d:response></d:multistatus>";
            lists_work(seen).then(|| Reply::Plain(207, Vec::new(), Bytes::from_static(bomb.as_bytes())))
        }),
        case("a web page", 65, "no CalDAV server", |_| {
            Some(Reply::Plain(
                200,
                vec![("content-type", "text/html".to_owned())],
                Bytes::from_static(b"<html></html>"),
            ))
        }),
    ]
}

async fn backup(fake: &Fake, folder: &Path) -> anyhow::Result<Outcome> {
    let (url, folder) = (fake.url(), folder.display().to_string());
    let options = [
        "-o",
        "insecure=true",
        "-o",
        "retries=1",
        "-o",
        "timeout=2",
        "-o",
        "username=alice",
        "-o",
        "password=hush-hush",
    ];
    let arguments = [&["backup", &url, &folder, "--json"], options.as_slice()].concat();
    program::run(&arguments, &[]).await
}

async fn meet(case: Case) -> anyhow::Result<()> {
    let Case { name, code, words, fault } = case;
    let fake = Fake::start(&[("home", 30), ("work", 100)]).await?;
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path().join("backup");
    ensure!(backup(&fake, &folder).await?.code == 0, "{name}: the server is well, and the backup is not");
    let before = program::tree(&folder)?;
    // Everything in `work` has another version now, so it must be read again.
    for i in 0..100 {
        fake.put("work", &format!("{i:06}.ics"), object(&format!("later-{i}")));
    }
    let _ = fake.take_seen();
    fake.fault(fault);
    let outcome = backup(&fake, &folder).await?;
    ensure!(outcome.code == code, "{name}: exit code {} and not {code}: {outcome:?}", outcome.code);
    ensure!(outcome.out.contains(words), "{name}: {words:?} is not said: {}", outcome.out);
    ensure!(!format!("{outcome:?}").contains("hush"), "{name}: the password is shown");
    outcome.summary()?;
    let after = program::tree(&folder)?;
    for (path, old) in &before {
        let now = after.get(path).ok_or_else(|| anyhow::anyhow!("{name}: {path} is lost"))?;
        let whole = now == old || now.ends_with(b"END:VCALENDAR\r\n");
        ensure!(whole, "{name}: {path} is damaged");
    }
    // Well again: the next run has everything right.
    fake.heal();
    let last = backup(&fake, &folder).await?;
    ensure!(last.code == 0, "{name}: well again, but {last:?}");
    if code != 0 {
        let healed = program::tree(&folder)?;
        for i in 0..100 {
            let path = format!("work/{i:06}.ics");
            let right = healed.get(&path).is_some_and(|now| {
                *now == object(&format!("later-{i}")) || name.starts_with("404") && i != 7
            });
            ensure!(right, "{name}: {path} is not what the server has");
        }
        ensure!(healed.len() == before.len(), "{name}: {} files and not {}", healed.len(), before.len());
    }
    println!("{name}: exit {code}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_named_and_nothing_is_lost() -> anyhow::Result<()> {
    use futures::stream::{self, StreamExt};
    let results: Vec<_> = stream::iter(cases()).map(meet).buffer_unordered(4).collect().await;
    let failures: Vec<String> =
        results.into_iter().filter_map(|result| result.err().map(|error| format!("{error:#}"))).collect();
    ensure!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), failures.join("\n"));
    Ok(())
}
