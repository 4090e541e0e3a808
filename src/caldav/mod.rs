//! CalDAV (RFC 4791): finding the calendars of an account, what is in them, and making new ones.
//!
//! As in [`webdav`](crate::webdav), each file is one request with the reading of its answer, and nothing is
//! sent from here: that is for `account`, `objects` and
//! `destination`.

pub mod calendar;
pub mod discovery;
pub mod home_set;
pub mod mkcalendar;
pub mod multiget;
pub mod objects;
pub mod scheduling;
