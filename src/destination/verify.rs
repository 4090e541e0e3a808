//! Whether the server has what it was sent: read back in batches, and compared by what it says.

use std::collections::BTreeSet;
use std::rc::Rc;

use bytes::Bytes;
use futures::FutureExt;

use super::Outcome;
use super::calendar::Collection;
use super::put_object::look;
use super::restore::{File, Run, Tasks};
use crate::error::{Error, Kind};
use crate::ical::compare::{Difference, Normalized};
use crate::objects::listing;
use crate::objects::multiget::multiget;
use crate::options::Verify;
use crate::webdav::href::Target;

/// Objects that are read back in one request, and their bytes, unless one alone has more.
pub(super) const BATCH: usize = 64;
const BATCH_BYTES: usize = 4 << 20;

/// An object that was sent and is still to be read back.
pub(super) struct Written {
    pub(super) file: Rc<File>,
    pub(super) collection: Rc<Collection>,
    pub(super) target: Target,
    pub(super) bytes: Bytes,
    pub(super) meaning: Normalized,
    pub(super) outcome: Outcome,
}

impl Run {
    /// Reads back what was written, if there are at least so many.
    pub(super) fn read_back(self: &Rc<Self>, tasks: &Tasks, least: usize) {
        let whole_listing = self.options.verify == Verify::Etag;
        // A listing costs the same for one object as for all: it comes at the end.
        let is_enough = {
            let written = self.written.borrow();
            let bytes: usize = written.iter().map(|one| one.bytes.len()).sum();
            written.len() >= least || bytes >= BATCH_BYTES && !whole_listing
        };
        if !is_enough || whole_listing && least > 1 {
            return;
        }
        let mut written = self.written.take();
        while let Some(first) = written.first() {
            let collection = Rc::clone(&first.collection);
            let (mut batch, mut bytes) = (Vec::new(), 0);
            for one in std::mem::take(&mut written) {
                let has_room = batch.is_empty()
                    || whole_listing
                    || batch.len() < BATCH && bytes + one.bytes.len() <= BATCH_BYTES;
                if Rc::ptr_eq(&one.collection, &collection) && has_room {
                    bytes += one.bytes.len();
                    batch.push(one);
                } else {
                    written.push(one);
                }
            }
            tasks.push(Rc::clone(self).verify(collection, batch).boxed_local());
        }
    }

    async fn verify(self: Rc<Self>, collection: Rc<Collection>, batch: Vec<Written>) {
        if self.options.verify == Verify::Etag {
            return self.verify_listed(&collection, batch).await;
        }
        let mut there: Vec<(Vec<u8>, String)> = Vec::new();
        let paths: Vec<String> = batch.iter().map(|one| one.target.path.clone()).collect();
        // What it does not bring, is asked for alone.
        if let Ok(mut answer) = multiget(&self.session, &collection.calendar.target, &paths).await {
            while let Ok(Some(object)) = answer.next().await {
                if let Some(data) = object.data {
                    there.push((object.key, data));
                }
            }
        }
        for one in batch {
            let key = one.target.key();
            let body = match there.iter().position(|(own, _)| *own == key) {
                Some(at) => Ok(Some(there.swap_remove(at).1.into_bytes())),
                None => look(&self, &one.target).await.map(|found| found.map(|(bytes, _)| bytes)),
            };
            let outcome = match body {
                Ok(Some(bytes)) => {
                    self.compare(&one, &bytes);
                    one.outcome
                }
                Ok(None) => Outcome::Failed(not_there(&one.target)),
                Err(error) => Outcome::Failed(error.at("written, but it could not be read back")),
            };
            self.settle(&one.file, outcome);
        }
    }

    /// Says what the server has made of an object, if that matters.
    fn compare(&self, one: &Written, bytes: &[u8]) {
        let Some(there) = Normalized::of(bytes) else {
            return self.notice(&one.file.path, "the server gives something back that is no calendar object");
        };
        if there.fingerprint().covers(one.meaning.fingerprint()) {
            return;
        }
        let difference = Difference::of(&one.bytes, bytes);
        let lost = difference.lost.iter().filter(|name| !difference.added.contains(name));
        let changed = difference.lost.iter().filter(|name| difference.added.contains(name));
        let added = difference.added.iter().filter(|name| !difference.lost.contains(name));
        let list = |what: &str, names: Vec<&String>| {
            let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
            if names.is_empty() { String::new() } else { [what, &names.join(", ")].concat() }
        };
        let all = [
            list("lost ", lost.collect()),
            list("changed ", changed.collect()),
            list("added ", added.collect()),
        ];
        let all: Vec<&str> = all.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        self.notice(&one.file.path, &["the server ", &all.join("; ")].concat());
    }

    async fn verify_listed(&self, collection: &Collection, batch: Vec<Written>) {
        let target = &collection.calendar.target;
        let listed = listing::list(&self.session, target).await.map(|listing| {
            let mut keys = BTreeSet::new();
            for object in &listing.objects {
                keys.insert(target.member(&object.name).key());
            }
            keys
        });
        for one in batch {
            let outcome = match (&listed, one.target.member_of(target)) {
                (Ok(keys), Some(_)) if keys.contains(&one.target.key()) => one.outcome,
                (Ok(_), Some(_)) => Outcome::Failed(not_there(&one.target)),
                // In another calendar, where its UID was.
                (Ok(_), None) => match look(self, &one.target).await {
                    Ok(Some(_)) => one.outcome,
                    Ok(None) => Outcome::Failed(not_there(&one.target)),
                    Err(error) => Outcome::Failed(error),
                },
                (Err(error), _) => Outcome::Failed(error.clone().at("written, but it could not be listed")),
            };
            self.settle(&one.file, outcome);
        }
    }
}

fn not_there(target: &Target) -> Error {
    Error::new(Kind::Protocol, format!("{target}: the server took it, and does not have it now."))
}
