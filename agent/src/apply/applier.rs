//! The change engine as the rest of the agent sees it: orders go in, reports come out.

use std::collections::HashMap;
use std::sync::Arc;

use querysmith_shared::approval::{Approver, Signature};
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::{ChangeId, InstanceId};
use querysmith_shared::wire::fence::Fence;
use querysmith_shared::wire::order::{
    Answer, Apply, Confirm, Lease, MissingSignatures, Order, Pause, Renew, UNKNOWN_CHANGE, Undo,
};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tracing::error;

use super::accept::{self, Acceptance};
use super::allow_list::Permission;
use super::context::{ApplyConfig, ApplyInstance, BuildSlots, Context, Instance};
use super::fencing::{Fencing, Passage};
use super::journal::entry::Event;
use super::journal::record::Record;
use super::journal::{Journal, JournalError, MAX_BYTES, RecordError};
use super::leases::{self, Leases};
use super::report::{self, ChangeSink};
use super::stages::Stages;
use super::withdrawn::Withdrawn;
use super::{order, plan, supervise};

/// Most changes that wait, run or are on trial at the same time: more than anybody watches.
const MAX_OPEN: usize = 256;
/// Progress that the reporter hasn't taken yet; more is passed over.
const MAX_PROGRESS: usize = 64;

/// The change engine of this agent.
#[derive(Debug)]
pub struct Applier {
    /// Or why there is none: the journal can't be used.
    engine: Result<Engine, String>,
}

#[derive(Debug)]
struct Engine {
    context: Arc<Context>,
    withdrawn: Withdrawn,
    starts: mpsc::Sender<ChangeId>,
    keeper: JoinHandle<()>,
    supervisor: JoinHandle<()>,
    reporter: JoinHandle<()>,
    stop_reporter: watch::Sender<bool>,
}

