//! Small shapes that several resources answer with.

use chrono::{DateTime, Utc};
use querysmith_advice::finding::EvidenceItem;
use querysmith_advice::interval;
use querysmith_advice::measure::effect::Verdict;
use querysmith_advice::propose::how_tried;
use querysmith_shared::change::ChangeKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::Problem;
use super::same_variants::same_variants;
use crate::store::read_proposals::StoredSql;
use crate::store::read_series::MarkRow;

/// An estimate with its uncertainty. For changes of time: a fraction, negative is faster.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Interval {
    /// Best guess.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// One fact that supports a conclusion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// What it is.
    pub label: String,
    /// Its value, ready to show.
    pub value: String,
    /// Where it comes from.
    pub source: String,
}

/// The kinds of change there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposalKind {
    /// Build an index.
    CreateIndex,
    /// Gather a table's statistics.
    Analyze,
    /// Drop an index that another one makes superfluous.
    DropIndex,
    /// Set a parameter of the server.
    SetParameter,
    /// Gather statistics about columns together.
    CreateStatistics,
    /// Sample a column more or less closely.
    SetStatisticsTarget,
}

/// Exactly the text that will run, statement by statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangeSql {
    /// Brings the change about.
    pub apply: Vec<String>,
    /// Reads back whether it is there.
    pub verify: String,
    /// Takes it back; empty where that is impossible.
    pub undo: Vec<String>,
    /// The terms of its trial in words, part of what is approved; empty where nothing can be taken back.
    pub terms: String,
}

/// What a measured change did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EffectVerdict {
    /// It is faster, beyond doubt.
    Helped,
    /// No difference worth having.
    NoEffect,
    /// It is slower, beyond doubt.
    Harmed,
    /// Too few calls to tell.
    TooLittleData,
}

/// What a mark on a chart stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// One of our changes was applied.
    ChangeApplied,
    /// One of our changes was undone.
    ChangeUndone,
    /// A statement got another plan.
    PlanChange,
    /// The server's counters were reset.
    StatsReset,
    /// An index disappeared.
    IndexGone,
    /// The server was restarted.
    Restart,
}

/// Something worth a mark on a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mark {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: MarkKind,
    /// In words.
    pub label: String,
    /// The change it belongs to.
    pub change_id: Option<Uuid>,
}

/// Longest reason.
pub(super) const MAX_REASON_CHARS: usize = 2_000;

/// A reason, required: it is what the next reader of the record will want to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Why.
    pub reason: String,
}

impl From<interval::Interval> for Interval {
    fn from(from: interval::Interval) -> Self {
        Self { estimate: from.estimate, low: from.low, high: from.high }
    }
}

impl From<EvidenceItem> for Evidence {
    fn from(from: EvidenceItem) -> Self {
        Self { label: from.label, value: from.value, source: from.source }
    }
}

/// How a parameter is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HowTried {
    /// It stays in place, and what was before is compared with what comes after: harm is told, help isn't.
    BeforeAfter,
    /// It is put in place and taken back in turns of a few minutes, in random order, until it is told what it does.
    Switchback,
    /// The same in turns of half an hour and more, for what needs caches to fill.
    SlowSwitchback,
}

same_variants!(how_tried::HowTried, HowTried, [BeforeAfter, Switchback, SlowSwitchback]);
same_variants!(
    ChangeKind,
    ProposalKind,
    [CreateIndex, Analyze, DropIndex, SetParameter, CreateStatistics, SetStatisticsTarget]
);
same_variants!(Verdict, EffectVerdict, [Helped, NoEffect, Harmed, TooLittleData]);

impl From<StoredSql> for ChangeSql {
    fn from(from: StoredSql) -> Self {
        Self { apply: from.apply, verify: from.verify, undo: from.undo, terms: from.terms }
    }
}

/// Marks as the console knows them. One of a kind that this version does not know is left out.
pub(super) fn marks(rows: Vec<MarkRow>) -> Vec<Mark> {
    let known = rows.into_iter().filter_map(|row| {
        let kind = match row.kind.as_str() {
            "change_applied" => MarkKind::ChangeApplied,
            "change_undone" => MarkKind::ChangeUndone,
            "plan_change" => MarkKind::PlanChange,
            "stats_reset" => MarkKind::StatsReset,
            "index_gone" => MarkKind::IndexGone,
            "restart" => MarkKind::Restart,
            _ => return None,
        };
        Some(Mark { at: row.at, kind, label: row.label, change_id: row.change_id })
    });
    known.collect()
}

/// The refusal for an instance that is not there.
pub(super) fn unknown_instance() -> Problem {
    Problem::not_found("there is no instance with this id")
}
