//! One file of the backup on its way, until each of its objects is settled.

use std::cell::{Cell, RefCell};

use super::context::Context;
use super::item::Outcome;
use crate::error::{Error, Kind};

/// A file with one or more objects.
pub(super) struct FileProgress {
    pub(super) path: String,
    /// Number of objects.
    pub(super) objects: usize,
    /// Size in bytes, which count as under way until the last object is settled.
    size: usize,
    /// The number of objects that are not settled.
    left: Cell<usize>,
    outcomes: RefCell<Vec<Outcome>>,
}

impl FileProgress {
    /// Starts a file of `size` bytes.
    pub(super) fn new(path: String, size: usize, objects: usize) -> Self {
        Self { path, objects, size, left: Cell::new(objects), outcomes: RefCell::default() }
    }

    /// Settles one object; with the last one, reports the file.
    pub(super) fn settle(&self, context: &Context, outcome: Outcome) {
        self.left.set(self.left.get() - 1);
        if let (Outcome::Failed(error), 2..) = (&outcome, self.objects) {
            context.reports.notice(&self.path, error.message());
        }
        self.outcomes.borrow_mut().push(outcome);
        if self.left.get() == 0 {
            finish(context, &self.path, self.size, summary(self.outcomes.take()));
        }
    }
}

/// Reports a file of `size` bytes, which no longer count as under way.
pub(super) fn finish(context: &Context, path: &str, size: usize, outcome: Outcome) {
    context.bytes.set(context.bytes.get() - size);
    context.reports.done(path, outcome);
}

/// Returns what became of a file, from what became of its objects: the strongest outcome, or how many failed.
fn summary(mut outcomes: Vec<Outcome>) -> Outcome {
    let all = outcomes.len();
    let errors = || outcomes.iter().filter_map(|o| if let Outcome::Failed(e) = o { Some(e) } else { None });
    if let Some(first) = errors().next()
        && all > 1
    {
        let failed = errors().count();
        return Outcome::Failed(Error::new(
            first.kind,
            format!("{failed} of its {all} objects could not be written"),
        ));
    }
    let rank = |outcome: &Outcome| match outcome {
        Outcome::Failed(_) => 4,
        Outcome::Created => 3,
        Outcome::Updated => 2,
        Outcome::Skipped(_) => 1,
        Outcome::Unchanged => 0,
    };
    outcomes.sort_by_key(rank);
    outcomes.pop().unwrap_or(Outcome::Unchanged)
}

/// Returns the error of a file without any calendar object in it.
pub(super) fn not_an_object() -> Error {
    Error::new(Kind::Protocol, "not a calendar object: it does not have the form of iCalendar (RFC 5545)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_outcome_is_that_of_the_file() {
        let skipped = || Outcome::Skipped("why".to_owned());
        assert_eq!(summary(vec![]), Outcome::Unchanged);
        assert_eq!(summary(vec![Outcome::Unchanged, skipped()]), skipped());
        assert_eq!(summary(vec![Outcome::Created, Outcome::Updated, skipped()]), Outcome::Created);
    }

    #[test]
    fn failures_are_counted_unless_the_file_is_one_object() {
        let failed = || Outcome::Failed(Error::new(Kind::TooLarge, "large"));
        assert_eq!(summary(vec![failed()]), failed());
        let Outcome::Failed(error) = summary(vec![Outcome::Created, failed(), failed()]) else { panic!() };
        assert!(error.kind == Kind::TooLarge && error.message().starts_with("2 of its 3"), "{error}");
    }
}
