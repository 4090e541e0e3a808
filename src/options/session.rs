//! The configuration of a session, from the options.

use super::ConnectionOptions;
use crate::session::{Credentials, SessionConfig};

impl ConnectionOptions {
    /// Returns the configuration of a session for these options.
    #[must_use]
    pub fn session_config(&self) -> SessionConfig {
        let credentials = (!self.username.is_empty())
            .then(|| Credentials { username: self.username.clone(), password: self.password.clone() });
        SessionConfig {
            trust: self.location.trust(),
            credentials,
            sign_in_hint: self.location.provider.map_or("", |provider| provider.hint),
            timeout: self.timeout,
            retries: self.retries,
            concurrency: self.concurrency,
        }
    }
}
