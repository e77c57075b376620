//! Changing a PostgreSQL server: the sessions in which changes are made, watched and cancelled.
//!
//! What is run here was rendered from a typed change and journalled before; nothing here decides.

mod error;
mod parameter;
mod read;

use std::future::Future;
use std::str::FromStr;
use std::time::{Duration, Instant};

use querysmith_shared::change::TableName;
use querysmith_shared::dialect::identifier;
use querysmith_shared::id::ChangeId;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};

use super::connect::is_local;
use crate::apply::failure::DatabaseError;
use error::classify;

/// How long connecting may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long looking at something may take; the server's own limit is 10 s.
const LOOK_LIMIT: Duration = Duration::from_secs(15);
/// How long the client waits beyond the server's own limit before it takes the connection for dead.
const GRACE: Duration = Duration::from_secs(60);
/// A change that waits keeps its session, which holds the table's lock.
const STAY: &str = "SET idle_session_timeout = 0";
/// How soon a server notices that its client is gone and gives up what it does for it.
const CLIENT_CHECK: &str = "SET client_connection_check_interval = '500ms'";

/// A server that changes can be made on, and the role they are made as.
#[derive(Debug, Clone)]
pub struct ChangeTarget {
    options: PgConnectOptions,
}

impl ChangeTarget {
    /// The server and role of these options; the database is each change's own.
    pub fn new(options: PgConnectOptions) -> Self {
        Self { options: options.disable_statement_logging() }
    }

    /// The server and role of a `postgres://` address.
    pub fn from_url(url: &str) -> Result<Self, DatabaseError> {
        PgConnectOptions::from_str(url).map(Self::new).map_err(classify)
    }

    /// Whether the server's files may be on this host: reached by socket or loopback.
    pub fn is_local(&self) -> bool {
        is_local(&self.options)
    }

