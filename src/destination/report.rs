//! The reports of a restore on their way to the host.

use std::cell::RefCell;

use futures::SinkExt;
use futures::channel::mpsc;

use super::item::{Outcome, WriteItem};
use crate::error::{Error, Kind, Result};

/// Reports that have not been passed on yet, and the error that ends the run.
#[derive(Default)]
pub(super) struct Reports {
    pending: RefCell<Vec<WriteItem>>,
    fatal: RefCell<Option<Error>>,
}

impl Reports {
    /// Adds a notice about a path.
    pub(super) fn notice(&self, path: &str, text: &str) {
        self.pending.borrow_mut().push(WriteItem::Notice(Some(path.to_owned()), text.to_owned()));
    }

    /// Adds the result for an item.
    pub(super) fn done(&self, path: &str, outcome: Outcome) {
        if let Outcome::Failed(error) = &outcome
            && error.ends_run()
        {
            self.fatal.borrow_mut().get_or_insert_with(|| error.clone());
        }
        self.pending.borrow_mut().push(WriteItem::Done(path.to_owned(), outcome));
    }

    /// Adds the path of an object that only the server has.
    pub(super) fn extra(&self, path: String) {
        self.pending.borrow_mut().push(WriteItem::Extra(path));
    }

    /// Passes on what has been added. Fails if the receiver is gone.
    pub(super) async fn pass_on(&self, out: &mut mpsc::Sender<Vec<WriteItem>>) -> Result<()> {
        let pending = self.pending.take();
        if pending.is_empty() {
            return Ok(());
        }
        out.send(pending).await.map_err(|_| Error::new(Kind::Cancelled, "cancelled"))
    }

    /// Returns the first error of an item that ends the run, if there is one.
    pub(super) fn end(&self) -> Result<()> {
        self.fatal.take().map_or(Ok(()), Err)
    }
}
