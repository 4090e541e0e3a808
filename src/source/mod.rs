//! The importer: what a backup reads. `scan` lists an account as the entries of a snapshot, `read`
//! gives the bytes of one of them.

pub(crate) mod listings;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures::channel::mpsc;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::{self, FuturesUnordered};
use futures::{FutureExt, SinkExt, StreamExt};

use crate::account::{self, Account, Finding, Identity, check};
use crate::caldav::calendars::Calendar;
use crate::caldav::listing;
use crate::error::{Error, Kind, Result};
use crate::http::Transport;
use crate::objects::fetcher::Fetcher;
use crate::options::SourceOptions;
use crate::session::Session;
pub use crate::snapshot::entry::Entry;
use crate::snapshot::names;
use crate::webdav::href::last_segment;
use listings::{Catalog, Place, Shelf};

/// What a scan finds. As `scan-item` in `wit/source.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanItem {
    /// An entry.
    Entry(Entry),
    /// A remark, and the path it is about.
    Notice(Option<String>, String),
    /// A path of which nothing is known, and why.
    Failed(String, Error),
    /// Something that is left out on purpose: the entry it belongs to, if there is one, and the reason.
    Omitted(Option<String>, String),
}

/// One answer of `read_all`: a path, and its bytes. As `content` in `wit/source.wit`.
pub type Content = (String, Result<Bytes>);
/// An answer, and what its path was likely to weigh.
type Weighed = (u64, Content);
type Wanted = FuturesUnordered<LocalBoxFuture<'static, Weighed>>;

/// Items of a scan, or bodies, that are passed on at once.
const CHUNK: usize = 256;
/// Bytes of bodies that are passed on at once, if there is more than one.
const CHUNK_BYTES: usize = 1 << 20;
/// Bodies that `read_all` has under way or ready at once, and their bytes as far as they are known.
const MOST_WANTED: usize = 512;
const MOST_WANTED_BYTES: u64 = 16 << 20;

/// One account, opened for reading.
pub struct Importer {
    session: Rc<Session>,
    options: SourceOptions,
    account: RefCell<Option<Account>>,
    catalog: Rc<Catalog>,
    fetcher: Rc<Fetcher>,
}

impl Importer {
    /// An importer by these options. Nothing is sent yet.
    #[must_use]
    pub fn new(transport: Rc<dyn Transport>, options: SourceOptions) -> Self {
        let session = Rc::new(Session::new(transport, &options.connection));
        let catalog = Rc::new(Catalog::default());
        let fetcher = Fetcher::new(Rc::clone(&session), Rc::clone(&catalog), options.fetch);
        Self { session, options, account: RefCell::default(), catalog, fetcher }
    }

    /// What is read.
    #[must_use]
    pub fn identity(&self) -> Identity {
        // Another choice of calendars is another source: what it leaves out is not gone.
        let choice = &self.options.filter.text;
        let choice = if choice.is_empty() { String::new() } else { [" (", choice, ")"].concat() };
        Identity { kind: "caldav", origin: account::origin(&self.options.connection) + &choice, root: "/" }
    }

    /// Signs in and finds the calendars.
    pub async fn ping(&self) -> Result<()> {
        self.sign_in().await.map(drop)
    }

    /// What the server is and what it can do.
    pub async fn check(&self) -> Result<Vec<Finding>> {
        let account = self.sign_in().await?;
        check::check(&self.session, &self.options.connection.username, &account).await
    }

