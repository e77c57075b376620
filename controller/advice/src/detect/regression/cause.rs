//! Why a statement became slower: what happened about that time.

use querysmith_shared::change::TableName;
use querysmith_shared::observation::plan::PlanNode;

use super::jump::Jump;
use crate::evidence::{DroppedIndex, PlanEvidence};
use crate::overview::{Overview, StatementView, seconds};
use crate::words;

/// Longest window that is usual, s.
const WINDOW_S: f64 = 60.0;
/// Blocks of a call grew by this factor.
const MORE_READ: f64 = 1.5;

/// The likeliest cause.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cause {
    /// An index it used is gone.
    IndexGone { name: String, table: TableName, definition: String },
    /// It runs by another plan.
    PlanChanged { from: String, to: String, lost: Option<String>, analyzed: Option<String> },
    /// It reads more by the same plan: the data grew, or its parameters are others.
    MoreRead,
    /// It does the same work in more time.
    Unknown,
}

impl Cause {
    /// In a few words.
    pub(super) fn label(&self) -> String {
        match self {
            Self::IndexGone { name, table, .. } => format!("index {name} of {table} is gone"),
            Self::PlanChanged { .. } => "another plan".to_owned(),
            Self::MoreRead => "reads more".to_owned(),
            Self::Unknown => "unknown".to_owned(),
        }
    }

    /// As a sentence.
    pub(super) fn sentence(&self, jump: &Jump) -> String {
        let blocks = format!(
            "{} blocks a call instead of {}",
            words::number(jump.blocks_after),
            words::number(jump.blocks_before)
        );
        match self {
            Self::IndexGone { name, table, .. } => {
                format!("The index {name} on {table}, which it used, was dropped; it now reads {blocks}.")
            }
            Self::PlanChanged { from, to, lost, analyzed } => {
                let analyzed = analyzed
                    .as_ref()
                    .map(|table| format!(" Statistics of {table} were gathered just before."))
                    .unwrap_or_default();
                let lost =
                    lost.as_ref().map(|name| format!(" and no longer uses {name}")).unwrap_or_default();
                format!("Its plan changed from {from} to {to}{lost}; it now reads {blocks}.{analyzed}")
            }
            Self::MoreRead => format!(
                "It reads {blocks}, by the same plan as far as is known: its data grew, its parameters changed, or the \
                 new plan was not seen yet."
            ),
            Self::Unknown => {
                "It reads no more than before, so it waits: for locks, for the disk or for a processor."
                    .to_owned()
            }
        }
    }

    /// What to do.
    pub(super) fn advice(&self, table: Option<&TableName>) -> String {
        match (self, table) {
            (Self::IndexGone { definition, .. }, _) => {
                format!(
                    "Build the index again, or one that serves as well (see the proposal). It was: {definition}"
                )
            }
            (Self::PlanChanged { .. } | Self::MoreRead, Some(table)) => {
                format!("An index on {table} would help (see the proposal).")
            }
            (Self::PlanChanged { .. }, None) => {
                "Compare the two plans; if the statistics of its tables are old, analyse them.".to_owned()
            }
            (Self::MoreRead, None) => "Look at what grew: rows per call, table sizes, dead rows.".to_owned(),
            (Self::Unknown, _) => "Look at waits, locks and the host's load at that time.".to_owned(),
        }
    }
}

/// The cause of a jump.
pub(super) fn find(overview: &Overview<'_>, statement: &StatementView<'_>, jump: &Jump) -> Cause {
    if let Some(gone) = index_gone(overview, statement, jump) {
        return Cause::IndexGone {
            name: gone.index.name.clone(),
            table: gone.table.clone(),
            definition: gone.index.definition.clone(),
        };
    }
    if let Some((from, to)) = plan_changed(overview, statement, jump) {
        let kept = indexes(&to.plan);
        let lost = indexes(&from.plan).into_iter().find(|name| !kept.contains(name));
        let analyzed = just_analyzed(overview, statement, jump);
        return Cause::PlanChanged { from: gist(&from.plan), to: gist(&to.plan), lost, analyzed };
    }
    if jump.blocks_after >= MORE_READ * jump.blocks_before.max(1.0) {
        Cause::MoreRead
    } else {
        Cause::Unknown
    }
}

