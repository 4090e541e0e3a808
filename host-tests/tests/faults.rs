//! Faults of a server during a backup, one test for each. A test checks the exit code, the message, and that no file in
//! the folder is lost. Once the fault is over, the next run completes the backup.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use dav_model::fault::first;
use dav_model::{Delivery, Fault, Reply, Request, found, multistatus, object, object_name, refused};
use host_tests::program::{Cli, tree};
use host_tests::scratch::{Scratch, files};

/// Numbers of objects in the two calendars.
const HOME: usize = 30;
const WORK: usize = 100;

/// Part of the names of the objects that a fault affects: a single one.
const ONE: &str = "000007";
/// Part of the names of about ten objects.
const TEN: &str = "00001";

/// Longer than the `timeout` option of these runs, 2 s.
const TOO_LONG: Duration = Duration::from_secs(30);

/// A fault, and the expected result of a run that meets it.
struct Case {
    exit: i32,
    /// Text that the output must contain; empty if there is no message.
    says: &'static str,
    fault: Fault,
}

fn case(
    exit: i32,
    says: &'static str,
    fault: impl Fn(&Request) -> Option<Reply> + Send + Sync + 'static,
) -> Case {
    Case { exit, says, fault: Box::new(fault) }
}

fn always(reply: Reply) -> impl Fn(&Request) -> Option<Reply> {
    move |_| Some(reply.clone())
}

/// Answers `reply` at the path where a run begins, `/`.
fn at_the_start(reply: Reply) -> impl Fn(&Request) -> Option<Reply> {
    move |request| (request.path == "/").then(|| reply.clone())
}

/// Answers `reply` to the request that lists the objects of `work`.
fn in_the_listing(reply: Reply) -> impl Fn(&Request) -> Option<Reply> {
    move |request| request.is("PROPFIND", "/cal/work/").then(|| reply.clone())
}

/// Answers `reply` to every multiget of objects in `work`.
fn in_reports(reply: impl Fn(&Request) -> Reply) -> impl Fn(&Request) -> Option<Reply> {
    move |request| is_report(request).then(|| reply(request))
}

fn is_report(request: &Request) -> bool {
    request.is("REPORT", "/cal/work/")
}

const COLLECTION: &str = "<d:resourcetype><d:collection/></d:resourcetype>";

/// Returns a listing of `work` with these responses and the one for the calendar itself.
fn listing(responses: &str) -> Reply {
    Reply::multistatus(&(found("/cal/work/", COLLECTION) + responses))
}

/// Returns a listing of `work` with one object, at this href.
fn listing_of(href: &str) -> Reply {
    listing(&found(href, "<d:getetag>1</d:getetag>"))
}

/// Returns a multistatus without its end tag, after which the connection breaks.
fn cut_off(responses: &str) -> Reply {
    Reply::status(207).body(multistatus(responses).replace("</d:multistatus>", "")).broken()
}

/// Returns the correct responses to a multiget of `work`, except those for objects whose href contains `missing`.
fn without(request: &Request, missing: &str) -> String {
    let answer = |href: &str| {
        let text = String::from_utf8_lossy(&version(2, number(href))).replace('&', "&amp;");
        let data = text.replace('\r', "&#13;");
        found(href, &format!("<c:calendar-data>{data}</c:calendar-data>"))
    };
    request.hrefs().filter(|href| !href.contains(missing)).map(answer).collect()
}

/// Returns the number in an object's name.
fn number(href: &str) -> usize {
    let name = href.rsplit('/').next().unwrap_or_default();
    name.trim_end_matches(".ics").parse().unwrap_or_default()
}

/// Returns the content of an object of `work` in its first or second version.
fn version(version: usize, number: usize) -> bytes::Bytes {
    object(&format!("version-{version}-of-{number}"))
}

const ENTITY_BOMB: &str = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;'>]><d:multistatus xmlns:d='DAV:'><d:response><d:href>&b;</d:href></d:response></d:multistatus>";

