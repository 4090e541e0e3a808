//! Redirects (RFC 9110 15.4). The method and the body stay the same, whatever the status: a PROPFIND that
//! becomes a GET is of no use.

use super::config::Trust;
use crate::error::{Error, Kind, Result};
use crate::http::{Response, Target};

/// Redirects that are followed for one request.
pub(super) const MAX_REDIRECTS: usize = 5;

/// Returns true if the response sends the request elsewhere.
pub(super) fn is_redirect(response: &Response) -> bool {
    matches!(response.status, 301 | 302 | 303 | 307 | 308)
}

/// Returns where a redirect leads.
///
/// # Errors
///
/// A redirect without a usable address or from https to http (`protocol`), or to an origin that is not
/// trusted (`denied`): the password would go there.
pub(super) fn follow(from: &Target, response: &Response, trust: &Trust) -> Result<Target> {
    let location = response.headers.first("location").and_then(|location| from.resolve(location).ok());
    let there = location.ok_or_else(|| {
        let what = format!("{from}: a redirect ({}) without a usable address", response.status);
        Error::new(Kind::Protocol, what)
    })?;
    if from.origin.https && !there.origin.https {
        return Err(Error::new(
            Kind::Protocol,
            format!(
                "{from}: the server redirects to {there}, which is not encrypted; the password is not sent there. Ask the server's operator to correct the redirect, or use another location"
            ),
        ));
    }
    if !trust.includes(&there.origin) && there.origin != from.origin {
        return Err(Error::new(
            Kind::Denied,
            format!(
                "{from}: the server redirects to {there}, which is another server; the password is not sent there. If that is the right one, use it as the location"
            ),
        ));
    }
    Ok(there)
}