    /// Opens a session for a step of a change, `apply`, `undo` or `watch`, named after both.
    pub async fn open(&self, database: &str, change: ChangeId, step: &str) -> Result<Session, DatabaseError> {
        let options =
            self.options.clone().database(database).application_name(&application_name(change, step));
        let connection = bounded(CONNECT_LIMIT, PgConnection::connect_with(&options)).await?;
        let version = connection.server_version_num().unwrap_or(0);
        let mut session = Session { connection, pid: 0, version, act_as: None };
        session.set(include_str!("sql/change_session.sql")).await?;
        if version >= 140_000 {
            session.set(STAY).await?;
            match session.set(CLIENT_CHECK).await {
                // Some platforms can't: there a build outlives its agent, and is adopted.
                Ok(()) | Err(DatabaseError::Statement { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let row = bounded(
            LOOK_LIMIT,
            sqlx::query("SELECT /* querysmith */ pg_catalog.pg_backend_pid()")
                .fetch_one(&mut session.connection),
        );
        session.pid = row.await?.try_get(0).map_err(classify)?;
        Ok(session)
    }
}

/// The name by which the server's own views show what a session is for.
pub fn application_name(change: ChangeId, step: &str) -> String {
    format!("querysmith/{}/{step}", change.short())
}

/// The key of the lock that keeps two agents from working on one table at the same time, or, without a table, on the
/// server's settings. Part of what agents agree on: it never changes.
pub fn scope_key(database: &str, table: Option<&TableName>) -> i64 {
    let mut hash = Sha256::new();
    let table = table.into_iter().flat_map(|table| [table.schema.as_str(), &table.name]);
    for part in ["querysmith/change-scope", database].into_iter().chain(table) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    i64::from_le_bytes(head)
}

/// One session on a server.
#[derive(Debug)]
pub struct Session {
    connection: PgConnection,
    pid: i32,
    version: u32,
    /// The role that changes need, where it isn't the session's own.
    act_as: Option<String>,
}

/// The session that holds a table's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeHolder {
    /// Its process on the server.
    pub pid: i32,
    /// The role it was opened as; a prepared transaction has none.
    pub role: String,
    /// That is the role of this session too, so it can be an agent's.
    pub is_same_role: bool,
    /// What it calls itself.
    pub application_name: String,
    /// It does nothing at the moment.
    pub is_idle: bool,
}

impl Session {
    /// Its process on the server.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Renames the session after another step of its change.
    pub async fn rename(&mut self, change: ChangeId, step: &str) -> Result<(), DatabaseError> {
        let set = "SELECT /* querysmith */ pg_catalog.set_config('application_name', $1, false)";
        let query = sqlx::query(set).bind(application_name(change, step));
        bounded(LOOK_LIMIT, query.execute(&mut self.connection)).await?;
        Ok(())
    }

    /// Tries to take a table's lock for the life of this session; never waits.
    pub async fn lock_scope(&mut self, key: i64) -> Result<bool, DatabaseError> {
        let query = sqlx::query("SELECT /* querysmith */ pg_catalog.pg_try_advisory_lock($1)").bind(key);
        let row = bounded(LOOK_LIMIT, query.fetch_one(&mut self.connection)).await?;
        row.try_get(0).map_err(classify)
    }

    /// Who holds a table's lock.
    pub async fn scope_holder(&mut self, key: i64) -> Result<Option<ScopeHolder>, DatabaseError> {
        let bits = key.cast_unsigned();
        let query = sqlx::query(include_str!("sql/change_scope_holder.sql"))
            .bind((bits >> 32).cast_signed())
            .bind((bits & 0xffff_ffff).cast_signed());
        let Some(row) = bounded(LOOK_LIMIT, query.fetch_optional(&mut self.connection)).await? else {
            return Ok(None);
        };
        let state: String = row.try_get("state").map_err(classify)?;
        Ok(Some(ScopeHolder {
            pid: row.try_get("pid").map_err(classify)?,
            role: row.try_get("role").map_err(classify)?,
            is_same_role: row.try_get("is_same_role").map_err(classify)?,
            application_name: row.try_get("application_name").map_err(classify)?,
            is_idle: state == "idle",
        }))
    }

    /// Runs journalled statements one by one, outside of any transaction; `limit` is the server's own limit
    /// for one of them. An error may have left the last one half-done.
    pub async fn run(&mut self, statements: &[String], limit: Duration) -> Result<Duration, DatabaseError> {
        if let Some(role) = &self.act_as {
            let role =
                identifier::postgres(role).map_err(|error| DatabaseError::NoEntry(error.to_string()))?;
            let set = sqlx::raw_sql(AssertSqlSafe(format!("SET ROLE {role}")));
            bounded(LOOK_LIMIT, set.execute(&mut self.connection)).await?;
        }
        let started = Instant::now();
        let mut ended = Ok(());
        for statement in statements {
            let query = sqlx::raw_sql(AssertSqlSafe(statement.as_str())).execute(&mut self.connection);
            ended = bounded(limit + GRACE, query).await.map(|_| ());
            if ended.is_err() {
                break;
            }
        }
        let elapsed = started.elapsed();
        if !matches!(ended, Err(DatabaseError::Unreachable(_))) {
            // The statements brought a role and limits of their own; what follows is only looking.
            self.set("RESET ROLE").await?;
            self.set(include_str!("sql/change_session.sql")).await?;
        }
        ended.map(|()| elapsed)
    }

    /// Runs a change's own verification and returns its first row as text, column by column.
    pub async fn read_back(&mut self, verify: &str) -> Result<Option<Vec<(String, String)>>, DatabaseError> {
        use sqlx::Column;
        let query = sqlx::raw_sql(AssertSqlSafe(verify)).fetch_optional(&mut self.connection);
        let Some(row) = bounded(LOOK_LIMIT, query).await? else { return Ok(None) };
        let mut values = Vec::new();
        for column in row.columns() {
            // The simple protocol sends every value as text.
            let value: Option<String> = row.try_get_unchecked(column.ordinal()).map_err(classify)?;
            values.push((column.name().to_owned(), value.unwrap_or_else(|| "NULL".to_owned())));
        }
        Ok(Some(values))
    }

    /// Cancels what the process does at the moment.
    pub async fn cancel(&mut self, pid: i32) -> Result<(), DatabaseError> {
        let query = sqlx::query("SELECT /* querysmith */ pg_catalog.pg_cancel_backend($1)").bind(pid);
        bounded(LOOK_LIMIT, query.execute(&mut self.connection)).await?;
        Ok(())
    }

    /// Ends a process.
    pub async fn terminate(&mut self, pid: i32) -> Result<(), DatabaseError> {
        let query = sqlx::query("SELECT /* querysmith */ pg_catalog.pg_terminate_backend($1)").bind(pid);
        bounded(LOOK_LIMIT, query.execute(&mut self.connection)).await?;
        Ok(())
    }

    /// Takes leave of the server.
    pub async fn close(self) {
        // A connection that is broken already is closed as well.
        let _ = tokio::time::timeout(LOOK_LIMIT, self.connection.close()).await;
    }

    async fn set(&mut self, settings: &'static str) -> Result<(), DatabaseError> {
        bounded(LOOK_LIMIT, sqlx::raw_sql(settings).execute(&mut self.connection)).await?;
        Ok(())
    }
}

/// Waits for the server, but not for ever.
async fn bounded<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, DatabaseError> {
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result.map_err(classify),
        Err(_) => Err(DatabaseError::Unreachable(format!("no answer within {} s", limit.as_secs()))),
    }
}
