//! What a calendar has already: which objects, under which names, with which UIDs and what content. Their bytes are
//! not kept, because there may be hundreds of thousands of them.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::rc::Rc;

use futures::StreamExt;
use futures::stream;
use percent_encoding::percent_decode_str;

use crate::caldav::calendars::Calendar;
use crate::caldav::listing;
use crate::error::Result;
use crate::ical::compare::{Digest, Meaning};
use crate::objects::fetcher::Fetcher;
use crate::objects::list::{ObjectId, ObjectList};
use crate::options::Fetch;
use crate::session::Session;

/// The most objects that are read at once.
const WINDOW: usize = 256;

/// One object that exists.
#[derive(Clone, Debug)]
pub(super) struct ExistingObject {
    /// The last segment of its href, as the server spelt it.
    pub(super) segment: Box<str>,
    /// Its version, if it has one.
    pub(super) etag: Option<Box<str>>,
    /// A fingerprint of its content; none if it could not be read.
    pub(super) digest: Option<Digest>,
    /// Whether an object of the backup is this one.
    claimed: Cell<bool>,
}

/// All objects of a calendar. Which object is which is decided by whole UIDs and whole names, never by a hash: a
/// mistake would overwrite another object.
#[derive(Debug, Default)]
pub(super) struct Existing {
    /// In the order of their decoded names.
    objects: Vec<ExistingObject>,
    /// Every UID with the place of its object, sorted.
    by_uid: Vec<(Box<str>, u32)>,
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
        let mut found = Vec::with_capacity(list.len() as usize);
        while let Some((at, body)) = bodies.next().await {
            let Some(listed) = list.get(at) else { continue };
            let meaning = match body {
                Ok(bytes) => Meaning::of(&bytes),
                Err(error) if error.ends_run() => return Err(error),
                Err(_) => None,
            };
            let (digest, uids) = meaning.map(|m| (m.digest().clone(), m.uids)).unzip();
            let (segment, etag) = (listed.name.clone(), listed.etag.clone());
            let object = ExistingObject { segment, etag, digest, claimed: Cell::new(false) };
            found.push((object, uids.unwrap_or_default()));
        }
        Ok(Self::new(found))
    }

    /// Builds the indexes over objects with their UIDs.
    fn new(mut found: Vec<(ExistingObject, Vec<String>)>) -> Self {
        found.sort_unstable_by(|(a, _), (b, _)| compare_names(&a.segment, &b.segment));
        let mut this = Self::default();
        this.objects.reserve_exact(found.len());
        for ((object, uids), at) in found.into_iter().zip(0..) {
            this.by_uid.extend(uids.into_iter().map(|uid| (uid.into_boxed_str(), at)));
            this.objects.push(object);
        }
        this.by_uid.sort_unstable();
        this
    }

    /// Finds the object with this UID, preferring one with the same name, and marks it as claimed. An object that
    /// could not be read has no UID and is never claimed.
    pub(super) fn claim(&self, uid: &str, segment: &str) -> Option<ExistingObject> {
        let named = self.find_name(segment).and_then(|at| self.objects.get(at));
        let is_free = |object: &&ExistingObject| !object.claimed.get();
        let is_named = |object: &&ExistingObject| named.is_some_and(|named| std::ptr::eq(*object, named));
        let object =
            self.with_uid(uid).filter(is_free).find(is_named).or_else(|| self.with_uid(uid).find(is_free))?;
        object.claimed.set(true);
        Some(object.clone())
    }

    /// Takes a name for a new object. Returns false if the name is in use.
    pub(super) fn reserve(&self, segment: &str) -> bool {
        self.find_name(segment).is_none()
            && self.reserved.borrow_mut().insert(percent_decode_str(segment).collect())
    }

    /// Returns the objects that no object of the backup has claimed.
    pub(super) fn unclaimed(&self) -> impl Iterator<Item = &ExistingObject> {
        self.objects.iter().filter(|object| !object.claimed.get())
    }

    fn with_uid(&self, uid: &str) -> impl Iterator<Item = &ExistingObject> {
        let first = self.by_uid.partition_point(|(own, _)| **own < *uid);
        let same = self.by_uid.iter().skip(first).take_while(move |(own, _)| **own == *uid);
        same.filter_map(|(_, at)| self.objects.get(*at as usize))
    }

    fn find_name(&self, segment: &str) -> Option<usize> {
        self.objects.binary_search_by(|object| compare_names(&object.segment, segment)).ok()
    }
}