impl Applier {
    /// Opens the journal and goes on with every change that isn't finished, until `stop` is true. Without a
    /// usable journal every order is refused, and nothing is done. Must be called on a runtime.
    pub fn start(
        config: ApplyConfig,
        instances: Vec<ApplyInstance>,
        sink: impl ChangeSink,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let opened = Journal::open(&config.state_dir).and_then(|journal| {
            let fencing = Fencing::open(&journal, config.agent)?;
            Ok((Arc::new(journal), fencing))
        });
        let (journal, fencing) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                error!(
                    error = &error as &dyn std::error::Error,
                    "failed to open the journal: no changes will be made"
                );
                return Self { engine: Err(unusable(&error)) };
            }
        };
        let (progress, progress_out) = mpsc::channel(MAX_PROGRESS);
        let (stop_reporter, reporter_stop) = watch::channel(false);
        let news = Arc::new(Notify::new());
        let context = Arc::new(Context {
            config,
            journal: journal.clone(),
            instances: by_id(instances),
            builds: BuildSlots::default(),
            leases: Leases::default(),
            stages: Stages::default(),
            fencing,
            news: news.clone(),
            progress,
            stop,
        });
        let reporter = tokio::spawn(report::run(journal, sink, news, progress_out, reporter_stop));
        let (starts, starts_out) = mpsc::channel(MAX_OPEN);
        let supervisor = tokio::spawn(supervise::run(context.clone(), starts_out));
        let keeper = tokio::spawn(leases::run(context.clone(), starts.clone(), context.config.lease_tick));
        let withdrawn = Withdrawn::default();
        Self {
            engine: Ok(Engine { context, withdrawn, starts, keeper, supervisor, reporter, stop_reporter }),
        }
    }

    /// Answers an order as soon as it is journalled; what happens to it comes as reports.
    pub async fn handle(&self, order: Order) -> Answer {
        if let (Ok(engine), Some(fence)) = (&self.engine, order.fence()) {
            match engine.pass(*fence).await {
                Ok(None) => {}
                Ok(Some(obeyed)) => return Answer::Behind(obeyed),
                Err(error) => return Answer::Refused(unusable(&error)),
            }
        }
        let answered = match (&self.engine, order) {
            (Err(reason), _) => Err(reason.clone()),
            (Ok(engine), Order::Apply(order)) => match engine.missing_signatures(&order) {
                Some(missing) => return Answer::MissingSignatures(missing),
                None => engine.apply(*order).await,
            },
            (Ok(engine), Order::Undo(order)) => engine.undo(order).await,
            (Ok(engine), Order::Confirm(order)) => engine.confirm(order).await,
            (Ok(engine), Order::Renew(order)) => match engine.renew(order).await {
                Ok(leases) => return Answer::Leases(leases),
                Err(reason) => Err(reason),
            },
            (Ok(engine), Order::Pause(order)) => engine.pause(order).await,
            (Ok(_), Order::WhatIf(_)) => Err("a what-if question is no change".to_owned()),
        };
        match answered {
            Ok(()) => Answer::Accepted,
            Err(reason) => Answer::Refused(reason),
        }
    }

    /// Follows the newest record of a controller that was obeyed; `None` before the first.
    pub fn obeyed(&self) -> watch::Receiver<Option<Fence>> {
        match &self.engine {
            Ok(engine) => engine.context.fencing.watch(),
            Err(_) => watch::channel(None).1,
        }
    }

    /// Follows when a parameter of an instance was set, kept or taken back: what was known of its settings is old then.
    pub fn settings_changed(&self, instance: InstanceId) -> watch::Receiver<()> {
        let instance = self.engine.as_ref().ok().and_then(|engine| engine.context.instances.get(&instance));
        instance.map_or_else(|| watch::channel(()).1, |instance| instance.settings_changed.subscribe())
    }

    /// Whose signatures changes of an instance need at this moment; nobody's where the controller's word is enough.
    pub fn approvers(&self, instance: InstanceId) -> Vec<Approver> {
        let Ok(Engine { context, .. }) = &self.engine else { return Vec::new() };
        match (context.instances.get(&instance), context.allow_list()) {
            (Some(instance), Ok(list)) => list.approvals.approvers(&instance.name),
            _ => Vec::new(),
        }
    }

    /// Why no change can be made on an instance at this moment, with the remedy; `None` if some can.
    pub fn obstacle(&self, instance: InstanceId) -> Option<String> {
        let engine = match &self.engine {
            Ok(engine) => engine,
            Err(reason) => return Some(reason.clone()),
        };
        if !engine.context.instances.contains_key(&instance) {
            return Some(NO_CONNECTION.to_owned());
        }
        match engine.context.allow_list() {
            Ok(list) if !list.enabled => Some("this host's allow-list has enabled = false".to_owned()),
            Ok(_) => None,
            Err(reason) => Some(reason),
        }
    }

    /// Waits until everything has ended after `stop` became true: a running statement is cancelled, and what
    /// it left removed as far as that is quickly done. The next start does the rest.
    pub async fn stopped(self) {
        let Ok(engine) = self.engine else { return };
        if let Err(error) = engine.keeper.await {
            error!(error = &error as &dyn std::error::Error, "the keeper of leases ended badly");
        }
        if let Err(error) = engine.supervisor.await {
            error!(error = &error as &dyn std::error::Error, "the change engine ended badly");
        }
        // Only now is the journal complete.
        let _ = engine.stop_reporter.send(true);
        if let Err(error) = engine.reporter.await {
            error!(error = &error as &dyn std::error::Error, "the reporter of changes ended badly");
        }
    }
}

/// Said of an instance without an `apply_url`.
pub(super) const NO_CONNECTION: &str = "this agent has no connection for changes to the instance: set apply_url in its \
                             [[instance]] (`querysmith-agent grants --apply` prints the SQL of the role)";

