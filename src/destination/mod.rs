//! The exporter: what a restore writes to. Objects go where the backup had them; what exists stays as it is
//! unless the backup has other content for it, and nothing is ever deleted.
//!
//! Calls go in one direction: `restore` (the loop) uses `folder` (which calendar) and `put_object` (one
//! object); `verify` reads back; both settle the `file` that an object is from, which reports through
//! `context`.

mod calendar;
mod context;
mod create_calendar;
mod existing;
mod file;
mod folder;
mod item;
mod properties;
mod put_object;
mod report;
mod restore;
mod verify;

use std::cell::RefCell;
use std::rc::Rc;

use futures::channel::mpsc;

use crate::account::{self, Account, Finding, Identity, check};
use crate::error::Result;
use crate::http::Transport;
use crate::options::DestinationOptions;
use crate::session::Session;
use context::Context;
pub use item::{Item, ItemBody, Outcome, WriteItem};

/// One account, opened for writing.
pub struct Exporter {
    session: Rc<Session>,
    options: Rc<DestinationOptions>,
    account: RefCell<Option<Rc<Account>>>,
}

impl Exporter {
    /// Creates an exporter from `options`. Nothing is sent yet.
    #[must_use]
    pub fn new(transport: Rc<dyn Transport>, options: DestinationOptions) -> Self {
        let session = Rc::new(Session::new(transport, options.connection.session_config()));
        Self { session, options: Rc::new(options), account: RefCell::default() }
    }

    /// Returns what is written to.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::new(account::origin(&self.options.connection))
    }

    /// Signs in and finds where to write.
    ///
    /// # Errors
    /// What discovery reports.
    pub async fn ping(&self) -> Result<()> {
        self.sign_in().await.map(drop)
    }

    /// Returns what the server is and what it can do.
    ///
    /// # Errors
    /// As for `ping`. What does not work for a single calendar is a finding.
    pub async fn check(&self) -> Result<Vec<Finding>> {
        let account = self.sign_in().await?;
        check::check(&self.session, &self.options.connection.username, &account).await
    }

    /// Writes the items until they end. With `Ok`, exactly one `Done` was sent for each of them.
    ///
    /// # Errors
    /// As for `ping`; the first error of an item that ends the run; [`crate::error::Kind::Cancelled`] if the
    /// receiver of the reports is gone.
    pub async fn write(
        &self,
        items: mpsc::Receiver<Vec<Item>>,
        out: mpsc::Sender<Vec<WriteItem>>,
    ) -> Result<()> {
        let account = self.sign_in().await?;
        let context = Context::new(Rc::clone(&self.session), Rc::clone(&self.options));
        restore::restore(context, account, items, out).await
    }

    async fn sign_in(&self) -> Result<Rc<Account>> {
        if let Some(account) = self.account.borrow().clone() {
            return Ok(account);
        }
        let account = Account::open(&self.session, &self.options.connection.location).await?;
        let account = Rc::new(account);
        *self.account.borrow_mut() = Some(Rc::clone(&account));
        Ok(account)
    }
}

#[cfg(test)]
mod tests;