    /// Lists everything, and passes it on in pieces until nobody listens any more. With `Ok`, every
    /// entry was sent or is at or below a failed path.
    pub async fn scan(&self, mut out: mpsc::Sender<Vec<ScanItem>>) -> Result<()> {
        let account = self.sign_in().await?;
        let remarks = remarks(&account);
        let chosen = self.choose(account.calendars)?;
        let mut items = vec![ScanItem::Entry(Entry::directory("/"))];
        items.extend(remarks);
        let total = chosen.len();
        let mut failures = Vec::new();
        let mut shelves = stream::iter(chosen)
            .map(|(name, calendar)| self.stock(name, calendar))
            .buffered(self.options.connection.concurrency);
        while let Some((path, shelf)) = shelves.next().await {
            match shelf {
                Ok(shelf) => {
                    let shelf = self.catalog.add(shelf);
                    let mut entries = shelf.items(self.options.fetch);
                    loop {
                        items.extend(entries.by_ref().take(CHUNK));
                        if items.len() < CHUNK {
                            break;
                        }
                        out.send(std::mem::take(&mut items)).await.map_err(|_| nobody_listens())?;
                    }
                }
                Err(error) if error.ends_run() => return Err(error),
                Err(error) => {
                    failures.push(error.clone());
                    items.push(ScanItem::Entry(Entry::directory(&path)));
                    items.push(ScanItem::Failed(path, error));
                }
            }
        }
        if failures.len() == total
            && let Some(first) = failures.into_iter().next()
        {
            return Err(first.at("no calendar could be listed"));
        }
        out.send(items).await.map_err(|_| nobody_listens())
    }

    /// The bytes of one file of the scan; looks ahead in the scan's order.
    pub async fn read(&self, path: &str) -> Result<Bytes> {
        match self.catalog.find(path) {
            Some(Place::File(bytes)) => Ok(bytes),
            Some(Place::Object(id)) => self.fetcher.read_ahead(id).await.map_err(|error| error.at(path)),
            None => Err(not_scanned(path)),
        }
    }

    /// The bytes of many files, just these, in any order: until the paths end, or nobody listens any more.
    pub async fn read_all(
        &self,
        mut paths: mpsc::Receiver<Vec<String>>,
        mut out: mpsc::Sender<Vec<Content>>,
    ) {
        let mut wanted = FuturesUnordered::new();
        let (mut more, mut bytes) = (true, 0);
        loop {
            let room = more && wanted.len() < MOST_WANTED && bytes < MOST_WANTED_BYTES;
            let first = if room {
                match next_of(&mut paths, &mut wanted).await {
                    Next::Paths(None) => {
                        more = false;
                        self.fetcher.launch(false);
                        continue;
                    }
                    Next::Paths(Some(paths)) => {
                        for path in paths {
                            let (weight, body) = self.want(path);
                            bytes += weight;
                            wanted.push(body);
                        }
                        self.fetcher.launch(true);
                        continue;
                    }
                    Next::Body(body) => body,
                }
            } else {
                let Some(body) = wanted.next().await else { return };
                body
            };
            let (weight, ready) = with_all_that_are_ready(first, &mut wanted);
            bytes -= weight;
            if out.send(ready).await.is_err() {
                return;
            }
        }
    }

    /// How much a path is likely to weigh, and the future of its bytes.
    fn want(&self, path: String) -> (u64, LocalBoxFuture<'static, Weighed>) {
        let place = self.catalog.find(&path);
        let weight = self.catalog.weight(place.as_ref());
        let body = match place {
            Some(Place::Object(id)) => {
                let coming = self.fetcher.want(id);
                async move {
                    let body = coming.await.map_err(|error| error.at(&path));
                    (weight, (path, body))
                }
                .boxed_local()
            }
            Some(Place::File(bytes)) => std::future::ready((weight, (path, Ok(bytes)))).boxed_local(),
            None => {
                let error = not_scanned(&path);
                std::future::ready((weight, (path, Err(error)))).boxed_local()
            }
        };
        (weight, body)
    }

    /// Finds the account's calendars, once.
    async fn sign_in(&self) -> Result<Account> {
        if let Some(account) = self.account.borrow().clone() {
            return Ok(account);
        }
        let account = Account::open(&self.session, &self.options.connection.location).await?;
        if account.calendars.is_empty() {
            let homes: Vec<_> = account.homes.iter().map(ToString::to_string).collect();
            return Err(Error::new(
                Kind::NotFound,
                format!(
                    "{}: signed in, but there is no calendar there. Check the location and the account.",
                    homes.join(", ")
                ),
            ));
        }
        *self.account.borrow_mut() = Some(account.clone());
        Ok(account)
    }

