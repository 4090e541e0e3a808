#![allow(clippy::type_complexity)]

use std::collections::BTreeMap;

use dav_model::fault::after;
use dav_model::{Account, Reply, found, object};

use super::*;
use crate::http::scripted::{Reply as Answered, Script, ask, run, turns};
use crate::http::{Request, TransportError};
use crate::options::sample::source_options;
use futures::SinkExt;
use futures::stream::{self, StreamExt};

/// Requests until the calendars are known: the start, the principal, the home set.
const DISCOVERY: usize = 3;

/// Runs a test with an importer of that account.
fn with<T, F: Future<Output = T>>(
    account: Account,
    pairs: &[(&str, &str)],
    test: impl FnOnce(Rc<Importer>, Rc<Script>) -> F,
) -> T {
    with_answers(move |request| ask(&account, request), pairs, test)
}

/// Runs a test with an importer of a server that is this function.
fn with_answers<T, F: Future<Output = T>>(
    answer: impl Fn(&Request) -> Answered + 'static,
    pairs: &[(&str, &str)],
    test: impl FnOnce(Rc<Importer>, Rc<Script>) -> F,
) -> T {
    let options = source_options(pairs);
    run(answer, |script| test(Rc::new(Importer::new(Rc::<Script>::clone(&script) as _, options)), script))
}

/// An account with a fault.
fn faulty(
    calendars: &[(&str, usize)],
    fault: impl Fn(&dav_model::Request) -> Option<Reply> + Send + Sync + 'static,
) -> Account {
    let account = Account::new(calendars);
    account.fault(fault);
    account
}

async fn scan(importer: &Importer) -> (Vec<ScanItem>, Result<()>) {
    let (sender, found) = mpsc::channel(0);
    futures::future::join(found.concat(), importer.scan(sender)).await
}

fn objects(items: &[ScanItem]) -> Vec<String> {
    let paths = items.iter().filter_map(|item| match item {
        ScanItem::Entry(entry) if entry.path.ends_with(".ics") => Some(entry.path.clone()),
        _ => None,
    });
    paths.collect()
}

async fn read_all(importer: &Importer, paths: Vec<String>) -> BTreeMap<String, Result<Bytes>> {
    let (mut wanted, receiver) = mpsc::channel(0);
    let (sender, ready) = mpsc::channel(0);
    let ask = async move {
        for piece in paths.chunks(200) {
            wanted.send(piece.to_vec()).await.unwrap();
        }
    };
    let (ready, (), ()) =
        futures::future::join3(ready.concat(), importer.read_all(receiver, sender), ask).await;
    ready.into_iter().collect()
}

fn count(script: &Script, method: &str) -> usize {
    script.requests.borrow().iter().filter(|request| request.starts_with(method)).count()
}

