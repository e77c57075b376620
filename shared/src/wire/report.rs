//! Numbered reports from the agent, and their acknowledgement.

use serde::{Deserialize, Serialize};

use super::codec::Message;
use super::envelope::Kind;
use crate::change::lifecycle::ChangeState;
use crate::change::switchback::TrialStep;
use crate::id::{ChangeId, InstanceId};
use crate::observation::activity::Activity;
use crate::observation::collector::{AgentCost, CollectorReport};
use crate::observation::gap::Gap;
use crate::observation::host::Host;
use crate::observation::instance::Instance;
use crate::observation::plan::Plans;
use crate::observation::query_stats::{QueryStats, StatementTexts};
use crate::observation::schema::{SchemaChanges, TableUsage};
use crate::observation::settings::SettingsChanges;
use crate::timestamp::Timestamp;

/// The two sequences of reports. Each is sent in order and numbered from 1 without reuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lane {
    /// Observations; merged, then dropped oldest first, when the spool is full.
    Telemetry,
    /// What happened to changes; never dropped.
    Changes,
}

/// One report. It was on the agent's disk before it was sent, and it stays there until [`Stored`] says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Its sequence.
    pub lane: Lane,
    /// Its number in the lane, from 1; numbers may be missing after a gap, never repeated.
    pub sequence: u64,
    /// When it was made.
    pub made_at: Timestamp,
    /// The instance it is about; `None` for the agent itself.
    pub instance: Option<InstanceId>,
    /// What it says.
    pub body: ReportBody,
}

impl Message for Report {
    const KIND: Kind = Kind::Report;
}

/// What a report says. Appended to, never reordered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ReportBody {
    /// Statement statistics of one window.
    QueryStats(QueryStats),
    /// Texts of statements.
    StatementTexts(StatementTexts),
    /// Plans.
    Plans(Plans),
    /// Tables, columns, indexes.
    Schema(SchemaChanges),
    /// Sizes and activity of tables and indexes.
    Usage(TableUsage),
    /// Settings.
    Settings(SettingsChanges),
    /// The host.
    Host(Host),
    /// Activity at one moment.
    Activity(Activity),
    /// The collectors' state.
    Collectors(CollectorReport),
    /// What the agent costs.
    Cost(AgentCost),
    /// Missing telemetry.
    Gap(Gap),
    /// The server's identity, version or role changed.
    Instance(Instance),
    /// Something happened to a change.
    Change(ChangeReport),
}

/// One step of a change, as the agent's journal has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// Which change.
    pub change: ChangeId,
    /// The state it is in now.
    pub state: ChangeState,
    /// When it got there.
    pub at: Timestamp,
    /// Why, in one sentence, redacted.
    pub detail: String,
    /// The statement that was run, if one was.
    pub sql: Option<String>,
    /// How long it took, ms.
    pub duration_ms: Option<u64>,
    /// What was read back from the database.
    pub observed: Option<String>,
    /// What it means for a trial by switchback.
    pub trial_step: Option<TrialStep>,
}

/// The controller has committed every report of `lane` up to `sequence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Which sequence.
    pub lane: Lane,
    /// The highest number that is stored.
    pub sequence: u64,
}

impl Message for Stored {
    const KIND: Kind = Kind::Stored;
}
