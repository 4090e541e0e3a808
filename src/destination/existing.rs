//! What a calendar has already: which objects, under which names, and what they say. Their bytes are not kept.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::rc::Rc;

use futures::StreamExt;
use futures::stream;
use percent_encoding::percent_decode_str;

use crate::caldav::calendar::Calendar;
use crate::error::Result;
use crate::ical::compare::{Fingerprint, Normalized};
use crate::objects::fetcher::Fetcher;
use crate::objects::listing;
use crate::options::Fetch;
use crate::session::Session;
use crate::source::listings::{Catalog, Shelf};

/// In place of the number of an object: one that this restore writes.
const NEW: u32 = u32::MAX;
/// Objects that are read at once.
const WINDOW: usize = 256;

/// One object that is there.
#[derive(Clone, Debug)]
pub(super) struct Present {
    /// The last segment of its href, as the server spelt it.
    pub(super) segment: Box<str>,
    /// Its version, if it has one.
    pub(super) etag: Option<Box<str>>,
    /// What it says; none if it could not be read.
    pub(super) digest: Option<Fingerprint>,
    /// Whether an object of the backup stands for it.
    pub(super) claimed: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Existing {
    objects: RefCell<Vec<Present>>,
    by_name: RefCell<BTreeMap<u64, u32>>,
    by_uid: RefCell<BTreeMap<u64, Vec<u32>>>,
}

impl Existing {
    /// Lists and reads a calendar.
    pub(super) async fn load(session: &Rc<Session>, calendar: &Calendar) -> Result<Self> {
        let this = Self::default();
        let listing = listing::list(session, &calendar.target).await?;
        let catalog = Rc::new(Catalog::default());
        let shelf = catalog.add(Shelf::new(String::new(), calendar.clone(), listing, &[]));
        let fetcher = Fetcher::new(Rc::clone(session), catalog, Fetch::Multiget);
        let wanted = |at: u32| {
            let coming = fetcher.want((0, at));
            fetcher.launch(at + 1 < shelf.len());
            async move { (at, coming.await) }
        };
        let mut bodies = stream::iter(0..shelf.len()).map(wanted).buffer_unordered(WINDOW);
        while let Some((at, body)) = bodies.next().await {
            let Some(listed) = shelf.listed(at) else { continue };
            let meaning = match body {
                Ok(bytes) => Normalized::of(&bytes),
                Err(error) if error.ends_run() => return Err(error),
                Err(_) => None,
            };
            this.add(&listed.name, listed.etag.clone(), meaning.as_ref());
        }
        Ok(this)
    }

    /// Notes an object that is there.
    fn add(&self, segment: &str, etag: Option<Box<str>>, meaning: Option<&Normalized>) {
        let mut objects = self.objects.borrow_mut();
        let at = u32::try_from(objects.len()).unwrap_or(u32::MAX);
        for uid in meaning.iter().flat_map(|meaning| &meaning.uids) {
            self.by_uid.borrow_mut().entry(hash(uid.as_bytes())).or_default().push(at);
        }
        self.by_name.borrow_mut().insert(name_of(segment), at);
        let digest = meaning.map(|meaning| meaning.fingerprint().clone());
        objects.push(Present { segment: segment.into(), etag, digest, claimed: false });
    }

    /// The object that one of this UID and name stands for: of this UID, rather under this name, and not
    /// yet taken by another object of the backup. One that could not be read is nobody's: it stays.
    pub(super) fn claim(&self, uid: &str, segment: &str) -> Option<Present> {
        let mut objects = self.objects.borrow_mut();
        let named = self.by_name.borrow().get(&name_of(segment)).copied();
        let by_uid = self.by_uid.borrow();
        let same = by_uid.get(&hash(uid.as_bytes())).map(Vec::as_slice).unwrap_or_default();
        let first = named.filter(|at| same.contains(at));
        let free = |at: &u32| objects.get(*at as usize).is_some_and(|o| !o.claimed);
        let at = first.filter(free).or_else(|| same.iter().copied().find(free))?;
        let object = objects.get_mut(at as usize)?;
        object.claimed = true;
        Some(object.clone())
    }

    /// Takes a name for a new object. False if something has it already.
    pub(super) fn reserve(&self, segment: &str) -> bool {
        self.by_name.borrow_mut().insert(name_of(segment), NEW).is_none()
    }

    /// Whether there is anything under this name.
    pub(super) fn has(&self, segment: &str) -> bool {
        self.by_name.borrow().contains_key(&name_of(segment))
    }

    /// The objects that nothing in the backup stands for.
    pub(super) fn unclaimed(&self) -> Vec<Present> {
        self.objects.borrow().iter().filter(|object| !object.claimed).cloned().collect()
    }
}

fn name_of(segment: &str) -> u64 {
    hash(&percent_decode_str(segment).collect::<Vec<u8>>())
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
