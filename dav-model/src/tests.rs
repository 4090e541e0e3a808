//! Properties of the model that all tests with it rely on.

use std::collections::BTreeMap;

use crate::{Account, Behaviour, ETags, NewCalendars, Reply, Request, Uids, fault, found, object};

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        headers: headers.collect::<BTreeMap<_, _>>(),
        body: body.to_owned(),
    }
}

fn put(account: &Account, path: &str, headers: &[(&str, &str)], uid: &str) -> Reply {
    account.answer(&request("PUT", path, headers, &String::from_utf8_lossy(&object(uid))))
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

#[test]
fn conditions_are_met_or_refused() {
    let account = Account::new(&[("work", 1)]);
    let (old, new) = ("/cal/work/000000.ics", "/cal/work/new.ics");
    assert_eq!(put(&account, old, &[("if-none-match", "*")], "a").status, 412);
    assert_eq!(put(&account, old, &[("if-match", "\"7\"")], "a").status, 412);
    assert_eq!(put(&account, old, &[("if-match", "\"1\"")], "a").status, 204);
    let created = put(&account, new, &[("if-none-match", "*")], "b");
    assert_eq!((created.status, created.headers), (201, vec![("etag", "\"1\"".to_owned())]));
    assert_eq!(put(&account, "/cal/nowhere/x.ics", &[], "c").status, 409);
}

#[test]
fn a_uid_is_unique_where_the_server_cares() {
    let account = Account::new(&[("work", 1)]);
    account.behave(Behaviour { uids: Uids::UniqueWithHref, ..Behaviour::default() });
    let refusal = put(&account, "/cal/work/other.ics", &[], "work-0");
    assert_eq!(refusal.status, 403);
    assert!(text(&refusal).contains("<d:href>/cal/work/000000.ics</d:href>"), "{}", text(&refusal));
    assert_eq!(put(&account, "/cal/work/000000.ics", &[], "work-0").status, 204);
}

#[test]
fn a_calendar_has_the_properties_that_it_was_made_with() {
    let account = Account::default();
    let body = "<d:set><d:prop><d:displayname>W</d:displayname><a:calendar-color>#1</a:calendar-color></d:prop></d:set>";
    assert_eq!(account.answer(&request("MKCALENDAR", "/cal/w/", &[], body)).status, 201);
    assert_eq!(account.answer(&request("MKCALENDAR", "/cal/w/", &[], body)).status, 405);
    let home = text(&account.answer(&request("PROPFIND", "/cal/", &[], "")));
    for property in
        ["<d:displayname>W</d:displayname>", "<a:calendar-color>#1</a:calendar-color>", "<c:calendar/>"]
    {
        assert!(home.contains(property), "{property}: {home}");
    }
}

#[test]
fn a_promised_calendar_is_made_by_the_request_without_a_body() {
    let account = Account::default();
    account.behave(Behaviour { new_calendars: NewCalendars::PromisedOnly, ..Behaviour::default() });
    assert_eq!(account.answer(&request("MKCALENDAR", "/cal/w/", &[], "<x/>")).status, 207);
    assert!(account.calendars().is_empty());
    assert_eq!(account.answer(&request("MKCALENDAR", "/cal/w/", &[], "")).status, 201);
}

#[test]
fn etags_are_the_same_in_listings_and_in_reports() {
    for (etags, expected) in [(ETags::Weak, 1), (ETags::Absent, 0)] {
        let account = Account::new(&[("work", 1)]);
        account.behave(Behaviour { etags, ..Behaviour::default() });
        let listing = account.answer(&request("PROPFIND", "/cal/work/", &[("depth", "1")], ""));
        let asked = "<d:href>/cal/work/000000.ics</d:href>";
        let report = account.answer(&request("REPORT", "/cal/work/", &[], asked));
        for answer in [listing, report] {
            assert_eq!(text(&answer).matches("W/\"1\"").count(), expected, "{}", text(&answer));
        }
    }
}

#[test]
fn faults_concern_some_of_the_requests() {
    let statuses = |fault: &dyn Fn(&Request) -> Option<Reply>| {
        let all = ["GET", "PUT", "GET", "GET", "GET"].map(|method| request(method, "/", &[], ""));
        all.iter().map(|request| fault(request).is_some()).collect::<Vec<_>>()
    };
    let is_get = |request: &Request| request.method == "GET";
    let reply = || Reply::status(503);
    assert_eq!(statuses(&fault::first(1, is_get, reply)), [true, false, false, false, false]);
    assert_eq!(statuses(&fault::after(2, is_get, reply)), [false, false, false, true, true]);
    assert_eq!(statuses(&fault::every(2, is_get, reply)), [true, false, false, true, false]);
}

#[test]
fn a_multistatus_takes_both_spellings_of_its_namespace() {
    let body = text(&Reply::multistatus(&found("/", "<resourcetype/>")));
    assert!(body.contains("xmlns=\"DAV:\"") && body.contains("xmlns:d=\"DAV:\""), "{body}");
}
