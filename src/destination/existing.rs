//! The objects that a calendar has already: their names, UIDs and fingerprints. Their bytes are not kept,
//! because there may be hundreds of thousands of them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use futures::StreamExt;
use futures::stream;
use percent_encoding::percent_decode_str;

use crate::caldav::calendar::Calendar;
use crate::error::Result;
use crate::ical::compare::{Fingerprint, Normalized};
use crate::objects::fetcher::Fetcher;
use crate::objects::index::{HashIndex, hash};
use crate::objects::list::{ObjectId, ObjectList};
use crate::objects::listing;
use crate::options::Fetch;
use crate::session::Session;

/// The most objects that are read at once.
const WINDOW: usize = 256;

/// One object that exists.
#[derive(Debug)]
pub(super) struct ExistingObject {
    /// The last segment of its href, as the server spelt it.
    pub(super) segment: Box<str>,
    /// Version, if the server names one.
    pub(super) etag: Option<Box<str>>,
    /// A fingerprint of its content; none if it could not be read.
    pub(super) fingerprint: Option<Fingerprint>,
    /// All UIDs in it; nearly always one.
    uids: Vec<String>,
    /// Whether an object of the backup is this one.
    claimed: Cell<bool>,
}

/// All objects of a calendar. Which object is which is decided by whole UIDs and whole names, never by their
/// hashes: a mistake would overwrite another object.
#[derive(Debug)]
pub(super) struct Existing {
    objects: Vec<ExistingObject>,
    by_name: HashIndex,
    by_uid: HashIndex,
    hash: fn(&[u8]) -> u64,
    /// The decoded names of objects that this restore creates.
    reserved: RefCell<BTreeSet<Vec<u8>>>,
}

impl Existing {
    /// Lists and reads a calendar.
    pub(super) async fn load(session: &Rc<Session>, calendar: &Calendar) -> Result<Self> {
        let listing = listing::list(session, &calendar.target).await?;
        let list = Rc::new(ObjectList::new(calendar.target.clone(), listing.objects));
        let fetcher = Fetcher::new(Rc::clone(session), Fetch::Multiget);
        fetcher.set_calendar(0, Rc::clone(&list));
        let wanted = |at: u32| {
            let coming = fetcher.want(ObjectId { calendar: 0, at });
            fetcher.launch(at + 1 < list.len());
            async move { (at, coming.await) }
        };
        let mut bodies = stream::iter(0..list.len()).map(wanted).buffer_unordered(WINDOW);
        let mut objects = Vec::with_capacity(list.len() as usize);
        while let Some((at, body)) = bodies.next().await {
            let Some(listed) = list.get(at) else { continue };
            let normalized = match body {
                Ok(bytes) => Normalized::of(&bytes),
                Err(error) if error.ends_run() => return Err(error),
                Err(_) => None,
            };
            objects.push(ExistingObject {
                segment: listed.name.clone(),
                etag: listed.etag.clone(),
                fingerprint: normalized.as_ref().map(|normalized| normalized.fingerprint().clone()),
                uids: normalized.map(|normalized| normalized.uids).unwrap_or_default(),
                claimed: Cell::new(false),
            });
        }
        Ok(Self::new(objects, hash))
    }

    /// Returns the objects of a new calendar: none.
    pub(super) fn nothing() -> Self {
        Self::new(Vec::new(), hash)
    }

    /// Builds the indexes. `hash` is a parameter so that tests can make every text collide.
    fn new(objects: Vec<ExistingObject>, hash: fn(&[u8]) -> u64) -> Self {
        let (mut names, mut uids) = (Vec::with_capacity(objects.len()), Vec::with_capacity(objects.len()));
        for (object, at) in objects.iter().zip(0..) {
            names.push((hash(&decoded(&object.segment)), at));
            uids.extend(object.uids.iter().map(|uid| (hash(uid.as_bytes()), at)));
        }
        let (by_name, by_uid) = (HashIndex::new(names), HashIndex::new(uids));
        Self { objects, by_name, by_uid, hash, reserved: RefCell::default() }
    }

