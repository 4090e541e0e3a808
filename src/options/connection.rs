//! The options that a source and a destination share: where to connect, as whom, and how patiently.

use std::time::Duration;

use super::location::Location;
use super::parser::Parser;
use crate::session::Secret;

/// Everything that is needed to reach an account.
#[derive(Clone, Debug)]
pub struct ConnectionOptions {
    /// Address to start from.
    pub location: Location,
    /// The name to sign in with; empty to send no credentials.
    pub username: String,
    /// Password, or empty.
    pub password: Secret,
    /// The most requests under way at once.
    pub concurrency: usize,
    /// How long to wait for a connection, for an answer to begin, and for more of it.
    pub timeout: Duration,
    /// How often a request that failed for a passing reason is sent again.
    pub retries: u32,
}

/// Reads the shared options. None if the location cannot be used: then a problem has been noted.
pub(super) fn parse(parser: &mut Parser<'_>) -> Option<ConnectionOptions> {
    let location = location(parser);
    let in_location = location.as_ref().and_then(|location| location.user.clone());
    let username = parser.optional("username").or(in_location).unwrap_or_default();
    // Not trimmed: a password may begin or end with a space.
    let password = Secret::from(parser.raw("password").unwrap_or_default());
    check_credentials(parser, &username, &password);
    let concurrency = usize::try_from(parser.number("concurrency")).unwrap_or(1);
    let timeout = Duration::from_secs(parser.number("timeout"));
    let retries = u32::try_from(parser.number("retries")).unwrap_or_default();
    let location = location?.with_user(&username);
    Some(ConnectionOptions { location, username, password, concurrency, timeout, retries })
}

fn location(parser: &mut Parser<'_>) -> Option<Location> {
    let text = parser.text("location");
    let location = if text.is_empty() {
        Err("location: missing; write caldav://HOST or caldav://HOST/PATH".to_owned())
    } else {
        Location::parse(text)
    };
    let location = location.map_err(|problem| parser.problem(problem)).ok()?;
    if let Some(provider) = location.provider.filter(|provider| provider.name == "Google") {
        parser.problem(format!("location: {}. This version cannot do that", provider.hint));
    }
    Some(location)
}

/// Notes what Basic authentication (RFC 7617 2) cannot carry.
fn check_credentials(parser: &mut Parser<'_>, username: &str, password: &Secret) {
    if username.is_empty() && !password.reveal().is_empty() {
        parser.problem("username: missing; a password alone cannot sign in".to_owned());
    }
    if username.contains(':') || username.contains(char::is_control) {
        parser.problem("username: may not contain a colon or control characters (RFC 7617)".to_owned());
    }
}
