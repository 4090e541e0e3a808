//! Listing a calendar.

use crate::caldav::objects::{self, Listing};
use crate::error::{Kind, Result};
use crate::session::Session;
use crate::webdav::href::Target;

/// Lists the objects of `calendar`, all of them or none. A list that breaks off is fetched once more.
pub(crate) async fn list(session: &Session, calendar: &Target) -> Result<Listing> {
    match list_once(session, calendar).await {
        Err(error) if matches!(error.kind, Kind::Unreachable | Kind::Protocol) => {
            list_once(session, calendar).await
        }
        result => result,
    }
}

async fn list_once(session: &Session, calendar: &Target) -> Result<Listing> {
    objects::parse(session.send(objects::request(calendar.clone())).await?).await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::http::scripted::{Canned, found, run, target};
    use crate::session::scripted::session;

    #[test]
    fn a_list_that_breaks_off_is_fetched_once_more() {
        for (faults, expected) in [(0, Ok(1)), (1, Ok(1)), (2, Err(Kind::Unreachable))] {
            let sent = Cell::new(0);
            let answer = move |_: &_| {
                let whole = Canned::multistatus(&found("/cal/work/a.ics", "<getetag>1</getetag>"));
                Ok(if sent.replace(sent.get() + 1) < faults { Canned::status(207).broken() } else { whole })
            };
            let listed =
                run(answer, |script| async move { list(&session(script), &target("/cal/work/")).await });
            assert_eq!(listed.map(|listing| listing.objects.len()).map_err(|error| error.kind), expected);
        }
    }

    #[test]
    fn a_refusal_is_final() {
        let listed = run(
            |_| Ok(Canned::status(403)),
            |script| async move { list(&session(script), &target("/cal/work/")).await },
        );
        assert_eq!(listed.unwrap_err().kind, Kind::Forbidden);
    }
}
