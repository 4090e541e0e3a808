//! Signing in: the header that a request carries, and what a 401 means.
//!
//! Basic authentication (RFC 7617) is sent with the first request, without waiting for a challenge: some servers
//! send none, and some take a second for each 401.

use std::cell::Cell;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::config::SessionConfig;
use crate::error::{Error, Kind};
use crate::http::Target;

/// A name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The name, without a colon (RFC 7617 2).
    pub username: String,
    /// Password or app password.
    pub password: Secret,
}

/// Text that no log, error or debug output shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns the text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The state of signing in.
pub(super) struct Auth {
    /// The value of the `authorization` header, if requests have one.
    header: Option<String>,
    hint: &'static str,
    /// Whether the server has accepted a request.
    accepted: Cell<bool>,
}

impl Auth {
    pub(super) fn new(config: &SessionConfig) -> Self {
        let header = config.credentials.as_ref().map(|Credentials { username, password }| {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{}", password.reveal())))
        });
        Self { header, hint: config.sign_in_hint, accepted: Cell::new(false) }
    }

    /// Returns the value of the `authorization` header. It may only be sent to trusted origins.
    pub(super) fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }

    /// Notes that a request was answered with 2xx.
    pub(super) fn on_success(&self) {
        self.accepted.set(true);
    }

    /// Returns true if a request that was answered with 401 for the `attempt`th time (from 0) may be
    /// repeated: once, and only after the server has accepted another one. Servers lose a session now and
    /// then; before the first success, a repetition would count as another wrong password.
    pub(super) fn may_repeat(&self, attempt: u32) -> bool {
        self.accepted.get() && attempt == 0
    }

    /// Returns the error of a 401 that is final.
    pub(super) fn refused(&self, target: &Target) -> Error {
        let what = match &self.header {
            None => "the server requires a user name and a password. Give the options username and password",
            Some(_) => {
                "the server does not accept this user name and password. Check both; many services want an app password here"
            }
        };
        let text = format!("{}: {what}. {}", target.origin, self.hint);
        Error::new(Kind::SignInRefused, text.trim_end().trim_end_matches('.'))
    }
}
