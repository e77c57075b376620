//! Reading what a change touches. Every statement looks only at the catalog and the statistics views.

use std::time::Duration;

use querysmith_shared::change::TableName;
use querysmith_shared::timestamp::Timestamp;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::error::classify;
use super::{LOOK_LIMIT, Session, bounded};
use crate::apply::facts::{
    BuildProgress, ColumnFacts, IndexFacts, KeyFacts, Named, ServerFacts, StatisticsFacts, TableFacts,
};
use crate::apply::failure::DatabaseError;
use crate::apply::throttle::{BLOCKED_AFTER, Load, Pressure, Standby};

impl Session {
    /// The server, as it answers now.
    pub async fn server(&mut self) -> Result<ServerFacts, DatabaseError> {
        let query = sqlx::query(include_str!("../sql/change_server.sql"));
        let row = bounded(LOOK_LIMIT, query.fetch_one(&mut self.connection)).await?;
        let read = || {
            Ok(ServerFacts {
                system_identifier: row.try_get("system_identifier")?,
                in_recovery: row.try_get("in_recovery")?,
                data_directory: row.try_get("data_directory")?,
            })
        };
        read().map_err(classify)
    }

    /// One table, and extended statistics of this name; `None` if there is no such table. Statements that follow run as
    /// its owner where that is the only way to the owner's rights.
    pub async fn table(
        &mut self,
        name: &TableName,
        statistics: &str,
    ) -> Result<Option<TableFacts>, DatabaseError> {
        // Since PostgreSQL 16 a role can be allowed to become another without having its rights all the time.
        let privilege = if self.version >= 160_000 { "SET" } else { "MEMBER" };
        let query = sqlx::query(include_str!("../sql/change_table.sql"));
        let query = query.bind(&name.schema).bind(&name.name).bind(privilege);
        let Some(row) = bounded(LOOK_LIMIT, query.fetch_optional(&mut self.connection)).await? else {
            return Ok(None);
        };
        let oid: i64 = row.try_get("oid").map_err(classify)?;
        let may_maintain = self.may_maintain(oid).await?;
        let columns = self.columns(oid, name).await?;
        let indexes = self.indexes(oid, 0).await?;
        let statistics = self.statistics(oid, &name.schema, statistics).await?;
        let (facts, acts_as_owner) = table_facts(&row, may_maintain, columns).map_err(classify)?;
        let facts = TableFacts { indexes, statistics, ..facts };
        self.act_as = acts_as_owner.then(|| facts.owner.clone());
        Ok(Some(facts))
    }

    /// What has this name.
    pub async fn named(&mut self, schema: &str, name: &str) -> Result<Named, DatabaseError> {
        let query = sqlx::query(include_str!("../sql/change_named.sql")).bind(schema).bind(name);
        let Some(row) = bounded(LOOK_LIMIT, query.fetch_optional(&mut self.connection)).await? else {
            return Ok(Named::Nothing);
        };
        let oid: i64 = row.try_get("oid").map_err(classify)?;
        let kind: String = row.try_get("kind").map_err(classify)?;
        Ok(match self.indexes(0, oid).await?.pop() {
            Some(index) => Named::Index(index),
            // It may have gone between the two looks; the next look will tell.
            None if kind == "i" => Named::Nothing,
            None => Named::Other(in_words(&kind).to_owned()),
        })
    }

    /// The worst of the transactions that an index build on the table would wait for, in words: those that
    /// are older than `seconds`.
    pub async fn stalling(&mut self, table_oid: u32, seconds: f64) -> Result<Option<String>, DatabaseError> {
        let query =
            sqlx::query(include_str!("../sql/change_stalling.sql")).bind(seconds).bind(i64::from(table_oid));
        let Some(row) = bounded(LOOK_LIMIT, query.fetch_optional(&mut self.connection)).await? else {
            return Ok(None);
        };
        let pid: i32 = row.try_get("pid").map_err(classify)?;
        let state: String = row.try_get("state").map_err(classify)?;
        let age: Option<f64> = row.try_get("seconds").map_err(classify)?;
        Ok(Some(match age {
            Some(age) => format!("a transaction of process {pid} ({state}), open for {age:.0} s,"),
            None => format!("a {state} that holds a lock on the table"),
        }))
    }

