//! What a scan has found, so that paths can be read: one shelf for each calendar. Small, because there
//! may be hundreds of thousands of objects: paths are computed, not kept.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use bytes::Bytes;

use super::{ScanItem, http_date};
use crate::caldav::calendars::Calendar;
use crate::caldav::listing::{Listed, Listing};
use crate::options::Fetch;
use crate::snapshot::entry::Entry;
use crate::snapshot::{descriptions, digest, names};
use crate::webdav::href::Target;

/// An object: the shelf, and the place on it. The order is the order of the scan.
pub(crate) type Id = (u32, u32);

/// Where the bytes of a path come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// They are here.
    File(Bytes),
    /// The server has them.
    Object(Id),
}

/// Everything listed so far.
#[derive(Default)]
pub(crate) struct Catalog {
    shelves: RefCell<Vec<Rc<Shelf>>>,
}

/// One calendar with its objects.
pub(crate) struct Shelf {
    directory: String,
    pub(crate) calendar: Calendar,
    files: Vec<(&'static str, Bytes)>,
    objects: Vec<Listed>,
    /// How often multiget failed where GET did not.
    pub(crate) multiget_failures: Cell<u32>,
    /// Objects whose names are like another's, in ascending order.
    told_apart: Vec<u32>,
    /// The hashes of the objects' names, sorted.
    index: Vec<(u64, u32)>,
    strange: Vec<String>,
    nested: Vec<Target>,
}

/// What an object of unknown size is counted as.
const USUAL_SIZE: u64 = 4 << 10;

impl Catalog {
    /// Puts a shelf up.
    pub(crate) fn add(&self, shelf: Shelf) -> Rc<Shelf> {
        let shelf = Rc::new(shelf);
        let mut shelves = self.shelves.borrow_mut();
        // A second scan of the same importer replaces what the first one found.
        match shelves.iter_mut().find(|known| known.directory == shelf.directory) {
            Some(known) => *known = Rc::clone(&shelf),
            None => shelves.push(Rc::clone(&shelf)),
        }
        shelf
    }

    /// A shelf by its number.
    pub(crate) fn shelf(&self, number: u32) -> Option<Rc<Shelf>> {
        self.shelves.borrow().get(number as usize).cloned()
    }

    /// The place of a path.
    pub(crate) fn find(&self, path: &str) -> Option<Place> {
        let (directory, name) = path.strip_prefix('/')?.split_once('/')?;
        let shelves = self.shelves.borrow();
        let (number, shelf) = shelves.iter().enumerate().find(|(_, shelf)| shelf.directory == directory)?;
        if let Some((_, bytes)) = shelf.files.iter().find(|(file, _)| *file == name) {
            return Some(Place::File(bytes.clone()));
        }
        let hash = hash(name);
        let first = shelf.index.partition_point(|(h, _)| *h < hash);
        let same = shelf.index.get(first..)?.iter().take_while(|(h, _)| *h == hash);
        let at = same.map(|(_, at)| *at).find(|at| shelf.name(*at).as_deref() == Some(name))?;
        Some(Place::Object((u32::try_from(number).ok()?, at)))
    }

    /// How many bytes it is likely to be.
    pub(crate) fn weight(&self, place: Option<&Place>) -> u64 {
        match place {
            Some(Place::File(bytes)) => bytes.len() as u64,
            Some(Place::Object((shelf, at))) => {
                self.shelf(*shelf).map_or(USUAL_SIZE, |shelf| shelf.weight(*at))
            }
            None => 0,
        }
    }
}

impl Shelf {
    /// A calendar that has been listed; only objects of `components`, if any are named.
    pub(crate) fn new(
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
        objects.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        // Two spellings of one name are one object.
        objects.dedup_by(|a, b| {
            percent_encoding::percent_decode_str(&a.name).eq(percent_encoding::percent_decode_str(&b.name))
        });
        objects.shrink_to_fit();
        let names: Vec<String> = objects.iter().map(|o| names::object_name(&o.name)).collect();
        let alike = names::colliding(names.iter().map(String::as_str));
        drop(names);
        let told_apart = alike.iter().zip(0..).filter_map(|(alike, at)| alike.then_some(at)).collect();
        let multiget_failures = Cell::default();
        let mut shelf = Self {
            directory,
            calendar,
            files: Vec::new(),
            objects,
            multiget_failures,
            told_apart,
            index: Vec::new(),
            strange,
            nested,
        };
        let mut names = BTreeMap::new();
        for at in 0..shelf.len() {
            let Some((name, object)) = shelf.name(at).zip(shelf.objects.get(at as usize)) else { continue };
            shelf.index.push((hash(&name), at));
            if !names::round_trips(&name, &object.name) {
                names.insert(name, object.name.to_string());
            }
        }
        shelf.index.sort_unstable();
        shelf.files = descriptions::files(&shelf.calendar, names);
        shelf
    }

