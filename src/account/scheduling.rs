//! Asking a server whether it sends invitations.

use crate::caldav::scheduling::Scheduling;
use crate::error::{Error, Result};
use crate::session::Session;
use crate::webdav::capabilities;
use crate::webdav::href::Target;

/// Returns whether the server sends invitations for meetings that are written to `target`. One that refuses
/// to answer is assumed to.
pub(crate) async fn scheduling(session: &Session, target: &Target) -> Result<Scheduling> {
    match session.send(capabilities::request(target.clone())).await.map_err(Error::from) {
        Ok(answer) => Ok(Scheduling::of(target, &capabilities::parse(answer.response.headers))),
        Err(error) if error.ends_run() => Err(error),
        Err(_) => Ok(Scheduling::NeedsAgent),
    }
}
