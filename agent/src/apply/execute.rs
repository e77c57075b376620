//! Carries one change out, step by step, until nothing is left to do.
//!
//! Everything decided is decided in [`super::plan`]. Here is only the order of things: look, decide, write
//! the line, act, look again. The task may be dropped or its process killed anywhere.

mod observe;
mod parameter;
mod statement;
mod switch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use querysmith_shared::change::ChangeKind;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::ChangeId;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tracing::{debug, error, warn};

use super::context::{BuildSlot, Context, Instance};
use super::failure::DatabaseError;
use super::journal::RecordError;
use super::journal::entry::{Entry, Event};
use super::journal::record::Record;
use super::plan::{Step, View, plan};
use super::report;
use super::seen::{Seen, WaitFor};
use crate::engines::postgres::change::Session;

/// The shortest wait between two looks.
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait between two looks at a database that answers: one cheap query a second.
const LONGEST_LOOK_WAIT: Duration = Duration::from_secs(1);
/// The longest wait between two tries at something that failed.
const LONGEST_RETRY_WAIT: Duration = Duration::from_secs(30);
/// How often a change that waits says so again.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Carries `change` out. Returns when it has come to rest, or when the agent stops.
pub(super) async fn drive(context: Arc<Context>, change: ChangeId, wake: Arc<Notify>) {
    let mut drive = Drive { context: &context, change, wake, work: None, waiting: None, last_duration: None };
    let mut turn = None;
    loop {
        let record = match context.journal.change(change) {
            Ok(Some(record)) => record,
            Ok(None) => return,
            Err(error) => {
                error!(change.id = %change, error = &error as &dyn std::error::Error, "failed to read the journal");
                return;
            }
        };
        if record.state.is_final() {
            break;
        }
        if context.stop.has_changed().is_err() || (*context.stop.borrow() && !cleans_up(&record)) {
            break;
        }
        let Some(instance) = context.instances.get(&record.order.instance) else {
            warn!(change.id = %change, "no connection for changes is configured for this change's instance");
            return;
        };
        match needs_turn(record.state) {
            true if turn.is_none() => {
                turn = drive.take_turn(instance).await;
                continue;
            }
            true => {}
            false => turn = None,
        }
        match drive.step(&record, instance).await {
            Next::Look => {}
            Next::Wait(WaitFor::Load, reason) => {
                // That may take hours: neither the turn nor the lock nor a session is kept from others.
                turn = None;
                drive.leave().await;
                drive.wait(&record, WaitFor::Load, reason).await;
            }
            Next::Wait(what, reason) => drive.wait(&record, what, reason).await,
            Next::Rest => break,
        }
    }
    drive.leave().await;
}

/// Whether the change may be finished while the agent stops: what it left is removed, nothing is begun.
fn cleans_up(record: &Record) -> bool {
    match record.state {
        ChangeState::Reverting => true,
        ChangeState::Applying => record.failure.is_some(),
        _ => false,
    }
}

/// Taking something back waits for nobody's build.
fn needs_turn(state: ChangeState) -> bool {
    matches!(state, ChangeState::Received | ChangeState::Armed | ChangeState::Applying)
}

/// A change's turn on its instance and its place among all builds.
type Turn<'a> = (OwnedSemaphorePermit, BuildSlot<'a>);

enum Next {
    Look,
    Wait(WaitFor, String),
    Rest,
}

struct Drive<'a> {
    context: &'a Arc<Context>,
    change: ChangeId,
    wake: Arc<Notify>,
    work: Option<Work>,
    waiting: Option<Waiting>,
    /// How long the last statement ran, if this run of the agent ran it, ms.
    last_duration: Option<u64>,
}

/// The session that the change is made in.
struct Work {
    session: Session,
    holds_scope: bool,
}

struct Waiting {
    what: WaitFor,
    state: ChangeState,
    since: Instant,
    told: Instant,
}

