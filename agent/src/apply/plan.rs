//! What to do next about a change: decided from the journal and from what the database looks like now,
//! never from one of them alone. Nothing here reads a clock, a file or a database.
//!
//! A step is at most one line in the journal and one effect behind it. After each the database is observed
//! again, so that going on after a crash is the ordinary path and not a special one.

mod trial;

use std::time::Duration;

use querysmith_shared::change::coins::Arm;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::{Change, ChangeKind};
use querysmith_shared::timestamp::Timestamp;

use super::allow_list::Permission;
use super::ground::PreImage;
use super::journal::entry::{Armed, Event};
use super::journal::record::Record;
use super::order;
use super::seen::{Object, Seen, Sight, WaitFor};

/// Most times the statement of one change is begun.
pub const MAX_ATTEMPTS: u32 = 2;
/// Most removals that may fail for a reason that waiting doesn't mend.
pub const MAX_FAILED_REMOVALS: u32 = 3;
/// Most removals at all. With a lock wait of a minute and half a minute between them this outlasts a
/// night's backup, which is what usually holds them up.
pub const MAX_REMOVALS: u32 = 300;
/// How long the statement of a change isn't begun because of transactions that it would have to wait for.
pub const STALL_PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long a change that has not begun waits for somebody else's work on its table.
pub const SCOPE_PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long a session of an earlier run may be idle: its client died without the server noticing.
pub const IDLE_PATIENCE: Duration = Duration::from_secs(5);

/// How long an approval holds at most after its order arrived, whatever the order says.
pub const LONGEST_APPROVAL: Duration = Duration::from_secs(7 * 86_400);
/// How far the agent's clock may be behind the journal: as far as a clock is corrected in the ordinary way.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// Everything a decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The journal's side.
    pub record: &'a Record,
    /// The database's side.
    pub seen: &'a Seen,
    /// What the host's allow-list says now.
    pub permission: &'a Permission,
    /// What the change has been waiting for, and how long.
    pub waiting: Option<(WaitFor, Duration)>,
    /// How long what a trial by switchback has in place has been there, by a clock that can't be set; `None` where an
    /// earlier run of the agent put it there.
    pub in_place_for: Option<Duration>,
    /// The agent's clock.
    pub now: Timestamp,
    /// The latest time of any line in the journal.
    pub latest: Timestamp,
}

impl View<'_> {
    fn waited(&self, what: WaitFor) -> Duration {
        self.waiting.filter(|(waiting, _)| *waiting == what).map_or(Duration::ZERO, |(_, waited)| waited)
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Write this line, then look again.
    Record(Event),
    /// Write this line, run the statement, then look again.
    Begin(Event),
    /// Write this line, remove what there is of the change, then look again.
    Remove(Event),
    /// Put an arm of a trial by switchback in place, whose intent is in the journal, then look again.
    Switch {
        /// Which.
        arm: Arm,
    },
    /// Cancel what an earlier run's session does for this change, then look again.
    Cancel {
        /// Its process on the server.
        pid: i32,
    },
    /// End an earlier run's session that does nothing but hold the lock, then look again.
    End {
        /// Its process on the server.
        pid: i32,
    },
    /// Look again later.
    Wait {
        /// What for.
        what: WaitFor,
        /// The same in words.
        reason: String,
    },
    /// Nothing is left to do until somebody asks for something.
    Rest,
}

/// The next step of a change.
pub fn plan(view: View<'_>) -> Step {
    match view.record.state {
        // The first two are the controller's; nothing of them is in a journal.
        ChangeState::Approved | ChangeState::Offered => Step::Rest,
        ChangeState::Received | ChangeState::Armed => before_the_effect(view),
        ChangeState::Applying => applying(view),
        ChangeState::Trial => trial::on_trial(view),
        ChangeState::Reverting => reverting(view),
        ChangeState::Rejected
        | ChangeState::Confirmed
        | ChangeState::Reverted
        | ChangeState::Aborted
        | ChangeState::Stuck => Step::Rest,
    }
}

