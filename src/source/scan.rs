//! The scan: lists an account as the entries of a snapshot.

use std::rc::Rc;

use futures::channel::mpsc;
use futures::stream;
use futures::{SinkExt, StreamExt};

use super::listings::{ListedCalendar, Listings};
use crate::account::Account;
use crate::caldav::calendar::Calendar;
use crate::caldav::objects::{Listed, Listing};
use crate::error::{Error, Kind, Result};
use crate::objects::fetcher::Fetcher;
use crate::objects::listing;
use crate::options::{Fetch, Filter, SourceOptions};
use crate::quirks::http_date;
use crate::session::Session;
use crate::snapshot::entry::Entry;
use crate::snapshot::{digest, names};
use crate::webdav::href::last_segment;

/// A finding of a scan. As `scan-item` in `wit/source.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanItem {
    /// A file or a directory.
    Entry(Entry),
    /// Something that people should know, and the path it is about.
    Notice(Option<String>, String),
    /// A path of which nothing is known, and the reason.
    Failed(String, Error),
    /// Something that is left out on purpose: the entry it belongs to, if there is one, and the reason.
    Omitted(Option<String>, String),
}

/// The most items that are passed on at once.
const CHUNK: usize = 256;

/// One scan of an account.
pub(super) struct Scan<'a> {
    pub(super) session: &'a Session,
    pub(super) options: &'a SourceOptions,
    /// Gets the calendars that are found.
    pub(super) listings: &'a Listings,
    /// Gets their objects.
    pub(super) fetcher: &'a Fetcher,
}

