//! Running a change's statements, with an eye on them while they run.

use std::time::{Duration, Instant};

use querysmith_shared::change::ChangeKind;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::ChangeId;

use super::observe::UNDO;
use super::{Drive, Next};
use crate::apply::context::Instance;
use crate::apply::facts::BuildProgress;
use crate::apply::failure::{DatabaseError, Failure, explain};
use crate::apply::fault::FaultPoint;
use crate::apply::journal::Journal;
use crate::apply::journal::entry::Event;
use crate::apply::journal::record::Record;
use crate::apply::seen::{Object, Seen, WaitFor};
use crate::engines::postgres::change::{ChangeTarget, Session};

/// How soon the first look at a running statement is: most ANALYZEs are over by then.
const FIRST_LOOK: Duration = Duration::from_millis(200);
/// How often a running statement is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often its progress is told at most.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// How long a server may take to show what was done: one before PostgreSQL 15 that a table was analyzed, any that its
/// files were read again.
const SHOWING_DELAY: Duration = Duration::from_secs(5);
/// How often that is looked at.
const SHOWING_LOOK: Duration = Duration::from_millis(50);
/// PostgreSQL only warns where the role may not analyze a table.
const SKIPPED: &str = "the server skipped the table without an error: the role may not analyze it, or another ANALYZE or \
                       VACUUM held it";
/// A reload that fails says so in the server's log only.
pub(super) const NOT_TAKEN: &str =
    "the server read its files again, and the value in force is not the one in them: its log says why";

fn is_not_before(object: &Object) -> bool {
    *object != Object::Before
}

fn is_in_force(object: &Object) -> bool {
    matches!(object, Object::After(_) | Object::Foreign(_))
}

impl Drive<'_> {
    /// Runs the statements whose intent is in the journal.
    pub(super) async fn begin(&mut self, record: &Record, instance: &Instance) -> Next {
        let (Some(armed), Some(mut work)) = (&record.armed, self.work.take()) else { return Next::Look };
        if self.context.journal.state(self.change) != Some(ChangeState::Applying) {
            self.work = Some(work);
            return Next::Look;
        }
        let limit = Duration::from_millis(record.order.limits.duration_ms.into());
        let pid = work.session.pid();
        let (ended, forbidden) = {
            let statement = work.session.run(&armed.apply, limit);
            tokio::pin!(statement);
            let mut watch = Watch::new(record, instance, pid);
            let ended = loop {
                let goes_on = tokio::select! {
                    biased;
                    ended = &mut statement => break Some(ended),
                    goes_on = watch.next(self, instance) => goes_on,
                };
                self.context.config.faults.pass(FaultPoint::Running).await;
                if !goes_on {
                    break None;
                }
            };
            // Asked last: the statement may end before the answer to its own cancellation is here.
            (ended, watch.forbidden)
        };
        self.context.config.faults.pass(FaultPoint::AfterStatement).await;
        let Some(ended) = ended else { return Next::Look };
        match ended {
            Ok(duration) => {
                self.work = Some(work);
                self.last_duration = u64::try_from(duration.as_millis()).ok();
                self.after_statement(record, instance).await
            }
            // Whether it took effect is unknown: the next look tells.
            Err(DatabaseError::Unreachable(_) | DatabaseError::NoEntry(_)) => Next::Look,
            Err(DatabaseError::Statement { code, message }) => {
                self.work = Some(work);
                let is_stopping = *self.context.stop.borrow();
                let reason = match forbidden {
                    Some(reason) => format!("it was cancelled: {reason}"),
                    None if is_stopping => {
                        "the agent was stopped meanwhile: approve its next proposal".to_owned()
                    }
                    None => explain(&code, &message, record.order.limits.lock_wait_ms).reason,
                };
                self.fail(record, reason).await
            }
        }
    }

    /// Runs the journalled undo, whose intent is in the journal.
    pub(super) async fn remove(&mut self, record: &Record, instance: &Instance) -> Next {
        let (Some(armed), Some(mut work)) = (&record.armed, self.work.take()) else { return Next::Look };
        let limit = Duration::from_millis(record.order.limits.duration_ms.into());
        let ended = match work.session.rename(self.change, UNDO).await {
            Ok(()) => work.session.run(&armed.undo, limit).await,
            Err(error) => Err(error),
        };
        self.context.config.faults.pass(FaultPoint::AfterRemoval).await;
        let failure = match ended {
            Ok(duration) => {
                self.work = Some(work);
                self.last_duration = u64::try_from(duration.as_millis()).ok();
                match self.is_seen_undone(record, instance).await {
                    true => return Next::Look,
                    false => Failure { reason: NOT_TAKEN.to_owned(), is_passing: false },
                }
            }
            Err(DatabaseError::Unreachable(_) | DatabaseError::NoEntry(_)) => return Next::Look,
            Err(DatabaseError::Statement { code, message }) => {
                self.work = Some(work);
                explain(&code, &message, record.order.limits.lock_wait_ms)
            }
        };
        let event = Event::RemovalFailed { reason: failure.reason.clone(), passing: failure.is_passing };
        match self.context.record(self.change, Some(record.state), event).await {
            Ok(_) => Next::Wait(WaitFor::Removal, failure.reason),
            Err(_) => Next::Look,
        }
    }

    async fn after_statement(&mut self, record: &Record, instance: &Instance) -> Next {
        let (is_seen, otherwise) = match record.order.what.kind() {
            ChangeKind::CreateIndex | ChangeKind::DropIndex => return Next::Look,
            ChangeKind::Analyze => (self.until(record, instance, is_not_before).await, SKIPPED),
            ChangeKind::SetParameter => (self.until(record, instance, is_in_force).await, NOT_TAKEN),
            ChangeKind::CreateStatistics | ChangeKind::SetStatisticsTarget => {
                (self.until(record, instance, is_in_force).await, SKIPPED)
            }
        };
        match is_seen {
            true => Next::Look,
            false => self.fail(record, otherwise.to_owned()).await,
        }
    }

    /// Whether the undo shows, where that takes a moment.
    async fn is_seen_undone(&mut self, record: &Record, instance: &Instance) -> bool {
        match record.order.what.kind() {
            ChangeKind::CreateIndex
            | ChangeKind::DropIndex
            | ChangeKind::Analyze
            | ChangeKind::CreateStatistics
            | ChangeKind::SetStatisticsTarget => true,
            ChangeKind::SetParameter => {
                self.until(record, instance, |object| *object == Object::Before).await
            }
        }
    }

    /// Whether what there is of the change turns out so, now or soon. Anything but a clear sight is for the plan to
    /// judge.
    pub(super) async fn until(
        &mut self,
        record: &Record,
        instance: &Instance,
        is_so: impl Fn(&Object) -> bool,
    ) -> bool {
        let until = Instant::now() + SHOWING_DELAY;
        loop {
            match self.look(record, instance).await {
                Ok(Seen::Ours(sight)) if !is_so(&sight.object) => {}
                _ => return true,
            }
            if Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(SHOWING_LOOK).await;
        }
    }

    async fn fail(&self, record: &Record, reason: String) -> Next {
        if !is_wanted(&self.context.journal, self.change) {
            // It was taken back meanwhile, which is the better reason.
            return Next::Look;
        }
        match self.context.record(self.change, Some(ChangeState::Applying), Event::Failed { reason }).await {
            Ok(_) => Next::Look,
            Err(error) => {
                tracing::debug!(change.id = %record.change, %error, "the failure isn't recorded");
                Next::Look
            }
        }
    }
}

