//! The shop as evidence: tables and plans as PostgreSQL gave them, workload made up by each test.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use querysmith_advice::evidence::{
    Evidence, InstanceFacts, PlanEvidence, PlannerSettings, StatementEvidence, TableEvidence, WindowSum,
};
use querysmith_advice::finding::{Finding, FindingKind};
use querysmith_advice::learn::model::Model;
use querysmith_advice::thresholds::Thresholds;
use querysmith_shared::engine::Version;
use querysmith_shared::id::{InstanceId, StatementId};
use querysmith_shared::observation::plan::{PlanNode, PlanOrigin};
use querysmith_shared::observation::schema::{Table, TableActivity};
use querysmith_shared::timestamp::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

const TABLES: &str = include_str!("../fixtures/shop/tables.json");
const STATEMENTS: &str = include_str!("../fixtures/shop/statements.json");
const WAREHOUSE_TABLES: &str = include_str!("../fixtures/shop/warehouse_tables.json");
const WAREHOUSE_STATEMENTS: &str = include_str!("../fixtures/shop/warehouse_statements.json");

/// The moment of all tests.
pub(crate) const NOW: Timestamp = Timestamp(1_767_225_600_000_000);

#[derive(Deserialize)]
struct TableFixture {
    database: String,
    table: Table,
    activity: TableActivity,
}

/// A statement's text, and its plans by name: `generic`, `representative` and others.
#[derive(Deserialize)]
struct StatementFixture {
    text: String,
    #[serde(flatten)]
    plans: HashMap<String, serde_json::Value>,
}

static STATEMENT_FIXTURES: LazyLock<HashMap<String, StatementFixture>> =
    LazyLock::new(|| serde_json::from_str(STATEMENTS).expect("the fixture is as the types"));
static WAREHOUSE_FIXTURES: LazyLock<HashMap<String, StatementFixture>> =
    LazyLock::new(|| serde_json::from_str(WAREHOUSE_STATEMENTS).expect("the fixture is as the types"));

/// How a statement runs.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(crate) per_second: f64,
    pub(crate) mean_ms: f64,
    pub(crate) blocks: f64,
    pub(crate) rows: f64,
    /// Since so many seconds ago it has run with another mean time and other blocks.
    pub(crate) since: Option<(f64, f64, f64)>,
}

impl Run {
    pub(crate) const FAST: Self =
        Self { per_second: 10.0, mean_ms: 0.05, blocks: 4.0, rows: 1.0, since: None };

    pub(crate) fn new(per_second: f64, mean_ms: f64, blocks: f64, rows: f64) -> Self {
        Self { per_second, mean_ms, blocks, rows, since: None }
    }
}

/// The shop with nothing running and nothing wrong: without the index of payments that is there twice.
pub(crate) fn shop() -> Evidence {
    let mut evidence = twin_shop();
    table(&mut evidence, "payments").table.indexes.retain(|index| index.name != "payments_order_id_idx");
    evidence
}

/// The shop as the demo makes it, with the two indexes on the orders of payments.
pub(crate) fn twin_shop() -> Evidence {
    with_tables(TABLES)
}

/// Another shop, whose orders belong to warehouses.
pub(crate) fn warehouse_shop() -> Evidence {
    with_tables(WAREHOUSE_TABLES)
}

fn with_tables(tables: &str) -> Evidence {
    let tables: Vec<TableFixture> = serde_json::from_str(tables).expect("the fixture is as the types");
    Evidence {
        now: NOW,
        instance: InstanceFacts {
            id: InstanceId(Uuid::from_u128(7)),
            version: Version { major: 15, minor: 18 },
            in_recovery: false,
            what_if: true,
            may_apply: true,
            system_identifier: "7000000000000000001".to_owned(),
        },
        statements: Vec::new(),
        totals: Vec::new(),
        tables: tables
            .into_iter()
            .map(|fixture| TableEvidence {
                database: fixture.database,
                table: fixture.table,
                activity: Some(fixture.activity),
                read_at: Some(NOW),
                stats_since: Some(NOW.before(Duration::from_secs(86_400))),
                index_first_seen: Vec::new(),
                writes: None,
            })
            .collect(),
        settings: PlannerSettings::default(),
        parameters: Vec::new(),
        open_findings: Vec::new(),
        proposals: Vec::new(),
        changes: Vec::new(),
        dropped_indexes: Vec::new(),
        model: Model::default(),
        thresholds: Thresholds::default(),
    }
}

