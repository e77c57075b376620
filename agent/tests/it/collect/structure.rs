//! Schema, usage, settings, host and activity.

use agent::collect::collector::Collector;
use querysmith_shared::observation::schema::{ConstraintKind, TableKind};
use querysmith_shared::wire::report::ReportBody;

use super::stage::{Stage, run, settings, tables, usage};

const SHAPES: &str = r#"
    CREATE TABLE customers (id integer PRIMARY KEY, "Full Name" text COLLATE "C", email varchar(80) UNIQUE, CHECK (id > 0));
    CREATE TABLE visits (id bigint, customer_id integer REFERENCES customers, at date NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE visits_2024 PARTITION OF visits FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
    CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM orders;
    CREATE INDEX by_name ON customers (lower("Full Name") text_pattern_ops, id DESC NULLS LAST) INCLUDE (email) WHERE id > 7;
    ALTER TABLE customers SET (autovacuum_enabled = off);
"#;

#[tokio::test]
async fn tables_are_described_once_and_again_when_they_change() {
    let stage = Stage::set().await;
    stage.cluster.execute("shop", SHAPES).await.unwrap();
    stage.begin().await;
    stage.collect(Collector::Schema).await;
    let found = tables(stage.kept.take());
    let table = |name: &str| found.iter().find(|table| table.name.name == name).unwrap();
    assert_eq!(found.len(), 5);
    assert_eq!(table("visits").kind, TableKind::Partitioned);
    assert_eq!(table("visits_2024").kind, TableKind::Partition);
    assert_eq!(table("totals").kind, TableKind::MaterializedView);
    let customers = table("customers");
    assert!(customers.autovacuum_off && customers.columns[1].name == "Full Name");
    assert_eq!(customers.columns[2].data_type, "character varying(80)");
    let kinds: Vec<ConstraintKind> = customers.constraints.iter().map(|constraint| constraint.kind).collect();
    assert!(
        kinds.contains(&ConstraintKind::Check) && kinds.contains(&ConstraintKind::PrimaryKey),
        "{kinds:?}"
    );
    let references =
        table("visits").constraints.iter().find(|c| c.kind == ConstraintKind::ForeignKey).unwrap();
    assert_eq!(references.references.as_ref().unwrap().name, "customers");
    let index = customers.indexes.iter().find(|index| index.name == "by_name").unwrap();
    assert_eq!(index.keys.len(), 2, "{index:?}");
    assert!(index.keys[0].expression && index.keys[0].column == "(lower(\"Full Name\"))", "{index:?}");
    assert_eq!(index.keys[0].operator_class.as_deref(), Some("text_pattern_ops"));
    assert!(index.keys[1].descending && !index.keys[1].nulls_first && index.valid && !index.unique);
    assert_eq!(index.include, ["email"]);
    let predicate = index.predicate.as_deref().unwrap();
    assert!(predicate.starts_with("(id > '?") && predicate.ends_with("')"), "the value stays: {predicate}");
    let statistics = table("orders").columns[1].statistics.unwrap();
    assert!(statistics.distinct != 0.0 && statistics.average_width == 4, "{statistics:?}");
    assert!(table("orders").indexes[0].constraint.is_some() && table("orders").indexes[0].replica_identity);

    stage.collect(Collector::Schema).await;
    assert!(stage.kept.take().is_empty());
    stage.cluster.execute("shop", "CREATE INDEX later ON orders (status); DROP TABLE visits").await.unwrap();
    stage.collect(Collector::Schema).await;
    let bodies = stage.kept.take();
    let ReportBody::Schema(changes) = &bodies[0] else { panic!("{bodies:?}") };
    assert_eq!((bodies.len(), changes.present.len()), (1, 3));
    assert_eq!(changes.changed.iter().map(|table| table.name.name.as_str()).collect::<Vec<_>>(), ["orders"]);
    stage.cluster.execute("shop", "DROP MATERIALIZED VIEW totals").await.unwrap();
    stage.collect(Collector::Schema).await;
    let bodies = stage.kept.take();
    let ReportBody::Schema(changes) = &bodies[0] else { panic!("{bodies:?}") };
    assert_eq!((changes.present.len(), changes.changed.len()), (2, 0));

    // ANALYZE changes the statistics that are part of the description.
    stage.cluster.execute("shop", "ANALYZE customers").await.unwrap();
    stage.collect(Collector::Schema).await;
    assert_eq!(tables(stage.kept.take()).len(), 1);
    // After a loss, everything comes again.
    stage.engine.resend();
    stage.collect(Collector::Schema).await;
    assert_eq!(tables(stage.kept.take()).len(), 2);
}

#[tokio::test]
async fn more_tables_than_configured_are_not_described_and_that_is_said() {
    let stage = Stage::set_with(super::stage::options(), |config| config.max_tables = 1).await;
    stage.cluster.execute("shop", "CREATE TABLE small (a integer)").await.unwrap();
    stage.begin().await;
    let collected = stage.collect(Collector::Schema).await;
    assert!(collected.problems[0].message.contains("only the 1 largest of 2 tables"), "{collected:?}");
    let bodies = stage.kept.take();
    let ReportBody::Schema(changes) = &bodies[0] else { panic!("{bodies:?}") };
    assert_eq!((changes.changed.len(), changes.present.len()), (1, 2));
    assert_eq!(changes.changed[0].name.name, "orders");
}

#[tokio::test]
async fn usage_is_reported_where_it_changed() {
    let stage = Stage::set().await;
    stage.cluster.execute("shop", "CREATE TABLE idle (a integer)").await.unwrap();
    stage.begin().await;
    stage.collect(Collector::Usage).await;
    let first = usage(stage.kept.take());
    assert_eq!(first.len(), 2);
    let orders = first.iter().find(|table| table.planner_rows > 1000.0).unwrap();
    assert!(orders.size_bytes > 1_000_000 && orders.indexes.len() == 1 && orders.indexes[0].size_bytes > 0);
    assert!(orders.last_analyze.is_some());
    let mut app = stage.as_app().await;
    run(&mut app, "DELETE FROM orders WHERE id = 1").await;
    // The server publishes its counters when a session ends, and at intervals before.
    drop(app);
    loop {
        stage.collect(Collector::Usage).await;
        let later = usage(stage.kept.take());
        assert!(later.iter().all(|table| table.oid == orders.oid), "{later:?}");
        if later.iter().any(|table| table.deleted == orders.deleted + 1) {
            break;
        }
    }

    // A table that is locked does not hold up the others.
    let mut locker = stage.as_app().await;
    run(&mut locker, "BEGIN; LOCK TABLE orders IN ACCESS EXCLUSIVE MODE").await;
    stage.engine.resend();
    stage.collect(Collector::Usage).await;
    assert_eq!(usage(stage.kept.take()).len(), 2);
}

#[tokio::test]
async fn settings_are_the_servers_and_hold_no_secrets() {
    let options = super::stage::options()
        .setting("archive_mode", "off")
        .setting("archive_command", "cp %p /canary4711")
        .setting("session_preload_libraries", "basebackup_to_shell")
        .setting("basebackup_to_shell.required_role", "canary4711")
        .setting("work_mem", "7MB");
    let stage = Stage::set_with(options, |_| {}).await;
    stage.begin().await;
    stage.collect(Collector::Settings).await;
    let found = settings(stage.kept.take());
    let setting = |name: &str| found.iter().find(|setting| setting.name == name).unwrap();
    assert_eq!(
        (setting("work_mem").value.as_str(), setting("work_mem").source.as_str()),
        ("7168", "configuration file")
    );
    // What the agent's own session set is not the server's.
    assert_eq!(setting("statement_timeout").value, "0");
    assert_eq!(setting("jit").value, "on");
    assert_eq!(setting("archive_command").value, "(masked)");
    assert_eq!(setting("basebackup_to_shell.required_role").value, "(masked)");
    assert_eq!(setting("pg_stat_statements.max").value, "5000");
    assert!(!format!("{found:?}").contains("canary4711"));
    stage.collect(Collector::Settings).await;
    assert!(stage.kept.take().is_empty());
    stage.cluster.execute("shop", "ALTER SYSTEM SET max_connections = 57").await.unwrap();
    stage.cluster.execute("shop", "SELECT pg_reload_conf()").await.unwrap();
    let mut changed = Vec::new();
    while changed.is_empty() {
        stage.collect(Collector::Settings).await;
        changed = settings(stage.kept.take());
    }
    assert_eq!(changed.len(), 1);
    assert!(changed[0].pending_restart && changed[0].name == "max_connections");
}

#[tokio::test]
async fn the_host_is_read_twice_for_its_cpu() {
    let stage = Stage::set().await;
    stage.begin().await;
    let first = stage.collect(Collector::Host).await;
    assert!(first.again_in.is_some());
    assert!(stage.collect(Collector::Host).await.again_in.is_none());
    let bodies = stage.kept.take();
    let ReportBody::Host(host) = bodies[1] else { panic!("{bodies:?}") };
    assert!(
        host.memory_total_bytes > host.memory_available_bytes
            && host.disk_total_bytes > 0
            && host.cpu_count > 0
    );
    assert!((0.0..=1.0).contains(&host.cpu_fraction));
}

#[tokio::test]
async fn activity_shows_who_waits_for_whom() {
    let stage = Stage::set_with(super::stage::options(), |config| config.long_transaction_s = 0.0).await;
    stage.begin().await;
    let mut holder = stage.as_app().await;
    run(&mut holder, "BEGIN; UPDATE orders SET note = 'x' WHERE id = 1").await;
    let mut waiter = stage.as_app().await;
    let waiting =
        tokio::spawn(async move { run(&mut waiter, "UPDATE orders SET note = 'y' WHERE id = 1").await });
    let activity = loop {
        stage.collect(Collector::Activity).await;
        let Some(ReportBody::Activity(activity)) = stage.kept.take().pop() else { panic!("no activity") };
        if !activity.blocked.is_empty() {
            break activity;
        }
    };
    assert_eq!(activity.blocked[0].blocked_by.len(), 1);
    assert!(activity.blocked[0].statement.is_some());
    assert!(activity.waits.iter().any(|wait| wait.class == "Lock"), "{activity:?}");
    assert!(activity.long_transactions.iter().any(|long| long.pid == activity.blocked[0].blocked_by[0]));
    // Two sessions of the application; none of the agent's.
    let connections: u32 = activity.connections.iter().map(|state| state.count).sum();
    assert_eq!(connections, 2, "{activity:?}");
    run(&mut holder, "ROLLBACK").await;
    waiting.await.unwrap();
    // A session tells what it rolled back when it has been idle for a while, or ends.
    drop(holder);
    loop {
        stage.collect(Collector::Activity).await;
        let Some(ReportBody::Activity(later)) = stage.kept.take().pop() else { panic!("no activity") };
        if later.rollbacks > activity.rollbacks {
            break;
        }
    }
}
