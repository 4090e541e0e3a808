use std::collections::BTreeMap;

use futures::StreamExt;

use bytes::Bytes;

use super::*;
use crate::error::Error;
use crate::http::Request;
use crate::http::scripted::{Canned, Script, found, run};

/// A server that keeps what it is given: objects by path, and properties of calendars by path.
#[derive(Default)]
struct Server {
    objects: RefCell<BTreeMap<String, String>>,
    calendars: RefCell<BTreeMap<String, String>>,
    /// Segments with any of these are refused.
    refuses: &'static str,
}

const CALENDAR: &str = "<resourcetype><collection/><c:calendar/></resourcetype>";

impl Server {
    fn answer(&self, request: &Request) -> Canned {
        let path = request.target.path.as_str();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        let depth =
            request.headers.iter().find(|(name, _)| *name == "depth").map(|(_, value)| value.as_str());
        let within = |path: &str| {
            let objects = self.objects.borrow();
            let own = objects.iter().filter(|(object, _)| object.starts_with(path));
            own.map(|(object, _)| found(object, "<getetag>\"1\"</getetag>")).collect::<String>()
        };
        let calendars = self.calendars.borrow().clone();
        match request.method {
            "OPTIONS" => Canned::status(200).header("dav", "1, calendar-access"),
            "PROPFIND" if path == "/" => Canned::multistatus(&found(
                "/",
                "<c:calendar-home-set><href>/cal/</href></c:calendar-home-set>",
            )),
            "PROPFIND" if path == "/cal/" => {
                let all = calendars.iter().map(|(path, properties)| found(path, properties));
                Canned::multistatus(
                    &(found("/cal/", "<resourcetype><collection/></resourcetype>")
                        + &all.collect::<String>()),
                )
            }
            "PROPFIND" => match calendars.get(path) {
                Some(properties) if depth == Some("1") => {
                    Canned::multistatus(&(found(path, properties) + &within(path)))
                }
                Some(properties) => Canned::multistatus(&found(path, properties)),
                None => Canned::status(404),
            },
            "MKCALENDAR" | "MKCOL" => {
                let kind = if body.contains("subscribed") {
                    "<resourcetype><collection/><cs:subscribed/></resourcetype><cs:source><href>https://x/h.ics</href></cs:source>"
                } else {
                    CALENDAR
                };
                self.calendars.borrow_mut().insert(path.to_owned(), kind.to_owned());
                Canned::status(201)
            }
            "PROPPATCH" => Canned::multistatus(""),
            "PUT" if path.contains(|c| self.refuses.contains(c)) => Canned::status(400),
            "PUT" => {
                self.objects.borrow_mut().insert(path.to_owned(), body);
                Canned::status(201)
            }
            "GET" => self
                .objects
                .borrow()
                .get(path)
                .map_or(Canned::status(404), |text| Canned::status(200).body(text.clone())),
            _ => Canned::status(501),
        }
    }
}