/// The id of a statement of the fixtures.
pub(crate) fn id(name: &str) -> StatementId {
    let query = name.bytes().fold(7_i64, |hash, byte| hash.wrapping_mul(31).wrapping_add(i64::from(byte)));
    StatementId::derive("shop", "app", true, query)
}

/// Adds a statement of the fixtures, with these of its plans, and gives its id.
pub(crate) fn add(evidence: &mut Evidence, name: &str, run: Run, plans: &[&str]) -> StatementId {
    let in_warehouse =
        evidence.tables.iter().any(|table| table.table.columns.iter().any(|c| c.name == "warehouse_id"));
    let fixture = if in_warehouse { &WAREHOUSE_FIXTURES[name] } else { &STATEMENT_FIXTURES[name] };
    let id = id(name);
    let plans = plans
        .iter()
        .map(|key| {
            let json = fixture.plans[*key].to_string();
            let plan = PlanNode::from_postgres_json(&json).expect("the fixture is a plan");
            let origin = if *key == "generic" { PlanOrigin::Generic } else { PlanOrigin::Representative };
            PlanEvidence {
                shape_hash: plan.shape_hash(),
                first_seen: NOW.before(Duration::from_secs(7_200)),
                last_seen: NOW.before(Duration::from_secs(60)),
                origin,
                plan,
            }
        })
        .collect();
    evidence.statements.push(StatementEvidence {
        id,
        database: "shop".to_owned(),
        user: "app".to_owned(),
        text: fixture.text.clone(),
        truncated: false,
        first_seen: NOW.before(Duration::from_secs(7_200)),
        windows: windows(run, name),
        plans,
    });
    id
}

/// Two hours: minutes, then windows of 15 s for the last quarter of an hour. Means differ a little from window to
/// window, always in the same way.
pub(crate) fn windows(run: Run, seed: &str) -> Vec<WindowSum> {
    let mut bounds: Vec<(i64, i64)> =
        (0..105).map(|minute| (7_200 - minute * 60, 7_140 - minute * 60)).collect();
    bounds.extend((0..60).map(|window| (900 - window * 15, 885 - window * 15)));
    let seed = seed.bytes().fold(17_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut windows = Vec::new();
    for (position, (from, to)) in bounds.into_iter().enumerate() {
        let (from, to) = (from as f64, to as f64);
        let calls = (run.per_second * (from - to)).round();
        if calls < 1.0 {
            continue;
        }
        let (mean, blocks) = match run.since {
            Some((ago, mean, blocks)) => {
                let slow = ((ago.min(from) - to) / (from - to)).clamp(0.0, 1.0);
                (mean * slow + run.mean_ms * (1.0 - slow), blocks * slow + run.blocks * (1.0 - slow))
            }
            None => (run.mean_ms, run.blocks),
        };
        let noise = (seed.wrapping_mul(position as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64;
        let mean = mean * (1.0 + 0.16 * (noise / f64::from(1 << 24) - 0.5));
        windows.push(WindowSum {
            start: NOW.before(Duration::from_secs_f64(from)),
            end: NOW.before(Duration::from_secs_f64(to)),
            calls: calls as u64,
            total_ms: mean * calls,
            sum_squares_ms2: mean * mean * calls * 1.5,
            blocks_hit: (blocks * calls) as u64,
            blocks_read: 0,
            rows: (run.rows * calls) as u64,
            temp_blocks: 0,
            wal_bytes: 0,
        });
    }
    windows
}

/// The fast statements that every shop has.
pub(crate) fn add_fast(evidence: &mut Evidence) {
    for (name, per_second) in [
        ("product_by_sku", 20.0),
        ("product_reviews", 10.0),
        ("order_head", 10.0),
        ("customer_by_email", 8.0),
        ("payment_of_order", 5.0),
        ("session_touch", 10.0),
        ("order_status_update", 3.0),
        ("stock_take", 3.0),
    ] {
        add(evidence, name, Run { per_second, ..Run::FAST }, &["generic"]);
    }
    add(evidence, "order_insert", Run { per_second: 3.0, ..Run::FAST }, &["generic"]);
}

/// The table's evidence, to change it.
pub(crate) fn table<'e>(evidence: &'e mut Evidence, name: &str) -> &'e mut TableEvidence {
    evidence.tables.iter_mut().find(|table| table.table.name.name == name).expect("a table of the shop")
}

/// The findings of one kind.
pub(crate) fn of_kind(findings: &[Finding], kind: FindingKind) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.kind == kind).collect()
}
