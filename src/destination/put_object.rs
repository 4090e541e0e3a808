//! Writing one object: whether it exists already, and if not, how it gets there.

use bytes::Bytes;

use super::calendar::Collection;
use super::context::Context;
use super::file::not_an_object;
use super::item::Outcome;
use crate::caldav::scheduling::Scheduling;
use crate::error::{Error, Kind, Result};
use crate::http::Target;
use crate::ical::compare::{Difference, Normalized};
use crate::ical::edit::{Part, with_schedule_agent, with_uid};
use crate::objects::get::get_if_present;
use crate::options::Conflict;
use crate::session::SendError;
use crate::session::retry;
use crate::snapshot::{digest, names};
use crate::webdav::put::{self, Condition, Refused};
use crate::webdav::refusal::Refusal;
use crate::webdav::status;

/// The number of requests for one object, each under other circumstances.
const ATTEMPTS: u32 = 5;

/// Result of writing an object.
pub(super) enum PutResult {
    /// There is nothing more to do.
    Settled(Outcome),
    /// The object was sent, and the server accepted it.
    Written { target: Target, bytes: Bytes, normalized: Normalized, outcome: Outcome },
}

/// An object that is being written.
struct ObjectWrite<'a> {
    context: &'a Context,
    collection: &'a Collection,
    path: &'a str,
    uid: String,
    /// Content before `SCHEDULE-AGENT` is added.
    normalized: Normalized,
    bytes: Bytes,
    target: Target,
    condition: Condition,
    outcome: Outcome,
}

/// Result of one request.
enum PutAttempt {
    Done,
    /// The object has been changed, and is to be sent again.
    Again,
    /// The account has this UID elsewhere, perhaps here.
    UidConflict(Option<Target>),
}

/// Writes `part` into the collection, under `segment` if it is new. `path` is that of its file.
///
/// # Errors
/// [`Kind::Conflict`] if the object keeps changing on the server; what the server and the session report.
pub(super) async fn put_object(
    context: &Context,
    collection: &Collection,
    path: &str,
    segment: &str,
    part: Part,
) -> Result<PutResult> {
    let normalized = Normalized::of(&part.bytes).ok_or_else(not_an_object)?;
    let mut write = ObjectWrite {
        context,
        collection,
        path,
        uid: part.uid,
        normalized,
        bytes: Bytes::from(part.bytes),
        target: collection.calendar.target.member(segment),
        condition: Condition::Absent,
        outcome: Outcome::Created,
    };
    if let Some(outcome) = write.choose_target(segment).await? {
        return Ok(PutResult::Settled(outcome));
    }
    if context.options.dry_run {
        return Ok(PutResult::Settled(write.outcome));
    }
    write.suppress_scheduling().await?;
    write.run().await
}