host_tests::cases! { meets;
    status_401_at_the_start => case(77, "does not accept", always(Reply::status(401)));
    status_401_in_the_middle => case(77, "does not accept", in_reports(|_| Reply::status(401)));
    status_403_for_one_calendar => case(3, "403", in_the_listing(Reply::status(403)));
    status_404_for_one_object => case(3, "000007.ics", |request| {
        let missing = refused(&format!("/cal/work/{ONE}.ics"), 404);
        let report = || Reply::multistatus(&(without(request, ONE) + &missing));
        if request.method == "GET" { Some(Reply::status(404)) } else { is_report(request).then(report) }
    });
    answers_are_missing => case(0, "", in_reports(|request| Reply::multistatus(&without(request, TEN))));
    malformed_xml_in_one_batch => case(0, "", |request| {
        let malformed = || Reply::multistatus("<d:response><d:href>/x</wrong>");
        (is_report(request) && request.body.contains(ONE)).then(malformed)
    });
    a_report_that_is_cut_off => case(0, "", in_reports(|_| cut_off("")));
    resets => case(3, "connection", |request| {
        (is_report(request) || request.method == "GET").then(Reply::reset)
    });
    status_429_for_a_moment => case(0, "", first(1, is_report, || Reply::status(429).header("retry-after", "1")));
    status_503_for_a_moment => case(0, "", first(1, is_report, || Reply::status(503).header("retry-after", "1")));
    status_429_without_end => case(75, "429", always(Reply::status(429).header("retry-after", "1")));
    status_429_for_a_day => case(75, "429", always(Reply::status(429).header("retry-after", "86400")));
    status_503_at_the_start => case(75, "503", always(Reply::status(503)));
    status_507_for_one_listing => case(3, "507", in_the_listing(Reply::status(507)));
    status_507_within_a_listing => case(3, "only a part", in_the_listing(listing(&refused("/cal/work/", 507))));
    silence => case(69, "no answer in time", at_the_start(Reply::silence(TOO_LONG)));
    a_body_that_stops => case(3, "no answer in time", in_the_listing(
        Reply::status(207).body(" ").delivered(Delivery::Repeats(TOO_LONG))
    ));
    a_body_without_end => case(3, "more bytes in one place", in_the_listing(
        Reply::status(207).body(" ".repeat(60_000)).delivered(Delivery::Repeats(Duration::ZERO))
    ));
    a_redirect_to_the_same_server => case(0, "", at_the_start(Reply::status(301).header("location", "/p/alice/")));
    a_redirect_to_another_server => case(78, "another server", at_the_start(
        Reply::status(302).header("location", "https://127.0.0.2/dav/")
    ));
    redirects_in_a_circle => case(65, "more than 5 redirects", always(Reply::status(302).header("location", "/again")));
    an_href_of_another_calendar => case(3, "not in this calendar", in_the_listing(listing_of("/cal/home/000001.ics")));
    an_href_of_another_server => case(3, "not in this calendar", in_the_listing(listing_of("https://evil.example/x.ics")));
    dots_for_a_name => case(3, "not in this calendar", in_the_listing(listing_of("/cal/work/%2e%2e")));
    an_empty_answer => case(3, "even of the calendar itself", in_the_listing(Reply::multistatus("")));
    an_account_without_home_set => case(66, "calendar-home-set", |request| {
        let name = || Reply::multistatus(&found("/p/alice/", "<d:displayname>A</d:displayname>"));
        (request.path == "/p/alice/").then(name)
    });
    an_empty_home_set => case(66, "no calendar there", |request| {
        (request.path == "/cal/").then(|| Reply::multistatus(&found("/cal/", COLLECTION)))
    });
    a_listing_that_breaks_off => case(3, "connection broke", in_the_listing(
        cut_off(&found("/cal/work/000001.ics", "<d:getetag>1</d:getetag>"))
    ));
    a_million_elements => case(3, "more elements", in_the_listing(Reply::multistatus(&"<d:x/>".repeat(1_000_000))));
    an_entity_bomb => case(3, "entity", in_the_listing(Reply::status(207).body(ENTITY_BOMB)));
    a_web_page => case(65, "no CalDAV server", always(
        Reply::status(200).header("content-type", "text/html").body("<html></html>")
    ));
}

const PASSWORD: &str = "hush-hush";

/// Prepares a backup with one retry and a timeout of 2 s.
fn backup(scratch: &Scratch) -> Cli {
    let backup = scratch.backup().option("retries", 1).option("timeout", 2).json();
    backup.option("username", "alice").option("password", PASSWORD)
}

async fn meets(case: Case) -> anyhow::Result<()> {
    let scratch = Scratch::new(&[("home", HOME), ("work", WORK)]).await?;
    put_all(&scratch, 1);
    backup(&scratch).succeeds().await?;
    let before = tree(&scratch.folder)?;
    // Every object in `work` has a new version, so the next run must read all of them.
    put_all(&scratch, 2);
    scratch.server.fault(case.fault);
    let outcome = backup(&scratch).exits(case.exit).await?.says(case.says)?;
    assert!(!outcome.has_said(PASSWORD), "the password is shown");
    outcome.summary()?;
    nothing_is_lost(&before, &tree(&scratch.folder)?)?;

    scratch.server.clear_fault();
    backup(&scratch).succeeds().await?;
    let after = tree(&scratch.folder)?;
    for number in 0..WORK {
        let path = format!("work/{}", object_name(number));
        ensure!(
            after.get(&path) == Some(&version(2, number).to_vec()),
            "{path} differs from the object on the server"
        );
    }
    assert_eq!(after.len(), files(2, HOME + WORK), "files");
    Ok(())
}

fn put_all(scratch: &Scratch, of: usize) {
    for number in 0..WORK {
        scratch.server.put("work", &object_name(number), version(of, number));
    }
}

/// Fails unless every file still exists and is complete, in its old version or a new one.
fn nothing_is_lost(
    before: &BTreeMap<String, Vec<u8>>,
    after: &BTreeMap<String, Vec<u8>>,
) -> anyhow::Result<()> {
    for (path, old) in before {
        let now = after.get(path).with_context(|| format!("{path} is lost"))?;
        ensure!(now == old || now.ends_with(b"END:VCALENDAR\r\n"), "{path} is damaged");
    }
    Ok(())
}
