//! Plain HTTP values: what a request object makes and what an answer is; and the transport that sends them. No
//! I/O here.

mod request;
mod response;
#[cfg(test)]
pub(crate) mod scripted;
mod transport;
mod url;

pub use request::Request;
pub use response::{Answer, Body, Headers, Response};
pub use transport::{Transport, TransportError};
pub(crate) use url::visible;
pub use url::{Origin, Target, host_matches};
