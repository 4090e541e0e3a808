#![allow(clippy::type_complexity)]

use std::cell::Cell;
use std::collections::BTreeMap;

use futures::SinkExt;
use futures::stream::{self, StreamExt};

use super::*;
use crate::http::scripted::{Canned, Reply, Script, found, run, turns};
use crate::http::{Request, TransportError};
use crate::options::sample::source_options;

/// A server with one account: calendars of objects, and faults by request.
#[derive(Default)]
struct Server {
    /// Path of each calendar, and its objects by name.
    calendars: BTreeMap<&'static str, BTreeMap<String, String>>,
    /// Asked first; none for the usual answer.
    fault: Option<Box<dyn Fn(&Request) -> Option<Reply>>>,
}

fn object(uid: &str) -> String {
    format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:{uid}\nEND:VEVENT\nEND:VCALENDAR\n")
}

impl Server {
    fn new(calendars: &[(&'static str, usize)]) -> Self {
        let objects =
            |count: usize| (0..count).map(|i| (format!("{i:05}.ics"), object(&i.to_string()))).collect();
        Self {
            calendars: calendars.iter().map(|(path, count)| (*path, objects(*count))).collect(),
            fault: None,
        }
    }

    fn faulty(mut self, fault: impl Fn(&Request) -> Option<Reply> + 'static) -> Self {
        self.fault = Some(Box::new(fault));
        self
    }

    fn answer(&self, request: &Request) -> Reply {
        if let Some(reply) = self.fault.as_ref().and_then(|fault| fault(request)) {
            return reply;
        }
        let path = request.target.path.as_str();
        let body = String::from_utf8_lossy(&request.body);
        Ok(match (request.method, path) {
            ("PROPFIND", "/") => Canned::multistatus(&found(
                "/",
                "<c:calendar-home-set><href>/cal/</href></c:calendar-home-set>",
            )),
            ("PROPFIND", "/cal/") => {
                let calendars = self.calendars.keys().map(|path| {
                    found(path, &format!("<resourcetype><collection/><c:calendar/></resourcetype><displayname>The {path}</displayname>"))
                });
                Canned::multistatus(&format!(
                    "{}{}",
                    found("/cal/", "<resourcetype><collection/></resourcetype>"),
                    calendars.collect::<String>()
                ))
            }
            ("PROPFIND", path) => {
                let objects = self.calendars[path].iter().map(|(name, text)| {
                    found(&format!("{path}{name}"), &format!("<getetag>\"{}\"</getetag>", text.len()))
                });
                Canned::multistatus(&format!(
                    "{}{}",
                    found(path, "<resourcetype><collection/></resourcetype>"),
                    objects.collect::<String>()
                ))
            }
            ("REPORT", path) => Canned::multistatus(
                &hrefs(&body)
                    .map(|href| match self.calendars[path].get(href.trim_start_matches(path)) {
                        Some(text) => found(href, &format!("<c:calendar-data>{text}</c:calendar-data>")),
                        None => format!(
                            "<response><href>{href}</href><status>HTTP/1.1 404 Not Found</status></response>"
                        ),
                    })
                    .collect::<String>(),
            ),
            ("GET", path) => {
                let (calendar, name) = path.split_at(path.rfind('/').unwrap() + 1);
                match self.calendars[calendar].get(name) {
                    Some(text) => {
                        Canned::status(200).header("content-type", "text/calendar").body(text.clone())
                    }
                    None => Canned::status(404),
                }
            }
            _ => Canned::status(405),
        })
    }
}

fn hrefs(body: &str) -> impl Iterator<Item = &str> {
    body.split("<d:href>").skip(1).filter_map(|part| part.split("</d:href>").next())
}

/// Runs a test with an importer of that server.
fn with<T, F: Future<Output = T>>(
    server: Server,
    pairs: &[(&str, &str)],
    test: impl FnOnce(Rc<Importer>, Rc<Script>) -> F,
) -> T {
    let options = source_options(pairs);
    run(
        move |request| server.answer(request),
        |script| test(Rc::new(Importer::new(Rc::<Script>::clone(&script) as _, options)), script),
    )
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
    with(Server::new(&[("/cal/home/", 2), ("/cal/work/", 1)]), &[], |importer, script| async move {
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
                "/home/00000.ics",
                "/home/00001.ics",
                "/work",
                "/work/.caldav.json",
                "/work/displayname",
                "/work/00000.ics"
            ]
        );
        assert_eq!(importer.read("/home/displayname").await.unwrap(), "The /cal/home/");
        assert_eq!(importer.read("/work/00000.ics").await.unwrap(), object("0").replace('\n', "\r\n"));
        assert_eq!(importer.read("/work/other.ics").await.unwrap_err().kind, Kind::NotFound);
        assert_eq!(script.requests.borrow().len(), 5);
    });
}

