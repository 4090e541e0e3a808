//! Making a calendar, and finding out where the server put it.

use std::time::Duration;

use crate::account::calendars;
use crate::caldav::calendar::{Calendar, Properties};
use crate::caldav::mkcalendar::{self, Made, MkMethod};
use crate::error::{Error, Kind, Result};
use crate::http::Target;
use crate::quirks::VISIBILITY_DELAYS;
use crate::session::{SendError, Session};
use crate::webdav::href::last_segment;
use crate::webdav::propfind::Depth;

/// A calendar that is to be made, and those that exist.
pub(super) struct NewCalendar<'a> {
    pub(super) session: &'a Session,
    /// The home set to make it in.
    pub(super) home: &'a Target,
    /// The calendars of the account.
    pub(super) known: &'a [Calendar],
    /// The place to ask for.
    pub(super) target: Target,
    pub(super) wanted: &'a Properties,
}

impl NewCalendar<'_> {
    /// Makes the calendar with the first method that works. Whatever the server answers, what counts is what
    /// exists afterwards: some refuse what exists, some accept what they do not do, some are slow, some
    /// choose another place.
    ///
    /// # Errors
    /// The first refusal, or [`Kind::Unsupported`], if the calendar does not exist after any of the methods;
    /// what the session reports.
    pub(super) async fn create(&self) -> Result<Calendar> {
        let mut refusal = None;
        for method in self.methods().iter().copied() {
            let request = mkcalendar::request(self.target.clone(), self.wanted, method);
            let Made { target, is_certain } = match self.session.send(request).await {
                Ok(answer) => mkcalendar::parse(&self.target, &answer),
                Err(SendError::Refused { target, refusal: why }) => {
                    refusal.get_or_insert(SendError::Refused { target: target.clone(), refusal: why });
                    Made { target, is_certain: false }
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(calendar) = self.wait_for(&target, is_certain).await? {
                return Ok(calendar);
            }
        }
        let why = refusal.map_or_else(
            || Error::new(Kind::Unsupported, format!("{}: the server did not make it", self.target)),
            Error::from,
        );
        let name = last_segment(&self.target);
        let advice = "Create it yourself, or choose an existing one with into= or map=";
        Err(Error::new(why.kind, format!("cannot create calendar {name}: {why}. {advice}")))
    }

    fn methods(&self) -> &'static [MkMethod] {
        // Only extended MKCOL can state that it is a subscription.
        if self.wanted.subscription.is_some() { &[MkMethod::Collection] } else { &MkMethod::ALL }
    }

    /// Looks for the calendar, for several seconds if the server is certain that it exists.
    async fn wait_for(&self, target: &Target, is_certain: bool) -> Result<Option<Calendar>> {
        let looks = if is_certain { VISIBILITY_DELAYS.len() } else { 1 };
        for pause in VISIBILITY_DELAYS.iter().take(looks) {
            self.session.transport().sleep(Duration::from_millis(*pause)).await;
            if let Some(calendar) = self.find(target).await? {
                return Ok(Some(calendar));
            }
        }
        Ok(None)
    }

    /// Returns the calendar at `target`, or one of this name that was not in the home set before.
    async fn find(&self, target: &Target) -> Result<Option<Calendar>> {
        match calendars::list(self.session, target, Depth::Zero).await {
            Ok(found) => {
                if let Some(calendar) = found.calendars.into_iter().find(|c| c.target.key() == target.key()) {
                    return Ok(Some(calendar));
                }
            }
            Err(error) if error.ends_run() => return Err(error),
            Err(_) => {}
        }
        let now = calendars::list(self.session, self.home, Depth::One).await?;
        let is_new = |c: &Calendar| self.known.iter().all(|old| old.target.key() != c.target.key());
        let is_it = |c: &Calendar| is_new(c) && c.properties.displayname == self.wanted.displayname;
        Ok(now.calendars.into_iter().find(is_it))
    }
}
