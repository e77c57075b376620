//! Everything that an agent can report.

use super::{id, instance};
use crate::change::TableName;
use crate::change::coins::Arm;
use crate::change::lifecycle::ChangeState;
use crate::change::switchback::{TrialStep, Turn};
use crate::id::{ChangeId, InstanceId, StatementId};
use crate::observation::activity::{Activity, Blocked, ConnectionCount, LongTransaction, WaitCount};
use crate::observation::collector::{AgentCost, CollectorOutcome, CollectorReport, CollectorStatus, Problem};
use crate::observation::gap::{Gap, GapReason};
use crate::observation::host::Host;
use crate::observation::plan::{PlanObservation, PlanOrigin, Plans};
use crate::observation::query_stats::{Coverage, QueryStats, StatementDelta, StatementText, StatementTexts};
use crate::observation::schema::{
    Column, ColumnStatistics, Constraint, ConstraintKind, Index, IndexActivity, IndexKeyDescription,
    SchemaChanges, Table, TableActivity, TableKind, TableUsage,
};
use crate::observation::settings::{Setting, SettingsChanges};
use crate::parameter::ParameterType;
use crate::timestamp::Timestamp;
use crate::wire::report::{ChangeReport, Lane, Report, ReportBody};

pub(in crate::wire::tests) fn report(body: ReportBody) -> Report {
    Report {
        lane: Lane::Telemetry,
        sequence: 300,
        made_at: Timestamp(1_700_000_000_123_456),
        instance: Some(InstanceId(id(1))),
        body,
    }
}

pub(in crate::wire::tests) fn delta(statement: i64) -> StatementDelta {
    StatementDelta {
        statement: StatementId(statement),
        calls: 1,
        rows: 250,
        total_ms: 1.5,
        sum_squares_ms2: 2.25,
        blocks_hit: 251,
        blocks_read: 70_000,
        blocks_dirtied: 5_000_000_000,
        blocks_written: 5,
        temp_blocks_read: 6,
        temp_blocks_written: 7,
        io_ms: 0.25,
        wal_bytes: u64::MAX,
    }
}

pub(super) fn bodies() -> Vec<(&'static str, ReportBody)> {
    vec![
        ("query_stats", ReportBody::QueryStats(query_stats())),
        ("statement_texts", ReportBody::StatementTexts(texts())),
        ("plans", ReportBody::Plans(plans())),
        ("schema", ReportBody::Schema(schema())),
        ("usage", ReportBody::Usage(usage())),
        ("settings", ReportBody::Settings(settings())),
        ("host", ReportBody::Host(host())),
        ("activity", ReportBody::Activity(activity())),
        ("collectors", ReportBody::Collectors(collectors())),
        ("cost", ReportBody::Cost(cost())),
        ("gap", ReportBody::Gap(gap())),
        ("instance", ReportBody::Instance(instance())),
        ("change", ReportBody::Change(change_report())),
    ]
}

pub(in crate::wire::tests) fn query_stats() -> QueryStats {
    QueryStats {
        window_start: Timestamp(10),
        window_end: Timestamp(60_000_010),
        rows: vec![delta(-5), delta(i64::MAX)],
        coverage: Coverage { tracked: 100, capacity: 5_000, evictions: 1, reset: true, appeared: 2 },
    }
}

fn texts() -> StatementTexts {
    StatementTexts {
        texts: vec![StatementText {
            statement: StatementId(-5),
            query_id: -6,
            database: "shop".into(),
            user: "app".into(),
            top_level: true,
            text: "SELECT é FROM t WHERE a = $1".into(),
            truncated: false,
        }],
    }
}

fn plans() -> Plans {
    let plan =
        |origin, plan| PlanObservation { statement: StatementId(3), planned_at: Timestamp(9), origin, plan };
    Plans {
        plans: vec![
            plan(PlanOrigin::Generic, Ok("[]".into())),
            plan(PlanOrigin::Representative, Err("permission denied".into())),
        ],
    }
}

fn schema() -> SchemaChanges {
    let columns = vec![Column {
        name: "id".into(),
        data_type: "bigint".into(),
        not_null: true,
        statistics_target: Some(500),
        statistics: Some(ColumnStatistics {
            null_fraction: 0.5,
            distinct: -1.0,
            average_width: 8,
            correlation: Some(1.0),
            top_frequency: None,
        }),
    }];
    let constraints = vec![Constraint {
        name: "orders_customer".into(),
        kind: ConstraintKind::ForeignKey,
        columns: vec!["customer_id".into()],
        references: Some(TableName { schema: "public".into(), name: "customers".into() }),
    }];
    let key = IndexKeyDescription {
        column: "lower(name)".into(),
        expression: true,
        descending: true,
        nulls_first: false,
        operator_class: Some("text_pattern_ops".into()),
        collation: None,
    };
    let indexes = vec![Index {
        oid: 17_000,
        name: "orders_name".into(),
        definition: "CREATE INDEX".into(),
        method: "btree".into(),
        keys: vec![key],
        include: vec!["total".into()],
        predicate: Some("(total > 5)".into()),
        unique: true,
        valid: false,
        constraint: Some("c".into()),
        replica_identity: true,
    }];
    let changed = vec![Table {
        oid: 16_384,
        name: TableName { schema: "public".into(), name: "orders".into() },
        kind: TableKind::Partitioned,
        columns,
        constraints,
        indexes,
        autovacuum_off: true,
    }];
    SchemaChanges { database: "shop".into(), present: vec![1, 16_384, u32::MAX], changed }
}

