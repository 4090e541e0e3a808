//! Fetching many objects with one request.

use crate::caldav::multiget::{self, Objects};
use crate::session::{SendError, Session};
use crate::webdav::href::Target;

/// Asks `calendar` for the objects at `paths`, in the server's own spelling. They arrive while the answer is
/// read.
pub(crate) async fn multiget(
    session: &Session,
    calendar: &Target,
    paths: &[String],
) -> Result<Objects, SendError> {
    Ok(multiget::parse(session.send(multiget::request(calendar, paths)).await?)?)
}
