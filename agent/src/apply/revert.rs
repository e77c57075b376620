//! Taking changes back on the host, with the undo from the journal and without any controller.
//!
//! What is wanted is written for every change before the first server is asked, so that it holds even where
//! a server doesn't answer: the agent goes on from there when it runs.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::future::join_all;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::{ChangeId, InstanceId};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::time::Instant;

use super::applier::{NO_CONNECTION, by_id};
use super::context::{ApplyConfig, ApplyInstance, BuildSlots, Context};
use super::execute::drive;
use super::fencing::Fencing;
use super::journal::entry::Event;
use super::journal::record::Record;
use super::journal::{Journal, JournalError};
use super::leases::Leases;
use super::stages::Stages;

/// How long a command waits for the servers unless it is told otherwise: longer than a dropped index waits for
/// an ordinary transaction, shorter than a person does.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(300);
/// Changes that are taken back at the same time on one server: fewer than the sessions its role may have.
const AT_ONCE: usize = 4;

/// What to take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevertTarget {
    /// One change, on trial, kept, or in the middle.
    Change(ChangeId),
    /// Every change that isn't finished: on trial or in the middle. What was kept stays.
    All,
}

/// What became of a change that was to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing of it is in the database, or a person must look: the state it ended in.
    Ended(ChangeState),
    /// There is nothing that could be taken back, and why.
    LeftAlone(&'static str),
    /// It will be, by the agent when it runs, and why it isn't yet.
    NotYet(String),
}

impl Outcome {
    /// Nothing is left of the change that could have been taken back.
    pub fn is_good(&self) -> bool {
        match self {
            Self::Ended(state) => {
                matches!(state, ChangeState::Reverted | ChangeState::Aborted | ChangeState::Rejected)
            }
            Self::LeftAlone(_) => true,
            Self::NotYet(_) => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(state) => state.fmt(f),
            Self::LeftAlone(why) => write!(f, "left alone: {why}"),
            Self::NotYet(why) => write!(f, "not yet reverted: {why}; the agent goes on when it runs"),
        }
    }
}

const NO_UNDO: &str = "an ANALYZE has no undo: old statistics can't be brought back";

/// For `querysmith-agent revert <change>` and `--all`: takes changes back with the undo from the journal, and
/// needs no controller. The agent must not be running: it has the journal open. Every server is waited for at
/// the same time, and none longer than `limit`. Returns what became of each change.
pub async fn revert(
    config: ApplyConfig,
    instances: Vec<ApplyInstance>,
    target: RevertTarget,
    reason: &str,
    limit: Duration,
) -> Result<Vec<(ChangeId, Outcome)>> {
    let journal = match Journal::open(&config.state_dir) {
        Ok(journal) => Arc::new(journal),
        Err(error @ JournalError::InUse(_)) => {
            return Err(error).context("stop the agent first: systemctl stop querysmith-agent");
        }
        Err(error) => return Err(error).context("opening the journal"),
    };
    let changes = match target {
        RevertTarget::Change(change) => {
            let record =
                journal.change(change)?.with_context(|| format!("the journal doesn't know {change}"))?;
            check_one(&record).with_context(|| format!("taking back change {change}"))?;
            vec![change]
        }
        RevertTarget::All => journal.open_changes(),
    };
    let (_stop, stop) = watch::channel(false);
    let (progress, _progress) = mpsc::channel(1);
    let fencing = Fencing::open(&journal, config.agent)?;
    let context = Arc::new(Context {
        config,
        journal,
        instances: by_id(instances),
        builds: BuildSlots::default(),
        leases: Leases::default(),
        stages: Stages::default(),
        fencing,
        news: Arc::new(Notify::new()),
        progress,
        stop,
    });
    let mut wanted = Vec::new();
    for change in changes {
        wanted.push((change, want(&context, change, reason).await));
    }
    Ok(carry_out(&context, wanted, Instant::now() + limit).await)
}

/// Of one change by name it is said at once that nothing can be done.
fn check_one(record: &Record) -> Result<()> {
    if record.state == ChangeState::Stuck {
        let undo = record.armed.as_ref().map(|armed| armed.undo.join(";\n")).unwrap_or_default();
        bail!("it is stuck ({}): look at it, then run by hand:\n{undo}", record.last);
    }
    if has_effect(record.state) && !record.order.what.kind().can_be_undone() {
        bail!(NO_UNDO);
    }
    Ok(())
}

fn has_effect(state: ChangeState) -> bool {
    matches!(state, ChangeState::Applying | ChangeState::Trial | ChangeState::Confirmed)
}

/// Where a change is to be taken back, or what became of it already.
type Wish = std::result::Result<InstanceId, Outcome>;

/// Writes that the change is to be taken back.
async fn want(context: &Context, change: ChangeId, reason: &str) -> Wish {
    let not_yet = |error: &dyn fmt::Display| Outcome::NotYet(format!("the journal can't be used: {error}"));
    let record = match context.journal.change(change) {
        Ok(Some(record)) => record,
        Ok(None) => return Err(Outcome::NotYet("the journal doesn't know it".to_owned())),
        Err(error) => return Err(not_yet(&error)),
    };
    let reason = reason.to_owned();
    let event = match record.state {
        ChangeState::Received | ChangeState::Armed => Event::Aborted { reason },
        state if has_effect(state) => match record.order.what.kind().can_be_undone() {
            true => Event::RevertIntent { reason },
            false => return Err(Outcome::LeftAlone(NO_UNDO)),
        },
        ChangeState::Reverting => return Ok(record.order.instance),
        state => return Err(Outcome::Ended(state)),
    };
    match context.record(change, Some(record.state), event).await {
        Ok(entry) if entry.state.is_final() => Err(Outcome::Ended(entry.state)),
        Ok(_) => Ok(record.order.instance),
        Err(error) => Err(not_yet(&error)),
    }
}

/// Takes back what can be until `deadline`, on all servers at the same time.
async fn carry_out(
    context: &Arc<Context>,
    wanted: Vec<(ChangeId, Wish)>,
    deadline: Instant,
) -> Vec<(ChangeId, Outcome)> {
    let mut turns: HashMap<InstanceId, Arc<Semaphore>> = HashMap::new();
    let work = wanted.into_iter().map(|(change, wish)| {
        let turn = wish.map(|instance| {
            let turns = turns.entry(instance).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE)));
            (instance, turns.clone())
        });
        async move {
            let outcome = match turn {
                Ok((instance, turn)) => take_back(context, change, instance, &turn, deadline).await,
                Err(outcome) => outcome,
            };
            (change, outcome)
        }
    });
    join_all(work).await
}

async fn take_back(
    context: &Arc<Context>,
    change: ChangeId,
    instance: InstanceId,
    turn: &Semaphore,
    deadline: Instant,
) -> Outcome {
    if !context.instances.contains_key(&instance) {
        return Outcome::NotYet(NO_CONNECTION.to_owned());
    }
    let work = async {
        let _turn = turn.acquire().await.expect("turns are never closed");
        drive(context.clone(), change, Arc::new(Notify::new())).await;
    };
    let is_over = tokio::time::timeout_at(deadline, work).await.is_err();
    match context.journal.state(change) {
        Some(state) if state.is_final() => Outcome::Ended(state),
        _ if is_over => Outcome::NotYet("its server didn't do it in time (--timeout)".to_owned()),
        _ => Outcome::NotYet("the journal can't be read or written".to_owned()),
    }
}
