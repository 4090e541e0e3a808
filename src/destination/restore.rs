//! One restore: items come in, in any order; each folder finds its calendar once; objects are on their way
//! side by side; what was written is read back in batches; and every item gets its report.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::{self, FuturesUnordered, StreamExt};
use futures::{FutureExt, SinkExt};
use tokio::sync::{Mutex, OnceCell};

use super::calendar::{self, Collection};
use super::properties::describe;
use super::put_object::{Placed, no_object, place};
use super::verify::{BATCH, Written};
use super::{Content, Item, Outcome, Report};
use crate::account::Account;
use crate::account::scheduling::scheduling;
use crate::caldav::calendar::Calendar;
use crate::caldav::scheduling::Scheduling;
use crate::error::{Error, Kind, Result};
use crate::ical;
use crate::ical::edit::{Part, split};
use crate::options::{DestinationOptions, Verify};
use crate::session::Session;
use crate::snapshot::calendar_json::CalendarJson;
use crate::snapshot::descriptions::{Descriptions, describes};
use crate::snapshot::names;
use crate::webdav::href::Target;

/// Files that are on their way at once, and their bytes.
const MOST: usize = 64;
const MOST_BYTES: usize = 32 << 20;
/// Bytes that wait for the description of their calendar, which may come after them.
const HELD: usize = 4 << 20;

pub(super) type Tasks = FuturesUnordered<LocalBoxFuture<'static, ()>>;

/// The restore.
pub(super) struct Run {
    pub(super) session: Rc<Session>,
    pub(super) options: Rc<DestinationOptions>,
    account: Rc<Account>,
    /// The account's calendars, with those made on the way.
    known: RefCell<Vec<Calendar>>,
    collections: RefCell<Vec<Rc<Collection>>>,
    directories: RefCell<BTreeMap<String, Rc<Directory>>>,
    /// Calendars are found or made one after the other, so that no two folders make the same.
    opening: Mutex<()>,
    scheduling: OnceCell<Scheduling>,
    reports: RefCell<Vec<Report>>,
    pub(super) written: RefCell<Vec<Written>>,
    bytes: Cell<usize>,
    fatal: RefCell<Option<Error>>,
}

/// A folder of the backup.
#[derive(Default)]
struct Directory {
    /// Without a slash in front.
    name: String,
    descriptions: RefCell<Descriptions>,
    collection: OnceCell<Result<Rc<Collection>>>,
    /// Files that wait for the descriptions.
    held: RefCell<Vec<(String, Bytes)>>,
    held_bytes: Cell<usize>,
    /// Whether files need not wait any more.
    is_open: Cell<bool>,
    /// Whether it was an item itself.
    is_item: Cell<bool>,
}

/// A file on its way, until each of its objects has come to an end.
pub(super) struct File {
    pub(super) path: String,
    /// Its bytes, which are held until the last of its objects has come to an end.
    size: usize,
    left: Cell<usize>,
    all: usize,
    outcomes: RefCell<Vec<Outcome>>,
}

