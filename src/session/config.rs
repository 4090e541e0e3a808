//! Configuration of a session.

use std::time::Duration;

use super::auth::Credentials;
use crate::http::{Origin, host_matches};

/// Everything that a [`Session`](super::Session) needs to know. How people write it is for
/// `options`.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Origins that may get the credentials and that redirects may lead to.
    pub trust: Trust,
    /// The credentials; none to send requests without.
    pub credentials: Option<Credentials>,
    /// Advice for a user whose credentials are refused: a sentence, or empty.
    pub sign_in_hint: &'static str,
    /// The longest time to wait for a connection, for an answer to begin, and within an answer. A whole
    /// answer may take 20 times as long.
    pub timeout: Duration,
    /// How often a request is repeated that failed for a passing reason.
    pub retries: u32,
    /// The most requests under way at once. It is lowered while the server is overloaded.
    pub concurrency: usize,
}

/// The origins that get the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// The origin that the user named.
    start: Origin,
    /// Other hosts, over https alone: names, or `*.` and a name for all of its subdomains.
    hosts: Vec<String>,
}

impl Trust {
    /// Trusts `start`, and `hosts` over https: names in lower case, `*.` in front for all subdomains.
    #[must_use]
    pub fn new(start: Origin, hosts: Vec<String>) -> Self {
        Self { start, hosts }
    }

    /// Returns true if credentials may be sent to `origin`: to the start, and to the other hosts over https,
    /// on the start's port or the usual one.
    #[must_use]
    pub fn includes(&self, origin: &Origin) -> bool {
        let has_port = origin.port == 443 || origin.port == self.start.port;
        let is_known = || self.hosts.iter().any(|pattern| host_matches(pattern, &origin.host));
        *origin == self.start || origin.https && has_port && is_known()
    }
}
