//! Bodies on demand. What is wanted at the same time is fetched together (calendar-multiget); a reader
//! who follows the scan's order is fetched ahead for. Every answer is held against what was asked: what
//! is missing, or was in an answer that cannot be read, is asked for in halves and at last alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::{Rc, Weak};

use bytes::Bytes;
use futures::channel::oneshot;
use futures::stream::{self, StreamExt};
use futures::{FutureExt, TryFutureExt};

use crate::error::{Error, Kind, Result};
use crate::ical;
use crate::objects::get::get;
use crate::objects::multiget::multiget;
use crate::options::Fetch;
use crate::quirks::MULTIGET_TRIALS;
use crate::session::{SendError, Session};
use crate::source::listings::{Catalog, Id, Shelf};
use crate::webdav::get::Fetched;
use crate::webdav::href::Target;
use crate::webdav::status;

/// The most objects in one request. Servers refuse, cut short or choke on thousands.
const BATCH: usize = 64;
/// The most bytes that one request asks for, as far as sizes are known.
const BATCH_BYTES: u64 = 1 << 20;
/// The most bytes that are kept for a reader who may not come.
const AHEAD_BYTES: usize = 8 << 20;
/// How far beyond what was fetched a read may be and still follow the scan; further with each other read that
/// waits there. Callers that open several at once do not keep the order exactly.
const SLACK: usize = 16;
/// How far behind what was fetched a read may be and still be one of those: it says nothing of how they go on.
const LATE: u32 = 160;
/// When so many of a full batch are still to be read, the next one is fetched.
const HALF: u32 = 32;

/// Fetches the bodies of objects.
pub(crate) struct Fetcher {
    session: Rc<Session>,
    catalog: Rc<Catalog>,
    fetch: Fetch,
    state: RefCell<State>,
    this: Weak<Self>,
}

#[derive(Default)]
struct State {
    /// Every object that is wanted, asked for or here, in the order of the scan. One map for all of it:
    /// an object is in one state at a time.
    slots: BTreeMap<Id, Slot>,
    /// The bytes of all that is `Ahead`.
    ahead_bytes: usize,
    /// How many objects the last batch might have for a reader who follows the scan.
    window: usize,
    /// Where the first object is that was not fetched for such a reader.
    frontier: Option<Id>,
    /// Batches under way.
    batches: usize,
    /// Whether more will be wanted soon: then a batch that is not full waits while others are under way.
    more_to_come: bool,
}

/// What is going on with an object, and who waits for it.
enum Slot {
    /// Wanted, and not asked for yet.
    Queued(Vec<Waiter>),
    /// Asked for, and not here yet; perhaps nobody wants it so far.
    Asked(Vec<Waiter>),
    /// Here before anybody wanted it.
    Ahead(Bytes),
}

type Waiter = oneshot::Sender<Result<Bytes>>;

/// Objects for one request.
struct Batch {
    ids: Vec<Id>,
    /// Their bytes, as far as they are known.
    weight: u64,
    is_full: bool,
}

/// How a multiget ended.
struct Ended {
    /// What it did not bring.
    missing: Vec<Id>,
    /// Why, if it did not end well.
    error: Option<Trouble>,
}

/// Why a multiget did not end well.
enum Trouble {
    /// Asking for less may help.
    Split,
    /// Nothing will.
    Hopeless(Error),
}

impl Fetcher {
    pub(crate) fn new(session: Rc<Session>, catalog: Rc<Catalog>, fetch: Fetch) -> Rc<Self> {
        Rc::new_cyclic(|this| Self { session, catalog, fetch, state: RefCell::default(), this: this.clone() })
    }

    /// The body of an object, for a reader who may go on in the order of the scan.
    pub(crate) async fn read_ahead(&self, id: Id) -> Result<Bytes> {
        self.state.borrow_mut().plan_ahead(id, &self.catalog);
        let coming = self.want(id);
        self.start(true);
        coming.await
    }

