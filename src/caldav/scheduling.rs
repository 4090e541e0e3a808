//! Whether a server sends invitations to the attendees of a meeting that is written (RFC 6638), and what
//! prevents it.
//!
//! A restore of old meetings must not send invitations to everybody. A server with `calendar-auto-schedule`
//! among its compliance classes (RFC 6638 2) sends them on its own when an object with attendees is written
//! by its organizer. Some servers respect a header of the PUT; for all others, RFC 6638 7.1 has the parameter
//! `SCHEDULE-AGENT=CLIENT`, which says that the client sends them. It becomes part of the stored object, so
//! it is added only where no header helps.
//!
//! ```text
//! ATTENDEE;SCHEDULE-AGENT=CLIENT;CN=Bob:mailto:bob@cal.example
//! ```

use crate::http::Target;
use crate::quirks;
use crate::webdav::capabilities::Capabilities;

/// Effect of a PUT of a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheduling {
    /// No invitations: the server does not schedule, or obeys [`quirks::NO_SCHEDULING`], which every PUT has.
    Quiet,
    /// Invitations, unless the object has `SCHEDULE-AGENT=CLIENT` (RFC 6638 7.1).
    NeedsAgent,
    /// Invitations in any case.
    Unstoppable,
}

impl Scheduling {
    /// Returns what the server of `target` does, from its answer to OPTIONS. [`NeedsAgent`](Self::NeedsAgent)
    /// is also the right assumption for one that does not answer: the parameter does no harm.
    #[must_use]
    pub fn of(target: &Target, capabilities: &Capabilities) -> Self {
        let Capabilities { classes, headers } = capabilities;
        if quirks::sends_invitations_always(target, headers) {
            Self::Unstoppable
        } else if !classes.iter().any(|class| class.starts_with("calendar-auto-sched"))
            || quirks::honours_scheduling_headers(target, headers, classes)
        {
            Self::Quiet
        } else {
            Self::NeedsAgent
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::scripted::target;
    use crate::webdav::capabilities::parse;

    #[test]
    fn servers_are_recognised() {
        for (path, headers, expected) in [
            ("/cal/", [("dav", "1, calendar-access"), ("server", "x")], Scheduling::Quiet),
            ("/cal/", [("dav", "calendar-auto-schedule"), ("server", "x")], Scheduling::NeedsAgent),
            ("/cal/", [("dav", "calendar-auto-schedule"), ("server", "Cyrus-HTTP/3")], Scheduling::Quiet),
            (
                "/cal/",
                [("dav", "calendar-auto-schedule, nc-calendar-trashbin"), ("server", "x")],
                Scheduling::Quiet,
            ),
            ("/cal/", [("dav", "calendar-auto-schedule"), ("x-sabre-version", "4")], Scheduling::Quiet),
            ("/SOGo/dav/a/", [("dav", "1"), ("server", "x")], Scheduling::Unstoppable),
        ] {
            let capabilities = parse(headers.into_iter().collect());
            assert_eq!(Scheduling::of(&target(path), &capabilities), expected, "{path} {headers:?}");
        }
    }
}
