//! Stale statistics: the planner decides by figures that are no longer true.
//!
//! The server's own analyze counts as much as anybody's, and a table that it will soon come to is left to it.

use querysmith_shared::observation::schema::{TableActivity, TableKind};
use querysmith_shared::timestamp::Timestamp;

use super::about::{self, Loss};
use crate::evidence::{Evidence, TableEvidence};
use crate::finding::{EvidenceItem, Finding, FindingKind, Identity, Severity};
use crate::overview::Overview;
use crate::words;

/// Why a table's statistics are wrong.
struct Staleness<'a> {
    table: &'a TableEvidence,
    activity: &'a TableActivity,
    reasons: Vec<String>,
}

/// The tables whose statistics are not to be believed, with their findings.
pub(super) fn detect<'a>(overview: &Overview<'a>) -> (Vec<&'a TableEvidence>, Vec<Finding>) {
    let evidence = overview.evidence;
    let stale: Vec<Staleness<'_>> =
        evidence.tables.iter().filter_map(|table| staleness(evidence, table)).collect();
    let findings = stale.iter().map(|staleness| finding(overview, staleness)).collect();
    (stale.iter().map(|staleness| staleness.table).collect(), findings)
}

fn staleness<'a>(evidence: &Evidence, table: &'a TableEvidence) -> Option<Staleness<'a>> {
    let activity = table.activity.as_ref()?;
    let kept =
        matches!(table.table.kind, TableKind::Ordinary | TableKind::Partition | TableKind::MaterializedView);
    let limits = &evidence.thresholds.statistics;
    let rows = table.rows();
    if !kept || !table.indexable() || rows < limits.least_rows {
        return None;
    }
    let own_hands = table.table.autovacuum_off;
    let last = last_analyzed(activity);
    let mut reasons = Vec::new();
    let changed = activity.changed_since_analyze as f64;
    // A table that doubled has half of its rows changed; compared with what it was, all of them.
    let share = changed / rows;
    let limit = if own_hands { limits.changed_share } else { limits.changed_share_auto };
    if share >= limit && (own_hands || !comes_soon(evidence, last, limits.auto_grace_s)) {
        reasons.push(format!(
            "{} of its {} rows changed since they were gathered",
            words::percent(share.min(1.0)),
            words::number(rows)
        ));
    }
    let no_statistics = table.table.columns.iter().all(|column| column.statistics.is_none());
    if activity.planner_rows < 0.0 && no_statistics && (own_hands || !just_made(evidence, table)) {
        reasons.push("none were ever gathered".to_owned());
    }
    let believed = f64::from(activity.planner_rows);
    let planned = table.planned_rows().max(1.0);
    let apart = (rows / planned).max(planned / rows);
    if believed >= 0.0
        && apart >= limits.rows_factor
        && activity.live_rows > 0
        && share >= limits.changed_share
    {
        reasons.push(format!(
            "the planner reckons with {} where there are {}",
            words::rows(planned),
            words::number(rows)
        ));
    }
    (!reasons.is_empty()).then_some(Staleness { table, activity, reasons })
}

fn last_analyzed(activity: &TableActivity) -> Option<Timestamp> {
    activity.last_analyze.max(activity.last_autoanalyze)
}

/// The server analyses a table a minute or so after enough of it changed; one that was analysed a moment ago is
/// being looked after.
fn comes_soon(evidence: &Evidence, last: Option<Timestamp>, grace_s: f64) -> bool {
    last.is_some_and(|last| evidence.now.since(last).as_secs_f64() < grace_s)
}

/// The counters of the table have not run for long: a new table, or a new server.
fn just_made(evidence: &Evidence, table: &TableEvidence) -> bool {
    let grace = evidence.thresholds.statistics.auto_grace_s;
    table.stats_since.is_some_and(|since| evidence.now.since(since).as_secs_f64() < grace)
}

fn finding(overview: &Overview<'_>, staleness: &Staleness<'_>) -> Finding {
    let evidence = overview.evidence;
    let (table, activity) = (staleness.table, staleness.activity);
    let name = table.table.name.to_string();
    let readers = overview.statements_on(&table.database, &table.table.name);
    let reading: Vec<_> =
        readers.into_iter().filter(|statement| statement.reads(&table.table.name)).collect();
    let share: f64 = reading.iter().map(|statement| statement.time_share).sum();
    let ms_per_hour: f64 = reading.iter().map(|statement| statement.ms_per_hour).sum();
    // What better statistics would save can't be told; the readers' time is what is at stake, a third of it
    // sets the severity.
    let stake = Loss { time_share: share / 3.0, ms_per_hour: ms_per_hour / 3.0, calls_per_hour: 0.0 };
    let severity = if reading.is_empty() { Severity::Low } else { stake.severity() };
    let why_not = if table.table.autovacuum_off {
        " Autovacuum is switched off for it, so nobody will gather them unless asked."
    } else {
        ""
    };
    let identity = Identity {
        instance: evidence.instance.id,
        kind: FindingKind::StaleStatistics,
        database: &table.database,
        object: Some(&name),
        statement: None,
    };
    let last = last_analyzed(activity).map_or_else(
        || "never, as far as the counters go back".to_owned(),
        |at| format!("{} ago", words::duration(evidence.now.since(at).as_secs_f64() * 1_000.0)),
    );
    let counters = "pg_stat_all_tables";
    Finding {
        id: identity.id(),
        kind: FindingKind::StaleStatistics,
        severity,
        statement: None,
        database: table.database.clone(),
        object: Some(name.clone()),
        title: format!("{name}: statistics are out of date"),
        summary: format!(
            "The planner's statistics of {name} are wrong: {}.{why_not} {} with {} of the statement time read it.",
            words::list(&staleness.reasons),
            match reading.len() {
                0 => "No statement".to_owned(),
                1 => "One statement".to_owned(),
                count => format!("{count} statements"),
            },
            words::percent(share)
        ),
        advice: if table.table.autovacuum_off {
            format!("Run ANALYZE on {name}, and switch autovacuum on for it or analyse it after every load.")
        } else {
            format!("Run ANALYZE on {name}, and find out why autovacuum does not get to it.")
        },
        evidence: vec![
            EvidenceItem::new(
                "rows by the server's counters",
                words::number(activity.live_rows as f64),
                counters,
            ),
            EvidenceItem::new(
                "rows the planner reckons with",
                words::number(table.planned_rows()),
                "pg_class",
            ),
            EvidenceItem::new(
                "rows changed since statistics were gathered",
                words::number(activity.changed_since_analyze as f64),
                counters,
            ),
            EvidenceItem::new("last analyzed, by hand or by itself", last, counters),
            EvidenceItem::new(
                "autovacuum",
                if table.table.autovacuum_off { "off for this table" } else { "on" },
                "pg_class.reloptions",
            ),
        ],
        time_share: Some(share),
        // What is lost can't be told before the plans are better.
        lost_ms_per_hour: None,
        digest: about::digest(&[("rows", table.rows()), ("changed", activity.changed_since_analyze as f64)]),
        table: Some(table.table.name.clone()),
        lost_index: None,
    }
}