    /// Notes that an object is wanted. `launch` has it fetched.
    pub(crate) fn want(&self, id: Id) -> impl Future<Output = Result<Bytes>> + use<> {
        let mut state = self.state.borrow_mut();
        let (sender, receiver) = oneshot::channel();
        if let Some(bytes) = state.take_ahead(id) {
            // The receiver is right here.
            sender.send(Ok(bytes)).ok();
        } else if let Slot::Queued(waiting) | Slot::Asked(waiting) =
            state.slots.entry(id).or_insert(Slot::Queued(Vec::new()))
        {
            waiting.push(sender);
        }
        receiver.map(|sent| sent.unwrap_or_else(|_| Err(Error::new(Kind::Cancelled, "Cancelled."))))
    }

    /// Starts as many batches as may be under way. `more_to_come` says that full ones can be waited for.
    pub(crate) fn launch(&self, more_to_come: bool) {
        self.state.borrow_mut().more_to_come = more_to_come;
        self.start(false);
    }

    /// Starts batches of what is wanted; with `ahead`, also of what will be.
    fn start(&self, ahead: bool) {
        let Some(this) = self.this.upgrade() else { return };
        loop {
            let (shelf, ids) = {
                let mut state = self.state.borrow_mut();
                // As long as it is not sure how a reader goes on, one at a time: what several readers want
                // in the meantime becomes one batch.
                let most = if ahead && state.window < BATCH { 1 } else { self.session.concurrency() };
                if state.batches >= most {
                    return;
                }
                let Some(batch) = state.next_batch(&self.catalog, ahead) else { return };
                state.batches += 1;
                batch
            };
            let this = Rc::clone(&this);
            let task = async move {
                this.run(shelf, ids).await;
                this.state.borrow_mut().batches -= 1;
                this.start(ahead);
            };
            self.session.transport().spawn(task.boxed_local());
        }
    }

    /// Fetches a batch; afterwards every object of it has been delivered or has failed.
    async fn run(&self, number: u32, ids: Vec<Id>) {
        let Some(shelf) = self.catalog.shelf(number) else { return };
        let mut pending = vec![ids];
        while let Some(mut ids) = pending.pop() {
            if self.fetch == Fetch::Get || shelf.multiget_failures.get() >= MULTIGET_TRIALS {
                self.get_each(&shelf, ids).await;
                continue;
            }
            let Ended { missing, error } = self.multiget(&shelf, &ids).await;
            match error {
                None => drop(self.get_each(&shelf, missing).await),
                Some(Trouble::Hopeless(error)) => {
                    missing
                        .iter()
                        .chain(pending.iter().flatten())
                        .for_each(|id| self.deliver(*id, Err(error.clone())));
                    return;
                }
                Some(Trouble::Split) if missing.len() > 1 => {
                    ids = missing;
                    let rest = ids.split_off(ids.len() / 2);
                    pending.push(rest);
                    pending.push(ids);
                }
                Some(Trouble::Split) => {
                    if self.get_each(&shelf, missing).await {
                        shelf.multiget_failures.set(shelf.multiget_failures.get() + 1);
                    }
                }
            }
        }
    }

    /// One multiget. What it brings is delivered as it comes in.
    async fn multiget(&self, shelf: &Shelf, ids: &[Id]) -> Ended {
        let (mut paths, mut open) = (Vec::with_capacity(ids.len()), Vec::with_capacity(ids.len()));
        for id in ids {
            let Some(target) = shelf.target(id.1) else { continue };
            open.push((target.key(), *id));
            paths.push(target.path);
        }
        let mut answer = match multiget(&self.session, &shelf.calendar.target, &paths).await {
            Ok(answer) => answer,
            Err(error) => return Ended { missing: ids.to_vec(), error: Some(Trouble::from(error)) },
        };
        let error = loop {
            match answer.next().await {
                // An answer for something that was not asked for, or twice, is of no use.
                Ok(Some(object)) => {
                    if let Some(text) = object.data
                        && let Some(at) = open.iter().position(|(key, _)| *key == object.key)
                    {
                        let (_, id) = open.swap_remove(at);
                        self.deliver(id, Ok(Bytes::from(ical::with_crlf(text.into_bytes()))));
                    }
                }
                Ok(None) => break None,
                Err(error) if error.ends_run() => break Some(Trouble::Hopeless(error)),
                Err(_) => break Some(Trouble::Split),
            }
        };
        Ended { missing: open.into_iter().map(|(_, id)| id).collect(), error }
    }

