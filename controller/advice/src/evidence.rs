//! Everything one run of the detectors and of the proposer may look at, as one immutable value.

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::{Change, TableName};
use querysmith_shared::engine::Version;
use querysmith_shared::id::{ChangeId, FindingId, InstanceId, ProposalId, StatementId};
use querysmith_shared::observation::plan::{PlanNode, PlanOrigin};
use querysmith_shared::observation::schema::{Index, Table, TableActivity};
use querysmith_shared::observation::settings::Setting;
use querysmith_shared::timestamp::Timestamp;

use crate::learn::model::Model;
use crate::measure::effect::Verdict;
use crate::thresholds::Thresholds;

/// Evidence about one instance at one moment.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The moment; the only clock there is.
    pub now: Timestamp,
    /// The server.
    pub instance: InstanceFacts,
    /// Its statements, at least those that make up most of its time and those with an open finding.
    pub statements: Vec<StatementEvidence>,
    /// What all statements together did, on the same grid of windows; empty = the sum of `statements`.
    pub totals: Vec<WindowSum>,
    /// Its tables with their activity.
    pub tables: Vec<TableEvidence>,
    /// The settings that matter to costs.
    pub settings: PlannerSettings,
    /// Every parameter of the server.
    pub parameters: Vec<Setting>,
    /// Findings that are open now.
    pub open_findings: Vec<OpenFinding>,
    /// Proposals that wait, were approved, or were refused.
    pub proposals: Vec<KnownProposal>,
    /// Changes that are under way, on trial, or ended within the block-list's time.
    pub changes: Vec<KnownChange>,
    /// Indexes that were there in one description of the schema and not in the next.
    pub dropped_indexes: Vec<DroppedIndex>,
    /// The current model.
    pub model: Model,
    /// Every threshold.
    pub thresholds: Thresholds,
}

/// What a server is and what may be done with it.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceFacts {
    /// Its id.
    pub id: InstanceId,
    /// Its version.
    pub version: Version,
    /// It is a standby that replays: nothing can be built or analysed on it.
    pub in_recovery: bool,
    /// Hypothetical indexes can be asked for.
    pub what_if: bool,
    /// The agent may apply changes here.
    pub may_apply: bool,
    /// Its system identifier.
    pub system_identifier: String,
}

/// One statement.
#[derive(Debug, Clone)]
pub struct StatementEvidence {
    /// Its id.
    pub id: StatementId,
    /// Its database.
    pub database: String,
    /// Its user.
    pub user: String,
    /// Its text without literals; empty where it is unknown.
    pub text: String,
    /// The text was cut: it can't be parsed.
    pub truncated: bool,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// What it did: disjoint windows, ascending, finer the newer (raw windows for the last quarter of an
    /// hour, minutes for two hours, ten minutes for a day, hours for a week). A window in which it was not
    /// called may be left out.
    pub windows: Vec<WindowSum>,
    /// Its plans, each shape once.
    pub plans: Vec<PlanEvidence>,
}

/// What a statement (or all of them) did in one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowSum {
    /// Start.
    pub start: Timestamp,
    /// End.
    pub end: Timestamp,
    /// Calls.
    pub calls: u64,
    /// Time, ms.
    pub total_ms: f64,
    /// Sum of the squared times, ms².
    pub sum_squares_ms2: f64,
    /// Blocks found in the cache.
    pub blocks_hit: u64,
    /// Blocks read from below it.
    pub blocks_read: u64,
    /// Rows returned or affected.
    pub rows: u64,
    /// Temporary blocks read and written.
    pub temp_blocks: u64,
    /// Write-ahead log, bytes.
    pub wal_bytes: u64,
}

/// One plan shape of a statement.
#[derive(Debug, Clone)]
pub struct PlanEvidence {
    /// Hash of the shape, as [`PlanNode::shape_hash`] makes it.
    pub shape_hash: u64,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// What stood for the parameters.
    pub origin: PlanOrigin,
    /// The newest plan of this shape.
    pub plan: PlanNode,
}

