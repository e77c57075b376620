//! Changes as PostgreSQL reads them. The texts are pinned in `expected/`.

use super::Rendered;
use super::identifier::{BadName, postgres as quote, postgres_string as quote_string};
use crate::change::limits::Limits;
use crate::change::parameter::SetParameter;
use crate::change::statistics::{CreateStatistics, SetStatisticsTarget};
use crate::change::{Analyze, Change, CreateIndex, DropIndex, TableName};

/// The statements of `change` under `limits`.
pub fn render(change: &Change, limits: Limits) -> Result<Rendered, BadName> {
    match change {
        Change::CreateIndex(index) => create_index(index, limits),
        Change::Analyze(analyze) => self::analyze(analyze, limits),
        Change::DropIndex(drop) => drop_index(drop, limits),
        Change::SetParameter(set) => set_parameter(set, limits),
        Change::CreateStatistics(create) => create_statistics(create, limits),
        Change::SetStatisticsTarget(set) => set_statistics_target(set, limits),
    }
}

/// The CREATE INDEX statement without CONCURRENTLY, as hypopg wants it.
pub fn hypothetical_index(index: &CreateIndex) -> Result<String, BadName> {
    Ok(format!("CREATE INDEX ON {} {}", table(&index.table)?, columns(index)?))
}

fn create_index(index: &CreateIndex, limits: Limits) -> Result<Rendered, BadName> {
    let mut apply = time_limits(limits);
    apply.push(build(index)?);
    let mut undo = time_limits(limits);
    undo.push(format!("DROP INDEX CONCURRENTLY IF EXISTS {}", qualified(index)?));
    let verify = format!(
        "SELECT i.indisvalid AND i.indisready AS valid, pg_catalog.pg_get_indexdef(i.indexrelid) AS definition\n\
         FROM pg_catalog.pg_index AS i\n\
         JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid\n\
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace\n\
         WHERE n.nspname = {} AND c.relname = {}",
        quote_string(&index.table.schema)?,
        quote_string(&index.name)?,
    );
    Ok(Rendered { apply, verify, undo, terms: limits.trial.to_string() })
}

