//! One folder of the backup: the files that wait, the calendar that it goes to, and its properties.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::{Mutex, OnceCell};

use super::calendar::{Choice, Collection, folder_of};
use super::context::Context;
use super::file::not_an_object;
use super::item::Outcome;
use super::properties::{PropertyReport, apply_properties};
use crate::account::Account;
use crate::caldav::calendar::Calendar;
use crate::error::Result;
use crate::options::Conflict;
use crate::snapshot::descriptions::Descriptions;
use crate::snapshot::names;

/// The most bytes that wait for the description of their calendar, which may come after them.
const MAX_HELD_BYTES: usize = 4 << 20;

/// A folder of the backup.
#[derive(Default)]
pub(super) struct Folder {
    /// The path without the slash in front.
    name: String,
    pub(super) descriptions: RefCell<Descriptions>,
    /// Whether it was an item itself.
    pub(super) is_item: Cell<bool>,
    collection: OnceCell<Result<Rc<Collection>>>,
    /// Files that wait for the descriptions.
    held: RefCell<Vec<(String, Bytes)>>,
    held_bytes: Cell<usize>,
    /// Whether files need not wait any more.
    is_open: Cell<bool>,
}

/// The calendars of the account that the folders go to.
pub(super) struct Calendars {
    account: Rc<Account>,
    /// The account's calendars, with those that this restore has made.
    known: RefCell<Vec<Calendar>>,
    opened: RefCell<Vec<Rc<Collection>>>,
    /// Calendars are found or made one after the other, so that no two folders make the same.
    opening: Mutex<()>,
}

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Holds a file back until the folder is open. Returns the files that need not wait: none, this one, or
    /// all.
    pub(super) fn hold(&self, path: String, bytes: Bytes) -> Vec<(String, Bytes)> {
        self.held_bytes.set(self.held_bytes.get() + bytes.len());
        self.held.borrow_mut().push((path, bytes));
        if self.is_open.get() || self.held_bytes.get() > MAX_HELD_BYTES { self.open() } else { Vec::new() }
    }

    /// Opens the folder, because its calendar is described or no more files come. Returns the files that
    /// waited.
    pub(super) fn open(&self) -> Vec<(String, Bytes)> {
        self.is_open.set(true);
        self.held_bytes.set(0);
        self.held.take()
    }

    /// Returns the calendar of the folder, which is found or made the first time.
    pub(super) async fn collection(
        &self,
        context: &Context,
        calendars: &Calendars,
    ) -> Result<Rc<Collection>> {
        let open = || calendars.open(context, self);
        self.collection.get_or_init(open).await.clone()
    }

    /// Returns the last segment of a new object's href, from the name of its file.
    pub(super) fn segment(&self, name: &str) -> String {
        let descriptions = self.descriptions.borrow();
        descriptions.segment(name).map_or_else(|| names::to_segment(name), str::to_owned)
    }

    /// Makes sure that the calendar exists, gives it its properties, and reports the folder and the files
    /// that describe it. `is_parent` says that other folders are within this one.
    pub(super) async fn finish(&self, context: &Context, calendars: &Calendars, is_parent: bool) {
        let files = self.descriptions.borrow().paths.clone();
        if !self.is_item.get() && files.is_empty() {
            return;
        }
        let path = ["/", &self.name].concat();
        // A folder of nothing but other folders is not a calendar.
        if files.is_empty() && self.collection.get().is_none() && is_parent {
            return context.reports.done(&path, Outcome::Unchanged);
        }
        let (of_folder, of_files) = match self.apply_properties(context, calendars).await {
            Ok((collection, report)) => {
                if !report.not_kept.is_empty() {
                    let names = report.not_kept.join(", ");
                    context.reports.notice(&path, &["the server did not keep: ", &names].concat());
                }
                let unless_new = |other| if collection.is_new { Outcome::Created } else { other };
                let of_files = if report.changed { Outcome::Updated } else { Outcome::Unchanged };
                (unless_new(Outcome::Unchanged), unless_new(of_files))
            }
            Err(error) => (Outcome::Failed(error.clone()), Outcome::Failed(error)),
        };
        if self.is_item.get() {
            context.reports.done(&path, of_folder);
        }
        for path in &files {
            context.reports.done(path, of_files.clone());
        }
    }

    /// Gives the calendar its properties, unless it is one that the user named or that is to stay as it is.
    async fn apply_properties(
        &self,
        context: &Context,
        calendars: &Calendars,
    ) -> Result<(Rc<Collection>, PropertyReport)> {
        let options = &context.options;
        let collection = self.collection(context, calendars).await?;
        let may_change = collection.is_new || options.conflict == Conflict::Overwrite;
        let report = if collection.is_own && may_change {
            let wanted = self.descriptions.borrow().properties();
            apply_properties(&context.session, &collection, &wanted, options.dry_run).await?
        } else {
            PropertyReport::default()
        };
        Ok((collection, report))
    }
}

impl Calendars {
    pub(super) fn new(account: Rc<Account>) -> Self {
        let known = RefCell::new(account.calendars.clone());
        Self { account, known, opened: RefCell::default(), opening: Mutex::default() }
    }

    async fn open(&self, context: &Context, folder: &Folder) -> Result<Rc<Collection>> {
        let _one_at_a_time = self.opening.lock().await;
        let known = self.known.borrow().clone();
        let descriptions = folder.descriptions.borrow().clone();
        let choice = Choice {
            options: &context.options,
            account: &self.account,
            known: &known,
            folder: folder.name.rsplit('/').next().unwrap_or_default(),
            descriptions: &descriptions,
        };
        let collection = choice.open(&context.session).await?;
        let mut opened = self.opened.borrow_mut();
        let is_it = |c: &&Rc<Collection>| c.calendar.target.key() == collection.calendar.target.key();
        if let Some(same) = opened.iter().find(is_it) {
            return Ok(Rc::clone(same));
        }
        if collection.is_new {
            self.known.borrow_mut().push(collection.calendar.clone());
        }
        opened.push(Rc::new(collection));
        opened.last().cloned().ok_or_else(not_an_object)
    }

    /// Reports the objects that only the server has.
    pub(super) fn report_extras(&self, context: &Context) {
        for collection in self.opened.borrow().iter() {
            let folder = folder_of(&collection.calendar);
            for object in collection.existing.unclaimed() {
                let name = names::object_name(&object.segment);
                context.reports.extra(["/", &folder, "/", &name].concat());
            }
        }
    }
}
