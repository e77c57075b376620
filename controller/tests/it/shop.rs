//! A shop as an agent would report it: a hot lookup without an index, and statements that are fine.

use std::time::Duration;

use querysmith_shared::change::TableName;
use querysmith_shared::id::{InstanceId, StatementId};
use querysmith_shared::observation::plan::{PlanObservation, PlanOrigin, Plans};
use querysmith_shared::observation::query_stats::{StatementDelta, StatementText, StatementTexts};
use querysmith_shared::observation::schema::{
    Column, ColumnStatistics, Constraint, ConstraintKind, Index, IndexActivity, IndexKeyDescription,
    SchemaChanges, Table, TableActivity, TableKind, TableUsage,
};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::{Report, ReportBody};

use crate::ground::{delta, report, stats};

pub(crate) const WINDOW: Duration = Duration::from_secs(15);
pub(crate) const HOT: StatementId = StatementId(11);
pub(crate) const CONTROLS: [StatementId; 3] = [StatementId(21), StatementId(22), StatementId(23)];

const HOT_PLAN: &str = r#"[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "orders", "Schema": "public",
    "Alias": "orders", "Startup Cost": 0.0, "Total Cost": 27346.0, "Plan Rows": 12, "Plan Width": 60,
    "Output": ["id", "customer_id", "status", "total"],
    "Filter": "((orders.customer_id = $1) AND (orders.status = $2))"}}]"#;
const CONTROL_PLAN: &str = r#"[{"Plan": {"Node Type": "Index Scan", "Relation Name": "customers", "Schema": "public",
    "Alias": "customers", "Index Name": "customers_pkey", "Startup Cost": 0.3, "Total Cost": 8.3, "Plan Rows": 1,
    "Plan Width": 60, "Index Cond": "(customers.id = $1)"}}]"#;

fn text(statement: StatementId, text: &str) -> StatementText {
    StatementText {
        statement,
        query_id: statement.0,
        database: "shop".into(),
        user: "shop".into(),
        top_level: true,
        text: text.into(),
        truncated: false,
    }
}

fn column(name: &str, data_type: &str, distinct: f32) -> Column {
    let statistics = ColumnStatistics {
        null_fraction: 0.0,
        distinct,
        average_width: 8,
        correlation: Some(0.01),
        top_frequency: None,
    };
    Column {
        name: name.into(),
        data_type: data_type.into(),
        not_null: true,
        statistics: Some(statistics),
        statistics_target: None,
    }
}

fn table(oid: u32, name: &str, columns: Vec<Column>) -> Table {
    let key = IndexKeyDescription {
        column: "id".into(),
        expression: false,
        descending: false,
        nulls_first: false,
        operator_class: None,
        collation: None,
    };
    Table {
        oid,
        name: TableName { schema: "public".into(), name: name.into() },
        kind: TableKind::Ordinary,
        columns,
        constraints: vec![Constraint {
            name: format!("{name}_pkey"),
            kind: ConstraintKind::PrimaryKey,
            columns: vec!["id".into()],
            references: None,
        }],
        indexes: vec![Index {
            oid: oid + 1,
            name: format!("{name}_pkey"),
            definition: format!("CREATE UNIQUE INDEX {name}_pkey ON public.{name} USING btree (id)"),
            method: "btree".into(),
            keys: vec![key],
            include: Vec::new(),
            predicate: None,
            unique: true,
            valid: true,
            constraint: Some(format!("{name}_pkey")),
            replica_identity: false,
        }],
        autovacuum_off: false,
    }
}

fn activity(oid: u32, rows: f32, pages: u32, now: Timestamp) -> TableActivity {
    TableActivity {
        oid,
        planner_rows: rows,
        planner_pages: pages,
        size_bytes: u64::from(pages) * 8192,
        live_rows: rows as u64,
        dead_rows: 0,
        changed_since_analyze: 0,
        last_analyze: Some(now.before(Duration::from_secs(3_600))),
        last_autoanalyze: None,
        sequential_scans: 500,
        sequential_rows: 500_000_000,
        index_scans: 100,
        inserted: rows as u64,
        updated: 0,
        hot_updated: 0,
        deleted: 0,
        indexes: vec![IndexActivity {
            oid: oid + 1,
            size_bytes: 1 << 24,
            scans: 100,
            entries_read: 100,
            last_scan: None,
        }],
    }
}

fn plan(statement: StatementId, plan: &str, at: Timestamp) -> PlanObservation {
    PlanObservation { statement, planned_at: at, origin: PlanOrigin::Generic, plan: Ok(plan.into()) }
}

/// Texts, schema, usage and plans, as reported at `now`.
pub(crate) fn description(instance: InstanceId, first: u64, now: Timestamp) -> Vec<Report> {
    let mut texts = vec![text(HOT, "SELECT id, total FROM orders WHERE customer_id = $1 AND status = $2")];
    let mut plans = vec![plan(HOT, HOT_PLAN, now)];
    for control in CONTROLS {
        texts.push(text(control, "SELECT * FROM customers WHERE id = $1"));
        plans.push(plan(control, CONTROL_PLAN, now));
    }
    let orders = vec![
        column("id", "bigint", -1.0),
        column("customer_id", "bigint", 80_000.0),
        column("status", "text", 5.0),
        column("total", "numeric", -0.5),
    ];
    let customers = vec![column("id", "bigint", -1.0), column("name", "text", -1.0)];
    let bodies = [
        ReportBody::StatementTexts(StatementTexts { texts }),
        ReportBody::Schema(SchemaChanges {
            database: "shop".into(),
            present: vec![100, 200],
            changed: vec![table(100, "orders", orders), table(200, "customers", customers)],
        }),
        ReportBody::Usage(TableUsage {
            database: "shop".into(),
            read_at: now,
            stats_since: Some(now.before(Duration::from_secs(86_400))),
            tables: vec![activity(100, 1_000_000.0, 12_000, now), activity(200, 100_000.0, 1_200, now)],
        }),
        ReportBody::Plans(Plans { plans }),
    ];
    (first..).zip(bodies).map(|(sequence, body)| report(sequence, Some(instance), body)).collect()
}

/// What the statements did in the window that ends at `end`.
pub(crate) fn window(
    instance: InstanceId,
    sequence: u64,
    end: Timestamp,
    hot_ms: f64,
    hot_blocks: u64,
) -> Report {
    // Real times are never the same twice.
    let noise = 1.0 + 0.02 * ((sequence * 7) % 5) as f64;
    let hot_calls = 20;
    let hot = StatementDelta {
        blocks_hit: hot_blocks * hot_calls,
        blocks_read: 0,
        sum_squares_ms2: 20.0 * (hot_ms * noise).powi(2) * 1.1,
        ..delta(HOT.0, hot_calls, 20.0 * hot_ms * noise)
    };
    let mut rows = vec![hot];
    rows.extend(CONTROLS.iter().map(|control| delta(control.0, 1_000, 50.0 * noise)));
    report(sequence, Some(instance), stats(end.before(WINDOW), end, rows))
}
