//! Figures that no server can have, refused at the door. Pure.
//!
//! What is stored is written as JSON and read back for pages of the whole fleet. JSON has no NaN and no
//! infinity, and a sum of absurd figures fits no column: one such row would break the page for everybody.

use querysmith_shared::observation::activity::Activity;
use querysmith_shared::observation::collector::{AgentCost, CollectorReport};
use querysmith_shared::observation::host::Host;
use querysmith_shared::observation::schema::{ColumnStatistics, SchemaChanges, TableActivity, TableUsage};
use querysmith_shared::wire::report::ReportBody;

/// Most rows of one table. PostgreSQL's largest table, 32 TiB of empty rows, has a thousandth of it.
const MOST_ROWS: f64 = 1e15;
/// The largest counter: PostgreSQL's own have 63 bits.
const MOST: u64 = i64::MAX.unsigned_abs();
/// Shares, factors, loads and bytes per second beyond this are no measurement.
const MOST_RATE: f32 = 1e12;
/// Longest interval and run of a collector, ms: a year.
const MOST_MS: u64 = 366 * 86_400_000;

/// Whether every figure of a report can be one; otherwise the field at fault and its value. Counters of
/// statements are not looked at: the store clamps them.
pub(super) fn check(body: &ReportBody) -> Result<(), String> {
    match body {
        ReportBody::Cost(cost) => of_cost(cost),
        ReportBody::Host(host) => of_host(host),
        ReportBody::Schema(changes) => of_schema(changes),
        ReportBody::Usage(usage) => of_usage(usage),
        ReportBody::Collectors(report) => of_collectors(report),
        ReportBody::Activity(activity) => of_activity(activity),
        ReportBody::QueryStats(_)
        | ReportBody::StatementTexts(_)
        | ReportBody::Plans(_)
        | ReportBody::Settings(_)
        | ReportBody::Gap(_)
        | ReportBody::Change(_)
        | ReportBody::Instance(_) => Ok(()),
    }
}

fn of_cost(cost: &AgentCost) -> Result<(), String> {
    for (field, value) in [
        ("cpu_fraction", cost.cpu_fraction),
        ("database_fraction", cost.database_fraction),
        ("sent_bytes_per_s", cost.sent_bytes_per_s),
        ("backoff_factor", cost.backoff_factor),
    ] {
        share(field, value, MOST_RATE)?;
    }
    counters(&[
        ("rss_bytes", cost.rss_bytes),
        ("rss_peak_bytes", cost.rss_peak_bytes),
        ("spool_reports", cost.spool_reports),
        ("spool_bytes", cost.spool_bytes),
        ("dropped_reports", cost.dropped_reports),
    ])
}

fn of_host(host: &Host) -> Result<(), String> {
    share("cpu_fraction", host.cpu_fraction, MOST_RATE)?;
    share("load1", host.load1, MOST_RATE)
}

fn of_schema(changes: &SchemaChanges) -> Result<(), String> {
    for column in changes.changed.iter().flat_map(|table| &table.columns) {
        if let Some(statistics) = &column.statistics {
            of_column(statistics)?;
        }
    }
    Ok(())
}

fn of_column(statistics: &ColumnStatistics) -> Result<(), String> {
    share("null_fraction", statistics.null_fraction, 1.0)?;
    share("distinct", statistics.distinct.abs(), MOST_ROWS as f32)?;
    share("correlation", statistics.correlation.unwrap_or_default().abs(), 1.1)?;
    share("top_frequency", statistics.top_frequency.unwrap_or_default(), 1.0)?;
    if statistics.average_width < 0 {
        return Err(format!("average_width is {}", statistics.average_width));
    }
    Ok(())
}

fn of_usage(usage: &TableUsage) -> Result<(), String> {
    usage.tables.iter().try_for_each(of_table)
}

fn of_table(table: &TableActivity) -> Result<(), String> {
    // -1 stands for "never counted".
    if !(-1.0..=MOST_ROWS as f32).contains(&table.planner_rows) {
        return Err(format!("planner_rows is {}", table.planner_rows));
    }
    for (field, rows) in [
        ("live_rows", table.live_rows),
        ("dead_rows", table.dead_rows),
        ("changed_since_analyze", table.changed_since_analyze),
    ] {
        if rows as f64 > MOST_ROWS {
            return Err(format!("{field} is {rows}"));
        }
    }
    counters(&[
        ("size_bytes", table.size_bytes),
        ("sequential_scans", table.sequential_scans),
        ("sequential_rows", table.sequential_rows),
        ("index_scans", table.index_scans),
        ("inserted", table.inserted),
        ("updated", table.updated),
        ("hot_updated", table.hot_updated),
        ("deleted", table.deleted),
    ])?;
    table.indexes.iter().try_for_each(|index| {
        counters(&[
            ("size_bytes", index.size_bytes),
            ("scans", index.scans),
            ("entries_read", index.entries_read),
        ])
    })
}

fn of_collectors(report: &CollectorReport) -> Result<(), String> {
    report.collectors.iter().try_for_each(|collector| {
        for (field, ms) in
            [("interval_ms", collector.interval_ms), ("last_duration_ms", collector.last_duration_ms)]
        {
            if ms > MOST_MS {
                return Err(format!("{field} is {ms}"));
            }
        }
        counters(&[("rows", collector.rows)])
    })
}

fn of_activity(activity: &Activity) -> Result<(), String> {
    let waits = activity.blocked.iter().map(|blocked| ("waiting_ms", blocked.waiting_ms));
    let ages = activity.long_transactions.iter().map(|long| ("age_ms", long.age_ms));
    let lags = activity.replica_lag_bytes.iter().map(|lag| ("replica_lag_bytes", *lag));
    let spans = activity.replica_lag_ms.iter().map(|lag| ("replica_lag_ms", *lag));
    let totals = [("rollbacks", activity.rollbacks), ("deadlocks", activity.deadlocks)];
    waits.chain(ages).chain(lags).chain(spans).chain(totals).try_for_each(|figure| counters(&[figure]))
}

fn share(field: &str, value: f32, most: f32) -> Result<(), String> {
    if (0.0..=most).contains(&value) { Ok(()) } else { Err(format!("{field} is {value}")) }
}

fn counters(figures: &[(&str, u64)]) -> Result<(), String> {
    match figures.iter().find(|(_, value)| *value > MOST) {
        Some((field, value)) => Err(format!("{field} is {value}")),
        None => Ok(()),
    }
}
