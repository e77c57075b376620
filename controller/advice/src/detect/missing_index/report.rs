//! A wasteful scan as a finding.

use super::{Pattern, Waste};
use crate::detect::about::{self, Loss};
use crate::evidence::Evidence;
use crate::finding::{EvidenceItem, Finding, FindingKind, Identity};
use crate::index::candidate;
use crate::overview::StatementView;
use crate::words;

/// The finding; `None` where too little is lost.
pub(super) fn finding(
    evidence: &Evidence,
    statement: &StatementView<'_>,
    waste: &Waste<'_>,
) -> Option<Finding> {
    let loss = Loss::of(statement, waste.lost_share);
    let sight = &evidence.thresholds.sight;
    if loss.time_share < evidence.thresholds.missing_index.least_time_share
        || loss.ms_per_hour < sight.least_ms_per_hour
    {
        return None;
    }
    let table = waste.table.table.name.to_string();
    let identity = Identity {
        instance: evidence.instance.id,
        kind: FindingKind::MissingIndex,
        database: &statement.evidence.database,
        object: Some(&table),
        statement: Some(statement.evidence.id),
    };
    let columns = columns(waste);
    let (read, kept) = (words::number(waste.read), words::rows(waste.kept));
    let mean = words::duration(statement.recent.mean_ms());
    let what = match waste.pattern {
        Pattern::Filter => format!("reads all {read} rows of {table} to keep about {kept}"),
        Pattern::Top => format!("reads and sorts all {read} rows of {table} to return {kept}"),
        Pattern::Join => format!("reads all {read} rows of {table} to join about {kept}"),
        Pattern::WideIndex => format!("finds {read} rows of {table} by its index to keep about {kept}"),
        Pattern::Walk => {
            format!("walks through at least {read} rows of {table} in order, of which about {kept} fit")
        }
    };
    let summary = format!(
        "Each call {what}: {} blocks and {mean}, {} calls an hour. About {} of the instance's statement time goes \
         into rows that an index on {columns} would skip.",
        words::number(waste.blocks_per_call),
        words::number(loss.calls_per_hour),
        words::percent(loss.time_share),
    );
    Some(Finding {
        id: identity.id(),
        kind: FindingKind::MissingIndex,
        severity: loss.severity(),
        statement: Some(statement.evidence.id),
        database: statement.evidence.database.clone(),
        object: Some(table.clone()),
        title: format!("{table}: no index for {columns}, {mean} a call"),
        summary,
        advice: advice(waste, &columns),
        evidence: items(statement, waste, &loss),
        time_share: Some(loss.time_share),
        lost_ms_per_hour: Some(loss.ms_per_hour),
        digest: about::digest(&[("rows", waste.read), ("kept", waste.kept), ("lost", loss.ms_per_hour)]),
        table: Some(waste.table.table.name.clone()),
        lost_index: None,
    })
}

fn advice(waste: &Waste<'_>, columns: &str) -> String {
    let Some(index) = waste.invalid else {
        return format!("Build an index that begins with {columns}, in the order the proposal gives.");
    };
    let (schema, name) = (&waste.table.table.name.schema, &index.name);
    format!(
        "The index {name} would serve, but it is INVALID: its build goes on (look at pg_stat_progress_create_index), or \
         failed. After a failure it only costs writes: REINDEX INDEX CONCURRENTLY {}.{}; builds it anew.",
        quoted(schema),
        quoted(name)
    )
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn columns(waste: &Waste<'_>) -> String {
    let table_use = waste.table_use;
    let mut names: Vec<String> = Vec::new();
    match waste.pattern {
        Pattern::Top => names.extend(table_use.order.iter().map(|key| key.column.clone())),
        Pattern::Join => names.extend(table_use.joins.iter().cloned()),
        Pattern::Filter | Pattern::WideIndex | Pattern::Walk => {
            names.extend(table_use.equalities.iter().map(|equality| equality.column.clone()));
            names.extend(table_use.ranges.iter().cloned());
        }
    }
    names.retain(|column| candidate::is_key(waste.table, column));
    names.dedup();
    words::list(&names)
}

fn items(statement: &StatementView<'_>, waste: &Waste<'_>, loss: &Loss) -> Vec<EvidenceItem> {
    let statistics = "pg_stat_statements, recent windows";
    vec![
        EvidenceItem::new(
            "rows of the table",
            words::number(waste.table.rows()),
            "pg_stat_all_tables, pg_class",
        ),
        EvidenceItem::new("rows one call reads", words::number(waste.read), "plan (EXPLAIN) and blocks"),
        EvidenceItem::new(
            "rows the conditions keep",
            words::number(waste.kept),
            "plan (EXPLAIN) and column statistics",
        ),
        EvidenceItem::new("pages of the table", words::number(waste.table.pages()), "file size"),
        EvidenceItem::new("blocks of one call", words::number(waste.blocks_per_call), statistics),
        EvidenceItem::new("mean time of one call", words::duration(statement.recent.mean_ms()), statistics),
        EvidenceItem::new("calls per hour", words::number(loss.calls_per_hour), statistics),
        EvidenceItem::new("share of all statement time", words::percent(statement.time_share), statistics),
        EvidenceItem::new(
            "share of the plan's cost in this scan",
            words::percent(waste.lost_share),
            "plan (EXPLAIN)",
        ),
    ]
}
