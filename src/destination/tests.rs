use std::collections::BTreeMap;

use bytes::Bytes;
use dav_model::{Account, Behaviour};
use futures::StreamExt;

use super::*;
use crate::error::Error;
use crate::http::scripted::{Script, ask, run};

fn object(uid: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

fn file(path: &str, text: impl Into<String>) -> Item {
    Item { path: path.to_owned(), body: ItemBody::File(Bytes::from(text.into())) }
}

/// An account that is empty.
fn empty() -> Rc<Account> {
    Rc::default()
}

fn behaving(behaviour: Behaviour) -> Rc<Account> {
    let account = Account::default();
    account.behave(behaviour);
    Rc::new(account)
}

/// Texts of all objects of an account, by path.
fn objects(account: &Account) -> BTreeMap<String, String> {
    let of = |calendar: String| {
        let objects = account.objects(&calendar).into_iter();
        objects.map(move |(name, text)| (format!("/cal/{calendar}/{name}"), text))
    };
    account.calendars().into_iter().flat_map(of).collect()
}

/// Restores `items` to the server; gives the outcomes by path, what is there afterwards, and the requests.
fn restore(
    account: &Rc<Account>,
    options: &[(&str, &str)],
    items: Vec<Item>,
) -> (BTreeMap<String, Outcome>, BTreeMap<String, String>, Vec<String>) {
    let pairs: Vec<_> = [("location", "caldav://cal.example/")]
        .iter()
        .chain(options)
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    let options = DestinationOptions::parse(&pairs).unwrap();
    let server = Rc::clone(account);
    run(
        move |request| ask(&server, request),
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
            (done.collect(), objects(account), requests)
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
    let (done, there, requests) = restore(&empty(), &[], items);
    assert!(done.values().all(|outcome| *outcome == Outcome::Created) && done.len() == 3, "{done:?}");
    assert_eq!(there.keys().collect::<Vec<_>>(), ["/cal/w%20k/A.ics", "/cal/w%20k/b%20c.ics"]);
    assert_eq!(requests.iter().filter(|r| r.starts_with("MKCALENDAR")).count(), 1, "{requests:?}");
}

#[test]
fn one_calendar_without_its_folder_goes_where_it_was() {
    let (done, there, _) =
        restore(&empty(), &[], vec![file("/.caldav.json", SIDECAR), file("/b.ics", object("b"))]);
    assert!(done.values().all(|outcome| *outcome == Outcome::Created), "{done:?}");
    assert!(there.contains_key("/cal/w%20k/b.ics"), "{there:?}");
    let (done, there, _) = restore(&empty(), &[], vec![file("/b.ics", object("b"))]);
    assert!(
        matches!(&done["/b.ics"], Outcome::Failed(error) if error.message().contains("into=NAME")),
        "{done:?}"
    );
    assert!(there.is_empty());
}

#[test]
fn a_subscription_is_made_where_it_can_be() {
    let sidecar = r#"{"format":1,"kind":"subscription","href":"/old/h/","properties":{"displayname":"H","subscription":{"source":"https://x/h.ics","strip_alarms":false,"strip_attachments":false,"strip_todos":false}}}"#;
    let (done, _, requests) = restore(&empty(), &[], vec![file("/h/.caldav.json", sidecar)]);
    assert_eq!(done["/h/.caldav.json"], Outcome::Created, "{requests:?}");
    assert!(requests.contains(&"MKCOL /cal/h/".to_owned()), "{requests:?}");
    assert!(!requests.iter().any(|request| request.starts_with("MKCALENDAR")), "{requests:?}");
}

#[test]
fn a_name_that_is_refused_is_made_plain_and_found_again() {
    let server = behaving(Behaviour { refuses_in_names: ":", ..Behaviour::default() });
    let items = || vec![file("/work/C%3Ax.ics", object("c")), file("/work/d.ics", object("d"))];
    let (done, there, _) = restore(&server, &[], items());
    assert!(done.values().all(|outcome| *outcome == Outcome::Created), "{done:?}");
    let names: Vec<_> = there.keys().cloned().collect();
    assert!(names[0].starts_with("/cal/work/C") && !names[0].contains(':') && names.len() == 2, "{names:?}");
    let (done, there, requests) = restore(&server, &[], items());
    assert!(done.values().all(|outcome| *outcome == Outcome::Unchanged), "{done:?}");
    assert!(there.len() == 2 && !requests.iter().any(|request| request.starts_with("PUT")), "{requests:?}");
}

#[test]
fn two_objects_of_one_uid_do_not_overwrite_each_other() {
    let other = object("same").replace("END:VEVENT", "SUMMARY:other\r\nEND:VEVENT");
    let items = vec![file("/work/a.ics", object("same")), file("/work/b.ics", other)];
    let (done, there, _) = restore(&empty(), &[], items);
    assert!(done.len() == 2 && there.len() == 2, "{done:?} {there:?}");
}

#[test]
fn two_folders_with_the_same_names_go_into_one_calendar() {
    // A name that is used twice would lose the first object.
    let server = behaving(Behaviour { ignores_none_match: true, ..Behaviour::default() });
    let items = vec![file("/a/x.ics", object("one")), file("/b/x.ics", object("two"))];
    let (done, there, _) = restore(&server, &[("into", "work")], items);
    assert!(done.values().all(|outcome| *outcome == Outcome::Created), "{done:?}");
    assert_eq!(there.len(), 2, "{there:?}");
    assert!(there.values().any(|text| text.contains("UID:one")), "{there:?}");
}

#[test]
fn a_folder_of_folders_is_no_calendar() {
    let directory = |path: &str| Item { path: path.to_owned(), body: ItemBody::Directory };
    let items = vec![directory("/all"), directory("/all/work"), file("/all/work/x.ics", object("x"))];
    let (done, there, requests) = restore(&empty(), &[], items);
    assert_eq!((&done["/all"], &done["/all/work"]), (&Outcome::Unchanged, &Outcome::Created));
    assert!(there.contains_key("/cal/work/x.ics"), "{there:?}");
    assert_eq!(requests.iter().filter(|r| r.starts_with("MK")).count(), 1, "{requests:?}");
}

#[test]
fn a_damaged_description_is_a_failure_and_the_objects_are_restored() {
    let items = vec![file("/work/.caldav.json", "{"), file("/work/x.ics", object("x"))];
    let (done, there, _) = restore(&empty(), &[], items);
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
    let (done, _, requests) = restore(&empty(), &[], items);
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
    let (done, there, _) = restore(&empty(), &[], items);
    assert!(
        matches!(done["/work/x.ics"], Outcome::Failed(_))
            && matches!(done["/work/y.ics"], Outcome::Failed(_)),
        "{done:?}"
    );
    assert!(matches!(done["/work/notes.txt"], Outcome::Skipped(_)), "{done:?}");
    assert_eq!(done["/empty"], Outcome::Created);
    assert!(there.is_empty());
}
