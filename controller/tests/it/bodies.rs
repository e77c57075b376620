//! One report of every kind, with what no store takes in it.

use std::time::Duration;

use querysmith_shared::change::TableName;
use querysmith_shared::id::{AgentId, InstanceId, StatementId};
use querysmith_shared::observation::activity::{Activity, ConnectionCount};
use querysmith_shared::observation::collector::{
    AgentCost, CollectorOutcome, CollectorReport, CollectorStatus,
};
use querysmith_shared::observation::gap::{Gap, GapReason};
use querysmith_shared::observation::host::Host;
use querysmith_shared::observation::plan::{PlanObservation, PlanOrigin, Plans};
use querysmith_shared::observation::query_stats::{StatementText, StatementTexts};
use querysmith_shared::observation::schema::{
    Index, IndexKeyDescription, SchemaChanges, Table, TableActivity, TableKind, TableUsage,
};
use querysmith_shared::observation::settings::{Setting, SettingsChanges};
use querysmith_shared::parameter::ParameterType;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::ReportBody;

use crate::ground::{delta, instance, now, stats};

const WINDOW: Duration = Duration::from_secs(15);

fn text(statement: i64, text: &str) -> StatementText {
    StatementText {
        statement: StatementId(statement),
        query_id: 7,
        database: "shop".into(),
        user: "app".into(),
        top_level: true,
        text: text.into(),
        truncated: false,
    }
}

fn index(oid: u32, name: &str) -> Index {
    Index {
        oid,
        name: name.into(),
        definition: format!("CREATE INDEX {name} ON public.orders USING btree (id)"),
        method: "btree".into(),
        keys: vec![IndexKeyDescription {
            column: "id".into(),
            expression: false,
            descending: false,
            nulls_first: false,
            operator_class: None,
            collation: None,
        }],
        include: Vec::new(),
        predicate: None,
        unique: false,
        valid: true,
        constraint: None,
        replica_identity: false,
    }
}

fn table(oid: u32, indexes: Vec<Index>) -> Table {
    Table {
        oid,
        name: TableName { schema: "public".into(), name: format!("t{oid}") },
        kind: TableKind::Ordinary,
        columns: Vec::new(),
        constraints: Vec::new(),
        indexes,
        autovacuum_off: false,
    }
}

fn schema(present: Vec<u32>, changed: Vec<Table>) -> ReportBody {
    ReportBody::Schema(SchemaChanges { database: "shop".into(), present, changed })
}

fn plan(statement: i64, node: &str, at: Timestamp) -> PlanObservation {
    let plan =
        format!(r#"[{{"Plan": {{"Node Type": "{node}", "Total Cost": 8.0, "Filter": "a = 'x\u0000y'"}}}}]"#);
    PlanObservation {
        statement: StatementId(statement),
        planned_at: at,
        origin: PlanOrigin::Generic,
        plan: Ok(plan),
    }
}

pub(crate) fn every_body(agent: AgentId, id: InstanceId) -> Vec<ReportBody> {
    let now = now();
    let (start, end) = (now.before(WINDOW), now);
    let host = Host {
        read_at: now,
        cpu_fraction: 0.5,
        cpu_count: 2,
        load1: 1.0,
        memory_total_bytes: 1 << 33,
        memory_available_bytes: 1 << 32,
        disk_total_bytes: u64::MAX,
        disk_free_bytes: 1,
    };
    let activity = Activity {
        read_at: now,
        connections: vec![ConnectionCount { state: "active\0".into(), count: 3 }],
        max_connections: 100,
        waits: Vec::new(),
        blocked: Vec::new(),
        long_transactions: Vec::new(),
        replica_lag_bytes: Vec::new(),
        replica_lag_ms: Vec::new(),
        rollbacks: 0,
        deadlocks: 0,
    };
    let collector = CollectorStatus {
        name: "plans".into(),
        interval_ms: 1,
        timeout_ms: 1,
        last_run: None,
        last_success: None,
        last_duration_ms: 0,
        rows: 0,
        outcome: CollectorOutcome::NeverRan,
        problems: Vec::new(),
    };
    let cost = AgentCost {
        measured_at: now,
        cpu_fraction: 0.01,
        rss_bytes: 1,
        rss_peak_bytes: 1,
        database_fraction: 0.0,
        sent_bytes_per_s: 0.0,
        spool_reports: 0,
        spool_bytes: 0,
        dropped_reports: 0,
        backoff_factor: 1.0,
    };
    let setting = Setting {
        name: "work_mem".into(),
        value: "4096\0".into(),
        unit: Some("kB".into()),
        source: "default".into(),
        context: "user".into(),
        boot_value: None,
        min: None,
        max: None,
        pending_restart: false,
        value_type: ParameterType::Integer,
        choices: Vec::new(),
        by_alter_system: false,
    };
    let mut restarted = instance(agent, "main");
    assert_eq!(restarted.id, id);
    restarted.server.as_mut().unwrap().started_at = now;
    let usage: TableActivity = TableActivity {
        oid: 1,
        planner_rows: -1.0,
        planner_pages: 1,
        size_bytes: 8192,
        live_rows: 1,
        dead_rows: 0,
        changed_since_analyze: 0,
        last_analyze: None,
        last_autoanalyze: None,
        sequential_scans: 1,
        sequential_rows: 1,
        index_scans: 1,
        inserted: 1,
        updated: 0,
        hot_updated: 0,
        deleted: 0,
        indexes: Vec::new(),
    };
    let unplanned = PlanObservation {
        statement: StatementId(2),
        planned_at: now,
        origin: PlanOrigin::Representative,
        plan: Err("permission denied\0".into()),
    };
    vec![
        stats(start, end, vec![delta(1, 10, 50.0), delta(2, 1, 1.0)]),
        ReportBody::StatementTexts(StatementTexts {
            texts: vec![text(1, "SELECT $1\0"), text(1, "SELECT $1"), text(3, &"ä".repeat(100_000))],
        }),
        ReportBody::Plans(Plans {
            plans: vec![plan(1, "Seq Scan", start), plan(3, "Result", start), unplanned],
        }),
        ReportBody::Plans(Plans { plans: vec![plan(1, "Index Scan", end)] }),
        schema(
            vec![1, 2],
            vec![table(1, vec![index(10, "a"), index(11, "b\0")]), table(2, vec![index(20, "c")])],
        ),
        schema(vec![1], vec![table(1, vec![index(10, "a")])]),
        ReportBody::Usage(TableUsage {
            database: "shop".into(),
            read_at: now,
            stats_since: None,
            tables: vec![usage],
        }),
        ReportBody::Settings(SettingsChanges { changed: vec![setting] }),
        ReportBody::Host(host),
        ReportBody::Activity(activity),
        ReportBody::Collectors(CollectorReport { collectors: vec![collector] }),
        ReportBody::Cost(cost),
        ReportBody::Gap(Gap { from: start, to: end, dropped_reports: 3, reason: GapReason::SpoolFull }),
        ReportBody::Instance(restarted),
    ]
}