    /// Fetches each object alone. Answers whether all of them came.
    async fn get_each(&self, shelf: &Shelf, ids: Vec<Id>) -> bool {
        let all = RefCell::new(true);
        stream::iter(ids)
            .for_each_concurrent(self.session.concurrency(), |id| {
                let all = &all;
                async move {
                    let body = match shelf.target(id.1) {
                        // A body that breaks off is asked for once more.
                        Some(target) => self.get_one(&target).or_else(|_| self.get_one(&target)).await,
                        None => Err(Error::new(Kind::NotFound, "not in the listing.")),
                    };
                    all.replace_with(|all| *all && body.is_ok());
                    self.deliver(id, body);
                }
            })
            .await;
        all.into_inner()
    }

    async fn get_one(&self, target: &Target) -> Result<Bytes> {
        let fetched = match get(&self.session, target).await {
            Ok(fetched) => fetched,
            Err(SendError::Refused { refusal, .. }) if status::is_gone(&refusal) => {
                return Err(Error::new(
                    Kind::NotFound,
                    format!(
                        "{target}: listed, but the server has nothing there ({}). If it was deleted just now, the next run will not list it.",
                        refusal.status
                    ),
                ));
            }
            Err(error) => return Err(error.into()),
        };
        let Fetched { bytes, is_calendar, has_length, .. } = fetched;
        if bytes.is_empty() {
            return Err(Error::new(Kind::Protocol, format!("{target}: the server sent no bytes.")));
        }
        if !is_calendar && !ical::begins_as_calendar(&bytes) {
            return Err(Error::new(
                Kind::Protocol,
                format!("{target}: the server sent something that is no calendar object."),
            ));
        }
        if !has_length && !ical::ends_as_calendar(&bytes) {
            return Err(Error::new(
                Kind::Unreachable,
                format!("{target}: the answer ends before the object does."),
            ));
        }
        Ok(Bytes::from(if self.fetch == Fetch::Get { bytes } else { ical::with_crlf(bytes) }))
    }

    fn deliver(&self, id: Id, body: Result<Bytes>) {
        let mut state = self.state.borrow_mut();
        let Some(Slot::Queued(waiting) | Slot::Asked(waiting)) = state.slots.remove(&id) else { return };
        if waiting.is_empty() {
            // Who wants a failed one later, asks again.
            if let Ok(bytes) = body {
                state.keep_ahead(id, bytes);
            }
            return;
        }
        for sender in waiting {
            // A receiver that is gone has no more interest.
            sender.send(body.clone()).ok();
        }
    }
}

impl State {
    fn take_ahead(&mut self, id: Id) -> Option<Bytes> {
        let Some(Slot::Ahead(bytes)) = self.slots.get_mut(&id) else { return None };
        let bytes = std::mem::take(bytes);
        self.slots.remove(&id);
        self.ahead_bytes -= bytes.len();
        Some(bytes)
    }

    /// Keeps a body for later; the first in the order of the scan go when it is too much, because a
    /// reader who follows the scan has passed them.
    fn keep_ahead(&mut self, id: Id, bytes: Bytes) {
        self.ahead_bytes += bytes.len();
        self.slots.insert(id, Slot::Ahead(bytes));
        while self.ahead_bytes > AHEAD_BYTES
            && let Some(first) =
                self.slots.iter().find(|(_, slot)| matches!(slot, Slot::Ahead(_))).map(|(id, _)| *id)
        {
            self.take_ahead(first);
        }
    }

