//! Listing the calendars of a home set.

use crate::caldav::home_set::{self, HomeSet};
use crate::error::Result;
use crate::session::Session;
use crate::webdav::href::Target;
use crate::webdav::propfind::Depth;

/// Lists the home set at `target`; with `Depth::Zero`, describes the calendar there.
pub(crate) async fn list(session: &Session, target: &Target, depth: Depth) -> Result<HomeSet> {
    home_set::parse(session.send(home_set::request(target.clone(), depth)).await?).await
}
