//! Which calendar a folder of the backup goes to: one that exists, or a new one.

use std::rc::Rc;

use super::create_calendar::NewCalendar;
use super::existing::Existing;
use crate::account::Account;
use crate::caldav::calendar::{Calendar, Properties};
use crate::error::{Error, Kind, Result};
use crate::http::Target;
use crate::options::DestinationOptions;
use crate::session::Session;
use crate::snapshot::descriptions::Descriptions;
use crate::snapshot::names;
use crate::webdav::href::last_segment;

/// A calendar that is written to.
pub(super) struct Collection {
    pub(super) calendar: Calendar,
    pub(super) existing: Existing,
    /// Whether this run has made it; in a dry run, whether it would.
    pub(super) is_new: bool,
    /// Whether it is the backup's own calendar, and not one that the user named.
    pub(super) is_own: bool,
}

/// Everything that decides about the calendar of a folder.
pub(super) struct Choice<'a> {
    pub(super) options: &'a DestinationOptions,
    pub(super) account: &'a Account,
    /// The calendars of the account, with those made by this restore.
    pub(super) known: &'a [Calendar],
    /// The name of the folder; empty for the root.
    pub(super) folder: &'a str,
    /// Content of the files that describe the calendar.
    pub(super) descriptions: &'a Descriptions,
}

/// The calendar that was chosen.
enum Chosen {
    Existing(Box<Calendar>),
    /// One of this name has to be made.
    New(String),
}

impl Choice<'_> {
    /// Finds the calendar or makes it, and lists and reads what it has.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if there is no calendar to write to, [`Kind::Conflict`] if the user's name has
    /// several meanings, [`Kind::ReadOnly`] if it cannot be written to; what the session reports.
    pub(super) async fn open(&self, session: &Rc<Session>) -> Result<Collection> {
        let named = self.named();
        let is_own = named.is_none() && !self.account.homes.is_empty();
        let chosen = match named {
            Some(text) => self.by_users_name(text)?,
            None if self.account.homes.is_empty() => Chosen::Existing(Box::new(self.only_calendar()?)),
            None => self.by_backup()?,
        };
        let (calendar, is_new) = match chosen {
            Chosen::Existing(calendar) => (*calendar, false),
            Chosen::New(name) => (self.make(session, &name).await?, true),
        };
        self.check_writable(&calendar)?;
        let has_nothing = is_new || calendar.properties.subscription.is_some();
        let existing =
            if has_nothing { Existing::nothing() } else { Existing::load(session, &calendar).await? };
        Ok(Collection { calendar, existing, is_new, is_own })
    }

    /// Returns the calendar that the options name for this folder.
    fn named(&self) -> Option<&str> {
        let of_folder = || self.options.map.iter().find(|(from, _)| from == self.folder).map(|(_, to)| to);
        self.options.into.as_ref().or_else(of_folder).map(String::as_str)
    }

    /// Returns the calendar that the location is.
    fn only_calendar(&self) -> Result<Calendar> {
        let none = || Error::new(Kind::NotFound, "no calendar was found at the location");
        self.known.first().cloned().ok_or_else(none)
    }

    /// Finds the calendar that the user named: by path, by the name of its folder in a backup, or by display
    /// name.
    fn by_users_name(&self, text: &str) -> Result<Chosen> {
        if text.starts_with('/') {
            let not_found =
                || format!("{text}: no calendar has this path. The account has {}", self.folders());
            return self
                .find(|c| c.target.with_path(text).key() == c.target.key())
                .ok_or_else(|| Error::new(Kind::NotFound, not_found()));
        }
        if let Some(calendar) = self.find(|c| folder_of(c) == text) {
            return Ok(calendar);
        }
        let has_name = |c: &&Calendar| c.properties.displayname.as_deref() == Some(text);
        let same: Vec<_> = self.known.iter().filter(has_name).collect();
        match same.as_slice() {
            [] => Ok(Chosen::New(text.to_owned())),
            [calendar] => Ok(Chosen::Existing(Box::new((*calendar).clone()))),
            several => {
                let paths: Vec<_> = several.iter().map(|c| c.target.path.as_str()).collect();
                let paths = paths.join(", ");
                let text = format!("{text}: several calendars have this name; write one of {paths}");
                Err(Error::new(Kind::Conflict, text))
            }
        }
    }

    /// Finds the calendar that the backup was made from: by folder, by href, or by a display name that only
    /// one has.
    fn by_backup(&self) -> Result<Chosen> {
        let href = self.descriptions.href();
        let segment = href.map(|href| href.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
        let folder = match (self.folder, segment) {
            ("", Some(segment)) if !segment.is_empty() => names::directory_name(segment),
            ("", _) => {
                return Err(Error::new(
                    Kind::NotFound,
                    "this file is not inside a calendar folder. Choose its calendar with into=NAME",
                ));
            }
            (folder, _) => folder.to_owned(),
        };
        let has_href =
            |c: &Calendar| href.is_some_and(|href| c.target.with_path(href).key() == c.target.key());
        if let Some(calendar) = self.find(|c| folder_of(c) == folder).or_else(|| self.find(has_href)) {
            return Ok(calendar);
        }
        let wanted = self.descriptions.properties().displayname;
        let mut same = self.known.iter().filter(|c| wanted.is_some() && c.properties.displayname == wanted);
        match (same.next(), same.next()) {
            (Some(calendar), None) => Ok(Chosen::Existing(Box::new(calendar.clone()))),
            _ => Ok(Chosen::New(segment.map_or(folder, str::to_owned))),
        }
    }

    fn find(&self, is_it: impl Fn(&Calendar) -> bool) -> Option<Chosen> {
        self.known.iter().find(|calendar| is_it(calendar)).cloned().map(Box::new).map(Chosen::Existing)
    }

    /// Makes a calendar in the first home set; in a dry run, only says what it would be.
    async fn make(&self, session: &Session, name: &str) -> Result<Calendar> {
        if !self.options.create {
            let folders = self.folders();
            let text = format!("no calendar is called {name}, and create=false. The account has {folders}");
            return Err(Error::new(Kind::NotFound, text));
        }
        let home = self.account.homes.first();
        let home = home.ok_or_else(|| Error::new(Kind::NotFound, "the account has no calendar home set"))?;
        let target: Target = home.as_collection().member(&[&names::to_segment(name), "/"].concat());
        if self.options.dry_run {
            return Ok(Calendar { target, properties: Properties::default(), writable: true });
        }
        let wanted = &self.descriptions.properties();
        NewCalendar { session, home, known: self.known, target, wanted }.create().await
    }

    fn check_writable(&self, calendar: &Calendar) -> Result<()> {
        let becomes_subscription = || self.descriptions.properties().subscription.is_some();
        let problem = if !calendar.writable {
            "this account may not write to it"
        } else if calendar.properties.subscription.is_some() && !becomes_subscription() {
            "a subscription cannot be written to"
        } else {
            return Ok(());
        };
        Err(Error::new(Kind::ReadOnly, format!("{}: {problem}", calendar.target)))
    }

    /// Returns the names of the account's calendars, for people.
    fn folders(&self) -> String {
        let all: Vec<_> = self.known.iter().map(folder_of).collect();
        if all.is_empty() { "none".to_owned() } else { all.join(", ") }
    }
}

/// Returns the name that the folder of a calendar has in a backup.
pub(super) fn folder_of(calendar: &Calendar) -> String {
    names::directory_name(last_segment(&calendar.target))
}
