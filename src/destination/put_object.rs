//! One object: whether it is there already, and if not, how it gets there.

use bytes::Bytes;

use super::Outcome;
use super::calendar::{Collection, says};
use super::restore::Run;
use crate::caldav::scheduling::Scheduling;
use crate::error::{Error, Kind, Result};
use crate::ical::compare::{Difference, Normalized};
use crate::ical::edit::{Part, with_schedule_agent, with_uid};
use crate::objects::get::get;
use crate::options::Conflict;
use crate::session::SendError;
use crate::session::retry;
use crate::snapshot::{digest, names};
use crate::webdav::href::Target;
use crate::webdav::put::{self, Condition, Refused};
use crate::webdav::refusal::Refusal;
use crate::webdav::status;

/// How often one object is tried under different circumstances.
const ATTEMPTS: u32 = 5;

/// Where an object has come to.
pub(super) enum Placed {
    /// There is nothing more to do.
    Settled(Outcome),
    /// It was sent, and the server said yes.
    Written { target: Target, bytes: Bytes, meaning: Normalized, outcome: Outcome },
}

/// An object on its way.
struct Parcel<'a> {
    run: &'a Run,
    collection: &'a Collection,
    path: &'a str,
    uid: String,
    /// What it says, before anything is added against invitations.
    meaning: Normalized,
    bytes: Bytes,
    target: Target,
    condition: Condition,
    outcome: Outcome,
}

/// What became of one attempt.
enum Attempt {
    Done,
    /// Once more, as the parcel is now.
    Again,
    /// The server has this UID elsewhere, perhaps here.
    Taken(Option<Target>),
}

/// Puts `part` into the collection, under `segment` if it is new.
pub(super) async fn place(
    run: &Run,
    collection: &Collection,
    path: &str,
    segment: &str,
    part: Part,
) -> Result<Placed> {
    let Some(meaning) = Normalized::of(&part.bytes) else { return Err(no_object()) };
    let mut parcel = Parcel {
        run,
        collection,
        path,
        uid: part.uid,
        meaning,
        bytes: Bytes::from(part.bytes),
        target: collection.calendar.target.member(segment),
        condition: Condition::Absent,
        outcome: Outcome::Created,
    };
    if let Some(outcome) = parcel.address(segment).await? {
        return Ok(Placed::Settled(outcome));
    }
    if run.options.dry_run {
        return Ok(Placed::Settled(parcel.outcome));
    }
    parcel.silence().await?;
    for _ in 0..ATTEMPTS {
        match parcel.send().await? {
            Attempt::Done => {
                let Parcel { target, bytes, meaning, outcome, .. } = parcel;
                return Ok(Placed::Written { target, bytes, meaning, outcome });
            }
            Attempt::Again => {}
            Attempt::Taken(place) => {
                if let Some(outcome) = parcel.go_elsewhere(place).await? {
                    return Ok(Placed::Settled(outcome));
                }
            }
        }
    }
    Err(Error::new(
        Kind::Conflict,
        format!("{}: it changes faster than it can be written. Run the restore again.", parcel.target),
    ))
}

/// What to say of a file without any object in it.
pub(super) fn no_object() -> Error {
    Error::new(Kind::Protocol, "no calendar object: it does not have the form of iCalendar (RFC 5545).")
}

