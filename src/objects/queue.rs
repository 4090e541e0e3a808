//! The objects that are wanted, asked for or kept for later, and who waits for them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use bytes::Bytes;
use futures::channel::oneshot;

use super::list::{ObjectId, ObjectList};
use super::read_ahead::{MAX_WINDOW, ReadAhead};
use crate::error::Result;

/// The most objects in one request. Servers refuse, cut short or choke on thousands.
pub(super) const MAX_BATCH: usize = MAX_WINDOW;
/// The most bytes that one request asks for, as far as sizes are known.
const MAX_BATCH_BYTES: u64 = 1 << 20;
/// The most bytes that are kept for a reader that may not come.
const MAX_KEPT_BYTES: usize = 8 << 20;

pub(super) type Waiter = oneshot::Sender<Result<Bytes>>;

/// The state of an object.
enum Slot {
    /// Wanted, and not asked for yet.
    Queued(Vec<Waiter>),
    /// Asked for, and not here yet. It has no waiter if it was asked for ahead.
    Asked(Vec<Waiter>),
    /// Here before anybody wanted it.
    Kept(Bytes),
}

/// Every object that is wanted, asked for or kept, in the order of the scan. One map for all of them, because
/// an object is in one state at a time.
#[derive(Default)]
pub(super) struct Queue {
    slots: BTreeMap<ObjectId, Slot>,
    /// The bytes of all that is `Kept`.
    kept_bytes: usize,
}

/// Objects of one calendar, for one request.
pub(super) struct Batch {
    pub(super) ids: Vec<ObjectId>,
    /// Sum of the sizes, as far as they are known.
    bytes: u64,
    pub(super) is_full: bool,
}

impl Queue {
    /// Returns a receiver for the bytes of an object, and queues it unless it is here or asked for.
    pub(super) fn want(&mut self, id: ObjectId) -> oneshot::Receiver<Result<Bytes>> {
        let (sender, receiver) = oneshot::channel();
        if let Some(bytes) = self.take_kept(id) {
            // The receiver is right here.
            sender.send(Ok(bytes)).ok();
        } else if let Slot::Queued(waiting) | Slot::Asked(waiting) =
            self.slots.entry(id).or_insert(Slot::Queued(Vec::new()))
        {
            waiting.push(sender);
        }
        receiver
    }

    /// Queues an object without a waiter, unless it is known already.
    pub(super) fn want_ahead(&mut self, id: ObjectId) {
        self.slots.entry(id).or_insert(Slot::Queued(Vec::new()));
    }

    /// Returns the first object that is queued.
    pub(super) fn first(&self) -> Option<ObjectId> {
        self.slots.iter().find(|(_, slot)| matches!(slot, Slot::Queued(_))).map(|(id, _)| *id)
    }

    /// Collects the queued objects of a calendar from `first` on, as many as one request asks for.
    pub(super) fn gather(&self, first: ObjectId, list: &ObjectList) -> Batch {
        let mut batch = Batch { ids: Vec::new(), bytes: 0, is_full: false };
        let all = self.slots.range(first..=ObjectId { at: u32::MAX, ..first });
        for (id, _) in all.filter(|(_, slot)| matches!(slot, Slot::Queued(_))) {
            let bytes = batch.bytes + list.size(id.at);
            // One object is asked for however large it is.
            batch.is_full = bytes > MAX_BATCH_BYTES && !batch.ids.is_empty();
            if batch.is_full {
                break;
            }
            batch.ids.push(*id);
            batch.bytes = bytes;
            batch.is_full = batch.ids.len() == MAX_BATCH;
            if batch.is_full {
                break;
            }
        }
        batch
    }

    /// Marks the objects of a batch as asked for.
    pub(super) fn mark_asked(&mut self, batch: &Batch) {
        for id in &batch.ids {
            if let Some(Slot::Queued(waiting)) = self.slots.remove(id) {
                self.slots.insert(*id, Slot::Asked(waiting));
            }
        }
    }

    /// Fills a batch up with objects that are read soon, as `policy` decides, and marks them as asked for.
    pub(super) fn fill_up(&mut self, batch: &mut Batch, list: &ObjectList, policy: &mut ReadAhead) {
        let Some(last) = batch.ids.last().copied() else { return };
        let Some((mut at, window)) = policy.extend(&batch.ids, list.len()) else { return };
        while batch.ids.len() < window && at < list.len() {
            let id = ObjectId { at, ..last };
            if let Entry::Vacant(slot) = self.slots.entry(id) {
                batch.bytes += list.size(at);
                if batch.bytes > MAX_BATCH_BYTES {
                    break;
                }
                slot.insert(Slot::Asked(Vec::new()));
                batch.ids.push(id);
            }
            at += 1;
        }
        policy.reached(ObjectId { at: at.max(last.at + 1), ..last });
    }

    /// Removes an object that was wanted or asked for, and returns who waits for it. None if it was neither.
    pub(super) fn finish(&mut self, id: ObjectId) -> Option<Vec<Waiter>> {
        match self.slots.remove(&id)? {
            Slot::Queued(waiting) | Slot::Asked(waiting) => Some(waiting),
            Slot::Kept(bytes) => {
                self.kept_bytes -= bytes.len();
                None
            }
        }
    }

    /// Keeps bytes for later. If they become too many, the first in the order of the scan are dropped,
    /// because a reader that follows the scan has passed them.
    pub(super) fn keep(&mut self, id: ObjectId, bytes: Bytes) {
        self.kept_bytes += bytes.len();
        self.slots.insert(id, Slot::Kept(bytes));
        while self.kept_bytes > MAX_KEPT_BYTES
            && let Some(first) =
                self.slots.iter().find(|(_, slot)| matches!(slot, Slot::Kept(_))).map(|(id, _)| *id)
        {
            self.take_kept(first);
        }
    }

    fn take_kept(&mut self, id: ObjectId) -> Option<Bytes> {
        let Some(Slot::Kept(bytes)) = self.slots.get_mut(&id) else { return None };
        let bytes = std::mem::take(bytes);
        self.slots.remove(&id);
        self.kept_bytes -= bytes.len();
        Some(bytes)
    }
}
