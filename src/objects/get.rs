//! Fetching one object alone.

use futures::StreamExt;

use crate::error::{Error, Kind, Result};
use crate::http::Response;
use crate::session::{SendError, Session, transport_error};
use crate::webdav::get::get;
use crate::webdav::href::Target;

/// The most bytes that one object may have.
const MAX_SIZE: usize = 256 << 20;

/// The answer to a GET.
pub(crate) struct Fetched {
    /// The bytes of the object, as the server sent them.
    pub(crate) bytes: Vec<u8>,
    /// The version of these bytes, if the server told.
    pub(crate) etag: Option<String>,
    /// Whether the server says that this is iCalendar.
    pub(crate) is_calendar: bool,
    /// Whether the server told the length, so that a body that is cut off is noticed.
    pub(crate) has_length: bool,
}

/// Fetches the bytes of `target`. Returns the status, 404 or 410, if there is nothing.
///
/// # Errors
/// What the session reports; [`Kind::TooLarge`] if the object has more than 256 MiB.
pub(crate) async fn fetch(session: &Session, target: &Target) -> Result<Result<Fetched, u16>> {
    let response = match session.send(get(target.clone())).await {
        Ok(answer) => answer.response,
        Err(SendError::Refused { refusal, .. }) if matches!(refusal.status, 404 | 410) => {
            return Ok(Err(refusal.status));
        }
        Err(error) => return Err(error.into()),
    };
    let headers = &response.headers;
    let etag = headers.first("etag").map(str::to_owned);
    let is_calendar = headers.first("content-type").is_some_and(|kind| kind.starts_with("text/calendar"));
    let has_length = headers.first("content-length").is_some();
    let bytes = read_body(response, target).await?;
    Ok(Ok(Fetched { bytes, etag, is_calendar, has_length }))
}

async fn read_body(response: Response, target: &Target) -> Result<Vec<u8>> {
    let mut body = response.body;
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| transport_error(target, &error))?;
        if bytes.len() + piece.len() > MAX_SIZE {
            return Err(Error::new(Kind::TooLarge, format!("{target}: more than {MAX_SIZE} bytes.")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