/// Writes everything that comes in.
pub(super) async fn run(
    session: &Rc<Session>,
    options: &Rc<DestinationOptions>,
    account: &Rc<Account>,
    mut items: mpsc::Receiver<Vec<Item>>,
    mut out: mpsc::Sender<Vec<Report>>,
) -> Result<()> {
    let run = Rc::new(Run {
        session: Rc::clone(session),
        options: Rc::clone(options),
        account: Rc::clone(account),
        known: RefCell::new(account.calendars.clone()),
        collections: RefCell::default(),
        directories: RefCell::default(),
        opening: Mutex::default(),
        scheduling: OnceCell::new(),
        reports: RefCell::default(),
        written: RefCell::default(),
        bytes: Cell::default(),
        fatal: RefCell::default(),
    });
    let mut tasks = Tasks::new();
    loop {
        run.pass_on(&mut out).await?;
        let has_room = tasks.len() < MOST && run.bytes.get() < MOST_BYTES;
        let next = if tasks.is_empty() {
            Some(items.next().await)
        } else if has_room {
            match select(items.next(), tasks.next()).await {
                Either::Left((items, _)) => Some(items),
                Either::Right(_) => None,
            }
        } else {
            tasks.next().await;
            None
        };
        match next {
            Some(Some(items)) => items.into_iter().for_each(|item| run.take(item, &tasks)),
            Some(None) => break,
            None => {}
        }
        run.read_back(&tasks, BATCH);
    }
    let all: Vec<Rc<Directory>> = run.directories.borrow().values().cloned().collect();
    for directory in &all {
        run.release(directory, &tasks);
    }
    run.drain(&mut tasks, &mut out, BATCH).await?;
    for directory in &all {
        run.finish(directory).await;
        run.pass_on(&mut out).await?;
    }
    run.drain(&mut tasks, &mut out, 1).await?;
    run.report_extras();
    run.pass_on(&mut out).await?;
    let fatal = run.fatal.borrow_mut().take();
    fatal.map_or(Ok(()), Err)
}

impl Run {
    /// Waits for everything that is on its way, and reads it back.
    async fn drain(
        self: &Rc<Self>,
        tasks: &mut Tasks,
        out: &mut mpsc::Sender<Vec<Report>>,
        least: usize,
    ) -> Result<()> {
        loop {
            self.read_back(tasks, least);
            if tasks.next().await.is_none() {
                return self.pass_on(out).await;
            }
            self.pass_on(out).await?;
        }
    }

    async fn pass_on(&self, out: &mut mpsc::Sender<Vec<Report>>) -> Result<()> {
        let reports = std::mem::take(&mut *self.reports.borrow_mut());
        if reports.is_empty() {
            return Ok(());
        }
        out.send(reports).await.map_err(|_| Error::new(Kind::Cancelled, "Cancelled."))
    }

    /// A remark about a path.
    pub(super) fn notice(&self, path: &str, text: &str) {
        self.reports.borrow_mut().push(Report::Notice(Some(path.to_owned()), text.to_owned()));
    }

    fn done(&self, path: &str, outcome: Outcome) {
        if let Outcome::Failed(error) = &outcome
            && error.ends_run()
        {
            self.fatal.borrow_mut().get_or_insert_with(|| error.clone());
        }
        self.reports.borrow_mut().push(Report::Done(path.to_owned(), outcome));
    }

    /// Whether the server writes to people who are invited.
    pub(super) async fn scheduling(&self, place: &Target) -> Result<Scheduling> {
        self.scheduling.get_or_try_init(|| scheduling(&self.session, place)).await.copied()
    }

    /// Takes an item in.
    fn take(self: &Rc<Self>, item: Item, tasks: &Tasks) {
        let path = item.path;
        let bytes = match item.content {
            Content::Directory if path == "/" => return self.done(&path, Outcome::Unchanged),
            Content::Directory => return self.directory(path.trim_start_matches('/')).is_item.set(true),
            Content::Broken(error) => return self.done(&path, Outcome::Failed(error)),
            Content::File(bytes) => bytes,
        };
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let directory = self.directory(parent.trim_start_matches('/'));
        if describes(name) {
            let added = directory.descriptions.borrow_mut().add(&path, name, &bytes);
            if let Err(why) = added {
                self.done(&path, Outcome::Failed(Error::new(Kind::Protocol, why)));
            }
            if name == CalendarJson::NAME {
                self.release(&directory, tasks);
            }
            return;
        }
        if !name.ends_with(".ics") && !ical::begins_as_calendar(&bytes) {
            let why = "neither a calendar object nor the description of a calendar";
            return self.done(&path, Outcome::Skipped(why.to_owned()));
        }
        self.bytes.set(self.bytes.get() + bytes.len());
        if directory.is_open.get() {
            return tasks.push(Rc::clone(self).file(directory, path, bytes).boxed_local());
        }
        directory.held_bytes.set(directory.held_bytes.get() + bytes.len());
        directory.held.borrow_mut().push((path, bytes));
        if directory.held_bytes.get() > HELD {
            self.release(&directory, tasks);
        }
    }

