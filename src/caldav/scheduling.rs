//! Whether a server writes to people who are invited (RFC 6638), and what keeps it from that.

use crate::error::Result;
use crate::http::Target;
use crate::session::Session;
use crate::webdav::options::{classes, options};

/// What a PUT of a meeting leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// Nothing: the server does not schedule, or obeys a header that every PUT has.
    Quiet,
    /// Messages, unless the object says that its client sends them.
    NeedsAgent,
    /// Messages, whatever is said.
    Unstoppable,
}

/// Asks the server. One that does not tell is taken to schedule.
pub async fn scheduling(session: &Session, place: &Target) -> Result<Scheduling> {
    let headers = match session.send(options(place.clone())).await {
        Ok(answer) => answer.response.headers,
        Err(error) => {
            let error = crate::error::Error::from(error);
            return if error.ends_run() { Err(error) } else { Ok(Scheduling::NeedsAgent) };
        }
    };
    let classes = classes(&headers);
    let server = headers.first("server").unwrap_or_default().to_ascii_lowercase();
    // Measured: it delivers in spite of every header and of SCHEDULE-AGENT.
    if place.path.starts_with("/SOGo/") || server.contains("sogo") {
        return Ok(Scheduling::Unstoppable);
    }
    if !classes.iter().any(|class| class.starts_with("calendar-auto-sched")) {
        return Ok(Scheduling::Quiet);
    }
    let is_sabre = headers.first("x-sabre-version").is_some()
        || classes.iter().any(|class| {
            class.starts_with("nextcloud") || class.starts_with("nc-") || class.starts_with("oc-")
        });
    let obeys = is_sabre || server.contains("cyrus") || place.origin.host.ends_with("fastmail.com");
    Ok(if obeys { Scheduling::Quiet } else { Scheduling::NeedsAgent })
}
