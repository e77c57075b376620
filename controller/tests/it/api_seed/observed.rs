//! What the agent sees beside the statements: itself, its collectors, the server's activity, host, settings and
//! tables.

use chrono::Utc;
use querysmith_controller::store::Store;
use querysmith_shared::change::TableName;
use querysmith_shared::id::{AgentId, InstanceId};
use querysmith_shared::observation::activity::{
    Activity, Blocked, ConnectionCount, LongTransaction, WaitCount,
};
use querysmith_shared::observation::collector::{AgentCost, CollectorOutcome, CollectorStatus};
use querysmith_shared::observation::schema::{
    Column, Index, IndexActivity, IndexKeyDescription, Table, TableActivity, TableKind,
};

use super::{HOT, document, stamp};

pub(super) async fn observations(store: &Store, agent: AgentId, instance: InstanceId) {
    let now = Utc::now();
    let cost = AgentCost {
        measured_at: stamp(now),
        cpu_fraction: 0.002,
        rss_bytes: 15_000_000,
        rss_peak_bytes: 17_000_000,
        database_fraction: 0.003,
        sent_bytes_per_s: 900.0,
        spool_reports: 2,
        spool_bytes: 4_096,
        dropped_reports: 0,
        backoff_factor: 1.0,
    };
    sqlx::query("UPDATE agent SET cost = $2, cost_at = now(), last_seen_at = now() WHERE agent_id = $1")
        .bind(agent.0)
        .bind(document(&cost))
        .execute(&store.pool)
        .await
        .unwrap();
    let collector = |name: &str| CollectorStatus {
        name: name.into(),
        interval_ms: 15_000,
        timeout_ms: 10_000,
        last_run: Some(stamp(now)),
        last_success: Some(stamp(now)),
        last_duration_ms: 12,
        rows: 300,
        outcome: CollectorOutcome::Complete,
        problems: Vec::new(),
    };
    sqlx::query(
        "UPDATE instance
         SET collectors = $2, collectors_at = now(), last_report_at = now(), first_seen_at = now() - interval '2 hours'
         WHERE instance_id = $1",
    )
    .bind(instance.0)
    .bind(document(&vec![collector("query_stats"), collector("activity")]))
    .execute(&store.pool)
    .await
    .unwrap();
    let activity = Activity {
        read_at: stamp(now),
        connections: vec![ConnectionCount { state: "active".into(), count: 3 }],
        max_connections: 100,
        waits: vec![
            WaitCount { class: "CPU".into(), event: "CPU".into(), count: 2 },
            WaitCount { class: "Lock".into(), event: "tuple".into(), count: 1 },
        ],
        blocked: vec![Blocked { pid: 7, blocked_by: vec![9], waiting_ms: 2_500, statement: Some(HOT) }],
        long_transactions: vec![LongTransaction {
            pid: 9,
            age_ms: 90_000,
            state: "idle in transaction".into(),
            user: "shop".into(),
            statement: None,
        }],
        replica_lag_bytes: Vec::new(),
        replica_lag_ms: Vec::new(),
        rollbacks: 0,
        deadlocks: 0,
    };
    sqlx::query(
        "INSERT INTO activity_sample (instance_id, read_at, active, idle, idle_in_transaction, blocked, sample)
         VALUES ($1, now() - interval '10 seconds', 3, 10, 1, 1, $2)",
    )
    .bind(instance.0)
    .bind(document(&activity))
    .execute(&store.pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO host_sample (instance_id, read_at, cpu_fraction, cpu_count, load1, memory_total_bytes,
                                  memory_available_bytes, disk_total_bytes, disk_free_bytes)
         VALUES ($1, now() - interval '10 seconds', 0.25, 8, 1.5, 64000000000, 32000000000, 900000000000, 1000000)",
    )
    .bind(instance.0)
    .execute(&store.pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO setting (instance_id, name, value, unit, source, context, boot_value, pending_restart, changed_at)
         SELECT $1, 'setting_' || lpad(n::text, 3, '0'), n::text, '8kB', 'configuration file', 'postmaster', '1',
                n = 5, now()
         FROM generate_series(1, 120) AS n",
    )
    .bind(instance.0)
    .execute(&store.pool)
    .await
    .unwrap();
    schema(store, instance).await;
}

async fn schema(store: &Store, instance: InstanceId) {
    let index = |oid: u32, name: &str, constraint: Option<&str>| Index {
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
        unique: constraint.is_some(),
        valid: true,
        constraint: constraint.map(str::to_owned),
        replica_identity: false,
    };
    let table = Table {
        oid: 10,
        name: TableName { schema: "public".into(), name: "orders".into() },
        kind: TableKind::Ordinary,
        columns: vec![Column {
            name: "customer_id".into(),
            data_type: "bigint".into(),
            not_null: true,
            statistics: None,
            statistics_target: None,
        }],
        constraints: Vec::new(),
        indexes: vec![index(11, "orders_pkey", Some("orders_pkey")), index(12, "orders_spare", None)],
        autovacuum_off: false,
    };
    let used =
        |oid, scans, size_bytes| IndexActivity { oid, size_bytes, scans, entries_read: 0, last_scan: None };
    let usage = TableActivity {
        oid: 10,
        planner_rows: 1e6,
        planner_pages: 20_000,
        size_bytes: 160_000_000,
        live_rows: 1_000_000,
        dead_rows: 0,
        changed_since_analyze: 0,
        last_analyze: None,
        last_autoanalyze: None,
        sequential_scans: 0,
        sequential_rows: 0,
        index_scans: 0,
        inserted: 0,
        updated: 0,
        hot_updated: 0,
        deleted: 0,
        indexes: vec![used(11, 5, 20_000_000), used(12, 0, 30_000_000)],
    };
    sqlx::query(
        "INSERT INTO schema_table (instance_id, database, table_oid, schema_name, table_name, structure,
                                   first_seen_at, changed_at)
         VALUES ($1, 'shop', 10, 'public', 'orders', $2, now(), now())",
    )
    .bind(instance.0)
    .bind(document(&table))
    .execute(&store.pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO table_usage (instance_id, database, table_oid, usage, stats_since, read_at)
         VALUES ($1, 'shop', 10, $2, now() - interval '30 days', now())",
    )
    .bind(instance.0)
    .bind(document(&usage))
    .execute(&store.pool)
    .await
    .unwrap();
}
