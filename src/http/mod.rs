//! HTTP, as far as the protocol modules need it: requests, responses, targets, and the [`Transport`] that
//! exchanges them. There is no I/O here: the transport is `wasi:http` in the component, and any HTTP client
//! natively.

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
