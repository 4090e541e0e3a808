//! CalDAV (RFC 4791): finding the calendars of an account and what is in them. One request to a file.

pub mod calendars;
pub mod discovery;
pub mod listing;
pub mod mkcalendar;
pub mod multiget;
pub mod scheduling;

use dav_xml::{Limits, XmlError};

use crate::error::{Error, Kind, Result};
use crate::http::Target;
use crate::session::{Answer, SendError, transport_error};
use crate::webdav::multistatus::{Multistatus, ReadError};

/// The multistatus of an answer; anything but 207 is a refusal or a misunderstanding.
fn multistatus(answer: Answer, limits: Limits) -> Result<(Target, Multistatus), SendError> {
    match answer.response.status {
        207 => Ok((answer.target, Multistatus::new(answer.response.body, limits))),
        status => Err(Error::new(
            Kind::Protocol,
            format!(
                "{}: the answer is {status} where WebDAV has 207; this is no CalDAV server.",
                answer.target
            ),
        )
        .into()),
    }
}

/// What went wrong while the XML of `target` was read.
fn xml_error(target: &Target, error: &ReadError) -> Error {
    match error {
        ReadError::Transport(error) => transport_error(target, error),
        ReadError::Xml(XmlError::Limit(_)) => Error::new(Kind::TooLarge, format!("{target}: {error}.")),
        ReadError::Xml(_) => Error::new(Kind::Protocol, format!("{target}: {error}.")),
    }
}
