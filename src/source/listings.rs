//! The calendars and objects that a scan has found, so that paths can be read. Small, because there may be
//! hundreds of thousands of objects: their file names are computed, not kept.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;

use crate::caldav::calendar::Calendar;
use crate::caldav::objects::Listing;
use crate::objects::index::{HashIndex, hash};
use crate::objects::list::{ObjectId, ObjectList, USUAL_SIZE};
use crate::snapshot::{descriptions, names};
use crate::webdav::href::Target;

/// Source of the bytes of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BodySource {
    /// Bytes that are here.
    Inline(Bytes),
    /// An object on the server.
    Remote(ObjectId),
}

/// The calendars that have been listed so far. The place of a calendar is its number in [`ObjectId`].
#[derive(Default)]
pub(super) struct Listings {
    calendars: RefCell<Vec<Rc<ListedCalendar>>>,
}

/// One calendar with its objects.
pub(super) struct ListedCalendar {
    /// The name of its directory.
    pub(super) directory: String,
    pub(super) calendar: Calendar,
    pub(super) objects: Rc<ObjectList>,
    /// The files that describe the calendar.
    pub(super) files: Vec<(&'static str, Bytes)>,
    /// Responses of the listing that belong to no object, in words.
    pub(super) strange: Vec<String>,
    /// Collections within the calendar.
    pub(super) nested: Vec<Target>,
    /// Objects whose names collide with another's and so have a hash, in ascending order.
    with_hash: Vec<u32>,
    /// The objects by their names.
    index: HashIndex,
}

impl Listings {
    /// Adds a calendar, and returns its number. In a second scan it replaces what the first one found.
    pub(super) fn add(&self, calendar: Rc<ListedCalendar>) -> u32 {
        let mut calendars = self.calendars.borrow_mut();
        let known = calendars.iter_mut().zip(0..).find(|(known, _)| known.directory == calendar.directory);
        if let Some((known, number)) = known {
            *known = calendar;
            return number;
        }
        calendars.push(calendar);
        u32::try_from(calendars.len() - 1).unwrap_or(u32::MAX)
    }

    /// Finds the bytes of a path.
    pub(super) fn find(&self, path: &str) -> Option<BodySource> {
        let (directory, name) = path.strip_prefix('/')?.split_once('/')?;
        let calendars = self.calendars.borrow();
        let (listed, number) = calendars.iter().zip(0..).find(|(known, _)| known.directory == directory)?;
        if let Some((_, bytes)) = listed.files.iter().find(|(file, _)| *file == name) {
            return Some(BodySource::Inline(bytes.clone()));
        }
        Some(BodySource::Remote(ObjectId { calendar: number, at: listed.find(name)? }))
    }

    /// Returns the size of a body in bytes, or a guess.
    pub(super) fn size(&self, body: &BodySource) -> u64 {
        match body {
            BodySource::Inline(bytes) => bytes.len() as u64,
            BodySource::Remote(id) => {
                let calendars = self.calendars.borrow();
                calendars.get(id.calendar as usize).map_or(USUAL_SIZE, |listed| listed.objects.size(id.at))
            }
        }
    }
}

impl ListedCalendar {
    /// Makes the snapshot of a calendar from its listing. If `components` names any, objects of other kinds
    /// are left out, as far as the server reports the kind.
    pub(super) fn new(
        directory: String,
        calendar: Calendar,
        listing: Listing,
        components: &[String],
    ) -> Self {
        let Listing { mut objects, strange, nested } = listing;
        if !components.is_empty() {
            objects
                .retain(|o| o.component.as_ref().is_none_or(|own| components.iter().any(|c| **c == **own)));
        }
        let objects = Rc::new(ObjectList::new(calendar.target.clone(), objects));
        let mut listed = Self {
            directory,
            with_hash: colliding(&objects),
            calendar,
            objects,
            files: Vec::new(),
            strange,
            nested,
            index: HashIndex::default(),
        };
        let own_names = listed.index_names();
        listed.files = descriptions::files(&listed.calendar, own_names);
        listed
    }

    /// Builds the index. Returns the names that cannot be converted back to segments of hrefs, with the
    /// segments.
    fn index_names(&mut self) -> BTreeMap<String, String> {
        let (mut index, mut own_names) = (Vec::with_capacity(self.objects.len() as usize), BTreeMap::new());
        for (object, at) in self.objects.iter().zip(0..) {
            let name = self.file_name(at, &object.name);
            index.push((hash(name.as_bytes()), at));
            if !names::round_trips(&name, &object.name) {
                own_names.insert(name, object.name.to_string());
            }
        }
        self.index = HashIndex::new(index);
        own_names
    }

    /// Returns the path of the calendar.
    pub(super) fn path(&self) -> String {
        ["/", &self.directory].concat()
    }

    /// Returns the file name of the object at `at`, from the last segment of its href.
    pub(super) fn file_name(&self, at: u32, segment: &str) -> String {
        let name = names::object_name(segment);
        match self.with_hash.binary_search(&at) {
            Ok(_) => names::with_hash_suffix(&name, segment),
            Err(_) => name,
        }
    }

    /// Finds the object that has this file name.
    fn find(&self, name: &str) -> Option<u32> {
        let is_it = |at: &u32| self.objects.get(*at).is_some_and(|o| self.file_name(*at, &o.name) == name);
        self.index.candidates(hash(name.as_bytes())).find(is_it)
    }
}

/// Returns the objects whose names collide with another's, in ascending order.
fn colliding(objects: &ObjectList) -> Vec<u32> {
    let names: Vec<String> = objects.iter().map(|object| names::object_name(&object.name)).collect();
    let colliding = names::colliding(names.iter().map(String::as_str));
    colliding.iter().zip(0..).filter_map(|(collides, at)| collides.then_some(at)).collect()
}