fn usage() -> TableUsage {
    let index =
        IndexActivity { oid: 2, size_bytes: 3, scans: 4, entries_read: 5, last_scan: Some(Timestamp(6)) };
    TableUsage {
        database: "shop".into(),
        read_at: Timestamp(7),
        stats_since: None,
        tables: vec![TableActivity {
            oid: 1,
            planner_rows: -1.0,
            planner_pages: 2,
            size_bytes: 3,
            live_rows: 4,
            dead_rows: 5,
            changed_since_analyze: 6,
            last_analyze: None,
            last_autoanalyze: Some(Timestamp(-7)),
            sequential_scans: 8,
            sequential_rows: 9,
            index_scans: 10,
            inserted: 11,
            updated: 12,
            hot_updated: 13,
            deleted: 14,
            indexes: vec![index],
        }],
    }
}

fn settings() -> SettingsChanges {
    SettingsChanges {
        changed: vec![Setting {
            name: "work_mem".into(),
            value: "4096".into(),
            unit: Some("kB".into()),
            source: "default".into(),
            context: "user".into(),
            boot_value: Some("4096".into()),
            min: Some("64".into()),
            max: None,
            pending_restart: true,
            value_type: ParameterType::Integer,
            choices: vec!["on".into()],
            by_alter_system: true,
        }],
    }
}

fn host() -> Host {
    Host {
        read_at: Timestamp(1),
        cpu_fraction: 0.5,
        cpu_count: 300,
        load1: 1.25,
        memory_total_bytes: 8 << 30,
        memory_available_bytes: 4 << 30,
        disk_total_bytes: 100 << 30,
        disk_free_bytes: 50 << 30,
    }
}

fn activity() -> Activity {
    Activity {
        read_at: Timestamp(1),
        connections: vec![ConnectionCount { state: "active".into(), count: 2 }],
        max_connections: 100,
        waits: vec![WaitCount { class: "Lock".into(), event: "tuple".into(), count: 3 }],
        blocked: vec![Blocked {
            pid: 4,
            blocked_by: vec![5, -6],
            waiting_ms: 7,
            statement: Some(StatementId(8)),
        }],
        long_transactions: vec![LongTransaction {
            pid: 9,
            age_ms: 10,
            state: "idle in transaction".into(),
            user: "app".into(),
            statement: None,
        }],
        replica_lag_bytes: vec![0, 1 << 40],
        replica_lag_ms: vec![3, 40_000],
        rollbacks: 12,
        deadlocks: 1,
    }
}

fn collectors() -> CollectorReport {
    CollectorReport {
        collectors: vec![CollectorStatus {
            name: "query_stats".into(),
            interval_ms: 60_000,
            timeout_ms: 10_000,
            last_run: Some(Timestamp(1)),
            last_success: None,
            last_duration_ms: 2,
            rows: 3,
            outcome: CollectorOutcome::Partial,
            problems: vec![Problem {
                message: "no extension".into(),
                remedy: Some("CREATE EXTENSION pg_stat_statements".into()),
                database: Some("shop".into()),
            }],
        }],
    }
}

fn cost() -> AgentCost {
    AgentCost {
        measured_at: Timestamp(1),
        cpu_fraction: 0.001,
        rss_bytes: 10 << 20,
        rss_peak_bytes: 12 << 20,
        database_fraction: 0.002,
        sent_bytes_per_s: 512.0,
        spool_reports: 1,
        spool_bytes: 2,
        dropped_reports: 3,
        backoff_factor: 1.0,
    }
}

fn gap() -> Gap {
    Gap { from: Timestamp(1), to: Timestamp(2), dropped_reports: 3, reason: GapReason::SpoolDamaged }
}

pub(in crate::wire::tests) fn change_report() -> ChangeReport {
    ChangeReport {
        change: ChangeId(id(2)),
        state: ChangeState::Trial,
        at: Timestamp(3),
        detail: "built".into(),
        sql: Some("CREATE INDEX".into()),
        duration_ms: Some(4),
        observed: Some("valid".into()),
        trial_step: Some(TrialStep::Switched(Turn { arm: Arm::B, pair: Some(5) })),
    }
}