fn object(uid: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

fn file(path: &str, text: impl Into<String>) -> Item {
    Item { path: path.to_owned(), body: ItemBody::File(Bytes::from(text.into())) }
}

/// Restores `items` to the server; gives the outcomes by path, what is there afterwards, and the requests.
fn restore(
    server: Server,
    options: &[(&str, &str)],
    items: Vec<Item>,
) -> (BTreeMap<String, Outcome>, BTreeMap<String, String>, Vec<String>) {
    let pairs: Vec<_> = [("location", "caldav://cal.example/")]
        .iter()
        .chain(options)
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    let options = DestinationOptions::parse(&pairs).unwrap();
    let server = Rc::new(server);
    let there = Rc::clone(&server);
    run(
        move |request| Ok(server.answer(request)),
        |script| async move {
            let exporter = Exporter::new(Rc::<Script>::clone(&script) as _, options);
            let (mut sender, receiver) = mpsc::channel(items.len());
            for item in items {
                sender.try_send(vec![item]).unwrap();
            }
            drop(sender);
            let (out, reports) = mpsc::channel(0);
            let (result, reports) = futures::join!(exporter.write(receiver, out), reports.concat());
            result.unwrap();
            let done = reports.into_iter().filter_map(|report| {
                if let WriteItem::Done(path, outcome) = report { Some((path, outcome)) } else { None }
            });
            let requests = script.requests.borrow().clone();
            (done.collect(), there.objects.borrow().clone(), requests)
        },
    )
}

const SIDECAR: &str = r#"{"format":1,"kind":"calendar","href":"/old/w%20k/","properties":{"displayname":"Work"},"names":{"a~01234567.ics":"A.ics"}}"#;

#[test]
fn objects_wait_for_the_description_of_their_calendar() {
    let items = vec![
        file("/w k/a~01234567.ics", object("a")),
        file("/w k/.caldav.json", SIDECAR),
        file("/w k/b c.ics", object("b")),
    ];
    let (done, there, requests) = restore(Server::default(), &[], items);
    assert!(done.values().all(|outcome| *outcome == Outcome::Created) && done.len() == 3, "{done:?}");
    assert_eq!(there.keys().collect::<Vec<_>>(), ["/cal/w%20k/A.ics", "/cal/w%20k/b%20c.ics"]);
    assert_eq!(requests.iter().filter(|r| r.starts_with("MKCALENDAR")).count(), 1, "{requests:?}");
}

#[test]
fn one_calendar_without_its_folder_goes_where_it_was() {
    let (done, there, _) =
        restore(Server::default(), &[], vec![file("/.caldav.json", SIDECAR), file("/b.ics", object("b"))]);
    assert!(done.values().all(|outcome| *outcome == Outcome::Created), "{done:?}");
    assert!(there.contains_key("/cal/w%20k/b.ics"), "{there:?}");
    let (done, there, _) = restore(Server::default(), &[], vec![file("/b.ics", object("b"))]);
    assert!(
        matches!(&done["/b.ics"], Outcome::Failed(error) if error.message().contains("into=NAME")),
        "{done:?}"
    );
    assert!(there.is_empty());
}

#[test]
fn a_subscription_is_made_where_it_can_be() {
    let sidecar = r#"{"format":1,"kind":"subscription","href":"/old/h/","properties":{"displayname":"H","subscription":{"source":"https://x/h.ics","strip_alarms":false,"strip_attachments":false,"strip_todos":false}}}"#;
    let (done, _, requests) = restore(Server::default(), &[], vec![file("/h/.caldav.json", sidecar)]);
    assert_eq!(done["/h/.caldav.json"], Outcome::Created, "{requests:?}");
    assert!(requests.contains(&"MKCOL /cal/h/".to_owned()), "{requests:?}");
    assert!(!requests.iter().any(|request| request.starts_with("MKCALENDAR")), "{requests:?}");
}

#[test]
fn a_name_that_is_refused_is_made_plain_and_found_again() {
    let server = || Server { refuses: ":", ..Server::default() };
    let items = || vec![file("/work/C%3Ax.ics", object("c")), file("/work/d.ics", object("d"))];
    let (done, there, _) = restore(server(), &[], items());
    assert!(done.values().all(|outcome| *outcome == Outcome::Created), "{done:?}");
    let names: Vec<_> = there.keys().cloned().collect();
    assert!(names[0].starts_with("/cal/work/C") && !names[0].contains(':') && names.len() == 2, "{names:?}");
    let again = Server {
        objects: RefCell::new(there),
        calendars: RefCell::new([("/cal/work/".to_owned(), CALENDAR.to_owned())].into()),
        refuses: ":",
    };
    let (done, there, requests) = restore(again, &[], items());
    assert!(done.values().all(|outcome| *outcome == Outcome::Unchanged), "{done:?}");
    assert!(there.len() == 2 && !requests.iter().any(|request| request.starts_with("PUT")), "{requests:?}");
}

#[test]
fn two_objects_of_one_uid_do_not_overwrite_each_other() {
    let other = object("same").replace("END:VEVENT", "SUMMARY:other\r\nEND:VEVENT");
    let items = vec![file("/work/a.ics", object("same")), file("/work/b.ics", other)];
    let (done, there, _) = restore(Server::default(), &[], items);
    assert!(done.len() == 2 && there.len() == 2, "{done:?} {there:?}");
}

#[test]
fn two_folders_with_the_same_names_go_into_one_calendar() {
    // This server passes over conditions: a name that is used twice would lose the first object.
    let items = vec![file("/a/x.ics", object("one")), file("/b/x.ics", object("two"))];
    let (done, there, _) = restore(Server::default(), &[("into", "work")], items);
    assert!(done.values().all(|outcome| *outcome == Outcome::Created), "{done:?}");
    assert_eq!(there.len(), 2, "{there:?}");
    assert!(there.values().any(|text| text.contains("UID:one")), "{there:?}");
}

#[test]
fn a_folder_of_folders_is_no_calendar() {
    let directory = |path: &str| Item { path: path.to_owned(), body: ItemBody::Directory };
    let items = vec![directory("/all"), directory("/all/work"), file("/all/work/x.ics", object("x"))];
    let (done, there, requests) = restore(Server::default(), &[], items);
    assert_eq!((&done["/all"], &done["/all/work"]), (&Outcome::Unchanged, &Outcome::Created));
    assert!(there.contains_key("/cal/work/x.ics"), "{there:?}");
    assert_eq!(requests.iter().filter(|r| r.starts_with("MK")).count(), 1, "{requests:?}");
}

#[test]
fn a_damaged_description_is_a_failure_and_the_objects_are_restored() {
    let items = vec![file("/work/.caldav.json", "{"), file("/work/x.ics", object("x"))];
    let (done, there, _) = restore(Server::default(), &[], items);
    assert!(matches!(done["/work/.caldav.json"], Outcome::Failed(_)), "{done:?}");
    assert!(done["/work/x.ics"] == Outcome::Created && there.len() == 1, "{done:?}");
}

#[test]
fn large_objects_are_read_back_a_few_at_a_time() {
    let large = |i: usize| {
        object(&i.to_string())
            .replace("END:VEVENT", &format!("X-LARGE:{}\r\nEND:VEVENT", "x".repeat(1 << 20)))
    };
    let items = (0..20).map(|i| file(&format!("/work/{i}.ics"), large(i))).collect();
    let (done, _, requests) = restore(Server::default(), &[], items);
    assert!(done.len() == 20 && done.values().all(|outcome| *outcome == Outcome::Created), "{done:?}");
    assert!(requests.iter().filter(|r| r.starts_with("REPORT")).count() >= 5, "{requests:?}");
}

#[test]
fn a_broken_item_and_a_strange_file_are_named() {
    let broken = Item {
        path: "/work/x.ics".to_owned(),
        body: ItemBody::Broken(Error::new(crate::error::Kind::Other, "gone")),
    };
    let items = vec![
        broken,
        file("/work/notes.txt", "hello"),
        file("/work/y.ics", "hello"),
        Item { path: "/empty".to_owned(), body: ItemBody::Directory },
    ];
    let (done, there, _) = restore(Server::default(), &[], items);
    assert!(
        matches!(done["/work/x.ics"], Outcome::Failed(_))
            && matches!(done["/work/y.ics"], Outcome::Failed(_)),
        "{done:?}"
    );
    assert!(matches!(done["/work/notes.txt"], Outcome::Skipped(_)), "{done:?}");
    assert_eq!(done["/empty"], Outcome::Created);
    assert!(there.is_empty());
}
