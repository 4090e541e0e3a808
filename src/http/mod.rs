//! Plain HTTP values: what a request object makes and what an answer is; and the transport that sends them. No
//! I/O here.

mod error;
mod request;
mod response;
#[cfg(test)]
pub(crate) mod scripted;
mod transport;
mod url;

pub use error::TransportError;
pub use request::Request;
pub use response::{Answer, Body, Headers, Response};
pub use transport::Transport;
pub(crate) use url::encode_path;
pub use url::{Origin, Target, host_matches};