    fn directory(&self, name: &str) -> Rc<Directory> {
        let mut all = self.directories.borrow_mut();
        let new = || Rc::new(Directory { name: name.to_owned(), ..Directory::default() });
        Rc::clone(all.entry(name.to_owned()).or_insert_with(new))
    }

    /// Lets the files of a directory go.
    fn release(self: &Rc<Self>, directory: &Rc<Directory>, tasks: &Tasks) {
        directory.is_open.set(true);
        for (path, bytes) in directory.held.take() {
            tasks.push(Rc::clone(self).file(Rc::clone(directory), path, bytes).boxed_local());
        }
    }

    /// The calendar of a directory, found or made the first time.
    async fn collection(&self, directory: &Directory) -> Result<Rc<Collection>> {
        let open = || async {
            let _one_at_a_time = self.opening.lock().await;
            let name = directory.name.rsplit('/').next().unwrap_or_default();
            let known = self.known.borrow().clone();
            let descriptions = directory.descriptions.borrow().clone();
            let opened =
                calendar::open(&self.session, &self.options, &self.account, &known, name, &descriptions)
                    .await?;
            let mut collections = self.collections.borrow_mut();
            if let Some(same) =
                collections.iter().find(|c| c.calendar.target.key() == opened.calendar.target.key())
            {
                return Ok(Rc::clone(same));
            }
            if opened.is_new {
                self.known.borrow_mut().push(opened.calendar.clone());
            }
            collections.push(Rc::new(opened));
            collections.last().cloned().ok_or_else(no_object)
        };
        directory.collection.get_or_init(open).await.clone()
    }

    /// One file, with all its objects.
    async fn file(self: Rc<Self>, directory: Rc<Directory>, path: String, bytes: Bytes) {
        let size = bytes.len();
        match self.parts(&directory, &bytes).await {
            Ok((collection, parts)) => {
                let file = Rc::new(File {
                    path,
                    size,
                    left: Cell::new(parts.len()),
                    all: parts.len(),
                    outcomes: RefCell::default(),
                });
                drop(bytes);
                stream::iter(parts)
                    .for_each_concurrent(self.session.concurrency(), |part| {
                        self.object(&directory, &collection, &file, part)
                    })
                    .await;
            }
            Err(error) => {
                self.bytes.set(self.bytes.get() - size);
                self.done(&path, Outcome::Failed(error));
            }
        }
    }

    async fn parts(&self, directory: &Directory, bytes: &[u8]) -> Result<(Rc<Collection>, Vec<Part>)> {
        let parts = split(bytes).ok_or_else(no_object)?;
        Ok((self.collection(directory).await?, parts))
    }

    async fn object(&self, directory: &Directory, collection: &Rc<Collection>, file: &Rc<File>, part: Part) {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let segment = if file.all > 1 {
            names::fallback_segment(&part.uid)
        } else {
            let descriptions = directory.descriptions.borrow();
            descriptions.segment(name).map_or_else(|| names::to_segment(name), str::to_owned)
        };
        let uid = part.uid.clone();
        match place(self, collection, &file.path, &segment, part).await {
            Ok(Placed::Written { target, bytes, meaning, outcome })
                if self.options.verify != Verify::None =>
            {
                let (file, collection) = (Rc::clone(file), Rc::clone(collection));
                self.written.borrow_mut().push(Written { file, collection, target, bytes, meaning, outcome });
            }
            Ok(Placed::Settled(outcome) | Placed::Written { outcome, .. }) => self.settle(file, outcome),
            Err(error) => {
                let error = if file.all > 1 { error.at(&uid) } else { error };
                self.settle(file, Outcome::Failed(error));
            }
        }
    }