fn before_the_effect(view: View<'_>) -> Step {
    if let Some(reason) = expired(view) {
        return abort(reason);
    }
    let sight = match view.seen {
        Seen::OtherServer { what } => return reject(what.clone()),
        Seen::InRecovery => {
            return reject("the server is a standby: changes are made on the primary".to_owned());
        }
        Seen::NoEntry { why } => return reject(format!("the database doesn't let the agent in: {why}")),
        Seen::Occupied { holder } if view.waited(WaitFor::Scope) >= SCOPE_PATIENCE => {
            return abort(format!(
                "{} in use by {holder}: approve its next proposal when that is over",
                scope(view.record, "stayed")
            ));
        }
        // An earlier session of this change has begun nothing: it is on its way out.
        seen => match ours_or_step(view, seen) {
            Ok(sight) => sight,
            Err(step) => return step,
        },
    };
    let pre_image = match &sight.ground {
        Err(reason) => return reject(reason.clone()),
        Ok(pre_image) => pre_image,
    };
    if let Some(reason) = intruded(sight) {
        return abort(reason);
    }
    if let Some(objection) = view.permission.objection(pre_image.estimated_bytes()) {
        return reject(objection);
    }
    match &view.record.armed {
        Some(armed) if armed.pre_image.is_same_ground(pre_image) => {
            begin_unless_stalled(view, sight).unwrap_or_else(|step| step)
        }
        Some(_) | None => match arm(view.record, pre_image) {
            Ok(armed) => Step::Record(Event::Armed(Box::new(armed))),
            Err(reason) => reject(reason),
        },
    }
}

/// What was seen under our own lock, or what to do until there is such a thing.
fn ours_or_step<'a>(view: View<'a>, seen: &'a Seen) -> Result<&'a Sight, Step> {
    let (what, reason) = match seen {
        Seen::Ours(sight) => return Ok(sight),
        Seen::OtherServer { what } => return Err(stuck(what.clone())),
        Seen::Unreachable { why } => (WaitFor::Database, format!("the database can't be reached: {why}")),
        Seen::NoEntry { why } => (WaitFor::Database, format!("the database doesn't let the agent in: {why}")),
        Seen::InRecovery => (WaitFor::Database, "the server is a standby now".to_owned()),
        Seen::Occupied { holder } => {
            (WaitFor::Scope, format!("{} in use by {holder}", scope(view.record, "is")))
        }
        Seen::Adoptable { pid, is_idle: true, .. }
            if view.waited(WaitFor::EarlierSession) >= IDLE_PATIENCE =>
        {
            return Err(Step::End { pid: *pid });
        }
        Seen::Adoptable { pid, .. } => (
            WaitFor::EarlierSession,
            format!("process {pid} still works for this change, begun by an earlier run"),
        ),
    };
    Err(Step::Wait { what, reason })
}

fn arm(record: &Record, pre_image: &PreImage) -> Result<Armed, String> {
    let rendered = order::rendered(&record.order)?;
    Ok(Armed {
        apply: rendered.apply,
        verify: rendered.verify,
        undo: rendered.undo,
        pre_image: pre_image.clone(),
    })
}

/// `Err` is the step to take instead.
fn begin_unless_stalled(view: View<'_>, sight: &Sight) -> Result<Step, Step> {
    if let Some(busy) = &sight.busy {
        // It ends with the approval, at the latest.
        return Err(Step::Wait {
            what: WaitFor::Load,
            reason: format!("waiting for a quieter hour: {busy}"),
        });
    }
    match &sight.stalled {
        Some(who) if view.waited(WaitFor::Transactions) >= STALL_PATIENCE => Err(abort(format!(
            "{who} would have held the statement up, and did not end: end it, then approve again"
        ))),
        Some(who) => {
            Err(Step::Wait { what: WaitFor::Transactions, reason: format!("waiting for {who} to end") })
        }
        None => Ok(Step::Begin(Event::Intent { attempt: view.record.attempts + 1 })),
    }
}

fn applying(view: View<'_>) -> Step {
    let sight = match ours_or_step(view, view.seen) {
        Ok(sight) => sight,
        Err(step) => return step,
    };
    match (&sight.object, &view.record.failure) {
        (Object::After(observed), _) => {
            Step::Record(Event::Applied { observed: observed.clone(), duration_ms: None })
        }
        (Object::Partial, None) => Step::Record(Event::Failed {
            reason:
                "the statement was interrupted; what it left half-done is put back: approve its next proposal"
                    .to_owned(),
        }),
        (Object::Partial, Some(_)) => remove_or_give_up(view.record),
        // The index is gone, and what has its name now doesn't do its work.
        (Object::Foreign(what), _) if kind(view.record) == ChangeKind::DropIndex => {
            stuck(format!("instead of the index there is {what}"))
        }
        (Object::Foreign(what), failure) => {
            let because = failure.as_deref().map(|failure| format!("; {failure}")).unwrap_or_default();
            abort(format!("nothing of this change is there, but {what}{because}"))
        }
        (Object::Before, Some(reason)) => abort(reason.clone()),
        (Object::Before, None) => begin_again(view, sight),
    }
}