/// Compares two segments as the server does: decoded.
fn compare_names(a: &str, b: &str) -> Ordering {
    percent_decode_str(a).cmp(percent_decode_str(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn existing(objects: &[(&str, &[&str])]) -> Existing {
        let object = |segment: &str| ExistingObject {
            segment: segment.into(),
            etag: None,
            digest: None,
            claimed: Cell::new(false),
        };
        let uids = |uids: &[&str]| uids.iter().map(|uid| (*uid).to_owned()).collect();
        Existing::new(objects.iter().map(|(segment, own)| (object(segment), uids(own))).collect())
    }

    fn claimed(existing: &Existing, uid: &str, segment: &str) -> Option<String> {
        existing.claim(uid, segment).map(|object| object.segment.into())
    }

    #[test]
    fn an_object_is_claimed_by_its_whole_uid_and_once() {
        let there =
            existing(&[("a.ics", &["uid"]), ("b.ics", &["uid-1"]), ("c.ics", &[]), ("d.ics", &["UID"])]);
        assert_eq!(claimed(&there, "ui", "a.ics"), None);
        assert_eq!(claimed(&there, "uid-", "b.ics"), None);
        assert_eq!(claimed(&there, "uid-1", "other.ics").as_deref(), Some("b.ics"));
        assert_eq!(claimed(&there, "uid-1", "b.ics"), None);
        assert_eq!(claimed(&there, "uid", "d.ics").as_deref(), Some("a.ics"));
        assert_eq!(claimed(&there, "", "c.ics"), None);
        let left: Vec<_> = there.unclaimed().map(|object| &*object.segment).collect();
        assert_eq!(left, ["c.ics", "d.ics"]);
    }

    #[test]
    fn of_several_with_one_uid_the_one_with_the_same_name_is_claimed() {
        let there = existing(&[("a.ics", &["uid"]), ("b%40.ics", &["uid", "more"]), ("c.ics", &["uid"])]);
        assert_eq!(claimed(&there, "uid", "b@.ics").as_deref(), Some("b%40.ics"));
        assert_eq!(claimed(&there, "uid", "b@.ics").as_deref(), Some("a.ics"));
        assert_eq!(claimed(&there, "more", "b@.ics"), None);
    }

    #[test]
    fn names_are_in_use_in_every_spelling() {
        let there = existing(&[("a%40.ics", &["uid"]), ("b.ics", &[])]);
        assert!(!there.reserve("a@.ics") && !there.reserve("b.ics"));
        assert!(there.reserve("new%40.ics") && !there.reserve("new@.ics"));
        assert!(there.reserve("a@.ic") && there.reserve("A@.ics"));
    }

    /// A hash as an identity would fail here sooner or later: every object is found under its own UID and name.
    #[test]
    fn many_objects_are_told_apart() {
        let names: Vec<String> = (0..20_000).map(|i| format!("{:x}.ics", i * 7919 % 20_011)).collect();
        let uids: Vec<[&str; 1]> = names.iter().map(|name| [name.trim_end_matches(".ics")]).collect();
        let all: Vec<(&str, &[&str])> =
            names.iter().zip(&uids).map(|(name, uid)| (name.as_str(), uid.as_slice())).collect();
        let there = existing(&all);
        for (name, [uid]) in names.iter().zip(&uids) {
            assert_eq!(claimed(&there, uid, "x").as_ref(), Some(name));
        }
        assert_eq!(there.unclaimed().count(), 0);
    }
}