    /// Finds the object with this UID, preferring one with the same name, and marks it as claimed. An object
    /// that could not be read has no UID and is never claimed.
    pub(super) fn claim(&self, uid: &str, segment: &str) -> Option<&ExistingObject> {
        let name = decoded(segment);
        let candidates = || {
            let places = self.by_uid.candidates((self.hash)(uid.as_bytes()));
            let objects = places.filter_map(|at| self.objects.get(at as usize));
            objects.filter(|object| !object.claimed.get() && object.uids.iter().any(|own| own == uid))
        };
        let object =
            candidates().find(|object| decoded(&object.segment) == name).or_else(|| candidates().next())?;
        object.claimed.set(true);
        Some(object)
    }

    /// Takes a name for a new object. Returns false if the name is in use.
    pub(super) fn reserve(&self, segment: &str) -> bool {
        let name = decoded(segment);
        let mut candidates = self.by_name.candidates((self.hash)(&name));
        let is_it = |at| self.objects.get(at as usize).is_some_and(|o| decoded(&o.segment) == name);
        !candidates.any(is_it) && self.reserved.borrow_mut().insert(name)
    }

    /// Returns the objects that no object of the backup has claimed.
    pub(super) fn unclaimed(&self) -> impl Iterator<Item = &ExistingObject> {
        self.objects.iter().filter(|object| !object.claimed.get())
    }
}

/// Returns a segment as the server compares it.
fn decoded(segment: &str) -> Vec<u8> {
    percent_decode_str(segment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn existing(objects: &[(&str, &[&str])], hash: fn(&[u8]) -> u64) -> Existing {
        let object = |(segment, uids): &(&str, &[&str])| ExistingObject {
            segment: (*segment).into(),
            etag: None,
            fingerprint: None,
            uids: uids.iter().map(|uid| (*uid).to_owned()).collect(),
            claimed: Cell::new(false),
        };
        Existing::new(objects.iter().map(object).collect(), hash)
    }

    /// The hash in use, and one that is the same for everything.
    const HASHES: [fn(&[u8]) -> u64; 2] = [hash, |_| 7];

    fn claimed(existing: &Existing, uid: &str, segment: &str) -> Option<String> {
        existing.claim(uid, segment).map(|object| object.segment.to_string())
    }

    #[test]
    fn an_object_is_claimed_by_its_whole_uid_and_once() {
        for hash in HASHES {
            let there = existing(
                &[("a.ics", &["uid"]), ("b.ics", &["uid-1"]), ("c.ics", &[]), ("d.ics", &["UID"])],
                hash,
            );
            assert_eq!(claimed(&there, "ui", "a.ics"), None);
            assert_eq!(claimed(&there, "uid-", "b.ics"), None);
            assert_eq!(claimed(&there, "uid-1", "other.ics").as_deref(), Some("b.ics"));
            assert_eq!(claimed(&there, "uid-1", "b.ics"), None);
            assert_eq!(claimed(&there, "uid", "d.ics").as_deref(), Some("a.ics"));
            assert_eq!(claimed(&there, "", "c.ics"), None);
            let left: Vec<_> = there.unclaimed().map(|object| &*object.segment).collect();
            assert_eq!(left, ["c.ics", "d.ics"]);
        }
    }

    #[test]
    fn of_several_with_one_uid_the_one_with_the_same_name_is_claimed() {
        for hash in HASHES {
            let there =
                existing(&[("a.ics", &["uid"]), ("b%40.ics", &["uid", "more"]), ("c.ics", &["uid"])], hash);
            assert_eq!(claimed(&there, "uid", "b@.ics").as_deref(), Some("b%40.ics"));
            assert_eq!(claimed(&there, "uid", "b@.ics").as_deref(), Some("a.ics"));
            assert_eq!(claimed(&there, "more", "b@.ics"), None);
        }
    }

    #[test]
    fn names_are_in_use_in_every_spelling() {
        for hash in HASHES {
            let there = existing(&[("a%40.ics", &["uid"]), ("b.ics", &[])], hash);
            assert!(!there.reserve("a@.ics") && !there.reserve("b.ics"));
            assert!(there.reserve("new%40.ics") && !there.reserve("new@.ics"));
            assert!(there.reserve("a@.ic") && there.reserve("A@.ics"));
        }
    }
}