#[test]
fn reading_everything_takes_one_request_for_64() {
    with(Server::new(&[("/cal/work/", 1000)]), &[], |importer, script| async move {
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
    with(Server::new(&[("/cal/work/", 5000)]), &[], |importer, script| async move {
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
    reports.map(|request| hrefs(&String::from_utf8_lossy(&request.body)).count()).sum()
}

#[test]
fn many_readers_at_once_are_fetched_ahead_for() {
    for (readers, most) in [(2, 98), (8, 98), (16, 98), (64, 200)] {
        with(Server::new(&[("/cal/work/", 5000)]), &[], |importer, script| async move {
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
    with(Server::new(&[("/cal/work/", 5000)]), &[], |importer, script| async move {
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
    let bad = "/cal/work/00037.ics";
    let faults: [(&str, fn(&Request) -> Option<Reply>); 5] = [
        ("the whole report is refused", |r| (r.method == "REPORT").then(|| Ok(Canned::status(404)))),
        ("the XML is malformed", |r| {
            (r.method == "REPORT").then(|| {
                Ok(Canned::status(207).body("<multistatus xmlns=\"DAV:\"><response><href>/x</href></oops>"))
            })
        }),
        ("the answer breaks off", |r| (r.method == "REPORT").then(|| Ok(Canned::multistatus("").broken()))),
        ("it is left out", |r| {
            (r.method == "REPORT").then(|| {
                let body = String::from_utf8_lossy(&r.body).into_owned();
                let all = hrefs(&body)
                    .filter(|h| !h.contains("00037"))
                    .map(|h| found(h, &format!("<c:calendar-data>{}</c:calendar-data>", object("x"))));
                Ok(Canned::multistatus(&all.collect::<String>()))
            })
        }),
        ("nothing", |_| None),
    ];
    for (what, fault) in faults {
        let server = Server::new(&[("/cal/work/", 100)]).faulty(move |request| {
            let body = String::from_utf8_lossy(&request.body);
            if request.method == "GET" && request.target.path == bad {
                return Some(Ok(Canned::status(404)));
            }
            if request.method == "REPORT" && !body.contains("00037") { None } else { fault(request) }
        });
        with(server, &[], |importer, script| async move {
            let (items, _) = scan(&importer).await;
            let read = read_all(&importer, objects(&items)).await;
            assert_eq!(read.len(), 100, "{what}");
            let failed: Vec<_> =
                read.iter().filter(|(_, body)| body.is_err()).map(|(path, _)| path.as_str()).collect();
            assert_eq!(failed, if what == "nothing" { vec![] } else { vec!["/work/00037.ics"] }, "{what}");
            assert!(script.requests.borrow().len() < 40, "{what}: {:?}", script.requests.borrow());
        });
    }
}

#[test]
fn a_server_without_multiget_is_read_one_by_one() {
    let server = Server::new(&[("/cal/work/", 100)])
        .faulty(|r| (r.method == "REPORT").then(|| Ok(Canned::status(501))));
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
    with(Server::new(&[("/cal/work/", 3)]), &[("fetch", "get")], |importer, script| async move {
        let (items, _) = scan(&importer).await;
        let read = read_all(&importer, objects(&items)).await;
        assert_eq!(read["/work/00001.ics"].as_ref().unwrap(), object("1").as_bytes());
        assert_eq!(count(&script, "REPORT"), 0);
    });
}

#[test]
fn one_forbidden_calendar_is_named_and_the_others_go_on() {
    let forbidden = |r: &Request| (r.target.path == "/cal/home/").then(|| Ok(Canned::status(403)));
    with(
        Server::new(&[("/cal/home/", 1), ("/cal/work/", 1)]).faulty(forbidden),
        &[],
        |importer, _| async move {
            let (items, result) = scan(&importer).await;
            result.unwrap();
            assert!(items.iter().any(|item| matches!(item, ScanItem::Failed(path, e) if path == "/home" && e.kind == Kind::Forbidden)));
            assert_eq!(objects(&items), ["/work/00000.ics"]);
        },
    );
    with(Server::new(&[("/cal/home/", 1)]).faulty(forbidden), &[], |importer, _| async move {
        assert_eq!(scan(&importer).await.1.unwrap_err().kind, Kind::Forbidden);
    });
}

#[test]
fn what_ends_the_account_ends_the_scan() {
    let count = Cell::new(0);
    let server = Server::new(&[("/cal/home/", 1), ("/cal/work/", 1)]).faulty(move |_| {
        count.set(count.get() + 1);
        (count.get() > 3).then(|| Ok(Canned::status(401)))
    });
    with(server, &[], |importer, _| async move {
        assert_eq!(scan(&importer).await.1.unwrap_err().kind, Kind::SignInRefused);
    });
}

#[test]
fn a_server_that_goes_away_is_not_waited_for_object_by_object() {
    let server = Server::new(&[("/cal/work/", 3000)])
        .faulty(|r| (r.method == "REPORT").then(|| Err(TransportError::Connect("refused".to_owned()))));
    with(server, &[], |importer, script| async move {
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
    with(Server::new(&[]), &[], |importer, _| async move {
        assert_eq!(scan(&importer).await.1.unwrap_err().kind, Kind::NotFound);
    });
    with(Server::new(&[("/cal/work/", 1)]), &[("calendars", "wrok")], |importer, _| async move {
        let error = scan(&importer).await.1.unwrap_err();
        assert!(error.kind == Kind::InvalidOptions && error.message().contains("has work"), "{error}");
    });
}

#[test]
fn versions_follow_the_etag_and_nothing_else() {
    let versions = |text: &'static str| {
        let mut server = Server::new(&[("/cal/work/", 2)]);
        server.calendars.get_mut("/cal/work/").unwrap().insert("00001.ics".to_owned(), text.to_owned());
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
    let (a, b) = (versions("one"), versions("three"));
    assert_eq!(a, versions("one"));
    assert_eq!(a[0], b[0]);
    assert_ne!(a[1], b[1]);
}

#[test]
fn the_identity_has_the_account_and_no_secret() {
    with(Server::default(), &[], |importer, _| async move {
        assert_eq!(
            importer.identity(),
            Identity { kind: "caldav", origin: "alice@cal.example".to_owned(), root: "/" }
        );
    });
}