    /// When half of a batch is read, what comes after it is wanted too: it arrives while the rest is read.
    fn plan_ahead(&mut self, (shelf, at): Id, catalog: &Catalog) {
        let next = (shelf, at + HALF);
        let is_there = || catalog.shelf(shelf).is_some_and(|shelf| next.1 < shelf.len());
        if self.window == BATCH && self.frontier == Some(next) && is_there() {
            self.slots.entry(next).or_insert(Slot::Queued(Vec::new()));
        }
    }

    /// The next batch of what is wanted; with `ahead`, and of what comes after it in the scan.
    fn next_batch(&mut self, catalog: &Catalog, ahead: bool) -> Option<(u32, Vec<Id>)> {
        let first = *self.slots.iter().find(|(_, slot)| matches!(slot, Slot::Queued(_)))?.0;
        let shelf = catalog.shelf(first.0)?;
        let Batch { mut ids, weight, is_full } = self.gather(first, &shelf);
        if !ahead && self.more_to_come && self.batches > 0 && !is_full {
            return None;
        }
        for id in &ids {
            if let Some(Slot::Queued(waiting)) = self.slots.remove(id) {
                self.slots.insert(*id, Slot::Asked(waiting));
            }
        }
        if ahead {
            self.look_ahead(&mut ids, weight, &shelf);
        }
        Some((first.0, ids))
    }

    /// What is queued on a shelf, from `first` on, as much as one request asks for.
    fn gather(&self, first: Id, shelf: &Shelf) -> Batch {
        let mut batch = Batch { ids: Vec::new(), weight: 0, is_full: false };
        let queued =
            self.slots.range(first..=(first.0, u32::MAX)).filter(|(_, slot)| matches!(slot, Slot::Queued(_)));
        for (id, _) in queued {
            let weight = batch.weight + shelf.weight(id.1);
            // One object goes out however large it is.
            batch.is_full = weight > BATCH_BYTES && !batch.ids.is_empty();
            if batch.is_full {
                break;
            }
            batch.ids.push(*id);
            batch.weight = weight;
            batch.is_full = batch.ids.len() == BATCH;
            if batch.is_full {
                break;
            }
        }
        batch
    }

    /// Fills a batch up when its readers follow the scan: to twice as many as the one before might have. When
    /// several read at once, what lies before the last of them is wanted soon, too.
    fn look_ahead(&mut self, ids: &mut Vec<Id>, mut weight: u64, shelf: &Shelf) {
        let Some(&(number, last)) = ids.last() else { return };
        let next = match self.frontier {
            None => u32::MAX,
            Some((on, _)) if on < number => 0,
            Some((on, next)) if on == number => next,
            // Readers have gone on to another shelf.
            Some(_) => shelf.len(),
        };
        let beyond = ids.iter().filter(|id| id.1 >= next).count();
        if beyond == 0 && (next.saturating_sub(LATE)..next).contains(&last) {
            return;
        }
        let follows = beyond > 0 && ((last - next) as usize) < SLACK + 2 * beyond;
        let mut at = if follows { next } else { last + 1 };
        self.window = if follows { (2 * self.window.max(beyond)).min(BATCH) } else { 1 };
        while ids.len() < self.window && at < shelf.len() {
            if let Entry::Vacant(slot) = self.slots.entry((number, at)) {
                weight += shelf.weight(at);
                if weight > BATCH_BYTES {
                    break;
                }
                slot.insert(Slot::Asked(Vec::new()));
                ids.push((number, at));
            }
            at += 1;
        }
        self.frontier = Some((number, at.max(last + 1)));
    }
}

impl From<SendError> for Trouble {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Refused { .. } => Self::later_or_less(error.into()),
            SendError::Failed(error) if error.kind == Kind::Protocol => Self::Split,
            SendError::Failed(error) => Self::Hopeless(error),
        }
    }
}

impl Trouble {
    /// A refusal that means "later" is the same for half as many.
    fn later_or_less(error: Error) -> Self {
        match error.kind {
            Kind::RateLimited | Kind::Unreachable => Self::Hopeless(error),
            _ => Self::Split,
        }
    }
}
