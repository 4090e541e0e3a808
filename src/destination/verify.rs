//! Whether the server has what it was sent: objects are read back in batches, and their content is compared.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use bytes::Bytes;

use super::calendar::Collection;
use super::context::Context;
use super::file::FileProgress;
use super::item::Outcome;
use crate::error::{Error, Kind, Result};
use crate::http::Target;
use crate::ical::compare::{Difference, Normalized};
use crate::objects::get::get_if_present;
use crate::objects::listing;
use crate::objects::multiget::multiget;
use crate::options::Verify;

/// The most objects that are read back in one request.
pub(super) const BATCH: usize = 64;
/// The most bytes that are read back in one request, unless one object alone has more.
const BATCH_BYTES: usize = 4 << 20;

/// An object that was sent and is still to be read back.
pub(super) struct Written {
    pub(super) file: Rc<FileProgress>,
    pub(super) collection: Rc<Collection>,
    pub(super) target: Target,
    pub(super) bytes: Bytes,
    pub(super) normalized: Normalized,
    pub(super) outcome: Outcome,
}

/// Objects that wait to be read back.
#[derive(Default)]
pub(super) struct WrittenObjects(RefCell<Vec<Written>>);

/// Objects of one calendar that are read back together.
pub(super) struct ReadBack {
    collection: Rc<Collection>,
    objects: Vec<Written>,
}

impl WrittenObjects {
    pub(super) fn push(&self, written: Written) {
        self.0.borrow_mut().push(written);
    }

    /// Returns all objects in batches if there are at least `least` of them, or many bytes; otherwise
    /// nothing.
    pub(super) fn take_batches(&self, verify: Verify, least: usize) -> Vec<ReadBack> {
        let by_listing = verify == Verify::Etag;
        // A listing costs the same for one object as for all: it comes at the end.
        let is_enough = {
            let written = self.0.borrow();
            let bytes: usize = written.iter().map(|one| one.bytes.len()).sum();
            written.len() >= least || bytes >= BATCH_BYTES && !by_listing
        };
        if !is_enough || by_listing && least > 1 {
            return Vec::new();
        }
        let mut left = self.0.take();
        let mut batches = Vec::new();
        while let Some(first) = left.first() {
            let collection = Rc::clone(&first.collection);
            let (mut objects, mut bytes) = (Vec::new(), 0);
            for one in std::mem::take(&mut left) {
                let has_room = objects.is_empty()
                    || by_listing
                    || objects.len() < BATCH && bytes + one.bytes.len() <= BATCH_BYTES;
                if Rc::ptr_eq(&one.collection, &collection) && has_room {
                    bytes += one.bytes.len();
                    objects.push(one);
                } else {
                    left.push(one);
                }
            }
            batches.push(ReadBack { collection, objects });
        }
        batches
    }
}

/// Reads a batch back, and settles its objects.
pub(super) async fn verify(context: Rc<Context>, batch: ReadBack) {
    let ReadBack { collection, objects } = batch;
    if context.options.verify == Verify::Etag {
        verify_listed(&context, &collection, objects).await;
    } else {
        verify_content(&context, &collection, objects).await;
    }
}

async fn verify_content(context: &Context, collection: &Collection, objects: Vec<Written>) {
    let mut there: Vec<(Vec<u8>, String)> = Vec::with_capacity(objects.len());
    let paths: Vec<String> = objects.iter().map(|one| one.target.path.clone()).collect();
    // Objects missing from the multiget are fetched one by one.
    if let Ok(mut answer) = multiget(&context.session, &collection.calendar.target, &paths).await {
        while let Ok(Some(object)) = answer.next().await {
            there.extend(object.data.map(|data| (object.key, data)));
        }
    }
    for one in objects {
        let key = one.target.key();
        let body = match there.iter().position(|(own, _)| *own == key) {
            Some(at) => Ok(Some(there.swap_remove(at).1.into_bytes())),
            None => get_if_present(&context.session, &one.target).await.map(|found| found.map(|f| f.bytes)),
        };
        let outcome = match body {
            Ok(Some(bytes)) => {
                report_changes(context, &one, &bytes);
                one.outcome
            }
            Ok(None) => Outcome::Failed(not_there(&one.target)),
            Err(error) => Outcome::Failed(error.at("written, but it could not be read back")),
        };
        one.file.settle(context, outcome);
    }
}

/// Reports what the server has changed in an object, if the object does not have all of its content any more.
fn report_changes(context: &Context, one: &Written, bytes: &[u8]) {
    let path = &one.file.path;
    let Some(there) = Normalized::of(bytes) else {
        let text = "the server returns something that is not a calendar object";
        return context.reports.notice(path, text);
    };
    if there.fingerprint().covers(one.normalized.fingerprint()) {
        return;
    }
    let Difference { lost, added } = Difference::of(&one.bytes, bytes);
    let list = |what: &str, names: Vec<&str>| (!names.is_empty()).then(|| [what, &names.join(", ")].concat());
    let all = [
        list("lost ", lost.iter().filter(|name| !added.contains(name)).map(String::as_str).collect()),
        list("changed ", lost.iter().filter(|name| added.contains(name)).map(String::as_str).collect()),
        list("added ", added.iter().filter(|name| !lost.contains(name)).map(String::as_str).collect()),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    context.reports.notice(path, &["the server ", &all.join("; ")].concat());
}

async fn verify_listed(context: &Context, collection: &Collection, objects: Vec<Written>) {
    let calendar = &collection.calendar.target;
    let listed = list_keys(context, calendar).await;
    for one in objects {
        let is_there = match &listed {
            Err(error) => Err(error.clone().at("written, but it could not be listed")),
            Ok(keys) if one.target.member_of(calendar).is_some() => Ok(keys.contains(&one.target.key())),
            // In another calendar, where its UID was.
            Ok(_) => get_if_present(&context.session, &one.target).await.map(|found| found.is_some()),
        };
        let outcome = match is_there {
            Ok(true) => one.outcome,
            Ok(false) => Outcome::Failed(not_there(&one.target)),
            Err(error) => Outcome::Failed(error),
        };
        one.file.settle(context, outcome);
    }
}

/// Returns the keys of all objects in a calendar.
async fn list_keys(context: &Context, calendar: &Target) -> Result<BTreeSet<Vec<u8>>> {
    let listing = listing::list(&context.session, calendar).await?;
    let mut keys = BTreeSet::new();
    for object in &listing.objects {
        keys.insert(calendar.member(&object.name).key());
    }
    Ok(keys)
}

fn not_there(target: &Target) -> Error {
    Error::new(Kind::Protocol, format!("{target}: the server accepted the object, but it is no longer there"))
}