    /// The calendars that are wanted, with their directories' names, in the order of these.
    fn choose(&self, calendars: Vec<Calendar>) -> Result<Vec<(String, Calendar)>> {
        let names: Vec<String> =
            calendars.iter().map(|c| names::directory_name(last_segment(&c.target))).collect();
        let alike = names::colliding(names.iter().map(String::as_str));
        let mut chosen: Vec<(String, Calendar)> = Vec::new();
        for ((name, calendar), alike) in names.into_iter().zip(calendars).zip(alike) {
            let name = if alike { names::with_hash_suffix(&name, &calendar.target.path) } else { name };
            let place = chosen.partition_point(|(other, _)| *other < name);
            chosen.insert(place, (name, calendar));
        }
        let all: Vec<String> = chosen.iter().map(|(name, _)| name.clone()).collect();
        chosen.retain(|(name, calendar)| {
            let display = calendar.properties.displayname.as_deref().unwrap_or(name);
            self.options.filter.wants(&[name, display], &calendar.properties.components)
        });
        if chosen.is_empty() {
            return Err(Error::new(
                Kind::InvalidOptions,
                format!(
                    "calendars, exclude, components: no calendar is left. The account has {}.",
                    all.join(", ")
                ),
            ));
        }
        Ok(chosen)
    }

    /// Lists one calendar. The path comes along for the one that cannot be listed.
    async fn stock(&self, name: String, calendar: Calendar) -> (String, Result<Shelf>) {
        let path = format!("/{name}");
        let listing = if calendar.properties.subscription.is_some() {
            Ok(listing::Listing::default())
        } else {
            listing::list(&self.session, &calendar.target).await
        };
        let shelf =
            listing.map(|listing| Shelf::new(name, calendar, listing, &self.options.filter.components));
        (path, shelf)
    }
}

/// What there is besides calendars.
fn remarks(account: &Account) -> Vec<ScanItem> {
    let gone = account.gone.iter().map(|error| ScanItem::Omitted(None, error.clone()));
    let others = account
        .others
        .iter()
        .map(|other| ScanItem::Omitted(None, [&other.path, " is not a calendar"].concat()));
    let failed = account.failed.iter().map(|(target, status)| {
        let path = ["/", &names::directory_name(last_segment(target))].concat();
        let text = format!("{target}: the server lists it with status {status}.");
        ScanItem::Failed(path, Error::new(Kind::Forbidden, text))
    });
    gone.chain(others).chain(failed).collect()
}

/// What comes first: more paths, or a body.
enum Next {
    Paths(Option<Vec<String>>),
    Body(Weighed),
}

async fn next_of(paths: &mut mpsc::Receiver<Vec<String>>, wanted: &mut Wanted) -> Next {
    if wanted.is_empty() {
        return Next::Paths(paths.next().await);
    }
    match select(wanted.next(), paths.next()).await {
        Either::Left((Some(body), _)) => Next::Body(body),
        Either::Left((None, paths)) => Next::Paths(paths.await),
        Either::Right((paths, _)) => Next::Paths(paths),
    }
}

/// This body and those that are here as well, up to a reasonable amount; and what they weigh.
fn with_all_that_are_ready((mut weight, first): Weighed, wanted: &mut Wanted) -> (u64, Vec<Content>) {
    let size = |(_, body): &Content| body.as_ref().map_or(0, Bytes::len);
    let mut bytes = size(&first);
    let mut ready = vec![first];
    while ready.len() < CHUNK
        && bytes < CHUNK_BYTES
        && let Some(Some((more, body))) = wanted.next().now_or_never()
    {
        weight += more;
        bytes += size(&body);
        ready.push(body);
    }
    (weight, ready)
}

fn nobody_listens() -> Error {
    Error::new(Kind::Cancelled, "Cancelled.")
}

fn not_scanned(path: &str) -> Error {
    Error::new(Kind::NotFound, format!("{path}: not in the listing."))
}

/// A date as HTTP has it, and as `SOGo` writes it, since 1970.
fn http_date(text: &str) -> Option<Duration> {
    let date =
        httpdate::parse_http_date(text).or_else(|_| httpdate::parse_http_date(&text.replace("+0000", "GMT")));
    date.ok()?.duration_since(UNIX_EPOCH).ok()
}

#[cfg(test)]
mod tests;
