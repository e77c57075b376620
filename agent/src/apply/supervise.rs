//! Keeps one task alive for every change that isn't at rest.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::ChangeId;
use tokio::sync::{Notify, mpsc};
use tokio::task::{Id, JoinSet};
use tracing::{error, warn};

use super::context::Context;
use super::execute::drive;

/// How soon a task that panicked is started again.
const AFTER_PANIC: Duration = Duration::from_secs(5);
/// How long tasks get to clean up when the agent stops.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Starts what the journal says isn't finished, then what is asked for, until the agent stops.
pub(super) async fn run(context: Arc<Context>, mut starts: mpsc::Receiver<ChangeId>) {
    let mut tasks = Tasks { context: &context, set: JoinSet::new(), running: HashMap::new() };
    for change in unfinished(&context) {
        tasks.start(change, Duration::ZERO);
    }
    let mut stop = context.stop.clone();
    loop {
        tokio::select! {
            Some(change) = starts.recv() => tasks.start_or_wake(change),
            Some(ended) = tasks.set.join_next_with_id() => tasks.ended(ended),
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    let ended =
        tokio::time::timeout(STOP_LIMIT, async { while tasks.set.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        warn!(changes = tasks.set.len(), "changes are left for the next start of the agent");
    }
}

/// What was begun comes first, so that it doesn't wait for the turn of what wasn't.
fn unfinished(context: &Context) -> Vec<ChangeId> {
    let begun = |state: ChangeState| matches!(state, ChangeState::Applying | ChangeState::Reverting);
    let mut changes = context.journal.changes(begun);
    changes.extend(context.journal.changes(|state| !state.is_final() && !begun(state)));
    changes
}

struct Tasks<'a> {
    context: &'a Arc<Context>,
    set: JoinSet<ChangeId>,
    running: HashMap<ChangeId, (Id, Arc<Notify>)>,
}

impl Tasks<'_> {
    fn start(&mut self, change: ChangeId, delay: Duration) {
        let wake = Arc::new(Notify::new());
        let (context, own_wake) = (self.context.clone(), wake.clone());
        let task = self.set.spawn(async move {
            tokio::time::sleep(delay).await;
            drive(context, change, own_wake).await;
            change
        });
        self.running.insert(change, (task.id(), wake));
    }

    fn start_or_wake(&mut self, change: ChangeId) {
        match self.running.get(&change) {
            Some((_, wake)) => wake.notify_one(),
            None => self.start(change, Duration::ZERO),
        }
    }

    fn ended(&mut self, ended: Result<(Id, ChangeId), tokio::task::JoinError>) {
        match ended {
            Ok((_, change)) => {
                self.running.remove(&change);
                // An order may have come between its last look and its end.
                let is_wanted = matches!(self.context.journal.state(change), Some(ChangeState::Reverting));
                if is_wanted && !*self.context.stop.borrow() {
                    self.start(change, AFTER_PANIC.min(Duration::from_millis(100)));
                }
            }
            Err(error) => {
                let id = error.id();
                let change =
                    self.running.iter().find(|(_, (task, _))| *task == id).map(|(change, _)| *change);
                error!(error = &error as &dyn std::error::Error, "a change's task ended badly");
                if let Some(change) = change {
                    self.running.remove(&change);
                    self.start(change, AFTER_PANIC);
                }
            }
        }
    }
}
