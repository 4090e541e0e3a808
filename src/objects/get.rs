//! Fetching one object.

use crate::session::{SendError, Session};
use crate::webdav::get::{self, Fetched};
use crate::webdav::href::Target;

/// Fetches the body of `target`.
pub(crate) async fn get(session: &Session, target: &Target) -> Result<Fetched, SendError> {
    Ok(get::read(session.send(get::request(target.clone())).await?).await?)
}