impl ObjectWrite<'_> {
    /// Chooses the place among the objects that exist. An outcome means that there is nothing to send.
    async fn choose_target(&mut self, segment: &str) -> Result<Option<Outcome>> {
        let existing = &self.collection.existing;
        let Some(present) = existing.claim(&self.uid, segment) else {
            if !existing.reserve(segment) {
                // The name is in use, perhaps for an object that this restore has just written.
                self.rename(&[segment, &self.uid].concat());
            }
            return Ok(None);
        };
        let fingerprint = self.normalized.fingerprint();
        if present.fingerprint.as_ref().is_some_and(|there| there.covers(fingerprint)) {
            return Ok(Some(Outcome::Unchanged));
        }
        let there = self.collection.calendar.target.member(&present.segment);
        match self.context.options.conflict {
            Conflict::Skip => Ok(Some(Outcome::Skipped("it is there with other content".to_owned()))),
            Conflict::Duplicate => Ok(self.duplicate()),
            Conflict::Overwrite => {
                if self.context.options.dry_run {
                    self.report_difference(&there).await?;
                }
                self.overwrite(there, Condition::still(present.etag.clone()));
                Ok(None)
            }
        }
    }

    /// Sends the object until it is settled.
    async fn run(mut self) -> Result<PutResult> {
        for _ in 0..ATTEMPTS {
            match self.send().await? {
                PutAttempt::Done => {
                    let Self { target, bytes, normalized, outcome, .. } = self;
                    return Ok(PutResult::Written { target, bytes, normalized, outcome });
                }
                PutAttempt::Again => {}
                PutAttempt::UidConflict(target) => {
                    if let Some(outcome) = self.follow_uid_conflict(target).await? {
                        return Ok(PutResult::Settled(outcome));
                    }
                }
            }
        }
        let text = format!(
            "{}: gave up after {ATTEMPTS} attempts: the object keeps changing on the server. Run the restore again",
            self.target
        );
        Err(Error::new(Kind::Conflict, text))
    }

    fn overwrite(&mut self, target: Target, condition: Condition) {
        self.target = target;
        self.condition = condition;
        self.outcome = Outcome::Updated;
    }

    /// Gives the object another name that every server accepts, made from `from`.
    fn rename(&mut self, from: &str) {
        self.target = self.collection.calendar.target.member(&names::fallback_segment(from));
        self.condition = Condition::Absent;
        self.outcome = Outcome::Created;
    }

    /// Gives the object another UID, the same one in every run, so that a second run finds it.
    fn duplicate(&mut self) -> Option<Outcome> {
        self.uid = [&self.uid, "-", &digest::hash(&[&self.bytes], 12)].concat();
        self.bytes = Bytes::from(with_uid(&self.bytes, &self.uid));
        self.normalized = Normalized::of(&self.bytes).unwrap_or_default();
        self.rename(&self.uid.clone());
        self.collection.existing.claim(&self.uid, "").map(|_| Outcome::Unchanged)
    }

    /// Makes sure that the server sends no invitations for the object.
    async fn suppress_scheduling(&mut self) -> Result<()> {
        if self.context.options.scheduling || !self.normalized.has_attendees {
            return Ok(());
        }
        match self.context.scheduling(&self.collection.calendar.target).await? {
            Scheduling::Quiet => {}
            Scheduling::NeedsAgent => self.bytes = Bytes::from(with_schedule_agent(&self.bytes)),
            Scheduling::Unstoppable => {
                return Err(Error::new(
                    Kind::Unsupported,
                    "not written: this server sends invitations to everybody in it, and cannot be kept from that. Use scheduling=allow to write it anyway",
                ));
            }
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<PutAttempt> {
        let scheduling = self.context.options.scheduling;
        let request = put::request(self.target.clone(), self.bytes.clone(), &self.condition, scheduling);
        match self.context.session.send(request).await {
            Ok(_) => Ok(PutAttempt::Done),
            Err(SendError::Refused { refusal, .. }) => self.refused(&refusal).await,
            // Perhaps it arrived, and only the answer was lost.
            Err(SendError::Failed(error)) if error.kind == Kind::Unreachable => {
                self.pause().await;
                self.recheck().await?.ok_or(error)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn refused(&mut self, refusal: &Refusal) -> Result<PutAttempt> {
        let error = || status::write_error(&self.target, refusal);
        match put::refused(&self.collection.calendar.target, refusal) {
            Refused::UidConflict(target) => Ok(PutAttempt::UidConflict(target)),
            Refused::Changed => {
                let error = error();
                self.recheck().await?.ok_or(error)
            }
            Refused::MaybeStored => {
                let error = error();
                self.pause().await;
                self.recheck().await?.ok_or(error)
            }
            // There is a name that every server takes.
            Refused::MaybeName if self.outcome == Outcome::Created && self.has_odd_name() => {
                let segment = self.target.path.rsplit('/').next().unwrap_or_default().to_owned();
                self.rename(&segment);
                Ok(PutAttempt::Again)
            }
            Refused::MaybeName | Refused::Final => Err(error()),
        }
    }

    async fn pause(&self) {
        self.context.session.transport().sleep(retry::pause(0, None).unwrap_or_default()).await;
    }

    fn has_odd_name(&self) -> bool {
        let segment = self.target.path.rsplit('/').next().unwrap_or_default();
        segment.len() > 150 || !segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    }

    /// Fetches what is at the target now, and prepares the next attempt. None if there should be no other.
    async fn recheck(&mut self) -> Result<Option<PutAttempt>> {
        let Some(there) = get_if_present(&self.context.session, &self.target).await? else {
            self.condition = Condition::Absent;
            return Ok(Some(PutAttempt::Again));
        };
        let normalized = Normalized::of(&there.bytes);
        if self.is_covered_by(normalized.as_ref()) {
            return Ok(Some(PutAttempt::Done));
        }
        if !normalized.is_some_and(|there| there.uids.contains(&self.uid)) {
            self.rename(&[self.target.path.as_str(), &self.uid].concat());
            return Ok(Some(PutAttempt::Again));
        }
        if self.context.options.conflict != Conflict::Overwrite {
            return Ok(None);
        }
        self.overwrite(self.target.clone(), Condition::still(there.etag));
        Ok(Some(PutAttempt::Again))
    }

    /// Continues at the object that has this UID already (RFC 4791 5.3.2.1), if the server names it. An
    /// outcome means that there is nothing to send.
    async fn follow_uid_conflict(&mut self, target: Option<Target>) -> Result<Option<Outcome>> {
        let conflict = self.context.options.conflict;
        if conflict == Conflict::Duplicate {
            return Ok(self.duplicate());
        }
        let Some((target, there)) = (match target {
            Some(target) => {
                get_if_present(&self.context.session, &target).await?.map(|there| (target, there))
            }
            None => None,
        }) else {
            return Err(Error::new(
                Kind::Conflict,
                "the server has another object with its UID, and does not say where. Use conflict=duplicate to restore it beside that one",
            ));
        };
        self.context.reports.notice(self.path, &format!("the account has it at {}", target.path));
        if self.is_covered_by(Normalized::of(&there.bytes).as_ref()) {
            return Ok(Some(Outcome::Unchanged));
        }
        if conflict == Conflict::Skip {
            return Ok(Some(Outcome::Skipped(format!("it is at {} with other content", target.path))));
        }
        self.overwrite(target, Condition::still(there.etag));
        Ok(None)
    }

    /// Returns true if `there` has everything that the object has.
    fn is_covered_by(&self, there: Option<&Normalized>) -> bool {
        there.is_some_and(|there| there.fingerprint().covers(self.normalized.fingerprint()))
    }

    /// Reports the properties in which the object differs from the one at `target`.
    async fn report_difference(&self, target: &Target) -> Result<()> {
        let Some(there) = get_if_present(&self.context.session, target).await? else { return Ok(()) };
        let difference = Difference::of(&self.bytes, &there.bytes);
        let mut names = [difference.lost, difference.added].concat();
        names.sort_unstable();
        names.dedup();
        self.context.reports.notice(self.path, &["differs in ", &names.join(", ")].concat());
        Ok(())
    }
}
