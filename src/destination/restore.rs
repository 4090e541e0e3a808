//! One restore. Items come in, in any order; each folder finds its calendar once; objects are written side by
//! side; what was written is read back in batches; and every item gets its report.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use futures::FutureExt;
use futures::channel::mpsc;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream::{self, FuturesUnordered, StreamExt};

use super::calendar::Collection;
use super::context::Context;
use super::file::{self, FileProgress, not_an_object};
use super::folder::{Calendars, Folder};
use super::item::{Item, ItemBody, Outcome, WriteItem};
use super::put_object::{PutResult, put_object};
use super::verify::{self, BATCH, Written, WrittenObjects};
use crate::account::Account;
use crate::error::{Error, Kind, Result};
use crate::ical;
use crate::ical::edit::{Part, split};
use crate::options::Verify;
use crate::snapshot::calendar_json::CalendarJson;
use crate::snapshot::descriptions::describes;
use crate::snapshot::names;

/// The most files that are under way at once.
const MAX_FILES: usize = 64;
/// The most bytes that are under way at once.
const MAX_BYTES: usize = 32 << 20;

/// Files that are being written, and batches that are being read back.
type Tasks = FuturesUnordered<LocalBoxFuture<'static, ()>>;

/// The state of a restore.
struct Restore {
    context: Rc<Context>,
    calendars: Calendars,
    folders: RefCell<BTreeMap<String, Rc<Folder>>>,
    written: WrittenObjects,
}

/// The next thing that happens.
enum LoopEvent {
    Items(Vec<Item>),
    EndOfItems,
    /// A task is done.
    Progress,
}

/// Writes everything that comes in, and reports every item.
///
/// # Errors
/// The first error of an item that ends the run; [`Kind::Cancelled`] if the receiver of the reports is gone.
pub(super) async fn restore(
    context: Context,
    account: Rc<Account>,
    mut items: mpsc::Receiver<Vec<Item>>,
    mut out: mpsc::Sender<Vec<WriteItem>>,
) -> Result<()> {
    let context = Rc::new(context);
    let restore = Rc::new(Restore {
        context: Rc::clone(&context),
        calendars: Calendars::new(account),
        folders: RefCell::default(),
        written: WrittenObjects::default(),
    });
    let mut tasks = Tasks::new();
    loop {
        context.reports.pass_on(&mut out).await?;
        match restore.next(&mut items, &mut tasks).await {
            LoopEvent::Items(items) => items.into_iter().for_each(|item| restore.take(item, &tasks)),
            LoopEvent::EndOfItems => break,
            LoopEvent::Progress => {}
        }
        restore.read_back(&tasks, BATCH);
    }
    restore.finish(&mut tasks, &mut out).await?;
    context.reports.end()
}

impl Restore {
    /// Waits for items, if there is room for them, or for a task.
    async fn next(&self, items: &mut mpsc::Receiver<Vec<Item>>, tasks: &mut Tasks) -> LoopEvent {
        let has_room = tasks.len() < MAX_FILES && self.context.bytes.get() < MAX_BYTES;
        let items = if tasks.is_empty() {
            items.next().await
        } else if has_room {
            match select(items.next(), tasks.next()).await {
                Either::Left((items, _)) => items,
                Either::Right(_) => return LoopEvent::Progress,
            }
        } else {
            tasks.next().await;
            return LoopEvent::Progress;
        };
        items.map_or(LoopEvent::EndOfItems, LoopEvent::Items)
    }

    /// Everything has come: writes what still waits, finishes the folders, and reads the rest back.
    async fn finish(
        self: &Rc<Self>,
        tasks: &mut Tasks,
        out: &mut mpsc::Sender<Vec<WriteItem>>,
    ) -> Result<()> {
        let folders: Vec<(String, Rc<Folder>)> =
            self.folders.borrow().iter().map(|(name, folder)| (name.clone(), Rc::clone(folder))).collect();
        for (_, folder) in &folders {
            self.write_files(folder, folder.open(), tasks);
        }
        self.drain(tasks, out, BATCH).await?;
        for (name, folder) in &folders {
            folder.finish(&self.context, &self.calendars, self.has_folders(name)).await;
            self.context.reports.pass_on(out).await?;
        }
        self.drain(tasks, out, 1).await?;
        if self.context.options.dry_run {
            self.calendars.report_extras(&self.context);
        }
        self.context.reports.pass_on(out).await
    }

    /// Waits for all tasks, and reads back what they write, in batches of at least `least`.
    async fn drain(
        self: &Rc<Self>,
        tasks: &mut Tasks,
        out: &mut mpsc::Sender<Vec<WriteItem>>,
        least: usize,
    ) -> Result<()> {
        loop {
            self.read_back(tasks, least);
            let is_done = tasks.next().await.is_none();
            self.context.reports.pass_on(out).await?;
            if is_done {
                return Ok(());
            }
        }
    }

