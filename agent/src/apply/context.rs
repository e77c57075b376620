//! What every change of one agent shares.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use querysmith_shared::approval::Signature;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::{AgentId, ChangeId, InstanceId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::order::Apply;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use uuid::Uuid;

use super::allow_list::{self, AllowList, Permission};
use super::clock::{Clock, HostClock};
use super::fault::{FaultPoint, Faults};
use super::fencing::Fencing;
use super::journal::entry::{Entry, Event};
use super::journal::{Journal, RecordError};
use super::leases::{self, Leases};
use super::order;
use super::report::Progress;
use super::stages::Stages;
use super::throttle::Pressure;
use crate::collect::machine;
use crate::engines::postgres::change::ChangeTarget;

/// What the change engine needs to know.
#[derive(Debug, Clone)]
pub struct ApplyConfig {
    /// This agent.
    pub agent: AgentId,
    /// The agent's state directory: the journal is in it.
    pub state_dir: PathBuf,
    /// The host's allow-list.
    pub allow_list: PathBuf,
    /// The file whose presence stops everything new.
    pub stop_file: PathBuf,
    /// A directory on the disk that the servers' data is on, where the servers don't tell.
    pub disk: Option<PathBuf>,
    /// The age from which a transaction keeps an index build from beginning.
    pub stalling_after: Duration,
    /// How busy the host is.
    pub pressure: fn() -> Option<Pressure>,
    /// The host's clocks.
    pub clock: Arc<dyn Clock>,
    /// How often the leases of trials are looked at.
    pub lease_tick: Duration,
    /// Where tests let the agent die.
    pub faults: Faults,
}

impl ApplyConfig {
    /// The defaults for a state directory.
    pub fn new(state_dir: PathBuf) -> Self {
        Self {
            agent: AgentId(Uuid::nil()),
            stop_file: state_dir.join("stop-changes"),
            state_dir,
            allow_list: PathBuf::from(allow_list::DEFAULT_PATH),
            disk: None,
            stalling_after: Duration::from_secs(30),
            pressure: machine::pressure,
            clock: Arc::new(HostClock::default()),
            lease_tick: leases::TICK,
            faults: Faults::default(),
        }
    }
}

/// A server that this agent may change.
#[derive(Debug, Clone)]
pub struct ApplyInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its name in the agent's configuration.
    pub name: String,
    /// How to reach it, as the role that changes are made as.
    pub target: ChangeTarget,
}

#[derive(Debug)]
pub(super) struct Context {
    pub(super) config: ApplyConfig,
    pub(super) journal: Arc<Journal>,
    pub(super) instances: HashMap<InstanceId, Instance>,
    pub(super) builds: BuildSlots,
    pub(super) leases: Leases,
    pub(super) stages: Stages,
    pub(super) fencing: Fencing,
    /// Tells the reporter that there is a new line.
    pub(super) news: Arc<Notify>,
    pub(super) progress: mpsc::Sender<Progress>,
    pub(super) stop: watch::Receiver<bool>,
}

#[derive(Debug)]
pub(super) struct Instance {
    pub(super) name: String,
    pub(super) target: ChangeTarget,
    /// One change at a time; undoing needs no turn.
    pub(super) turn: Arc<Semaphore>,
    /// Tells that a parameter of the server has another value now.
    pub(super) settings_changed: watch::Sender<()>,
}

impl Instance {
    pub(super) fn new(instance: ApplyInstance) -> Self {
        Self {
            name: instance.name,
            target: instance.target,
            turn: Arc::new(Semaphore::new(1)),
            settings_changed: watch::Sender::new(()),
        }
    }
}

impl Context {
    pub(super) fn now(&self) -> Timestamp {
        self.config.clock.read().wall
    }

    /// What this host allows of an order at this moment.
    pub(super) fn permission(&self, instance: &Instance, order: &Apply) -> Permission {
        match self.allow_list() {
            Ok(list) => list.permission(&instance.name, &order.what, &order::signers(order)),
            Err(reason) => Permission::Denied { reason },
        }
    }

    /// Whether this host lets what an order did, and was kept, be taken back from afar at this moment.
    pub(super) fn undo_permission(
        &self,
        instance: &Instance,
        order: &Apply,
        signatures: &[Signature],
    ) -> Permission {
        let signers = order::undo_signers(order, signatures);
        match self.allow_list() {
            Ok(list) => list.undo_permission(&instance.name, &order.what, &signers),
            Err(reason) => Permission::Denied { reason },
        }
    }

    /// The host's list of this moment, unless something stops every change; then why.
    pub(super) fn allow_list(&self) -> Result<AllowList, String> {
        allow_list::obstacle(&self.config.allow_list, &self.config.stop_file)
    }

    /// Adds a line to the journal without holding up the runtime.
    pub(super) async fn record(
        &self,
        change: ChangeId,
        from: Option<ChangeState>,
        event: Event,
    ) -> Result<Entry, RecordError> {
        let (before, after) = (FaultPoint::before(&event), FaultPoint::after(&event));
        self.config.faults.pass(before).await;
        let (journal, at) = (self.journal.clone(), self.now());
        let written = tokio::task::spawn_blocking(move || journal.record(change, from, at, event)).await;
        let entry = written.expect("writing to the journal doesn't panic")?;
        tracing::info!(
            change.id = %change, state = %entry.state, line = entry.sequence, "{}", entry.event
        );
        self.news.notify_one();
        self.config.faults.pass(after).await;
        Ok(entry)
    }
}

/// How many builds run at the same time over all instances. The limit is the allow-list's of the moment.
#[derive(Debug, Default)]
pub(super) struct BuildSlots {
    running: Mutex<u32>,
    freed: Notify,
}

/// One build's place; freed when dropped.
#[derive(Debug)]
pub(super) struct BuildSlot<'a>(&'a BuildSlots);

impl BuildSlots {
    pub(super) async fn take(&self, most: u32) -> BuildSlot<'_> {
        loop {
            let freed = self.freed.notified();
            {
                let mut running = self.running.lock().expect("counting doesn't panic");
                if *running < most.max(1) {
                    *running += 1;
                    return BuildSlot(self);
                }
            }
            freed.await;
        }
    }
}

impl Drop for BuildSlot<'_> {
    fn drop(&mut self) {
        let mut running = self.0.running.lock().expect("counting doesn't panic");
        *running -= 1;
        drop(running);
        self.0.freed.notify_one();
    }
}
