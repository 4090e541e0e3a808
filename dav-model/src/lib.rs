//! A model of a CalDAV server (RFC 4791) for tests: one [`Account`] in memory that answers requests.
//!
//! The model does no I/O. The native tests of the connector call it directly through their scripted transport;
//! `host-tests` puts HTTP in front of it for the built component. Without a [`Behaviour`], the model answers as
//! sabre/dav does. The model is not an XML parser: it reads the bodies that this connector writes, with their
//! prefixes.

mod account;
mod behaviour;
pub mod fault;
mod read;
mod reply;
mod request;
mod sample;
mod state;
#[cfg(test)]
mod tests;
mod write;
mod xml;

pub use account::Account;
pub use behaviour::{Behaviour, ETags, NewCalendars, Uids};
pub use fault::Fault;
pub use reply::{Delivery, Reply};
pub use request::Request;
pub use sample::{object, object_name};
pub use state::{HOME, PRINCIPAL};
pub use xml::{found, multistatus, refused};
