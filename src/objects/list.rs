//! The objects of a calendar, as far as fetching them needs to know.

use percent_encoding::percent_decode_str;

use crate::caldav::objects::Listed;
use crate::webdav::href::Target;

/// An object: the number of its calendar, and its place in the calendar's list. The order is the order of the
/// scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectId {
    pub(crate) calendar: u32,
    pub(crate) at: u32,
}

/// Size in bytes that is assumed for an object whose size the server does not report.
pub(crate) const USUAL_SIZE: u64 = 4 << 10;

/// The objects of one calendar, in the order of their names.
#[derive(Debug)]
pub(crate) struct ObjectList {
    /// Address of the calendar.
    pub(crate) calendar: Target,
    objects: Vec<Listed>,
}

impl ObjectList {
    /// Sorts the objects. Two spellings of one name are one object.
    pub(crate) fn new(calendar: Target, mut objects: Vec<Listed>) -> Self {
        objects.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        objects.dedup_by(|a, b| percent_decode_str(&a.name).eq(percent_decode_str(&b.name)));
        objects.shrink_to_fit();
        Self { calendar, objects }
    }

    /// Returns the number of objects.
    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.objects.len()).unwrap_or(u32::MAX)
    }

    /// Returns an object, as the server listed it.
    pub(crate) fn get(&self, at: u32) -> Option<&Listed> {
        self.objects.get(at as usize)
    }

    /// Returns the objects in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Listed> {
        self.objects.iter()
    }

    /// Returns the place of an object on the server.
    pub(crate) fn target(&self, at: u32) -> Option<Target> {
        Some(self.calendar.member(&self.get(at)?.name))
    }

    /// Returns the size of an object in bytes, or a guess if the server did not report it.
    pub(crate) fn size(&self, at: u32) -> u64 {
        self.get(at).and_then(|object| object.size).map_or(USUAL_SIZE, u64::from)
    }
}
