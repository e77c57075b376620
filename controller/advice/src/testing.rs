//! The shop's tables for unit tests.

use querysmith_shared::observation::schema::{Table, TableActivity};
use serde::Deserialize;

use crate::evidence::TableEvidence;

const TABLES: &str = include_str!("../tests/fixtures/shop/tables.json");

#[derive(Deserialize)]
struct Fixture {
    database: String,
    table: Table,
    activity: TableActivity,
}

/// The tables with their statistics, as PostgreSQL gave them.
pub(crate) fn shop_tables() -> Vec<TableEvidence> {
    let fixtures: Vec<Fixture> = serde_json::from_str(TABLES).expect("the fixture is as the types");
    let evidence = |fixture: Fixture| TableEvidence {
        database: fixture.database,
        table: fixture.table,
        activity: Some(fixture.activity),
        read_at: None,
        stats_since: None,
        index_first_seen: Vec::new(),
        writes: None,
    };
    fixtures.into_iter().map(evidence).collect()
}
