//! Bodies on demand. Objects that are wanted at the same time are fetched together (calendar-multiget, RFC
//! 4791 7.9); for a reader that follows the order of the scan, objects are fetched ahead. Every answer is
//! compared with what was asked for: objects that are missing, or that were in an answer that cannot be read,
//! are asked for in halves and finally alone.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use bytes::Bytes;
use futures::stream::{self, StreamExt};
use futures::{FutureExt, TryFutureExt};

use super::get::get;
use super::list::{ObjectId, ObjectList};
use super::multiget::multiget;
use super::queue::Queue;
use super::read_ahead::ReadAhead;
use crate::error::{Error, Kind, Result};
use crate::http::Target;
use crate::ical;
use crate::options::Fetch;
use crate::quirks::MULTIGET_TRIALS;
use crate::session::{SendError, Session};
use crate::webdav::get::Fetched;
use crate::webdav::status;

/// Fetches the bodies of objects.
pub(crate) struct Fetcher {
    session: Rc<Session>,
    fetch: Fetch,
    calendars: RefCell<Vec<Rc<FetchedCalendar>>>,
    state: RefCell<FetcherState>,
    this: Weak<Self>,
}

/// A calendar whose objects can be fetched.
struct FetchedCalendar {
    list: Rc<ObjectList>,
    /// How often multiget failed where GET did not.
    multiget_failures: Cell<u32>,
}

#[derive(Default)]
struct FetcherState {
    queue: Queue,
    read_ahead: ReadAhead,
    /// Batches under way.
    batches: usize,
    /// Whether more will be wanted soon: then a batch that is not full waits while others are under way.
    more_to_come: bool,
}

/// Result of a multiget.
struct BatchOutcome {
    /// The objects that it did not bring.
    missing: Vec<ObjectId>,
    /// The reason, if it did not end well.
    error: Option<BatchError>,
}

/// Reason for which a multiget did not end well.
enum BatchError {
    /// Asking for fewer objects may help.
    Halve,
    /// Nothing will help.
    Fatal(Error),
}