/// An index of one of its tables that vanished about then, and that an earlier plan of it used, or whose
/// first key it has a condition on.
fn index_gone<'a>(
    overview: &Overview<'a>,
    statement: &StatementView<'_>,
    jump: &Jump,
) -> Option<&'a DroppedIndex> {
    let slack = seconds(overview.evidence.thresholds.regression.cause_before_s);
    let used: Vec<String> = statement.evidence.plans.iter().flat_map(|plan| indexes(&plan.plan)).collect();
    let mut fitting: Vec<&DroppedIndex> = overview
        .evidence
        .dropped_indexes
        .iter()
        .filter(|gone| gone.database == statement.evidence.database)
        // It was there at some time before the jump, and was missed at some time after it.
        .filter(|gone| gone.seen_until.before(slack) <= jump.at && jump.at <= gone.gone_at.after(slack))
        .filter(|gone| used.contains(&gone.index.name) || has_condition(statement, gone))
        .collect();
    fitting.sort_by_key(|gone| (!used.contains(&gone.index.name), std::cmp::Reverse(gone.gone_at)));
    fitting.first().copied()
}

fn has_condition(statement: &StatementView<'_>, gone: &DroppedIndex) -> bool {
    let Some(first) = gone.index.keys.first() else { return false };
    statement.uses(&gone.table).any(|table_use| {
        table_use.has_equality(&first.column)
            || table_use.joins.contains(&first.column)
            || table_use.ranges.contains(&first.column)
    })
}

/// The plan of before and the one of now, if they differ and the new one is about as old as the jump.
fn plan_changed<'s>(
    overview: &Overview<'_>,
    statement: &'s StatementView<'_>,
    jump: &Jump,
) -> Option<(&'s PlanEvidence, &'s PlanEvidence)> {
    let slack = seconds(overview.evidence.thresholds.regression.cause_before_s);
    let current = statement.current_plan()?;
    let earlier = statement
        .evidence
        .plans
        .iter()
        .filter(|plan| plan.origin == current.origin && plan.first_seen < jump.at)
        .filter(|plan| plan.shape_hash != current.shape_hash)
        .max_by_key(|plan| plan.last_seen)?;
    let new = current.first_seen.after(slack) >= jump.at && current.last_seen >= earlier.last_seen;
    new.then_some((earlier, current))
}

/// A table of the statement whose statistics were gathered shortly before the jump.
fn just_analyzed(overview: &Overview<'_>, statement: &StatementView<'_>, jump: &Jump) -> Option<String> {
    let slack = seconds(overview.evidence.thresholds.regression.cause_before_s);
    let uses = statement.shape.iter().flat_map(|shape| &shape.uses);
    let mut tables = uses.filter_map(|u| overview.table(&statement.evidence.database, &u.table));
    let analyzed = tables.find(|table| {
        let last = table.activity.as_ref().and_then(|a| a.last_analyze.max(a.last_autoanalyze));
        // The window of the jump began before whatever happened in it.
        last.is_some_and(|at| at.after(slack) >= jump.at && at <= jump.at.after(seconds(WINDOW_S)))
    });
    analyzed.map(|table| table.table.name.to_string())
}

fn indexes(plan: &PlanNode) -> Vec<String> {
    let mut names = Vec::new();
    plan.walk(&mut |node, _| names.extend(node.index.clone()));
    names
}

/// The scans of a plan in a few words.
fn gist(plan: &PlanNode) -> String {
    let mut parts = Vec::new();
    plan.walk(&mut |node, _| {
        if let Some(relation) = &node.relation {
            parts.push(format!("{} on {relation}", node.node_type));
        }
    });
    parts.truncate(3);
    if parts.is_empty() { plan.node_type.clone() } else { words::list(&parts) }
}