    /// How many objects there are.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.objects.len()).unwrap_or(u32::MAX)
    }

    /// An object, as it was listed.
    pub(crate) fn listed(&self, at: u32) -> Option<&Listed> {
        self.objects.get(at as usize)
    }

    /// The path of the calendar.
    pub(crate) fn path(&self) -> String {
        format!("/{}", self.directory)
    }

    /// The file name of an object.
    fn name(&self, at: u32) -> Option<String> {
        let segment = &self.objects.get(at as usize)?.name;
        let name = names::object_name(segment);
        Some(if self.told_apart.binary_search(&at).is_ok() {
            names::with_hash_suffix(&name, segment)
        } else {
            name
        })
    }

    /// The place of an object on the server.
    pub(crate) fn target(&self, at: u32) -> Option<Target> {
        Some(self.calendar.target.member(&self.objects.get(at as usize)?.name))
    }

    /// How many bytes an object is likely to be.
    pub(crate) fn weight(&self, at: u32) -> u64 {
        self.objects.get(at as usize).and_then(|o| o.size).map_or(USUAL_SIZE, u64::from)
    }

    /// Everything on the shelf, as a scan reports it.
    pub(crate) fn items(&self, fetch: Fetch) -> impl Iterator<Item = ScanItem> {
        let path = self.path();
        let omitted = |text: String| ScanItem::Omitted(Some(path.clone()), text);
        let mut remarks: Vec<ScanItem> = self
            .nested
            .iter()
            .map(|nested| omitted(format!("{} is a collection within a calendar", nested.path)))
            .collect();
        if let Some(subscription) = &self.calendar.properties.subscription {
            let source = if subscription.source.is_empty() {
                "an address the server does not tell"
            } else {
                &subscription.source
            };
            remarks
                .push(omitted(format!("the events of a subscription: only its address ({source}) is kept")));
        }
        let strange = self.strange.iter().map(|what| {
            let error = crate::error::Error::new(
                crate::error::Kind::Protocol,
                format!("The server lists {what}; it was not read."),
            );
            ScanItem::Failed(path.clone(), error)
        });
        let files = self.files.iter().map(|(name, bytes)| {
            let size = Some(bytes.len() as u64);
            let version = Some(digest::hash(&[bytes], 32));
            ScanItem::Entry(Entry {
                path: format!("/{}/{name}", self.directory),
                is_directory: false,
                size,
                modified: None,
                version,
            })
        });
        let objects = (0..self.len()).filter_map(move |at| self.entry(at, fetch).map(ScanItem::Entry));
        let first = std::iter::once(ScanItem::Entry(Entry::directory(&path)));
        first.chain(remarks).chain(strange.collect::<Vec<_>>()).chain(files).chain(objects)
    }

    fn entry(&self, at: u32, fetch: Fetch) -> Option<Entry> {
        let object = self.objects.get(at as usize)?;
        let (etag, modified) =
            (object.etag.as_deref().unwrap_or_default(), object.modified.as_deref().unwrap_or_default());
        let known = !etag.is_empty() || !modified.is_empty();
        let calendar = &self.calendar.target.path;
        // Without multiget, line ends are the server's own: other bytes, another version.
        let how: &[u8] = if fetch == Fetch::Get { b"get" } else { b"" };
        Some(Entry {
            path: ["/", &self.directory, "/", &self.name(at)?].concat(),
            is_directory: false,
            size: None,
            modified: http_date(modified),
            version: known.then(|| {
                digest::hash(
                    &[calendar.as_bytes(), object.name.as_bytes(), etag.as_bytes(), modified.as_bytes(), how],
                    32,
                )
            }),
        })
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}
