//! Sessions for tests.

use std::rc::Rc;
use std::time::Duration;

use super::{Credentials, Session, SessionConfig, Trust};
use crate::http::scripted::{Script, target};

/// A configuration for `https://cal.example`, signed in as alice, with 4 retries.
pub(crate) fn config() -> SessionConfig {
    let hosts = vec!["cal.example".to_owned(), "*.cal.example".to_owned()];
    SessionConfig {
        trust: Trust::new(target("/").origin, hosts),
        credentials: Some(Credentials { username: "alice".to_owned(), password: "secret".into() }),
        sign_in_hint: "",
        timeout: Duration::from_secs(60),
        retries: 4,
        concurrency: 4,
    }
}

/// A session of that configuration with a scripted server.
pub(crate) fn session(script: Rc<Script>) -> Session {
    Session::new(script, config())
}
