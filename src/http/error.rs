//! Failures of the transport.

/// Reason why there is no complete response. The texts are for people, and name the cause as far as the transport
/// knows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The host name has no address, or nothing accepts connections there. The request was not sent.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection broke: before the response, or within its body.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// No response, or no more of its body, in time.
    #[error("no answer in time: {0}")]
    Timeout(String),
    /// The certificate or the TLS handshake was refused.
    #[error("the secure connection failed: {0}")]
    Tls(String),
    /// The host does not allow a request to this address.
    #[error("the host does not allow this request: {0}")]
    Denied(String),
    /// The response is larger than the host allows.
    #[error("the answer is larger than allowed: {0}")]
    TooLarge(String),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The response is not valid HTTP.
    #[error("not understood: {0}")]
    Protocol(String),
}

impl TransportError {
    /// Returns true if the same request may succeed when it is sent again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Timeout(_) | Self::Connect(_))
    }
}
