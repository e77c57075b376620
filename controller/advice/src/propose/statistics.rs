//! Statistics beyond the usual ones as a proposal: about columns together, or from a larger sample.

use std::collections::HashSet;

use querysmith_shared::change::statistics::{
    CreateStatistics, STATISTICS_COLUMNS, STATISTICS_TARGETS, SetStatisticsTarget,
};
use querysmith_shared::change::{Change, object_name};
use querysmith_shared::id::ChangeId;

use super::by_hand::{Part, Unfit};
use super::draft::{self, Grounds, ProposalDraft, StatementEffect};
use super::how_tried::HowTried;
use super::{analyze, memory};
use crate::evidence::TableEvidence;
use crate::overview::Overview;

/// Statistics about these columns together, named after the change.
pub(super) fn create(table: &TableEvidence, columns: &[String], change: ChangeId) -> Result<Change, Unfit> {
    if !STATISTICS_COLUMNS.contains(&columns.len()) {
        return Err(Unfit::StatisticsColumns);
    }
    let mut seen = HashSet::new();
    for column in columns {
        if !seen.insert(column) {
            return Err(Unfit::Twice { column: column.clone(), part: Part::Columns });
        }
        check_column(table, column)?;
    }
    let name = object_name(change, &table.table.name, columns.iter().map(String::as_str));
    Ok(Change::CreateStatistics(CreateStatistics {
        database: table.database.clone(),
        table: table.table.name.clone(),
        name,
        columns: columns.to_vec(),
    }))
}

/// Another target for a column.
pub(super) fn target(table: &TableEvidence, column: &str, target: u16) -> Result<Change, Unfit> {
    check_column(table, column)?;
    if !STATISTICS_TARGETS.contains(&target) {
        return Err(Unfit::Target);
    }
    let known = table.column(column).and_then(|column| column.statistics_target);
    let before = known.and_then(|known| u16::try_from(known).ok());
    if before == Some(target) {
        return Err(Unfit::TargetAlready { column: column.to_owned(), target });
    }
    Ok(Change::SetStatisticsTarget(SetStatisticsTarget {
        database: table.database.clone(),
        table: table.table.name.clone(),
        column: column.to_owned(),
        target,
        before,
    }))
}

fn check_column(table: &TableEvidence, column: &str) -> Result<(), Unfit> {
    match table.column(column) {
        Some(_) => Ok(()),
        None => Err(Unfit::unknown_column(table, column, Part::Columns)),
    }
}

/// The draft for a change that [`create`] or [`target`] has made.
pub(super) fn draft(
    overview: &Overview<'_>,
    table: &TableEvidence,
    grounds: Grounds,
    change: Change,
    change_id: ChangeId,
) -> ProposalDraft {
    let evidence = overview.evidence;
    let name = &table.table.name;
    let (title, sample_target) = match &change {
        Change::CreateStatistics(create) => (
            format!("Statistics about {} of {name} together", create.columns.join(", ")),
            analyze::DEFAULT_TARGET,
        ),
        Change::SetStatisticsTarget(set) => {
            (format!("Statistics target {} for {}.{}", set.target, name, set.column), f64::from(set.target))
        }
        other => (format!("{} on {name}", other.kind().as_str()), analyze::DEFAULT_TARGET),
    };
    let readers = overview.statements_on(&table.database, name).into_iter();
    let statements = readers.filter(|statement| statement.reads(name)).map(StatementEffect::not_simulated);
    let mut risks = vec![
        "Plans of all statements on this table may change, for worse as well as for better; what they do is measured."
            .to_owned(),
        "The table is analyzed at once, and every later ANALYZE takes a little longer.".to_owned(),
    ];
    risks.extend(draft::not_applied_here(evidence));
    ProposalDraft {
        change_id,
        instance: evidence.instance.id,
        kind: change.kind(),
        title,
        reason: format!(
            "{} The planner estimates rows by them. What better estimates save can't be told before the plans are made, \
             so nothing is predicted.",
            grounds.why
        ),
        finding_ids: grounds.finding_ids,
        evidence: grounds.evidence,
        statements: statements.collect(),
        predicted: None,
        cost_log_ratio: None,
        simulated: false,
        not_simulated_reason: Some("statistics can't be imagined".to_owned()),
        size_bytes: None,
        write_cost: "None: writers are not touched.".to_owned(),
        entries_per_hour: None,
        lock: analyze::lock(name),
        duration_estimate_s: Some(analyze::duration(table, sample_target)),
        tried: HowTried::BeforeAfter,
        risks,
        evidence_digest: memory::digest(table.rows(), 1.0),
        model_version: evidence.model.version,
        change,
    }
}