impl<'a> Drive<'a> {
    /// Waits for the change's turn; `None` if something happened to it, or the agent stops, before that.
    async fn take_turn(&self, instance: &Instance) -> Option<Turn<'a>> {
        let context = self.context;
        let turn = async {
            let turn = instance.turn.clone().acquire_owned().await.expect("turns are never closed");
            let most = context.allow_list().map_or(1, |list| list.max_concurrent_builds);
            let slot = context.builds.take(most).await;
            (turn, slot)
        };
        let mut stop = context.stop.clone();
        tokio::select! {
            turn = turn => Some(turn),
            () = self.wake.notified() => None,
            _ = stop.wait_for(|stop| *stop) => None,
        }
    }

    /// One look, one decision, at most one line and one effect.
    async fn step(&mut self, record: &Record, instance: &Instance) -> Next {
        let seen = match self.look(record, instance).await {
            Ok(seen) => seen,
            Err(error) => {
                self.work = None;
                unseen(error)
            }
        };
        let permission = self.context.permission(instance, &record.order);
        let waiting = self.waiting.as_ref().map(|waiting| (waiting.what, waiting.since.elapsed()));
        let (reading, latest) = (self.context.config.clock.read(), self.context.journal.latest());
        let in_place_for = self.context.stages.in_place_for(self.change, &reading);
        let now = reading.wall;
        let view = View { record, seen: &seen, permission: &permission, waiting, in_place_for, now, latest };
        let step = plan(view);
        debug!(change.id = %self.change, ?step, "next step");
        if !matches!(step, Step::Wait { .. } | Step::Cancel { .. }) {
            self.waiting = None;
        }
        match step {
            Step::Rest => Next::Rest,
            Step::Wait { what, reason } => Next::Wait(what, reason),
            Step::Cancel { pid } => self.end_earlier_session(pid, false).await,
            Step::End { pid } => self.end_earlier_session(pid, true).await,
            Step::Record(event) => {
                // What was verified just now needn't be looked at again, unless there is more to do.
                let rests = match event {
                    Event::Applied { .. } => record.order.limits.trial.switchback.is_none(),
                    Event::Switched { .. } => record.progress.keep.is_none(),
                    _ => false,
                };
                match self.write(record, self.with_duration(event)).await {
                    Ok(()) if rests => Next::Rest,
                    Ok(()) => Next::Look,
                    Err(next) => next,
                }
            }
            Step::Begin(event) => match self.write(record, event).await {
                Ok(()) => self.begin(record, instance).await,
                Err(next) => next,
            },
            Step::Switch { arm } => self.switch(record, instance, arm).await,
            Step::Remove(event) => match self.write(record, event).await {
                Ok(()) => self.remove(record, instance).await,
                Err(next) => next,
            },
        }
    }

    /// Writes a line decided in the state of `record`.
    async fn write(&self, record: &Record, event: Event) -> Result<(), Next> {
        let sets = matches!(event, Event::Applied { .. } | Event::Confirmed { .. } | Event::Reverted { .. })
            && record.order.what.kind() == ChangeKind::SetParameter;
        let written = self.context.record(self.change, Some(record.state), event).await;
        if sets && let Some(instance) = self.context.instances.get(&record.order.instance) {
            instance.settings_changed.send_replace(());
        }
        match written {
            Ok(Entry { event: Event::Switched { to, .. }, .. }) => {
                if let Some(plan) = &record.order.limits.trial.switchback {
                    self.context.stages.begin(self.change, plan, to, self.context.config.clock.read());
                }
                Ok(())
            }
            Ok(_) => Ok(()),
            // An order came in between: decide anew.
            Err(RecordError::Moved | RecordError::Illegal(_)) => Err(Next::Look),
            Err(RecordError::Journal(error)) => {
                error!(change.id = %self.change, error = &error as &dyn std::error::Error, "failed to write the journal");
                Err(Next::Wait(WaitFor::Database, "the journal can't be written".to_owned()))
            }
        }
    }

    fn with_duration(&self, event: Event) -> Event {
        match event {
            Event::Applied { observed, .. } => Event::Applied { observed, duration_ms: self.last_duration },
            Event::Reverted { .. } => Event::Reverted { duration_ms: self.last_duration },
            event => event,
        }
    }

    async fn end_earlier_session(&mut self, pid: i32, for_good: bool) -> Next {
        let Some(work) = &mut self.work else { return Next::Look };
        let ended = if for_good { work.session.terminate(pid).await } else { work.session.cancel(pid).await };
        if let Err(error) = ended {
            warn!(change.id = %self.change, pid, %error, "failed to end an earlier session");
        }
        Next::Wait(WaitFor::EarlierSession, format!("process {pid} of an earlier run is ending"))
    }

    /// Waits a while: a tenth of the time waited so far, so that a short wait ends soon and a long one costs
    /// the database little.
    async fn wait(&mut self, record: &Record, what: WaitFor, reason: String) {
        let now = Instant::now();
        let longest = match what {
            WaitFor::EarlierSession | WaitFor::Scope | WaitFor::Transactions => LONGEST_LOOK_WAIT,
            WaitFor::Database | WaitFor::Removal | WaitFor::Load => LONGEST_RETRY_WAIT,
        };
        let earlier =
            self.waiting.take().filter(|waiting| (waiting.what, waiting.state) == (what, record.state));
        let since = earlier.as_ref().map_or(now, |earlier| earlier.since);
        let told = match earlier {
            Some(earlier) if earlier.told.elapsed() < TELL_AGAIN => earlier.told,
            _ => {
                self.tell(record, reason);
                now
            }
        };
        self.waiting = Some(Waiting { what, state: record.state, since, told });
        let waited = since.elapsed();
        let mut stop = self.context.stop.clone();
        tokio::select! {
            () = tokio::time::sleep((waited / 10).clamp(SHORTEST_WAIT, longest)) => {}
            () = self.wake.notified() => {}
            // While the agent stops there is no waiting for anything that takes longer than the next look.
            _ = stop.wait_for(|stop| *stop), if !cleans_up(record) => {}
        }
    }

    /// Says what the change does, between two lines of the journal.
    fn tell(&self, record: &Record, detail: String) {
        if record.state == ChangeState::Trial {
            // Nothing is to be done; only whether it is still there can't be seen.
            return;
        }
        tracing::info!(change.id = %self.change, state = %record.state, "{detail}");
        // If the reporter is behind, the next one will tell as much.
        let _ = self.context.progress.try_send(report::progress(record, self.context.now(), detail));
    }

    async fn leave(&mut self) {
        if let Some(work) = self.work.take() {
            work.session.close().await;
        }
    }
}

/// A look that failed, as something seen.
fn unseen(error: DatabaseError) -> Seen {
    match error {
        DatabaseError::NoEntry(why) => Seen::NoEntry { why },
        DatabaseError::Unreachable(why) => Seen::Unreachable { why },
        error @ DatabaseError::Statement { .. } => Seen::Unreachable { why: error.to_string() },
    }
}
