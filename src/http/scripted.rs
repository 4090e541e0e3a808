//! A transport for tests: a function answers each request, pauses take no time, and everything is recorded.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
pub(crate) use dav_model::found;
use dav_model::{Account, Delivery};
use futures::future::{LocalBoxFuture, ready};
use futures::stream::iter;
use futures::task::LocalSpawnExt;
use futures::{FutureExt, StreamExt};

use super::{Answer, Request, Response, Target, Transport, TransportError};

/// How many turns other tasks have before an answer arrives.
const TURNS: u32 = 3;

/// An answer, or a failure of the transport.
pub(crate) type Reply = Result<Canned, TransportError>;

/// A prepared response.
#[derive(Clone)]
pub(crate) struct Canned {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pieces: Vec<Result<Bytes, TransportError>>,
}

impl Canned {
    pub(crate) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), pieces: Vec::new() }
    }

    pub(crate) fn multistatus(responses: &str) -> Self {
        Self::status(207).body(dav_model::multistatus(responses))
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.pieces.push(Ok(Bytes::from(text.into())));
        self
    }

    /// Returns this response as the answer of `path` on the host of [`target`].
    pub(crate) fn answer(self, path: &str) -> Answer {
        Answer { target: target(path), response: self.into() }
    }

    /// Breaks the connection after what the body has so far.
    pub(crate) fn broken(mut self) -> Self {
        self.pieces.push(Err(TransportError::Broken("reset".to_owned())));
        self
    }
}

impl From<Canned> for Response {
    fn from(canned: Canned) -> Self {
        Self {
            status: canned.status,
            headers: canned.headers.into_iter().collect(),
            body: iter(canned.pieces).boxed_local(),
        }
    }
}

/// Returns the target of `path` on the host of the tests, `https://cal.example`.
pub(crate) fn target(path: &str) -> Target {
    Target::of(&url::Url::parse("https://cal.example").unwrap()).unwrap().with_path(path)
}

/// Returns what the model of a server answers.
pub(crate) fn ask(account: &Account, request: &Request) -> Reply {
    let headers = request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let reply = account.answer(&dav_model::Request {
        method: request.method.to_owned(),
        path: request.target.path.clone(),
        headers,
        body: String::from_utf8_lossy(&request.body).into_owned(),
    });
    let canned = Canned { status: reply.status, headers: reply.headers, pieces: vec![Ok(reply.body)] };
    match reply.delivery {
        Delivery::Whole => Ok(canned),
        Delivery::BreaksOff | Delivery::Repeats(_) => Ok(canned.broken()),
        Delivery::Reset => Err(TransportError::Broken("reset".to_owned())),
        Delivery::Silence(_) => Err(TransportError::Timeout("silence".to_owned())),
    }
}

/// The transport of a test, with what went through it.
pub(crate) struct Script {
    answer: Box<dyn Fn(&Request) -> Reply>,
    spawner: futures::executor::LocalSpawner,
    /// `METHOD path` of every request.
    pub(crate) requests: RefCell<Vec<String>>,
    /// The requests themselves.
    pub(crate) sent: RefCell<Vec<Request>>,
    /// Every pause that was asked for.
    pub(crate) pauses: RefCell<Vec<Duration>>,
}

impl Transport for Script {
    fn send(
        &self,
        request: Request,
        _: Duration,
    ) -> LocalBoxFuture<'static, Result<Response, TransportError>> {
        self.requests.borrow_mut().push(format!("{} {}", request.method, request.target.path));
        let reply = (self.answer)(&request).map(Response::from);
        self.sent.borrow_mut().push(request);
        turns(TURNS).map(|()| reply).boxed_local()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.pauses.borrow_mut().push(duration);
        ready(()).boxed_local()
    }

    fn spawn(&self, task: LocalBoxFuture<'static, ()>) {
        self.spawner.spawn_local(task).unwrap();
    }
}

/// Gives other tasks `count` turns.
pub(crate) fn turns(mut count: u32) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        if count == 0 {
            return Poll::Ready(());
        }
        count -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Runs `test` with a transport whose server is the function `answer`.
pub(crate) fn run<T, F: Future<Output = T>>(
    answer: impl Fn(&Request) -> Reply + 'static,
    test: impl FnOnce(Rc<Script>) -> F,
) -> T {
    let mut pool = futures::executor::LocalPool::new();
    let script = Rc::new(Script {
        answer: Box::new(answer),
        spawner: pool.spawner(),
        requests: RefCell::default(),
        sent: RefCell::default(),
        pauses: RefCell::default(),
    });
    pool.run_until(test(script))
}