/// The undo begins with what an interrupted statement may have left: an INVALID index of the same name.
fn drop_index(drop: &DropIndex, limits: Limits) -> Result<Rendered, BadName> {
    let index = &drop.index;
    let name = qualified(index)?;
    let mut apply = time_limits(limits);
    apply.push(format!("DROP INDEX CONCURRENTLY {name}"));
    let mut undo = time_limits(limits);
    undo.push(format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"));
    undo.push(build(index)?);
    let verify = format!(
        "SELECT bool_or(c.relname = {dropped}) IS NOT TRUE AS gone,\n\
         \x20      bool_or(c.relname = {kept} AND i.indisvalid AND i.indisready) IS TRUE AS covered\n\
         FROM pg_catalog.pg_index AS i\n\
         JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid\n\
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace\n\
         WHERE n.nspname = {schema} AND c.relname IN ({dropped}, {kept})",
        dropped = quote_string(&index.name)?,
        kept = quote_string(&drop.covered_by)?,
        schema = quote_string(&index.table.schema)?,
    );
    Ok(Rendered { apply, verify, undo, terms: limits.trial.to_string() })
}

fn build(index: &CreateIndex) -> Result<String, BadName> {
    let name = quote(&index.name)?;
    Ok(format!("CREATE INDEX CONCURRENTLY {name} ON {} {}", table(&index.table)?, columns(index)?))
}

fn qualified(index: &CreateIndex) -> Result<String, BadName> {
    Ok(format!("{}.{}", quote(&index.table.schema)?, quote(&index.name)?))
}

fn analyze(analyze: &Analyze, limits: Limits) -> Result<Rendered, BadName> {
    let mut apply = time_limits(limits);
    apply.push(format!("ANALYZE {}", table(&analyze.table)?));
    let verify = format!(
        "SELECT last_analyze, n_mod_since_analyze AS changed_since_analyze\n\
         FROM pg_catalog.pg_stat_all_tables\n\
         WHERE schemaname = {} AND relname = {}",
        quote_string(&analyze.table.schema)?,
        quote_string(&analyze.table.name)?,
    );
    Ok(Rendered { apply, verify, undo: Vec::new(), terms: String::new() })
}

/// Until the table is analyzed there is nothing in them.
fn create_statistics(create: &CreateStatistics, limits: Limits) -> Result<Rendered, BadName> {
    let name = format!("{}.{}", quote(&create.table.schema)?, quote(&create.name)?);
    let table = table(&create.table)?;
    if create.columns.is_empty() {
        return Err(BadName::Empty);
    }
    let columns = create.columns.iter().map(|column| quote(column)).collect::<Result<Vec<_>, _>>()?;
    let mut apply = time_limits(limits);
    apply.push(format!("CREATE STATISTICS {name} ON {} FROM {table}", columns.join(", ")));
    apply.push(format!("ANALYZE {table}"));
    let mut undo = time_limits(limits);
    undo.push(format!("DROP STATISTICS IF EXISTS {name}"));
    let verify = format!(
        "SELECT pg_catalog.pg_get_statisticsobjdef(e.oid) AS definition, s.last_analyze\n\
         FROM pg_catalog.pg_statistic_ext AS e\n\
         JOIN pg_catalog.pg_namespace AS n ON n.oid = e.stxnamespace\n\
         LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = e.stxrelid\n\
         WHERE n.nspname = {} AND e.stxname = {}",
        quote_string(&create.table.schema)?,
        quote_string(&create.name)?,
    );
    Ok(Rendered { apply, verify, undo, terms: limits.trial.to_string() })
}

fn set_statistics_target(set: &SetStatisticsTarget, limits: Limits) -> Result<Rendered, BadName> {
    let (table, column) = (table(&set.table)?, quote(&set.column)?);
    let to = |target: i32| {
        let mut statements = time_limits(limits);
        statements.push(format!("ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS {target}"));
        statements.push(format!("ANALYZE {table} ({column})"));
        statements
    };
    let verify = format!(
        "SELECT a.attstattarget AS target, s.last_analyze\n\
         FROM pg_catalog.pg_attribute AS a\n\
         JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid\n\
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace\n\
         LEFT JOIN pg_catalog.pg_stat_all_tables AS s ON s.relid = c.oid\n\
         WHERE n.nspname = {} AND c.relname = {} AND a.attname = {}",
        quote_string(&set.table.schema)?,
        quote_string(&set.table.name)?,
        quote_string(&set.column)?,
    );
    // -1 is the server's own default.
    let (apply, undo) = (to(set.target.into()), to(set.before.map_or(-1, i32::from)));
    Ok(Rendered { apply, verify, undo, terms: limits.trial.to_string() })
}

/// The value that is replaced is part of the terms: whoever approves a value approves it in the place of another.
fn set_parameter(set: &SetParameter, limits: Limits) -> Result<Rendered, BadName> {
    let name = quote(&set.name)?;
    let to = |value: &str| Ok(format!("ALTER SYSTEM SET {name} = {}", quote_string(value)?));
    let mut apply = time_limits(limits);
    apply.extend([to(&set.value)?, RELOAD.to_owned()]);
    let mut undo = time_limits(limits);
    undo.push(match &set.before {
        Some(before) => to(before)?,
        None => format!("ALTER SYSTEM RESET {name}"),
    });
    undo.push(RELOAD.to_owned());
    let verify = format!(
        "SELECT setting, unit, source, pending_restart\n\
         FROM pg_catalog.pg_settings\n\
         WHERE name = {}",
        quote_string(&set.name)?,
    );
    let terms = format!("Instead of {}. {}", set.replaces, limits.trial);
    Ok(Rendered { apply, verify, undo, terms })
}

/// Tells the server to read its files again.
const RELOAD: &str = "SELECT pg_catalog.pg_reload_conf()";

fn time_limits(limits: Limits) -> Vec<String> {
    vec![
        format!("SET lock_timeout = {}", limits.lock_wait_ms),
        format!("SET statement_timeout = {}", limits.duration_ms),
    ]
}

fn table(name: &TableName) -> Result<String, BadName> {
    Ok(format!("{}.{}", quote(&name.schema)?, quote(&name.name)?))
}

fn columns(index: &CreateIndex) -> Result<String, BadName> {
    let mut keys = Vec::new();
    for key in &index.keys {
        let direction = if key.descending { " DESC" } else { "" };
        keys.push(format!("{}{direction}", quote(&key.column)?));
    }
    if keys.is_empty() {
        return Err(BadName::Empty);
    }
    let mut text = format!("({})", keys.join(", "));
    if !index.include.is_empty() {
        let include = index.include.iter().map(|column| quote(column)).collect::<Result<Vec<_>, _>>()?;
        text.push_str(&format!(" INCLUDE ({})", include.join(", ")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::IndexKey;
    use crate::change::coins::CoinSeed;
    use crate::change::switchback::Switchback;
    use crate::change::trial::{OnPartition, TrialTerms};

    fn index() -> CreateIndex {
        CreateIndex {
            database: "shop".into(),
            table: TableName { schema: "public".into(), name: "orders".into() },
            name: "qs_orders_customer_id_created_at_deadbeef".into(),
            keys: vec![
                IndexKey { column: "customer_id".into(), descending: false },
                IndexKey { column: "created_at".into(), descending: true },
            ],
            include: vec!["Total \"net\"".into()],
        }
    }

    fn parameter() -> SetParameter {
        SetParameter { name: "work_mem".into(), value: "64MB".into(), replaces: "4MB".into(), before: None }
    }

    fn check(change: &Change, limits: Limits, expected: &str) {
        let rendered = render(change, limits).unwrap();
        let mut text = String::new();
        for (title, statements) in
            [("apply", &rendered.apply), ("verify", &vec![rendered.verify.clone()]), ("undo", &rendered.undo)]
        {
            text.push_str(&format!("-- {title}\n"));
            for statement in statements {
                text.push_str(&format!("{statement};\n"));
            }
        }
        assert_eq!(text, expected);
    }

    #[test]
    fn the_texts_are_as_pinned() {
        check(
            &Change::CreateIndex(index()),
            Limits::INDEX_BUILD,
            include_str!("expected/create_index.postgres.sql"),
        );
        let analyze = Analyze { database: "shop".into(), table: index().table };
        check(&Change::Analyze(analyze), Limits::ANALYZE, include_str!("expected/analyze.postgres.sql"));
        let drop = DropIndex { index: index(), covered_by: "orders_by_customer".into() };
        check(
            &Change::DropIndex(drop),
            Limits::INDEX_BUILD,
            include_str!("expected/drop_index.postgres.sql"),
        );
        check(
            &Change::SetParameter(parameter()),
            Limits::PARAMETER,
            include_str!("expected/set_parameter.postgres.sql"),
        );
        let create = CreateStatistics {
            database: "shop".into(),
            table: index().table,
            name: "qs_orders_city_zip_deadbeef".into(),
            columns: vec!["city".into(), "Zip \"code\"".into()],
        };
        check(
            &Change::CreateStatistics(create),
            Limits::ANALYZE,
            include_str!("expected/create_statistics.postgres.sql"),
        );
        let set = SetStatisticsTarget {
            database: "shop".into(),
            table: index().table,
            column: "city".into(),
            target: 500,
            before: None,
        };
        check(
            &Change::SetStatisticsTarget(set),
            Limits::ANALYZE,
            include_str!("expected/set_statistics_target.postgres.sql"),
        );
    }

    #[test]
    fn what_is_replaced_and_what_comes_back_are_part_of_the_text() {
        let digest = |set: SetParameter| {
            render(&Change::SetParameter(set), Limits::PARAMETER).unwrap().digest("postgres")
        };
        let digests = [
            parameter(),
            SetParameter { value: "32MB".into(), ..parameter() },
            SetParameter { replaces: "8MB".into(), ..parameter() },
            SetParameter { before: Some("4MB".into()), ..parameter() },
            SetParameter { name: "maintenance_work_mem".into(), ..parameter() },
        ]
        .map(digest);
        let different: std::collections::HashSet<_> = digests.iter().collect();
        assert_eq!(different.len(), digests.len());
    }

    #[test]
    fn the_digest_tells_every_difference() {
        let digest = |change: CreateIndex, limits| {
            let database = change.database.clone();
            render(&Change::CreateIndex(change), limits).unwrap().digest(&database)
        };
        let same = digest(index(), Limits::INDEX_BUILD);
        assert_eq!(same, digest(index(), Limits::INDEX_BUILD));
        let mut other = index();
        other.keys[0].descending = true;
        assert_ne!(same, digest(other, Limits::INDEX_BUILD));
        let mut elsewhere = index();
        elsewhere.database = "shop2".into();
        assert_ne!(same, digest(elsewhere, Limits::INDEX_BUILD));
        assert_ne!(same, digest(index(), Limits::ANALYZE));
        let trial = TrialTerms { on_partition: OnPartition::Revert, ..TrialTerms::DEFAULT };
        assert_ne!(same, digest(index(), Limits { trial, ..Limits::INDEX_BUILD }));
        let tried = |seed| {
            let plan =
                Switchback { window_s: 300, washout_s: 60, most_pairs: 60, seed: CoinSeed([seed; 32]) };
            digest(
                index(),
                Limits { trial: TrialTerms { switchback: Some(plan), ..trial }, ..Limits::INDEX_BUILD },
            )
        };
        assert_ne!(tried(1), tried(2));
    }

    #[test]
    fn an_index_needs_a_column() {
        let mut empty = index();
        empty.keys.clear();
        assert!(render(&Change::CreateIndex(empty), Limits::INDEX_BUILD).is_err());
    }
}
