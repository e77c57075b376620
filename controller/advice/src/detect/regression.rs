//! Regression: a statement is slower than it used to be.
//!
//! Judged against the statement's own history, less what all others of the server slowed down by, and explained
//! by what happened at that time.

mod cause;
mod jump;
mod pace;

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::{Change, TableName};
use querysmith_shared::timestamp::Timestamp;

use super::about::{self, Loss};
use super::missing_index;
use crate::evidence::Evidence;
use crate::finding::{EvidenceItem, Finding, FindingKind, Identity};
use crate::overview::{Activity, Overview, StatementView, seconds};
use crate::words;
use cause::Cause;
use jump::Jump;
use pace::Pace;

/// The regressions that the evidence shows.
pub(super) fn detect(overview: &Overview<'_>) -> Vec<Finding> {
    let pace = Pace::of(overview);
    overview.statements.iter().filter_map(|statement| regression(overview, &pace, statement)).collect()
}

fn regression(overview: &Overview<'_>, pace: &Pace, statement: &StatementView<'_>) -> Option<Finding> {
    let evidence = overview.evidence;
    let identity = Identity {
        instance: evidence.instance.id,
        kind: FindingKind::Regression,
        database: &statement.evidence.database,
        object: None,
        statement: Some(statement.evidence.id),
    };
    let open_since =
        evidence.open_findings.iter().find(|open| open.id == identity.id()).map(|open| open.first_seen);
    let jump = jump::find(overview, pace, statement, open_since)?;
    if undone_by_us(evidence, statement, jump.at) {
        return None;
    }
    let now = Activity::since(&statement.evidence.windows, jump.at);
    let all: f64 =
        overview.statements.iter().map(|s| Activity::since(&s.evidence.windows, jump.at).total_ms).sum();
    let hours = evidence.now.since(jump.at).as_secs_f64().max(1.0) / 3_600.0;
    let share = if all > 0.0 { now.total_ms / all } else { 0.0 };
    let wasted = 1.0 - 1.0 / jump.factor.max(1.0);
    let loss = Loss {
        time_share: share * wasted,
        ms_per_hour: now.total_ms / hours * wasted,
        calls_per_hour: now.calls as f64 / hours,
    };
    let limits = &evidence.thresholds.regression;
    if loss.time_share < limits.least_lost_share || loss.ms_per_hour < limits.least_lost_ms_per_hour {
        return None;
    }
    let cause = cause::find(overview, statement, &jump);
    let table = match &cause {
        Cause::IndexGone { table, .. } => Some(table.clone()),
        Cause::PlanChanged { .. } | Cause::MoreRead | Cause::Unknown => {
            missing_index::worst_table(overview, statement)
        }
    };
    Some(finding(overview, statement, identity, &jump, &loss, &cause, table))
}

/// The product itself took an index away that this statement used: the finding it was for comes back instead.
fn undone_by_us(evidence: &Evidence, statement: &StatementView<'_>, at: Timestamp) -> bool {
    let slack = seconds(evidence.thresholds.regression.cause_before_s);
    evidence.changes.iter().any(|change| {
        let undone = matches!(change.state, ChangeState::Reverting | ChangeState::Reverted);
        let here = match &change.change {
            Change::CreateIndex(index) => statement.uses(&index.table).next().is_some(),
            // What it takes away, another index does; what it brings back can make nothing slower.
            Change::Analyze(_) | Change::DropIndex(_) => false,
            // A statement that was quicker by a value is slower without it.
            Change::SetParameter(_) => true,
            Change::CreateStatistics(create) => statement.uses(&create.table).next().is_some(),
            Change::SetStatisticsTarget(set) => statement.uses(&set.table).next().is_some(),
        };
        undone && here && change.state_since.after(slack) >= at
    })
}

fn finding(
    overview: &Overview<'_>,
    statement: &StatementView<'_>,
    identity: Identity<'_>,
    jump: &Jump,
    loss: &Loss,
    cause: &Cause,
    table: Option<TableName>,
) -> Finding {
    let (from, to) = (words::duration(jump.mean_before), words::duration(jump.mean_after));
    let times = words::number(jump.factor);
    let ago = words::duration(overview.evidence.now.since(jump.at).as_secs_f64() * 1_000.0);
    let statistics = "pg_stat_statements, windows";
    let mut items = vec![
        EvidenceItem::new("mean time before", from.clone(), statistics),
        EvidenceItem::new("mean time now", to.clone(), statistics),
        EvidenceItem::new(
            "blocks of one call, before and now",
            format!("{} and {}", words::number(jump.blocks_before), words::number(jump.blocks_after)),
            statistics,
        ),
        EvidenceItem::new("since", format!("{ago} ago"), statistics),
        EvidenceItem::new(
            "windows before and since",
            format!("{} and {}", jump.windows_before, jump.windows_after),
            statistics,
        ),
        EvidenceItem::new(
            "all other statements meanwhile",
            jump.others.map_or_else(|| "too few to tell".to_owned(), |others| words::change(others.exp_m1())),
            statistics,
        ),
    ];
    items.push(EvidenceItem::new("cause", cause.label(), "schema, plans and counters of that time"));
    let lost_index = match cause {
        Cause::IndexGone { name, .. } => Some(name.clone()),
        Cause::PlanChanged { .. } | Cause::MoreRead | Cause::Unknown => None,
    };
    Finding {
        id: identity.id(),
        kind: FindingKind::Regression,
        severity: loss.severity(),
        statement: Some(statement.evidence.id),
        database: statement.evidence.database.clone(),
        object: table.as_ref().map(ToString::to_string),
        title: format!(
            "{times} times slower ({from} → {to}): {}",
            words::statement_head(&statement.evidence.text)
        ),
        summary: format!(
            "Since {ago} ago a call takes {to} instead of {from}. {} That costs {} of the instance's statement time.",
            cause.sentence(jump),
            words::percent(loss.time_share)
        ),
        advice: cause.advice(table.as_ref()),
        evidence: items,
        time_share: Some(loss.time_share),
        lost_ms_per_hour: Some(loss.ms_per_hour),
        digest: format!(
            "{} {}",
            cause.label(),
            about::digest(&[("factor", jump.factor), ("lost", loss.ms_per_hour)])
        ),
        table,
        lost_index,
    }
}