fn unusable(error: &JournalError) -> String {
    let mut text = format!("this agent can't use its journal, so it changes nothing: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

impl Engine {
    /// Whether an order of this record is not to be obeyed; then what was obeyed before.
    async fn pass(&self, fence: Fence) -> Result<Option<Fence>, JournalError> {
        let context = self.context.clone();
        let passed = tokio::task::spawn_blocking(move || context.fencing.pass(&context.journal, fence));
        match passed.await.expect("judging an order doesn't panic")? {
            Passage::Open => Ok(None),
            Passage::NewEpoch => {
                tracing::warn!(
                    epoch = fence.epoch,
                    "the controller goes on from an older store: telling it everything"
                );
                self.context.news.notify_one();
                Ok(None)
            }
            Passage::Shut(obeyed) => {
                error!(
                    ?fence,
                    ?obeyed,
                    "refused an order: the controller is older than what this agent obeyed"
                );
                Ok(Some(obeyed))
            }
        }
    }

    async fn apply(&self, order: Apply) -> Result<(), String> {
        let Some(instance) = self.context.instances.get(&order.instance) else {
            return Err(NO_CONNECTION.to_owned());
        };
        if let Some(record) = self.known(order.change)? {
            return match accept::again(&record, &order) {
                Acceptance::Write(_) | Acceptance::Done => Ok(()),
                Acceptance::Refuse(reason) => {
                    tracing::warn!(change.id = %order.change, reason, "refused an order whose id is in the journal");
                    Err(reason)
                }
            };
        }
        // Not even its refusal is journalled: that would be the whole order.
        order::check_size(&order)?;
        if self.context.journal.open_changes().len() >= MAX_OPEN {
            return Err(format!("{MAX_OPEN} changes are open on this agent: finish some first"));
        }
        if self.context.journal.bytes() > MAX_BYTES {
            return Err("this agent's journal is full: keep a copy of it, and begin a new one".to_owned());
        }
        let signed_by = match self.context.permission(instance, &order) {
            Permission::Granted { signed_by, .. } => signed_by,
            Permission::MissingSignatures(_) | Permission::Denied { .. } => Vec::new(),
        };
        let received = Event::Received { order: Box::new(order.clone()), signed_by };
        match self.context.record(order.change, None, received).await {
            Ok(_) => {}
            // The same order came twice at the same time.
            Err(RecordError::Moved) => return Ok(()),
            Err(error) => return Err(error.to_string()),
        }
        match self.objection(&order, instance) {
            None => {
                self.start(order.change).await;
                Ok(())
            }
            Some(reason) => {
                let rejected = Event::Rejected { reason: reason.clone() };
                let written = self.context.record(order.change, Some(ChangeState::Received), rejected).await;
                written.map_err(|error| error.to_string())?;
                Err(reason)
            }
        }
    }

    /// What an order lacks that only needs more signatures, and isn't known yet: it may come again with them, so
    /// the journal, in which a refusal is for ever, hears nothing of it.
    fn missing_signatures(&self, order: &Apply) -> Option<MissingSignatures> {
        let instance = self.context.instances.get(&order.instance)?;
        // What can't be read is refused for that.
        let is_new = self.known(order.change).is_ok_and(|known| known.is_none());
        if !is_new || order::rendered(order).is_err() {
            return None;
        }
        match self.context.permission(instance, order) {
            Permission::MissingSignatures(missing) => Some(missing),
            Permission::Granted { .. } | Permission::Denied { .. } => None,
        }
    }

    /// What speaks against an order before the database is even asked.
    fn objection(&self, order: &Apply, instance: &Instance) -> Option<String> {
        if self.withdrawn.contains(order.change) {
            return Some("the change was withdrawn before its order arrived".to_owned());
        }
        let now = self.context.now();
        if let Some(reason) = plan::clock_set_back(now, self.context.journal.latest()) {
            return Some(reason);
        }
        if now >= order.expires_at {
            return Some("the approval has expired: approve its next proposal".to_owned());
        }
        if let Err(reason) = order::rendered(order) {
            return Some(reason);
        }
        self.context.permission(instance, order).refusal().map(str::to_owned)
    }

    /// What was kept is part of the database: to take it away is a change like any other, which the host may
    /// forbid. What is on trial may always go, and the host's own `revert` asks nobody.
    fn may_remove_what_was_kept(&self, record: &Record, signatures: &[Signature]) -> Result<(), String> {
        let instance = self.context.instances.get(&record.order.instance).ok_or(NO_CONNECTION)?;
        match self.context.undo_permission(instance, &record.order, signatures).refusal() {
            None => Ok(()),
            Some(reason) => Err(format!(
                "{reason}; on the host it can be taken back anyway: querysmith-agent revert {}",
                record.change
            )),
        }
    }

    async fn undo(&self, order: Undo) -> Result<(), String> {
        // Only as often as the change can move on in the meantime.
        for _ in 0..ChangeState::ALL.len() {
            let record = match self.known(order.change)? {
                Some(record) => record,
                None => {
                    // Either this finds the order in the journal, or the order finds that it was withdrawn.
                    self.withdrawn.add(order.change);
                    self.known(order.change)?.ok_or(UNKNOWN_CHANGE)?
                }
            };
            if record.state == ChangeState::Confirmed {
                self.may_remove_what_was_kept(&record, &order.signatures)?;
            }
            let event = match accept::undo(&record, &order.reason) {
                Acceptance::Write(event) => event,
                Acceptance::Done => return Ok(()),
                Acceptance::Refuse(reason) => return Err(reason),
            };
            match self.context.record(order.change, Some(record.state), event).await {
                Ok(_) => {
                    self.start(order.change).await;
                    return Ok(());
                }
                Err(RecordError::Moved) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Err("the change moves on too quickly: ask again".to_owned())
    }

    async fn confirm(&self, order: Confirm) -> Result<(), String> {
        let record = self.known(order.change)?.ok_or(UNKNOWN_CHANGE)?;
        self.on_trial(&record, accept::confirm(&record, &order.reason)).await
    }

    async fn pause(&self, order: Pause) -> Result<(), String> {
        let record = self.known(order.change)?.ok_or(UNKNOWN_CHANGE)?;
        self.on_trial(&record, accept::pause(&record, order.for_s, &order.reason)).await
    }

    /// Does what was decided about a change on trial.
    async fn on_trial(&self, record: &Record, acceptance: Acceptance) -> Result<(), String> {
        match acceptance {
            Acceptance::Write(event) => {
                let written = self.context.record(record.change, Some(record.state), event).await;
                if !written.map_err(|error| error.to_string())?.state.is_final() {
                    self.start(record.change).await;
                }
                Ok(())
            }
            Acceptance::Done => Ok(()),
            Acceptance::Refuse(reason) => Err(reason),
        }
    }

    async fn renew(&self, order: Renew) -> Result<Vec<Lease>, String> {
        let context = self.context.clone();
        let renewed =
            tokio::task::spawn_blocking(move || context.leases.renew(&context, &order.changes)).await;
        renewed.expect("renewing leases doesn't panic").map_err(|error| unusable(&error))
    }

    fn known(&self, change: ChangeId) -> Result<Option<Record>, String> {
        self.context.journal.change(change).map_err(|error| unusable(&error))
    }

    /// Has the change carried on, or tells whoever carries it that there is news.
    async fn start(&self, change: ChangeId) {
        if self.starts.send(change).await.is_err() {
            // The agent is stopping: the journal has it, and the next start finds it there.
            tracing::info!(change.id = %change, "the change waits for the next start of the agent");
        }
    }
}

/// Every instance by its id, for whoever needs the engine without the rest of the agent.
pub(super) fn by_id(instances: Vec<ApplyInstance>) -> HashMap<InstanceId, Instance> {
    instances.into_iter().map(|instance| (instance.id, Instance::new(instance))).collect()
}
