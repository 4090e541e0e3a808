//! Failures of the transport.

/// Why no complete answer came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The name has no address, or nothing accepts connections there.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection broke, also in the middle of a body.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// No answer, or no more of it, in time.
    #[error("no answer in time: {0}")]
    Timeout(String),
    /// The certificate or the handshake was refused.
    #[error("the secure connection failed: {0}")]
    Tls(String),
    /// The host does not let this request out.
    #[error("the host does not allow this request: {0}")]
    Denied(String),
    /// More bytes than allowed.
    #[error("the answer is larger than allowed: {0}")]
    TooLarge(String),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// The answer is no HTTP.
    #[error("not understood: {0}")]
    Protocol(String),
}

impl TransportError {
    /// Whether the same request may succeed when sent again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Timeout(_) | Self::Connect(_))
    }
}