/// Whether nobody has asked for the statement's end.
fn is_wanted(journal: &Journal, change: ChangeId) -> bool {
    match journal.change(change) {
        Ok(Some(record)) => record.state == ChangeState::Applying && record.failure.is_none(),
        Ok(None) | Err(_) => journal.state(change) == Some(ChangeState::Applying),
    }
}

/// The eye on one running statement: a second session, opened only when there is something to see.
struct Watch {
    record: Record,
    target: ChangeTarget,
    pid: i32,
    session: Option<Session>,
    next_look: Instant,
    told: Option<(Instant, BuildProgress)>,
    cancelled: bool,
    /// Why the host allows it no longer.
    forbidden: Option<String>,
}

impl Watch {
    fn new(record: &Record, instance: &Instance, pid: i32) -> Self {
        let target = instance.target.clone();
        let record = Record { state: ChangeState::Applying, ..record.clone() };
        let next_look = Instant::now() + FIRST_LOOK;
        Self { record, target, pid, session: None, next_look, told: None, cancelled: false, forbidden: None }
    }

    /// Waits for the next look or for news, then cancels the statement if it isn't wanted any more, or tells
    /// how far it is. `false`: it can't be cancelled from here, so its session must be dropped, which ends it.
    async fn next(&mut self, drive: &Drive<'_>, instance: &Instance) -> bool {
        let mut stop = drive.context.stop.clone();
        tokio::select! {
            () = drive.wake.notified() => {}
            _ = stop.wait_for(|stop| *stop), if !self.cancelled => {}
            () = tokio::time::sleep_until(self.next_look.into()) => {}
        }
        let is_wanted = is_wanted(&drive.context.journal, self.record.change);
        self.next_look = Instant::now() + LOOK_EVERY;
        // The host may stop everything, or just this, while it runs.
        if let Some(reason) = drive.context.permission(instance, &self.record.order).refusal() {
            self.forbidden = Some(reason.to_owned());
        }
        if is_wanted && self.forbidden.is_none() && !*drive.context.stop.borrow() {
            self.tell_progress(drive).await;
            return true;
        }
        self.cancelled = true;
        // The cancellation may arrive between two statements and do nothing: it is sent until they end.
        self.next_look = Instant::now() + FIRST_LOOK;
        let pid = self.pid;
        match self.session().await {
            Ok(session) => session.cancel(pid).await.is_ok(),
            Err(_) => false,
        }
    }

    async fn tell_progress(&mut self, drive: &Drive<'_>) {
        let pid = self.pid;
        let seen = match self.session().await {
            Ok(session) => session.progress(pid).await,
            Err(error) => Err(error),
        };
        let progress = match seen {
            Ok(Some(progress)) => progress,
            Ok(None) => return,
            Err(_) => {
                // Without a second session there is no progress to tell; the statement doesn't need it.
                self.session = None;
                return;
            }
        };
        let tell = match &self.told {
            None => true,
            Some((at, told)) => at.elapsed() >= TELL_EVERY && *told != progress,
        };
        if tell {
            drive.tell(&self.record, in_words(&progress));
            self.told = Some((Instant::now(), progress));
        }
    }

    async fn session(&mut self) -> Result<&mut Session, DatabaseError> {
        match &mut self.session {
            Some(session) => Ok(session),
            empty => {
                let database = self.record.order.what.database();
                Ok(empty.insert(self.target.open(database, self.record.change, "watch").await?))
            }
        }
    }
}

fn in_words(progress: &BuildProgress) -> String {
    let percent = progress.percent.map(|percent| format!(", {percent} %")).unwrap_or_default();
    let locker = progress.waits_for.map(|pid| format!(", waiting for process {pid}")).unwrap_or_default();
    format!("{}{percent}{locker}", progress.phase)
}