    /// How busy the server is, on a host under this pressure.
    pub async fn load(&mut self, pressure: Option<Pressure>) -> Result<Load, DatabaseError> {
        let query = sqlx::query(include_str!("../sql/change_standbys.sql"));
        let rows = bounded(LOOK_LIMIT, query.fetch_all(&mut self.connection)).await?;
        let standbys = rows.iter().map(standby).collect::<Result<_, _>>().map_err(classify)?;
        let query = sqlx::query(include_str!("../sql/change_blocked.sql")).bind(BLOCKED_AFTER.as_secs_f64());
        let row = bounded(LOOK_LIMIT, query.fetch_one(&mut self.connection)).await?;
        let blocked: i64 = row.try_get("sessions").map_err(classify)?;
        Ok(Load { pressure, standbys, blocked_sessions: u32::try_from(blocked).unwrap_or(u32::MAX) })
    }

    /// How far the index build of a process is; `None` if it isn't building.
    pub async fn progress(&mut self, pid: i32) -> Result<Option<BuildProgress>, DatabaseError> {
        let query = sqlx::query(include_str!("../sql/change_progress.sql")).bind(pid);
        let row = bounded(LOOK_LIMIT, query.fetch_optional(&mut self.connection)).await?;
        row.map(|row| progress(&row)).transpose().map_err(classify)
    }

    /// The right to ANALYZE that PostgreSQL 17 and later can grant apart from ownership.
    async fn may_maintain(&mut self, table_oid: i64) -> Result<bool, DatabaseError> {
        if self.version < 170_000 {
            return Ok(false);
        }
        let check = "SELECT /* querysmith */ pg_catalog.has_table_privilege($1::bigint::oid, 'MAINTAIN')";
        let row =
            bounded(LOOK_LIMIT, sqlx::query(check).bind(table_oid).fetch_one(&mut self.connection)).await?;
        Ok(row.try_get::<Option<bool>, _>(0).map_err(classify)?.unwrap_or(false))
    }

    async fn columns(&mut self, oid: i64, name: &TableName) -> Result<Vec<ColumnFacts>, DatabaseError> {
        let query = sqlx::query(include_str!("../sql/change_columns.sql"))
            .bind(oid)
            .bind(&name.schema)
            .bind(&name.name);
        let rows = bounded(LOOK_LIMIT, query.fetch_all(&mut self.connection)).await?;
        let column = |row: &PgRow| {
            let width: i32 = row.try_get("width")?;
            Ok(ColumnFacts {
                number: row.try_get("number")?,
                name: row.try_get("name")?,
                width: u32::try_from(width).unwrap_or(0),
                target: row.try_get("target")?,
            })
        };
        rows.iter().map(column).collect::<Result<_, _>>().map_err(classify)
    }

    async fn statistics(
        &mut self,
        table_oid: i64,
        schema: &str,
        name: &str,
    ) -> Result<Vec<StatisticsFacts>, DatabaseError> {
        let query = sqlx::query(include_str!("../sql/change_statistics.sql"));
        let query = query.bind(table_oid).bind(schema).bind(name);
        let rows = bounded(LOOK_LIMIT, query.fetch_all(&mut self.connection)).await?;
        rows.iter().map(statistics_facts).collect::<Result<_, _>>().map_err(classify)
    }

    async fn indexes(&mut self, table_oid: i64, index_oid: i64) -> Result<Vec<IndexFacts>, DatabaseError> {
        let query = sqlx::query(include_str!("../sql/change_indexes.sql")).bind(table_oid).bind(index_oid);
        let rows = bounded(LOOK_LIMIT, query.fetch_all(&mut self.connection)).await?;
        rows.iter().map(index_facts).collect::<Result<_, _>>().map_err(classify)
    }
}

fn standby(row: &PgRow) -> Result<Standby, sqlx::Error> {
    let lag: Option<f64> = row.try_get("lag_s")?;
    let bytes: f64 = row.try_get("lag_bytes")?;
    Ok(Standby {
        name: row.try_get("name")?,
        lag: lag.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        lag_bytes: bytes.max(0.0) as u64,
    })
}

