use std::cell::Cell;

use futures::TryStreamExt;

use super::scripted::config;
use super::*;
use crate::http::scripted::{Canned, Reply, Script, run, target};

fn get(path: &str) -> Request {
    Request::new("GET", target(path))
}

/// Sends one GET of `/x`. Returns the body, and the transport with everything that was sent.
fn send(retries: u32, answer: impl Fn(&Request) -> Reply + 'static) -> (Result<String, Error>, Rc<Script>) {
    run(answer, |script| async move {
        let transport: Rc<dyn Transport> = Rc::<Script>::clone(&script);
        let session = Session::new(transport, SessionConfig { retries, ..config() });
        let result = match session.send(get("/x")).await {
            Ok(answer) => answer
                .response
                .body
                .try_fold(String::new(), |all, b| async move { Ok(all + std::str::from_utf8(&b).unwrap()) })
                .await
                .map_err(|e| status::transport_error(&answer.target, &e)),
            Err(error) => Err(error.into()),
        };
        (result, script)
    })
}

/// Returns a server that gives the replies in turn, and the last one from then on.
fn in_turn(replies: Vec<Reply>) -> impl Fn(&Request) -> Reply {
    let next = Cell::new(0);
    move |_| {
        let at = next.replace(next.get() + 1).min(replies.len() - 1);
        replies[at].clone()
    }
}

#[test]
fn credentials_are_sent_first_and_errors_do_not_show_them() {
    let (result, script) = send(4, |_| Ok(Canned::status(401)));
    let error = result.unwrap_err();
    assert_eq!(error.kind, Kind::SignInRefused);
    assert!(!error.message().contains("secret"));
    assert_eq!(script.requests.borrow().len(), 1, "a wrong password is tried once");
    let header = script.sent.borrow()[0].headers.iter().find(|(n, _)| *n == "authorization").cloned();
    assert_eq!(header.unwrap().1, format!("Basic {}", "YWxpY2U6c2VjcmV0"));
}

#[test]
fn later_means_later() {
    let busy = || Ok(Canned::status(503).header("Retry-After", "3"));
    let (result, script) = send(4, in_turn(vec![busy(), busy(), Ok(Canned::status(200).body("ok"))]));
    assert_eq!(result.unwrap(), "ok");
    assert_eq!(*script.pauses.borrow(), [Duration::from_secs(3); 2]);

    let (result, script) = send(2, in_turn(vec![Ok(Canned::status(429))]));
    assert_eq!(result.unwrap_err().kind, Kind::RateLimited);
    assert_eq!(script.requests.borrow().len(), 3);

    let (result, script) = send(4, in_turn(vec![Ok(Canned::status(429).header("retry-after", "86400"))]));
    assert_eq!(result.unwrap_err().kind, Kind::RateLimited);
    assert_eq!(script.requests.borrow().len(), 1, "a day is too long to wait");
}

#[test]
fn a_rate_limit_that_comes_as_403_is_one() {
    let limited =
        Canned::status(403).header("content-type", "application/json").body(r#"{"domain":"usageLimits"}"#);
    let (result, _) = send(4, in_turn(vec![Ok(limited), Ok(Canned::status(200).body("ok"))]));
    assert_eq!(result.unwrap(), "ok");
    let (result, _) = send(4, in_turn(vec![Ok(Canned::status(403))]));
    assert_eq!(result.unwrap_err().kind, Kind::Forbidden);
}

#[test]
fn broken_connections_are_repaired_but_a_dead_server_is_not_waited_for() {
    let broken = Err(TransportError::Broken("reset".to_owned()));
    let (result, _) = send(4, in_turn(vec![broken, Ok(Canned::status(200).body("ok"))]));
    assert_eq!(result.unwrap(), "ok");
    let refused = Err(TransportError::Connect("refused".to_owned()));
    let (result, script) = send(4, in_turn(vec![refused]));
    assert_eq!(result.unwrap_err().kind, Kind::Unreachable);
    assert_eq!(script.requests.borrow().len(), 1);
}

#[test]
fn redirects_keep_to_trusted_places() {
    let to = |location: &'static str| {
        send(4, move |request| {
            if request.target.path == "/x" && &*request.target.origin.host == "cal.example" {
                Ok(Canned::status(301).header("Location", location))
            } else {
                Ok(Canned::status(200).body(request.target.to_string()))
            }
        })
    };
    assert_eq!(to("/dav/").0.unwrap(), "https://cal.example/dav/");
    assert_eq!(to("https://dav.cal.example/y").0.unwrap(), "https://dav.cal.example/y");
    for (location, kind, word) in [
        ("https://evil.example/", Kind::Denied, "another server"),
        ("http://cal.example/", Kind::Protocol, "not encrypted"),
        ("/x", Kind::Protocol, "more than 5"),
        ("mailto://x", Kind::Protocol, "usable address"),
    ] {
        let (result, script) = to(location);
        let error = result.unwrap_err();
        assert_eq!(error.kind, kind, "{location}");
        assert!(error.message().contains(word), "{location}: {error}");
        assert!(script.sent.borrow().iter().all(|r| &*r.target.origin.host == "cal.example"), "{location}");
    }
}

#[test]
fn gzip_is_asked_for_and_decoded() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"plain").unwrap();
    let body = encoder.finish().unwrap();
    let (result, script) =
        send(4, move |_| Ok(Canned::status(200).header("Content-Encoding", "gzip").body(body.clone())));
    assert_eq!(result.unwrap(), "plain");
    assert!(script.sent.borrow()[0].headers.contains(&("accept-encoding", "gzip".to_owned())));
}

#[test]
fn a_refusal_in_the_middle_is_checked_once_and_then_final() {
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    let answer = move |_: &Request| {
        counted.set(counted.get() + 1);
        Ok(Canned::status(if counted.get() == 1 || counted.get() == 3 { 200 } else { 401 }))
    };
    run(answer, |script| async move {
        let session = Session::new(script, config());
        assert!(session.send(get("/1")).await.is_ok());
        assert!(session.send(get("/2")).await.is_ok(), "the second try was accepted");
        assert!(
            matches!(session.send(get("/3")).await, Err(SendError::Failed(e)) if e.kind == Kind::SignInRefused)
        );
        assert!(
            matches!(session.send(get("/4")).await, Err(SendError::Failed(e)) if e.kind == Kind::SignInRefused)
        );
    });
    assert_eq!(count.get(), 5, "nothing was sent after the end");
}

#[test]
fn a_refusal_in_the_middle_says_why_also_without_retries() {
    let answer = |r: &Request| Ok(Canned::status(if r.target.path == "/1" { 200 } else { 401 }));
    run(answer, |script| async move {
        let session = Session::new(script, SessionConfig { retries: 0, ..config() });
        assert!(session.send(get("/1")).await.is_ok());
        let Err(SendError::Failed(error)) = session.send(get("/2")).await else { panic!("it was refused") };
        assert!(error.message().contains("does not accept"), "{error}");
    });
}