/// The statement left no trace: most likely it never arrived.
fn begin_again(view: View<'_>, sight: &Sight) -> Step {
    if view.record.attempts >= MAX_ATTEMPTS {
        return abort(format!("the statement was interrupted {MAX_ATTEMPTS} times and left nothing behind"));
    }
    if let Some(reason) = expired(view) {
        return abort(reason);
    }
    if let Some(reason) = intruded(sight) {
        return abort(reason);
    }
    let estimated = match &sight.ground {
        Err(reason) => return abort(reason.clone()),
        Ok(pre_image) => pre_image.estimated_bytes(),
    };
    if let Some(objection) = view.permission.objection(estimated) {
        return abort(objection);
    }
    begin_unless_stalled(view, sight).unwrap_or_else(|step| step)
}

fn reverting(view: View<'_>) -> Step {
    // An earlier run's undo may be the build of a large index: it is let go on.
    if let Seen::Adoptable { pid, is_idle: false, undoes: false } = view.seen {
        return Step::Cancel { pid: *pid };
    }
    let sight = match ours_or_step(view, view.seen) {
        Ok(sight) => sight,
        Err(step) => return step,
    };
    match &sight.object {
        Object::Before => Step::Record(Event::Reverted { duration_ms: None }),
        Object::Partial | Object::After(_) => remove_or_give_up(view.record),
        Object::Foreign(what) => stuck(format!("instead of what the change made there is {what}")),
    }
}

fn remove_or_give_up(record: &Record) -> Step {
    if record.failed_removals >= MAX_FAILED_REMOVALS || record.removals >= MAX_REMOVALS {
        let undo = record.armed.iter().flat_map(|armed| &armed.undo).filter(|sql| !sql.starts_with("SET "));
        let undo = undo.map(String::as_str).collect::<Vec<_>>().join("; ");
        return stuck(format!("the undo failed too often; run it by hand: {undo}"));
    }
    Step::Remove(Event::RemovalIntent { attempt: record.removals + 1 })
}

/// Nothing is begun without the table's lock.
fn intruded(sight: &Sight) -> Option<String> {
    let intruder = sight.intruder.as_ref()?;
    Some(format!(
        "{intruder} holds the lock by which agents keep off each other's tables, and is no agent: end it, then \
         approve its next proposal"
    ))
}

fn expired(view: View<'_>) -> Option<String> {
    if let Some(reason) = clock_set_back(view.now, view.latest) {
        return Some(reason);
    }
    let end = view.record.order.expires_at.min(view.record.received.after(LONGEST_APPROVAL));
    (view.now >= end)
        .then(|| "the approval expired before the change could begin: approve it again".to_owned())
}

/// Why nothing may begin by a clock that shows `now` where the journal has a line of `latest`: under it an
/// approval could be older than it seems.
pub fn clock_set_back(now: Timestamp, latest: Timestamp) -> Option<String> {
    let behind = latest.since(now);
    (behind > CLOCK_TOLERANCE).then(|| {
        format!(
            "this host's clock is {} min behind the newest line of the journal, so whether the approval still \
             holds can't be known: set the clock, then approve its next proposal",
            behind.as_secs() / 60
        )
    })
}

/// What is locked, and what became of it.
fn scope(record: &Record, verb: &str) -> String {
    match record.order.what.table() {
        None => format!("setting parameters {verb}"),
        Some(_) => format!("the table {verb}"),
    }
}

fn is_of_statistics(record: &Record) -> bool {
    matches!(kind(record), ChangeKind::CreateStatistics | ChangeKind::SetStatisticsTarget)
}

fn kind(record: &Record) -> ChangeKind {
    Change::kind(&record.order.what)
}

fn reject(reason: String) -> Step {
    Step::Record(Event::Rejected { reason })
}

fn abort(reason: String) -> Step {
    Step::Record(Event::Aborted { reason })
}

fn stuck(reason: String) -> Step {
    Step::Record(Event::Stuck { reason })
}

#[cfg(test)]
mod tests;
