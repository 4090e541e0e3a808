//! The importer: what a backup reads.

mod listings;
mod read;
mod scan;

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use futures::channel::mpsc;

use crate::account::{self, Account, Finding, Identity, check};
use crate::error::{Error, Kind, Result};
use crate::http::Transport;
use crate::objects::fetcher::Fetcher;
use crate::options::SourceOptions;
use crate::session::Session;
pub use crate::snapshot::entry::Entry;
use listings::Listings;
pub use read::Content;
use scan::Scan;
pub use scan::ScanItem;

/// One account, opened for reading.
pub struct Importer {
    session: Rc<Session>,
    options: SourceOptions,
    account: RefCell<Option<Account>>,
    listings: Listings,
    fetcher: Rc<Fetcher>,
}

impl Importer {
    /// Creates an importer from `options`. Nothing is sent yet.
    #[must_use]
    pub fn new(transport: Rc<dyn Transport>, options: SourceOptions) -> Self {
        let session = Rc::new(Session::new(transport, options.connection.session_config()));
        let fetcher = Fetcher::new(Rc::clone(&session), options.fetch);
        Self { session, options, account: RefCell::default(), listings: Listings::default(), fetcher }
    }

    /// Returns what is read.
    #[must_use]
    pub fn identity(&self) -> Identity {
        // Another choice of calendars is another source: what it leaves out has not been deleted.
        let choice = &self.options.filter.text;
        let choice = if choice.is_empty() { String::new() } else { [" (", choice, ")"].concat() };
        Identity::new(account::origin(&self.options.connection) + &choice)
    }

    /// Signs in and finds the calendars.
    ///
    /// # Errors
    /// What discovery reports; [`Kind::NotFound`] if there is no calendar.
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

    /// Lists everything, and passes it on in pieces until the receiver is gone. With `Ok`, every entry was
    /// sent or is at or below a failed path.
    ///
    /// # Errors
    /// As for `ping`; [`Kind::InvalidOptions`] if the filter leaves no calendar; the error of the first
    /// calendar if none can be listed; [`Kind::Cancelled`] if the receiver is gone.
    pub async fn scan(&self, out: mpsc::Sender<Vec<ScanItem>>) -> Result<()> {
        let account = self.sign_in().await?;
        let Self { session, options, listings, fetcher, .. } = self;
        Scan { session, options, listings, fetcher }.run(account, out).await
    }

    /// Returns the bytes of one file of the scan, and reads ahead in the scan's order.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if the scan has not listed the path, or the server no longer has it; what the
    /// session reports.
    pub async fn read(&self, path: &str) -> Result<Bytes> {
        read::read(&self.listings, &self.fetcher, path).await
    }

    /// Sends the bytes of many files, just these, in any order: until the paths end, or the receiver is gone.
    pub async fn read_all(&self, paths: mpsc::Receiver<Vec<String>>, out: mpsc::Sender<Vec<Content>>) {
        read::read_all(&self.listings, &self.fetcher, paths, out).await;
    }

    /// Finds the account's calendars, once.
    async fn sign_in(&self) -> Result<Account> {
        if let Some(account) = self.account.borrow().clone() {
            return Ok(account);
        }
        let account = Account::open(&self.session, &self.options.connection.location).await?;
        if account.calendars.is_empty() {
            let homes: Vec<_> = account.homes.iter().map(ToString::to_string).collect();
            let homes = homes.join(", ");
            return Err(Error::new(
                Kind::NotFound,
                format!(
                    "{homes}: signed in, but there is no calendar there. Check the location and the account"
                ),
            ));
        }
        *self.account.borrow_mut() = Some(account.clone());
        Ok(account)
    }
}

#[cfg(test)]
mod tests;