/// The facts, and whether the role has to become the owner for them.
fn table_facts(
    row: &PgRow,
    may_maintain: bool,
    columns: Vec<ColumnFacts>,
) -> Result<(TableFacts, bool), sqlx::Error> {
    let kind: String = row.try_get("kind")?;
    let persistence: String = row.try_get("persistence")?;
    let unsuitable = match (kind.as_str(), persistence.as_str()) {
        ("r" | "m", "t") => Some("a temporary table".to_owned()),
        ("r" | "m", _) => None,
        (kind, _) => Some(in_words(kind).to_owned()),
    };
    let owns: bool = row.try_get("owns")?;
    let may_become_owner: bool = row.try_get("may_become_owner")?;
    let acts_as_owner = !owns && may_become_owner;
    let may_create = if acts_as_owner { "owner_may_create" } else { "may_create" };
    let rows_per_page: Option<f64> = row.try_get("rows_per_page")?;
    let pages: i64 = row.try_get("pages")?;
    let last_analyze: Option<i64> = row.try_get("last_analyze")?;
    let facts = TableFacts {
        oid: oid(row.try_get("oid")?),
        unsuitable,
        owner: row.try_get("owner")?,
        role: row.try_get("role")?,
        may_index: owns || acts_as_owner,
        may_create: row.try_get(may_create)?,
        may_analyze: owns || acts_as_owner || may_maintain || row.try_get("owns_database")?,
        rows: rows_per_page.map(|rows| rows * pages as f64),
        bytes: u64::try_from(row.try_get::<i64, _>("bytes")?).unwrap_or(0),
        columns,
        last_analyze: last_analyze.map(Timestamp),
        changed_since_analyze: row.try_get("changed_since_analyze")?,
        indexes: Vec::new(),
        statistics: Vec::new(),
    };
    Ok((facts, acts_as_owner))
}

fn index_facts(row: &PgRow) -> Result<IndexFacts, sqlx::Error> {
    /// Bits of `pg_index.indoption`.
    const DESCENDING: i16 = 1;
    const NULLS_FIRST: i16 = 2;
    let key_count: i16 = row.try_get("key_count")?;
    let mut keys: Vec<i16> = row.try_get("columns")?;
    let options: Vec<i16> = row.try_get("options")?;
    let include = keys.split_off(usize::try_from(key_count).unwrap_or(0).min(keys.len()));
    let key = |(column, flags): (i16, &i16)| KeyFacts {
        column,
        descending: flags & DESCENDING != 0,
        nulls_first: flags & NULLS_FIRST != 0,
    };
    Ok(IndexFacts {
        name: row.try_get("name")?,
        table_oid: oid(row.try_get("table_oid")?),
        usable: row.try_get("usable")?,
        unique: row.try_get("is_unique")?,
        plain: row.try_get("plain")?,
        keys: keys.into_iter().zip(&options).map(key).collect(),
        include,
        definition: row.try_get("definition")?,
        bytes: u64::try_from(row.try_get::<i64, _>("bytes")?).unwrap_or(0),
        scans: u64::try_from(row.try_get::<i64, _>("scans")?).unwrap_or(0),
        holds: row.try_get("holds")?,
    })
}

fn statistics_facts(row: &PgRow) -> Result<StatisticsFacts, sqlx::Error> {
    Ok(StatisticsFacts {
        schema: row.try_get("schema")?,
        name: row.try_get("name")?,
        table_oid: oid(row.try_get("table_oid")?),
        columns: row.try_get("columns")?,
        whole: row.try_get("whole")?,
        definition: row.try_get("definition")?,
    })
}

fn progress(row: &PgRow) -> Result<BuildProgress, sqlx::Error> {
    let amount = |name: &str| row.try_get::<Option<i64>, _>(name).map(|n| n.unwrap_or(0));
    let share = |done: i64, total: i64| {
        (total > 0).then(|| u8::try_from(done.saturating_mul(100) / total).unwrap_or(100).min(100))
    };
    let blocks = share(amount("blocks_done")?, amount("blocks_total")?);
    let tuples = share(amount("tuples_done")?, amount("tuples_total")?);
    let locker: Option<i64> = row.try_get("current_locker")?;
    Ok(BuildProgress {
        phase: row.try_get("phase")?,
        percent: tuples.or(blocks),
        waits_for: locker.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0),
    })
}

fn oid(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

fn in_words(kind: &str) -> &'static str {
    match kind {
        "r" => "a table",
        "m" => "a materialized view",
        "p" => "a partitioned table",
        "v" => "a view",
        "f" => "a foreign table",
        "t" => "a TOAST table",
        "i" => "an index",
        "I" => "an index of a partitioned table",
        "S" => "a sequence",
        "c" => "a composite type",
        _ => "an object of another kind",
    }
}
