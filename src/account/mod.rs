//! Signing in: from a location to the calendars of an account. Sources and destinations begin with it.

pub(crate) mod calendars;
pub(crate) mod check;
mod discovery;
mod identity;
pub(crate) mod scheduling;

use crate::caldav::calendar::Calendar;
use crate::error::{Kind, Result};
use crate::options::location::Location;
use crate::session::Session;
use crate::webdav::href::Target;
use crate::webdav::propfind::Depth;
pub use check::Finding;
use discovery::{Found, discover};
pub use identity::{Identity, origin};

/// Result of signing in.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Principal (RFC 5397); none if the location led straight to a home set or a calendar.
    pub principal: Option<Target>,
    /// Calendar home sets (RFC 4791, section 6.2.1); empty if the location is one calendar.
    pub homes: Vec<Target>,
    /// The calendars, each once.
    pub calendars: Vec<Calendar>,
    /// Other collections of the home sets: inbox, outbox, address books.
    pub others: Vec<Target>,
    /// Members of home sets that the server lists with a failing status.
    pub failed: Vec<(Target, u16)>,
    /// Home sets that are gone while others are there, in words.
    pub gone: Vec<String>,
}

impl Account {
    /// Signs in and lists every home set.
    ///
    /// # Errors
    ///
    /// What discovery reports, and the first home set that cannot be listed, unless it is gone while others
    /// are there.
    pub async fn open(session: &Session, location: &Location) -> Result<Self> {
        match discover(session, &location.start).await? {
            Found::Calendar(target) => {
                let home = calendars::list(session, &target, Depth::Zero).await?;
                Ok(Self { calendars: home.calendars, ..Self::default() })
            }
            Found::Account { principal, homes } => {
                let mut account = Self { principal, homes, ..Self::default() };
                account.visit(session).await?;
                Ok(account)
            }
        }
    }

    /// Lists every home set.
    async fn visit(&mut self, session: &Session) -> Result<()> {
        for at in &self.homes {
            let home = match calendars::list(session, at, Depth::One).await {
                Err(error) if error.kind == Kind::NotFound && self.homes.len() > 1 => {
                    self.gone.push(error.to_string());
                    continue;
                }
                home => home?,
            };
            for calendar in home.calendars {
                if !self.calendars.iter().any(|known| known.target.key() == calendar.target.key()) {
                    self.calendars.push(calendar);
                }
            }
            self.others.extend(home.others);
            self.failed.extend(home.failed);
        }
        Ok(())
    }
}