impl Scan<'_> {
    /// Lists everything, and passes it on in pieces until the receiver is gone. With `Ok`, every entry was
    /// sent or is at or below a failed path.
    pub(super) async fn run(&self, account: Account, mut out: mpsc::Sender<Vec<ScanItem>>) -> Result<()> {
        let mut items = vec![ScanItem::Entry(Entry::directory("/"))];
        items.extend(beside_calendars(&account));
        let chosen = choose(&self.options.filter, account.calendars)?;
        let total = chosen.len();
        let mut failures = Vec::new();
        let mut calendars = stream::iter(chosen)
            .map(|(name, calendar)| self.list_calendar(name, calendar))
            .buffered(self.options.connection.concurrency);
        while let Some((path, listed)) = calendars.next().await {
            match listed {
                Ok(listed) => self.send_calendar(listed, &mut items, &mut out).await?,
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
        send(&mut items, &mut out).await
    }

    /// Lists one calendar. Returns its path too, for one that cannot be listed.
    async fn list_calendar(&self, name: String, calendar: Calendar) -> (String, Result<ListedCalendar>) {
        let path = ["/", &name].concat();
        let listing = if calendar.properties.subscription.is_some() {
            Ok(Listing::default())
        } else {
            listing::list(self.session, &calendar.target).await
        };
        let components = &self.options.filter.components;
        (path, listing.map(|listing| ListedCalendar::new(name, calendar, listing, components)))
    }

    /// Makes a calendar available for reading, and passes its entries on; the last of them stay in `items`.
    async fn send_calendar(
        &self,
        listed: ListedCalendar,
        items: &mut Vec<ScanItem>,
        out: &mut mpsc::Sender<Vec<ScanItem>>,
    ) -> Result<()> {
        let listed = Rc::new(listed);
        let number = self.listings.add(Rc::clone(&listed));
        self.fetcher.set_calendar(number, Rc::clone(&listed.objects));
        let mut entries = calendar_items(&listed, self.options.fetch);
        loop {
            items.extend(entries.by_ref().take(CHUNK));
            if items.len() < CHUNK {
                return Ok(());
            }
            send(items, out).await?;
        }
    }
}

async fn send(items: &mut Vec<ScanItem>, out: &mut mpsc::Sender<Vec<ScanItem>>) -> Result<()> {
    let sent = out.send(std::mem::take(items)).await;
    sent.map_err(|_| Error::new(Kind::Cancelled, "cancelled"))
}

/// Chooses the calendars that are wanted. Returns them with the names of their directories, in the order of
/// these.
fn choose(filter: &Filter, calendars: Vec<Calendar>) -> Result<Vec<(String, Calendar)>> {
    let names: Vec<String> =
        calendars.iter().map(|c| names::directory_name(last_segment(&c.target))).collect();
    let colliding = names::colliding(names.iter().map(String::as_str));
    let mut chosen: Vec<(String, Calendar)> = Vec::new();
    for ((name, calendar), collides) in names.into_iter().zip(calendars).zip(colliding) {
        let name = if collides { names::with_hash_suffix(&name, &calendar.target.path) } else { name };
        let place = chosen.partition_point(|(other, _)| *other < name);
        chosen.insert(place, (name, calendar));
    }
    let all: Vec<String> = chosen.iter().map(|(name, _)| name.clone()).collect();
    chosen.retain(|(name, calendar)| {
        let display = calendar.properties.displayname.as_deref().unwrap_or(name);
        filter.wants(&[name, display], &calendar.properties.components)
    });
    if chosen.is_empty() {
        let all = all.join(", ");
        return Err(Error::new(
            Kind::InvalidOptions,
            format!("calendars, exclude, components: no calendar is left. The account has {all}"),
        ));
    }
    Ok(chosen)
}

/// Returns what the account has besides calendars.
fn beside_calendars(account: &Account) -> Vec<ScanItem> {
    let gone = account.gone.iter().map(|error| ScanItem::Omitted(None, error.clone()));
    let others = account
        .others
        .iter()
        .map(|other| ScanItem::Omitted(None, [&other.path, " is not a calendar"].concat()));
    let failed = account.failed.iter().map(|(target, status)| {
        let path = ["/", &names::directory_name(last_segment(target))].concat();
        let text = format!("{target}: the server lists it with status {status}");
        ScanItem::Failed(path, Error::new(Kind::Forbidden, text))
    });
    gone.chain(others).chain(failed).collect()
}

/// Returns everything in a calendar: first itself, then what is left out or cannot be read, then its files.
fn calendar_items(listed: &ListedCalendar, fetch: Fetch) -> impl Iterator<Item = ScanItem> {
    let path = listed.path();
    let strange = listed.strange.iter().map(|what| {
        let text = format!("the server lists {what}; it was not read");
        ScanItem::Failed(path.clone(), Error::new(Kind::Protocol, text))
    });
    let mut first = vec![ScanItem::Entry(Entry::directory(&path))];
    first.extend(omissions(listed).map(|text| ScanItem::Omitted(Some(path.clone()), text)));
    first.extend(strange);
    let files = listed.files.iter().map(|(name, bytes)| {
        ScanItem::Entry(Entry {
            path: [&path, "/", name].concat(),
            is_directory: false,
            size: Some(bytes.len() as u64),
            modified: None,
            version: Some(digest::hash(&[bytes], 32)),
        })
    });
    first.extend(files);
    let objects = listed.objects.iter().zip(0..);
    first.into_iter().chain(objects.map(move |(object, at)| object_entry(listed, object, at, fetch)))
}

/// Says what of a calendar is not in the snapshot.
fn omissions(listed: &ListedCalendar) -> impl Iterator<Item = String> {
    let nested =
        listed.nested.iter().map(|nested| format!("{} is a collection within a calendar", nested.path));
    let subscription = listed.calendar.properties.subscription.as_ref().map(|subscription| {
        let source = match subscription.source.as_str() {
            "" => "an address the server does not tell",
            source => source,
        };
        format!("the events of a subscription: only its address ({source}) is kept")
    });
    nested.chain(subscription)
}

/// Returns the entry of an object. Its version is made of href, `ETag` and date, because each alone stays the
/// same on some server although the object changes. With neither `ETag` nor date there is no version.
fn object_entry(listed: &ListedCalendar, object: &Listed, at: u32, fetch: Fetch) -> ScanItem {
    let etag = object.etag.as_deref().unwrap_or_default();
    let modified = object.modified.as_deref().unwrap_or_default();
    let has_version = !etag.is_empty() || !modified.is_empty();
    let calendar = &listed.objects.calendar.path;
    // Without multiget, line ends are the server's own: other bytes, another version.
    let how: &[u8] = if fetch == Fetch::Get { b"get" } else { b"" };
    let parts = [calendar.as_bytes(), object.name.as_bytes(), etag.as_bytes(), modified.as_bytes(), how];
    ScanItem::Entry(Entry {
        path: ["/", &listed.directory, "/", &listed.file_name(at, &object.name)].concat(),
        is_directory: false,
        size: None,
        modified: http_date(modified),
        version: has_version.then(|| digest::hash(&parts, 32)),
    })
}