impl Fetcher {
    /// Creates a fetcher without calendars.
    pub(crate) fn new(session: Rc<Session>, fetch: Fetch) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            session,
            fetch,
            calendars: RefCell::default(),
            state: RefCell::default(),
            this: this.clone(),
        })
    }

    /// Makes the objects of calendar `number` available, in place of those it had before. Numbers are given
    /// without gaps, from 0 on.
    pub(crate) fn set_calendar(&self, number: u32, list: Rc<ObjectList>) {
        let calendar = Rc::new(FetchedCalendar { list, multiget_failures: Cell::new(0) });
        let mut calendars = self.calendars.borrow_mut();
        match calendars.get_mut(number as usize) {
            Some(known) => *known = calendar,
            None => calendars.push(calendar),
        }
    }

    /// Returns the body of an object, for a reader that may continue in the order of the scan.
    pub(crate) async fn read_ahead(&self, id: ObjectId) -> Result<Bytes> {
        if let Some(calendar) = self.calendar(id.calendar) {
            let mut state = self.state.borrow_mut();
            if let Some(next) = state.read_ahead.next_batch(id, calendar.list.len()) {
                state.queue.want_ahead(next);
            }
        }
        let coming = self.want(id);
        self.start(true);
        coming.await
    }

    /// Notes that an object is wanted, and returns the future of its body. `launch` has it fetched.
    pub(crate) fn want(&self, id: ObjectId) -> impl Future<Output = Result<Bytes>> + use<> {
        let receiver = self.state.borrow_mut().queue.want(id);
        receiver.map(|sent| sent.unwrap_or_else(|_| Err(Error::new(Kind::Cancelled, "cancelled"))))
    }

    /// Starts as many batches as may be under way. `more_to_come` says that full ones can be waited for.
    pub(crate) fn launch(&self, more_to_come: bool) {
        self.state.borrow_mut().more_to_come = more_to_come;
        self.start(false);
    }

    fn calendar(&self, number: u32) -> Option<Rc<FetchedCalendar>> {
        self.calendars.borrow().get(number as usize).cloned()
    }

    /// Starts batches of what is wanted; with `ahead`, also of what will be.
    fn start(&self, ahead: bool) {
        let Some(this) = self.this.upgrade() else { return };
        while let Some((calendar, ids)) = self.next_batch(ahead) {
            let this = Rc::clone(&this);
            let task = async move {
                this.run(&calendar, ids).await;
                this.state.borrow_mut().batches -= 1;
                this.start(ahead);
            };
            self.session.transport().spawn(task.boxed_local());
        }
    }

    /// Takes the next batch from the queue, unless enough of them are under way.
    fn next_batch(&self, ahead: bool) -> Option<(Rc<FetchedCalendar>, Vec<ObjectId>)> {
        let mut state = self.state.borrow_mut();
        let FetcherState { queue, read_ahead, batches, more_to_come } = &mut *state;
        // While it is not sure that a reader follows the scan, one at a time: what several readers want in
        // the meantime becomes one batch.
        let most = if ahead && read_ahead.is_unsure() { 1 } else { self.session.concurrency() };
        if *batches >= most {
            return None;
        }
        let first = queue.first()?;
        let calendar = self.calendar(first.calendar)?;
        let mut batch = queue.gather(first, &calendar.list);
        if !ahead && *more_to_come && *batches > 0 && !batch.is_full {
            return None;
        }
        queue.mark_asked(&batch);
        if ahead {
            queue.fill_up(&mut batch, &calendar.list, read_ahead);
        }
        *batches += 1;
        Some((calendar, batch.ids))
    }

    /// Fetches a batch. Afterwards every object of it has been delivered or has failed.
    async fn run(&self, calendar: &FetchedCalendar, ids: Vec<ObjectId>) {
        let failures = &calendar.multiget_failures;
        let mut pending = vec![ids];
        while let Some(mut ids) = pending.pop() {
            if self.fetch == Fetch::Get || failures.get() >= MULTIGET_TRIALS {
                self.get_each(&calendar.list, ids).await;
                continue;
            }
            let BatchOutcome { missing, error } = self.multiget(&calendar.list, &ids).await;
            match error {
                None => drop(self.get_each(&calendar.list, missing).await),
                Some(BatchError::Fatal(error)) => {
                    let rest = missing.iter().chain(pending.iter().flatten());
                    rest.for_each(|id| self.deliver(*id, Err(error.clone())));
                    return;
                }
                Some(BatchError::Halve) if missing.len() > 1 => {
                    ids = missing;
                    let rest = ids.split_off(ids.len() / 2);
                    pending.push(rest);
                    pending.push(ids);
                }
                Some(BatchError::Halve) => {
                    if self.get_each(&calendar.list, missing).await {
                        failures.set(failures.get() + 1);
                    }
                }
            }
        }
    }

    /// Sends one multiget, and delivers the objects that it brings as they arrive.
    async fn multiget(&self, list: &ObjectList, ids: &[ObjectId]) -> BatchOutcome {
        let (mut paths, mut open) = (Vec::with_capacity(ids.len()), Vec::with_capacity(ids.len()));
        for id in ids {
            let Some(target) = list.target(id.at) else { continue };
            open.push((target.key(), *id));
            paths.push(target.path);
        }
        let mut answer = match multiget(&self.session, &list.calendar, &paths).await {
            Ok(answer) => answer,
            Err(error) => {
                return BatchOutcome { missing: ids.to_vec(), error: Some(BatchError::from(error)) };
            }
        };
        let error = loop {
            match answer.next().await {
                // An answer for an object that was not asked for, or that has come already, is ignored.
                Ok(Some(object)) => {
                    if let Some(text) = object.data
                        && let Some(at) = open.iter().position(|(key, _)| *key == object.key)
                    {
                        let (_, id) = open.swap_remove(at);
                        self.deliver(id, Ok(Bytes::from(ical::with_crlf(text.into_bytes()))));
                    }
                }
                Ok(None) => break None,
                Err(error) if error.ends_run() => break Some(BatchError::Fatal(error)),
                Err(_) => break Some(BatchError::Halve),
            }
        };
        BatchOutcome { missing: open.into_iter().map(|(_, id)| id).collect(), error }
    }

    /// Fetches each object alone. Returns true if every object was fetched.
    async fn get_each(&self, list: &ObjectList, ids: Vec<ObjectId>) -> bool {
        let all = Cell::new(true);
        stream::iter(ids)
            .for_each_concurrent(self.session.concurrency(), |id| {
                let all = &all;
                async move {
                    let body = match list.target(id.at) {
                        // A body that breaks off is asked for once more.
                        Some(target) => self.get_one(&target).or_else(|_| self.get_one(&target)).await,
                        None => Err(Error::new(Kind::NotFound, "not in the listing")),
                    };
                    all.set(all.get() && body.is_ok());
                    self.deliver(id, body);
                }
            })
            .await;
        all.get()
    }

    async fn get_one(&self, target: &Target) -> Result<Bytes> {
        let fetched = get(&self.session, target).await.map_err(|error| match error {
            SendError::Refused { refusal, .. } if status::is_gone(&refusal) => gone(target, refusal.status),
            error => error.into(),
        })?;
        check(target, &fetched)?;
        let bytes = fetched.bytes;
        Ok(Bytes::from(if self.fetch == Fetch::Get { bytes } else { ical::with_crlf(bytes) }))
    }

    fn deliver(&self, id: ObjectId, body: Result<Bytes>) {
        let mut state = self.state.borrow_mut();
        let Some(waiting) = state.queue.finish(id) else { return };
        if waiting.is_empty() {
            // An object that failed is asked for again when it is wanted.
            if let Ok(bytes) = body {
                state.queue.keep(id, bytes);
            }
            return;
        }
        for sender in waiting {
            // The receiver may be gone; that is fine.
            sender.send(body.clone()).ok();
        }
    }
}

fn gone(target: &Target, status: u16) -> Error {
    let text = format!(
        "{target}: the server returned {status} for a listed object. If it was deleted just now, the next run will not list it"
    );
    Error::new(Kind::NotFound, text)
}

/// Fails if the answer is not a whole calendar object.
fn check(target: &Target, fetched: &Fetched) -> Result<()> {
    let (kind, problem) = if fetched.bytes.is_empty() {
        (Kind::Protocol, "the server sent no bytes")
    } else if !fetched.is_calendar && !ical::begins_as_calendar(&fetched.bytes) {
        (Kind::Protocol, "the server sent something that is not a calendar object")
    } else if !fetched.has_length && !ical::ends_as_calendar(&fetched.bytes) {
        (Kind::Unreachable, "the answer ends before the object does")
    } else {
        return Ok(());
    };
    Err(Error::new(kind, format!("{target}: {problem}")))
}

impl From<SendError> for BatchError {
    fn from(error: SendError) -> Self {
        let is_refused = matches!(error, SendError::Refused { .. });
        let error = Error::from(error);
        match error.kind {
            Kind::Protocol => Self::Halve,
            // A refusal that means "later" is the same for half as many.
            Kind::RateLimited | Kind::Unreachable => Self::Fatal(error),
            _ if is_refused => Self::Halve,
            _ => Self::Fatal(error),
        }
    }
}
