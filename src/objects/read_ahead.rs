//! How far to read ahead of a reader that opens one object after the other. Pure: it decides, and fetches
//! nothing.
//!
//! The number of objects in a batch is called the window. While reads follow the order of the scan, the
//! window doubles from 1 to a full batch; after a gap, it is 1 again. The frontier is the first object that
//! was not fetched for such readers; a read at the frontier or shortly beyond it follows the scan.

use super::list::ObjectId;

/// The largest window.
pub(super) const MAX_WINDOW: usize = 64;
/// The number of objects beyond the frontier that a read may be and still follow the scan. Each read that
/// waits beyond the frontier adds two: callers that open several at once do not keep the order exactly.
const SLACK: usize = 16;
/// A read up to this many objects behind the frontier is a late one of those that were fetched for, and does
/// not change the window.
const LATE: u32 = 160;
/// The number of objects of a full batch that are still to be read when the next batch is fetched.
const HALF: u32 = 32;

/// The window and the frontier.
#[derive(Default)]
pub(super) struct ReadAhead {
    window: usize,
    frontier: Option<ObjectId>,
}

impl ReadAhead {
    /// Returns true if reads do not follow the scan for long enough to be sure of it.
    pub(super) fn is_unsure(&self) -> bool {
        self.window < MAX_WINDOW
    }

    /// Returns the object that is to be fetched as well when `id` is read: when half of a full batch is read,
    /// the next one should arrive while the rest is read. `len` is the number of objects in the calendar.
    pub(super) fn next_batch(&self, id: ObjectId, len: u32) -> Option<ObjectId> {
        let next = ObjectId { at: id.at + HALF, ..id };
        (!self.is_unsure() && self.frontier == Some(next) && next.at < len).then_some(next)
    }

    /// Decides how a batch of objects that are wanted, in ascending order, is filled up with objects that
    /// will be: returns the place to continue at, and the size that the batch may grow to. None if it is not
    /// filled up.
    pub(super) fn extend(&mut self, batch: &[ObjectId], len: u32) -> Option<(u32, usize)> {
        let last = *batch.last()?;
        let frontier = self.frontier_in(last.calendar, len);
        let beyond = batch.iter().filter(|id| id.at >= frontier).count();
        if beyond == 0 && (frontier.saturating_sub(LATE)..frontier).contains(&last.at) {
            return None;
        }
        let follows = beyond > 0 && ((last.at - frontier) as usize) < SLACK + 2 * beyond;
        if follows {
            self.window = (2 * self.window.max(beyond)).min(MAX_WINDOW);
            // What lies before the last of several reads is wanted soon, too.
            Some((frontier, self.window))
        } else {
            self.window = 1;
            Some((last.at + 1, self.window))
        }
    }

    /// Notes that everything before `id` has been fetched.
    pub(super) fn reached(&mut self, id: ObjectId) {
        self.frontier = Some(id);
    }

    /// Returns the frontier as a place in a calendar with `len` objects.
    fn frontier_in(&self, calendar: u32, len: u32) -> u32 {
        match self.frontier {
            None => u32::MAX,
            Some(frontier) if frontier.calendar < calendar => 0,
            Some(frontier) if frontier.calendar == calendar => frontier.at,
            // Readers have moved on to a later calendar.
            Some(_) => len,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(calendar: u32, at: u32) -> ObjectId {
        ObjectId { calendar, at }
    }

    /// The size of the batch that a read of `at` leads to, in a calendar of 1000 objects.
    fn read(policy: &mut ReadAhead, calendar: u32, at: u32) -> Option<usize> {
        let (from, window) = policy.extend(&[id(calendar, at)], 1000)?;
        let more = u32::try_from(window - 1).unwrap();
        policy.reached(id(calendar, (from.max(at + 1) + more).min(1000)));
        Some(window)
    }

    #[test]
    fn the_window_doubles_while_reads_follow_the_scan() {
        let mut policy = ReadAhead::default();
        let mut windows = Vec::new();
        let mut at = 0;
        for _ in 0..8 {
            let window = read(&mut policy, 0, at).unwrap();
            windows.push(window);
            at = policy.frontier.unwrap().at;
        }
        assert_eq!(windows, [1, 2, 4, 8, 16, 32, 64, 64]);
        assert!(!policy.is_unsure());
    }

    #[test]
    fn a_gap_makes_the_window_small_and_a_late_read_does_not() {
        let mut policy = ReadAhead { window: MAX_WINDOW, frontier: Some(id(0, 500)) };
        assert_eq!(read(&mut policy, 0, 450), None);
        assert_eq!(read(&mut policy, 0, 341), None);
        assert!(!policy.is_unsure() && policy.frontier == Some(id(0, 500)));
        assert_eq!(read(&mut policy, 0, 515), Some(MAX_WINDOW));
        assert_eq!(read(&mut policy, 0, 900), Some(1));
        assert_eq!(read(&mut policy, 0, 100), Some(1));
    }

    #[test]
    fn several_reads_beyond_the_frontier_may_be_further_apart() {
        let mut policy = ReadAhead { window: 8, frontier: Some(id(0, 100)) };
        assert_eq!(policy.extend(&[id(0, 118)], 1000), Some((119, 1)));
        let mut policy = ReadAhead { window: 8, frontier: Some(id(0, 100)) };
        assert_eq!(policy.extend(&[id(0, 101), id(0, 118)], 1000), Some((100, 16)));
    }

    #[test]
    fn the_next_calendar_continues_the_scan() {
        let mut policy = ReadAhead { window: MAX_WINDOW, frontier: Some(id(0, 1000)) };
        assert_eq!(policy.extend(&[id(1, 0)], 1000), Some((0, MAX_WINDOW)));
        policy.reached(id(1, 64));
        assert_eq!(policy.extend(&[id(0, 990)], 1000), None);
    }

    #[test]
    fn the_next_batch_is_fetched_when_half_of_a_full_one_is_read() {
        let policy = ReadAhead { window: MAX_WINDOW, frontier: Some(id(0, 64)) };
        assert_eq!(policy.next_batch(id(0, 32), 1000), Some(id(0, 64)));
        assert_eq!(policy.next_batch(id(0, 31), 1000), None);
        assert_eq!(policy.next_batch(id(0, 32), 64), None);
        let unsure = ReadAhead { window: 32, frontier: Some(id(0, 64)) };
        assert_eq!(unsure.next_batch(id(0, 32), 1000), None);
    }
}
