//! Fetching one object.

use crate::error::Result;
use crate::http::Target;
use crate::session::{SendError, Session};
use crate::webdav::get::{self, Fetched};
use crate::webdav::status;

/// Fetches the body of `target`.
pub(crate) async fn get(session: &Session, target: &Target) -> Result<Fetched, SendError> {
    Ok(get::read(session.send(get::request(target.clone())).await?).await?)
}

/// Fetches the body of `target`, or returns none if there is nothing.
pub(crate) async fn get_if_present(session: &Session, target: &Target) -> Result<Option<Fetched>> {
    match get(session, target).await {
        Ok(fetched) => Ok(Some(fetched)),
        Err(SendError::Refused { refusal, .. }) if status::is_gone(&refusal) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
