//! The exporter: what a restore writes to. Objects go where the backup had them; what is there already stays
//! as it is, and nothing is ever deleted.

mod calendar;
mod existing;
mod properties;
mod put_object;
mod restore;
mod verify;

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use futures::channel::mpsc;

use crate::account::{self, Account, Finding, Identity, check};
use crate::error::{Error, Result};
use crate::http::Transport;
use crate::options::DestinationOptions;
use crate::session::Session;

/// Something to write. As `item` in `wit/destination.wit`.
#[derive(Clone, Debug)]
pub struct Item {
    /// Absolute and clean.
    pub path: String,
    /// What it is.
    pub content: Content,
}

/// What an item is.
#[derive(Clone, Debug)]
pub enum Content {
    /// A directory.
    Directory,
    /// A file with all of its bytes.
    File(Bytes),
    /// A file whose bytes did not arrive.
    Broken(Error),
}

/// What became of an item. As `outcome` in `wit/destination.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there and is now.
    Created,
    /// It was there with other content.
    Updated,
    /// It was there with this content.
    Unchanged,
    /// It was left as it is, for this reason.
    Skipped(String),
    /// It could not be written.
    Failed(Error),
}

/// What a write reports. As `write-item` in `wit/destination.wit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// An item's path, and what became of it.
    Done(String, Outcome),
    /// A remark, and the path it is about.
    Notice(Option<String>, String),
    /// In a dry run: the path of an object that only the server has.
    Extra(String),
}

/// One account, opened for writing.
pub struct Exporter {
    session: Rc<Session>,
    options: Rc<DestinationOptions>,
    account: RefCell<Option<Rc<Account>>>,
}

impl Exporter {
    /// An exporter by these options. Nothing is sent yet.
    #[must_use]
    pub fn new(transport: Rc<dyn Transport>, options: DestinationOptions) -> Self {
        let session = Rc::new(Session::new(transport, options.connection.session_config()));
        Self { session, options: Rc::new(options), account: RefCell::default() }
    }

    /// What is written to.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::new(account::origin(&self.options.connection))
    }

    /// Signs in and finds where to write.
    pub async fn ping(&self) -> Result<()> {
        self.sign_in().await.map(drop)
    }

    /// What the server is and what it can do.
    pub async fn check(&self) -> Result<Vec<Finding>> {
        let account = self.sign_in().await?;
        check::check(&self.session, &self.options.connection.username, &account).await
    }

    /// Writes the items until they end. With `Ok`, exactly one `Done` was sent for each of them.
    pub async fn write(
        &self,
        items: mpsc::Receiver<Vec<Item>>,
        out: mpsc::Sender<Vec<Report>>,
    ) -> Result<()> {
        let account = self.sign_in().await?;
        restore::run(&self.session, &self.options, &account, items, out).await
    }

    async fn sign_in(&self) -> Result<Rc<Account>> {
        if let Some(account) = self.account.borrow().clone() {
            return Ok(account);
        }
        let account = Rc::new(Account::open(&self.session, &self.options.connection.location.start).await?);
        *self.account.borrow_mut() = Some(Rc::clone(&account));
        Ok(account)
    }
}

#[cfg(test)]
mod tests;