/// One table.
#[derive(Debug, Clone)]
pub struct TableEvidence {
    /// Its database.
    pub database: String,
    /// Its structure.
    pub table: Table,
    /// Its size and activity; `None` before the first report of usage.
    pub activity: Option<TableActivity>,
    /// When the activity was read.
    pub read_at: Option<Timestamp>,
    /// Since when the activity is counted.
    pub stats_since: Option<Timestamp>,
    /// When each of its indexes was first seen, by object id; missing = it was there when watching began.
    pub index_first_seen: Vec<(u32, Timestamp)>,
    /// Writes per hour lately, where two readings of the counters are known.
    pub writes: Option<WriteRate>,
}

/// Row changes per hour.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WriteRate {
    /// Inserted.
    pub inserted: f64,
    /// Updated.
    pub updated: f64,
    /// Updated without touching an index; part of `updated`.
    pub hot_updated: f64,
    /// Deleted.
    pub deleted: f64,
}

/// The settings the planner's costs depend on, in the units of its documentation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlannerSettings {
    /// random_page_cost.
    pub random_page_cost: f64,
    /// seq_page_cost.
    pub seq_page_cost: f64,
    /// cpu_tuple_cost.
    pub cpu_tuple_cost: f64,
    /// cpu_index_tuple_cost.
    pub cpu_index_tuple_cost: f64,
    /// cpu_operator_cost.
    pub cpu_operator_cost: f64,
    /// work_mem, bytes.
    pub work_mem_bytes: u64,
    /// effective_cache_size, bytes.
    pub effective_cache_bytes: u64,
}

impl Default for PlannerSettings {
    /// PostgreSQL's own defaults.
    fn default() -> Self {
        Self {
            random_page_cost: 4.0,
            seq_page_cost: 1.0,
            cpu_tuple_cost: 0.01,
            cpu_index_tuple_cost: 0.005,
            cpu_operator_cost: 0.0025,
            work_mem_bytes: 4 << 20,
            effective_cache_bytes: 4 << 30,
        }
    }
}

/// A finding that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenFinding {
    /// Its id.
    pub id: FindingId,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

/// A proposal that was made before.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownProposal {
    /// Its id.
    pub id: ProposalId,
    /// Where it stands.
    pub state: ProposalState,
    /// What it would do.
    pub change: Change,
    /// The digest of the evidence it was made of ([`crate::propose::draft::ProposalDraft::evidence_digest`]).
    pub evidence_digest: String,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProposalState {
    /// Waits for a verdict.
    Waiting,
    /// Approved: a change carries it on.
    Approved,
    /// Refused by a person.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Taken back because its finding went away.
    Withdrawn,
    /// Replaced by a better one.
    Superseded,
}

impl ProposalState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Approved, Self::Rejected, Self::Expired, Self::Withdrawn, Self::Superseded];

    /// The name used in the store and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A change that was approved before.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownChange {
    /// Its id.
    pub id: ChangeId,
    /// What it does.
    pub change: Change,
    /// Where it stands.
    pub state: ChangeState,
    /// Since when.
    pub state_since: Timestamp,
    /// When it was in place, if it ever was.
    pub applied_at: Option<Timestamp>,
    /// What was measured, if anything; too little data only where that is why the trial ended.
    pub verdict: Option<Verdict>,
    /// The digest of the evidence of its proposal.
    pub evidence_digest: String,
}

/// An index that vanished.
#[derive(Debug, Clone, PartialEq)]
pub struct DroppedIndex {
    /// Its database.
    pub database: String,
    /// Its table.
    pub table: TableName,
    /// What it was.
    pub index: Index,
    /// When it was last seen.
    pub seen_until: Timestamp,
    /// When it was missed.
    pub gone_at: Timestamp,
}