    /// Starts to read back what was written, if there are at least `least` objects.
    fn read_back(&self, tasks: &Tasks, least: usize) {
        for batch in self.written.take_batches(self.context.options.verify, least) {
            tasks.push(verify::verify(Rc::clone(&self.context), batch).boxed_local());
        }
    }

    /// Takes an item in.
    fn take(self: &Rc<Self>, item: Item, tasks: &Tasks) {
        let path = item.path;
        let reports = &self.context.reports;
        match item.body {
            ItemBody::Directory if path == "/" => reports.done(&path, Outcome::Unchanged),
            ItemBody::Directory => self.folder(path.trim_start_matches('/')).is_item.set(true),
            ItemBody::Broken(error) => reports.done(&path, Outcome::Failed(error)),
            ItemBody::File(bytes) => self.take_file(path, bytes, tasks),
        }
    }

    fn take_file(self: &Rc<Self>, path: String, bytes: Bytes, tasks: &Tasks) {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let folder = self.folder(parent.trim_start_matches('/'));
        if describes(name) {
            let added = folder.descriptions.borrow_mut().add(&path, name, &bytes);
            if let Err(why) = added {
                self.context.reports.done(&path, Outcome::Failed(Error::new(Kind::Protocol, why)));
            }
            // With it, everything about the calendar is known.
            if name == CalendarJson::NAME {
                self.write_files(&folder, folder.open(), tasks);
            }
            return;
        }
        if !name.ends_with(".ics") && !ical::begins_as_calendar(&bytes) {
            let why = "neither a calendar object nor the description of a calendar";
            return self.context.reports.done(&path, Outcome::Skipped(why.to_owned()));
        }
        self.context.bytes.set(self.context.bytes.get() + bytes.len());
        self.write_files(&folder, folder.hold(path, bytes), tasks);
    }

    fn folder(&self, name: &str) -> Rc<Folder> {
        let mut folders = self.folders.borrow_mut();
        Rc::clone(folders.entry(name.to_owned()).or_insert_with(|| Rc::new(Folder::new(name))))
    }

    fn has_folders(&self, name: &str) -> bool {
        let is_within = |other: &String| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
        self.folders.borrow().keys().any(is_within)
    }

    fn write_files(self: &Rc<Self>, folder: &Rc<Folder>, files: Vec<(String, Bytes)>, tasks: &Tasks) {
        for (path, bytes) in files {
            tasks.push(Rc::clone(self).write_file(Rc::clone(folder), path, bytes).boxed_local());
        }
    }

    /// Writes one file, with all its objects.
    async fn write_file(self: Rc<Self>, folder: Rc<Folder>, path: String, bytes: Bytes) {
        let size = bytes.len();
        match self.split(&folder, &bytes).await {
            Ok((collection, parts)) => {
                drop(bytes);
                let file = Rc::new(FileProgress::new(path, size, parts.len()));
                stream::iter(parts)
                    .for_each_concurrent(self.context.session.concurrency(), |part| {
                        self.write_object(&folder, &collection, &file, part)
                    })
                    .await;
            }
            Err(error) => file::finish(&self.context, &path, size, Outcome::Failed(error)),
        }
    }

    /// Returns the calendar of a file, and the file's objects.
    async fn split(&self, folder: &Folder, bytes: &[u8]) -> Result<(Rc<Collection>, Vec<Part>)> {
        let parts = split(bytes).ok_or_else(not_an_object)?;
        Ok((folder.collection(&self.context, &self.calendars).await?, parts))
    }

    async fn write_object(
        &self,
        folder: &Folder,
        collection: &Rc<Collection>,
        file: &Rc<FileProgress>,
        part: Part,
    ) {
        let context = &self.context;
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let is_one = file.objects == 1;
        let segment = if is_one { folder.segment(name) } else { names::fallback_segment(&part.uid) };
        let uid = part.uid.clone();
        match put_object(context, collection, &file.path, &segment, part).await {
            Ok(PutResult::Written { target, bytes, normalized, outcome })
                if context.options.verify != Verify::None =>
            {
                let (file, collection) = (Rc::clone(file), Rc::clone(collection));
                self.written.push(Written { file, collection, target, bytes, normalized, outcome });
            }
            Ok(PutResult::Settled(outcome) | PutResult::Written { outcome, .. }) => {
                file.settle(context, outcome);
            }
            Err(error) => {
                let error = if is_one { error } else { error.at(&uid) };
                file.settle(context, Outcome::Failed(error));
            }
        }
    }
}