#[test]
fn a_scan_lists_calendars_their_descriptions_and_their_objects() {
    with(Account::new(&[("home", 2), ("work", 1)]), &[], |importer, script| async move {
        let (items, result) = scan(&importer).await;
        result.unwrap();
        let paths: Vec<_> = items
            .iter()
            .map(|item| match item {
                ScanItem::Entry(e) => e.path.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            paths,
            [
                "/",
                "/home",
                "/home/.caldav.json",
                "/home/displayname",
                "/home/000000.ics",
                "/home/000001.ics",
                "/work",
                "/work/.caldav.json",
                "/work/displayname",
                "/work/000000.ics"
            ]
        );
        assert_eq!(importer.read("/home/displayname").await.unwrap(), "The home calendar");
        assert_eq!(importer.read("/work/000000.ics").await.unwrap(), object("work-0"));
        assert_eq!(importer.read("/work/other.ics").await.unwrap_err().kind, Kind::NotFound);
        let (listings, reports) = (2, 1);
        assert_eq!(script.requests.borrow().len(), DISCOVERY + listings + reports);
    });
}

#[test]
fn reading_everything_takes_one_request_for_64() {
    with(Account::new(&[("work", 1000)]), &[], |importer, script| async move {
        let (items, _) = scan(&importer).await;
        let read = read_all(&importer, objects(&items)).await;
        assert_eq!(read.len(), 1000);
        assert!(read.values().all(Result::is_ok));
        assert!(count(&script, "REPORT") <= 24, "{}", count(&script, "REPORT"));
        assert_eq!(count(&script, "GET"), 0);
    });
}

#[test]
fn one_read_after_the_other_is_fetched_ahead_for() {
    with(Account::new(&[("work", 5000)]), &[], |importer, script| async move {
        let (items, _) = scan(&importer).await;
        for path in objects(&items) {
            importer.read(&path).await.unwrap();
        }
        assert!(count(&script, "REPORT") <= 5000 / 64 + 20, "{}", count(&script, "REPORT"));
    });
}

/// How many objects were asked for in reports.
fn bodies(script: &Script) -> usize {
    let sent = script.sent.borrow();
    let reports = sent.iter().filter(|request| request.method == "REPORT");
    let hrefs = |request: &Request| String::from_utf8_lossy(&request.body).matches("<d:href>").count();
    reports.map(hrefs).sum()
}

#[test]
fn many_readers_at_once_are_fetched_ahead_for() {
    for (readers, most) in [(2, 98), (8, 98), (16, 98), (64, 200)] {
        with(Account::new(&[("work", 5000)]), &[], |importer, script| async move {
            let (items, _) = scan(&importer).await;
            // Now and then one is late, and others pass it.
            let read = async |(i, path): (u32, String)| {
                turns(i * 7919 % 23).await;
                importer.read(&path).await.unwrap()
            };
            stream::iter((0..).zip(objects(&items)))
                .map(read)
                .buffer_unordered(readers)
                .for_each(async |_| {})
                .await;
            let (requests, bodies) = (count(&script, "REPORT"), bodies(&script));
            assert!(requests <= most, "{readers}: {requests} requests");
            assert_eq!(bodies, 5000, "{readers}");
        });
    }
}

#[test]
fn reads_here_and_there_fetch_little_else() {
    with(Account::new(&[("work", 5000)]), &[], |importer, script| async move {
        let (items, _) = scan(&importer).await;
        // Fifty places, spread as if by chance.
        let mut places: Vec<usize> = (0..50).map(|i| (i * 7919 + i * i * 31) % 5000).collect();
        places.sort_unstable();
        let paths = objects(&items);
        for at in places {
            importer.read(&paths[at]).await.unwrap();
        }
        assert!(bodies(&script) <= 100, "{}", bodies(&script));
    });
}

#[test]
fn a_batch_with_one_bad_object_loses_only_that() {
    let (bad, name) = ("/cal/work/000037.ics", "000037");
    let data = "<c:calendar-data>BEGIN:VCALENDAR\nEND:VCALENDAR\n</c:calendar-data>";
    let left_out = move |request: &dav_model::Request| {
        let hrefs = request.hrefs().filter(|href| !href.contains(name));
        Reply::multistatus(&hrefs.map(|href| found(href, data)).collect::<String>())
    };
    let malformed = "<multistatus xmlns=\"DAV:\"><response><href>/x</href></oops>";
    let faults: [(&str, Box<dyn Fn(&dav_model::Request) -> Reply + Send + Sync>); 4] = [
        ("the whole report is refused", Box::new(|_| Reply::status(404))),
        ("the XML is malformed", Box::new(move |_| Reply::status(207).body(malformed))),
        ("the answer breaks off", Box::new(|_| Reply::multistatus("").broken())),
        ("it is left out", Box::new(left_out)),
    ];
    for (what, fault) in faults {
        let server = faulty(&[("work", 100)], move |request| match request.method.as_str() {
            "GET" if request.path == bad => Some(Reply::status(404)),
            "REPORT" if request.body.contains(name) => Some(fault(request)),
            _ => None,
        });
        with(server, &[], |importer, script| async move {
            let (items, _) = scan(&importer).await;
            let read = read_all(&importer, objects(&items)).await;
            assert_eq!(read.len(), 100, "{what}");
            let failed: Vec<_> =
                read.iter().filter(|(_, body)| body.is_err()).map(|(path, _)| path.as_str()).collect();
            assert_eq!(failed, ["/work/000037.ics"], "{what}");
            assert!(script.requests.borrow().len() < 40, "{what}: {:?}", script.requests.borrow());
        });
    }
}

#[test]
fn a_server_without_multiget_is_read_one_by_one() {
    let server = faulty(&[("work", 100)], |r| (r.method == "REPORT").then(|| Reply::status(501)));
    with(server, &[], |importer, script| async move {
        let (items, _) = scan(&importer).await;
        let read = read_all(&importer, objects(&items)).await;
        assert!(read.len() == 100 && read.values().all(Result::is_ok));
        assert_eq!(count(&script, "GET"), 100);
        assert!(count(&script, "REPORT") < 40, "{}", count(&script, "REPORT"));
    });
}

#[test]
fn fetch_get_keeps_the_servers_line_ends() {
    let text = "BEGIN:VCALENDAR\nEND:VCALENDAR\n";
    let account = Account::new(&[("work", 3)]);
    account.put("work", "000001.ics", text);
    with(account, &[("fetch", "get")], |importer, script| async move {
        let (items, _) = scan(&importer).await;
        let read = read_all(&importer, objects(&items)).await;
        assert_eq!(read["/work/000001.ics"].as_ref().unwrap(), text.as_bytes());
        assert_eq!(count(&script, "REPORT"), 0);
    });
}

#[test]
fn one_forbidden_calendar_is_named_and_the_others_go_on() {
    let forbidden = |r: &dav_model::Request| (r.path == "/cal/home/").then(|| Reply::status(403));
    with(faulty(&[("home", 1), ("work", 1)], forbidden), &[], |importer, _| async move {
        let (items, result) = scan(&importer).await;
        result.unwrap();
        assert!(items.iter().any(
            |item| matches!(item, ScanItem::Failed(path, e) if path == "/home" && e.kind == Kind::Forbidden)
        ));
        assert_eq!(objects(&items), ["/work/000000.ics"]);
    });
    with(faulty(&[("home", 1)], forbidden), &[], |importer, _| async move {
        assert_eq!(scan(&importer).await.1.unwrap_err().kind, Kind::Forbidden);
    });
}

#[test]
fn what_ends_the_account_ends_the_scan() {
    let in_the_second_listing = after(DISCOVERY + 1, |_| true, || Reply::status(401));
    let server = faulty(&[("home", 1), ("work", 1)], in_the_second_listing);
    with(server, &[], |importer, _| async move {
        assert_eq!(scan(&importer).await.1.unwrap_err().kind, Kind::SignInRefused);
    });
}

#[test]
fn a_server_that_goes_away_is_not_waited_for_object_by_object() {
    let account = Account::new(&[("work", 3000)]);
    let goes_away = move |request: &Request| match request.method {
        "REPORT" => Err(TransportError::Connect("refused".to_owned())),
        _ => ask(&account, request),
    };
    with_answers(goes_away, &[], |importer, script| async move {
        let (items, _) = scan(&importer).await;
        let read = read_all(&importer, objects(&items)).await;
        assert!(
            read.len() == 3000
                && read.values().all(|body| body.as_ref().is_err_and(|e| e.kind == Kind::Unreachable))
        );
        assert!(script.requests.borrow().len() < 60, "{}", script.requests.borrow().len());
    });
}

#[test]
fn no_calendar_is_an_error_and_a_filter_that_leaves_none_says_what_there_is() {
    with(Account::new(&[]), &[], |importer, _| async move {
        assert_eq!(scan(&importer).await.1.unwrap_err().kind, Kind::NotFound);
    });
    with(Account::new(&[("work", 1)]), &[("calendars", "wrok")], |importer, _| async move {
        let error = scan(&importer).await.1.unwrap_err();
        assert!(error.kind == Kind::InvalidOptions && error.message().contains("has work"), "{error}");
    });
}

#[test]
fn versions_follow_the_etag_and_nothing_else() {
    let versions = |changes: usize| {
        let server = Account::new(&[("work", 2)]);
        for _ in 0..changes {
            server.put("work", "000001.ics", object("work-1"));
        }
        with(server, &[], |importer, _| async move {
            let (items, _) = scan(&importer).await;
            items
                .into_iter()
                .filter_map(|item| match item {
                    ScanItem::Entry(e) if e.path.ends_with("ics") => e.version,
                    _ => None,
                })
                .collect::<Vec<_>>()
        })
    };
    let (a, b) = (versions(0), versions(1));
    assert_eq!(a, versions(0));
    assert_eq!(a[0], b[0]);
    assert_ne!(a[1], b[1]);
}

#[test]
fn the_identity_has_the_account_and_no_secret() {
    with(Account::default(), &[], |importer, _| async move {
        assert_eq!(
            importer.identity(),
            Identity { kind: "caldav", origin: "alice@cal.example".to_owned(), root: "/" }
        );
    });
}