impl Parcel<'_> {
    /// Finds its place among what is there. An outcome means that there is nothing to send.
    async fn address(&mut self, segment: &str) -> Result<Option<Outcome>> {
        let existing = &self.collection.existing;
        let Some(present) = existing.claim(&self.uid, segment) else {
            if !existing.reserve(segment) {
                // The name is another object's, perhaps one that this restore has just put there.
                self.rename(&[segment, &self.uid].concat());
            }
            return Ok(None);
        };
        if present.fingerprint.as_ref().is_some_and(|there| there.covers(self.meaning.fingerprint())) {
            return Ok(Some(Outcome::Unchanged));
        }
        let there = self.collection.calendar.target.member(&present.segment);
        match self.run.options.conflict {
            Conflict::Skip => Ok(Some(Outcome::Skipped("it is there with other content".to_owned()))),
            Conflict::Duplicate => Ok(self.duplicate()),
            Conflict::Overwrite => {
                if self.run.options.dry_run {
                    self.say_difference(&there).await?;
                }
                self.target = there;
                self.condition = Condition::still(present.etag.clone());
                self.outcome = Outcome::Updated;
                Ok(None)
            }
        }
    }

    /// Takes another UID, the same in every run, so that a second run finds it.
    fn duplicate(&mut self) -> Option<Outcome> {
        self.uid = [&self.uid, "-", &digest::hash(&[&self.bytes], 12)].concat();
        self.bytes = Bytes::from(with_uid(&self.bytes, &self.uid));
        self.meaning = Normalized::of(&self.bytes).unwrap_or_default();
        self.rename(&self.uid.clone());
        if self.collection.existing.claim(&self.uid, "").is_some() {
            return Some(Outcome::Unchanged);
        }
        None
    }

    fn rename(&mut self, from: &str) {
        self.target = self.collection.calendar.target.member(&names::fallback_segment(from));
        self.condition = Condition::Absent;
        self.outcome = Outcome::Created;
    }

    /// Sees to it that nobody is written to.
    async fn silence(&mut self) -> Result<()> {
        if self.run.options.scheduling || !self.meaning.has_attendees {
            return Ok(());
        }
        match self.run.scheduling(&self.collection.calendar.target).await? {
            Scheduling::Quiet => {}
            Scheduling::NeedsAgent => self.bytes = Bytes::from(with_schedule_agent(&self.bytes)),
            Scheduling::Unstoppable => {
                return Err(Error::new(
                    Kind::Unsupported,
                    "not written: this server sends invitations to everybody in it, and nothing keeps it from that. With scheduling=allow it is written all the same.",
                ));
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<Attempt> {
        let scheduling = self.run.options.scheduling;
        let request = put::request(self.target.clone(), self.bytes.clone(), &self.condition, scheduling);
        match self.run.session.send(request).await {
            Ok(_) => Ok(Attempt::Done),
            Err(SendError::Refused { refusal, .. }) => self.refused(&refusal).await,
            // Perhaps it arrived, and only the answer was lost.
            Err(SendError::Failed(error)) if error.kind == Kind::Unreachable => {
                self.pause().await;
                self.look_again().await?.ok_or(error)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn refused(&mut self, refusal: &Refusal) -> Result<Attempt> {
        let error = || status::write_error(&self.target, refusal);
        match put::refused(&self.collection.calendar.target, refusal) {
            Refused::UidConflict(place) => Ok(Attempt::Taken(place)),
            Refused::Changed => {
                let error = error();
                self.look_again().await?.ok_or(error)
            }
            Refused::MaybeStored => {
                let error = error();
                self.pause().await;
                self.look_again().await?.ok_or(error)
            }
            // There is a name that every server takes.
            Refused::MaybeName if self.outcome == Outcome::Created && self.has_odd_name() => {
                let segment = self.target.path.rsplit('/').next().unwrap_or_default().to_owned();
                self.rename(&segment);
                Ok(Attempt::Again)
            }
            Refused::MaybeName | Refused::Final => Err(error()),
        }
    }

    async fn pause(&self) {
        self.run.session.transport().sleep(retry::pause(0, None).unwrap_or_default()).await;
    }

    fn has_odd_name(&self) -> bool {
        let segment = self.target.path.rsplit('/').next().unwrap_or_default();
        segment.len() > 150 || !segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    }

    /// Looks at what is there now, and goes on from that. None if that leads nowhere.
    async fn look_again(&mut self) -> Result<Option<Attempt>> {
        let Some((there, etag)) = look(self.run, &self.target).await? else {
            self.condition = Condition::Absent;
            return Ok(Some(Attempt::Again));
        };
        if says(&there, &self.meaning) {
            return Ok(Some(Attempt::Done));
        }
        let is_same = Normalized::of(&there).is_some_and(|there| there.uids.contains(&self.uid));
        if !is_same {
            self.rename(&[self.target.path.as_str(), &self.uid].concat());
            return Ok(Some(Attempt::Again));
        }
        if self.run.options.conflict != Conflict::Overwrite {
            return Ok(None);
        }
        self.outcome = Outcome::Updated;
        self.condition = Condition::still(etag);
        Ok(Some(Attempt::Again))
    }

    /// The server has this UID in another place (RFC 4791 5.3.2.1), of which it may say where.
    async fn go_elsewhere(&mut self, place: Option<Target>) -> Result<Option<Outcome>> {
        let conflict = self.run.options.conflict;
        if conflict == Conflict::Duplicate {
            return Ok(self.duplicate());
        }
        let Some((place, (there, etag))) = (match place {
            Some(place) => look(self.run, &place).await?.map(|found| (place, found)),
            None => None,
        }) else {
            return Err(Error::new(
                Kind::Conflict,
                "the server has another object with its UID, and does not say where. With conflict=duplicate it is restored beside that one.",
            ));
        };
        self.run.notice(self.path, &format!("the account has it at {}", place.path));
        if says(&there, &self.meaning) {
            return Ok(Some(Outcome::Unchanged));
        }
        if conflict == Conflict::Skip {
            return Ok(Some(Outcome::Skipped(format!("it is at {} with other content", place.path))));
        }
        self.target = place;
        self.condition = Condition::still(etag);
        self.outcome = Outcome::Updated;
        Ok(None)
    }

    async fn say_difference(&self, there: &Target) -> Result<()> {
        let Some((there, _)) = look(self.run, there).await? else { return Ok(()) };
        let difference = Difference::of(&self.bytes, &there);
        let mut names = [difference.lost, difference.added].concat();
        names.sort_unstable();
        names.dedup();
        let text = ["differs in ", &names.join(", ")].concat();
        self.run.notice(self.path, &text);
        Ok(())
    }
}

/// What is at `target`: bytes and ETag; none if nothing is.
pub(super) async fn look(run: &Run, target: &Target) -> Result<Option<(Vec<u8>, Option<String>)>> {
    match get(&run.session, target).await {
        Ok(fetched) => Ok(Some((fetched.bytes, fetched.etag))),
        Err(SendError::Refused { refusal, .. }) if status::is_gone(&refusal) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
