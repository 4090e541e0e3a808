//! Everything that each step of a restore needs.

use std::cell::Cell;
use std::rc::Rc;

use tokio::sync::OnceCell;

use super::report::Reports;
use crate::account::scheduling::scheduling;
use crate::caldav::scheduling::Scheduling;
use crate::error::Result;
use crate::http::Target;
use crate::options::DestinationOptions;
use crate::session::Session;

/// The surroundings of one restore.
pub(super) struct Context {
    pub(super) session: Rc<Session>,
    pub(super) options: Rc<DestinationOptions>,
    pub(super) reports: Reports,
    /// The bytes of all files that have been taken in and are not done.
    pub(super) bytes: Cell<usize>,
    scheduling: OnceCell<Scheduling>,
}

impl Context {
    /// Creates the context of a restore that has reported nothing.
    pub(super) fn new(session: Rc<Session>, options: Rc<DestinationOptions>) -> Self {
        Self {
            session,
            options,
            reports: Reports::default(),
            bytes: Cell::default(),
            scheduling: OnceCell::new(),
        }
    }

    /// Returns whether the server sends invitations; asks it at `target` the first time.
    pub(super) async fn scheduling(&self, target: &Target) -> Result<Scheduling> {
        self.scheduling.get_or_try_init(|| scheduling(&self.session, target)).await.copied()
    }
}