    /// One object of a file has come to an end; with the last one, the file has.
    pub(super) fn settle(&self, file: &File, outcome: Outcome) {
        file.left.set(file.left.get() - 1);
        if let (Outcome::Failed(error), 2..) = (&outcome, file.all) {
            self.notice(&file.path, error.message());
        }
        file.outcomes.borrow_mut().push(outcome);
        if file.left.get() == 0 {
            self.bytes.set(self.bytes.get() - file.size);
            self.done(&file.path, summary(file.outcomes.take()));
        }
    }

    /// A directory has all of its files: its calendar exists, and gets its properties.
    async fn finish(&self, directory: &Directory) {
        let (paths, wanted) = {
            let descriptions = directory.descriptions.borrow();
            (descriptions.paths.clone(), descriptions.properties())
        };
        if !directory.is_item.get() && paths.is_empty() {
            return;
        }
        let path = ["/", &directory.name].concat();
        // A folder of nothing but other folders is no calendar.
        if paths.is_empty() && directory.collection.get().is_none() && self.has_folders(&directory.name) {
            return self.done(&path, Outcome::Unchanged);
        }
        let result = match self.collection(directory).await {
            Ok(collection) if collection.is_own && self.may_describe(&collection) => {
                describe(&self.session, &collection, &wanted, self.options.dry_run)
                    .await
                    .map(|(changed, lost)| (collection.is_new, changed, lost))
            }
            Ok(collection) => Ok((collection.is_new, false, Vec::new())),
            Err(error) => Err(error),
        };
        let (of_directory, of_files) = match result {
            Ok((is_new, changed, lost)) => {
                if !lost.is_empty() {
                    self.notice(&path, &["the server did not keep: ", &lost.join(", ")].concat());
                }
                let files = if is_new {
                    Outcome::Created
                } else if changed {
                    Outcome::Updated
                } else {
                    Outcome::Unchanged
                };
                (if is_new { Outcome::Created } else { Outcome::Unchanged }, files)
            }
            Err(error) => (Outcome::Failed(error.clone()), Outcome::Failed(error)),
        };
        if directory.is_item.get() {
            self.done(&path, of_directory);
        }
        for path in &paths {
            self.done(path, of_files.clone());
        }
    }

    fn has_folders(&self, name: &str) -> bool {
        let is_within = |other: &String| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        self.directories.borrow().keys().any(is_within)
    }

    fn may_describe(&self, collection: &Collection) -> bool {
        collection.is_new || self.options.conflict == crate::options::Conflict::Overwrite
    }

    /// In a dry run, reports the objects that only the server has.
    fn report_extras(&self) {
        if !self.options.dry_run {
            return;
        }
        for collection in self.collections.borrow().iter() {
            let directory =
                names::directory_name(crate::webdav::href::last_segment(&collection.calendar.target));
            for object in collection.existing.unclaimed() {
                let path = ["/", &directory, "/", &names::object_name(&object.segment)].concat();
                self.reports.borrow_mut().push(Report::Extra(path));
            }
        }
    }
}

/// What became of a file, from what became of its objects.
fn summary(mut outcomes: Vec<Outcome>) -> Outcome {
    let all = outcomes.len();
    let failed = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Failed(_))).count();
    if failed > 0 && all > 1 {
        let first = outcomes
            .iter()
            .find_map(|outcome| if let Outcome::Failed(error) = outcome { Some(error) } else { None });
        let kind = first.map_or(Kind::Other, |error| error.kind);
        return Outcome::Failed(Error::new(
            kind,
            format!("{failed} of its {all} objects could not be written."),
        ));
    }
    let rank = |outcome: &Outcome| match outcome {
        Outcome::Failed(_) => 4,
        Outcome::Created => 3,
        Outcome::Updated => 2,
        Outcome::Skipped(_) => 1,
        Outcome::Unchanged => 0,
    };
    outcomes.sort_by_key(rank);
    outcomes.pop().unwrap_or(Outcome::Unchanged)
}
