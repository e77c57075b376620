//! One session on a server: read-only, with limits, its time measured.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres};

use super::redact;
use crate::engines::CollectError;

/// Longest wait for a connection, login included.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How much longer than the server's own limit the agent waits for an answer.
const GRACE: Duration = Duration::from_secs(2);

/// Limits of every session, set right after login. Waiting for locks would mean standing in the users' way. Names and
/// operators are the server's own: in any other schema users may have put some that fit better.
const SETUP: &str = "SET /* querysmith */ search_path = pg_catalog, pg_temp; \
     SET /* querysmith */ default_transaction_read_only = on; \
     SET /* querysmith */ lock_timeout = '100ms'; \
     SET /* querysmith */ idle_in_transaction_session_timeout = '15s'; \
     SET /* querysmith */ standard_conforming_strings = on; \
     SET /* querysmith */ jit = off; \
     SET /* querysmith */ max_parallel_workers_per_gather = 0";
/// What only a superuser, or who was granted it, may set: no traces in the statement statistics, bounded files.
const SETUP_PRIVILEGED: &str = "SET /* querysmith */ pg_stat_statements.track = 'none'; \
     SET /* querysmith */ pg_stat_statements.track_utility = off; \
     SET /* querysmith */ temp_file_limit = '64MB'";

/// Time that statements took, in microseconds, added up over all sessions of a server.
pub(crate) type StatementTime = Arc<AtomicU64>;

/// An open session.
pub(crate) struct Session {
    connection: PgConnection,
    limit: Duration,
    time: StatementTime,
    opened: Instant,
}

impl Session {
    /// Connects to `database` and sets the limits.
    pub(crate) async fn open(
        options: &PgConnectOptions,
        database: &str,
        privileged: bool,
        time: &StatementTime,
    ) -> Result<Self, CollectError> {
        let failed = |reason| CollectError::Connect { database: database.to_owned(), reason };
        let options = options.clone().database(database);
        let begun = Instant::now();
        let connection = tokio::time::timeout(CONNECT_LIMIT, PgConnection::connect_with(&options))
            .await
            .map_err(|_| failed(format!("no answer within {} s", CONNECT_LIMIT.as_secs())))?
            .map_err(|error| failed(redact::sqlx_error(&error)))?;
        add(time, begun.elapsed());
        let mut session =
            Self { connection, limit: Duration::ZERO, time: Arc::clone(time), opened: Instant::now() };
        let setup = if privileged { format!("{SETUP}; {SETUP_PRIVILEGED}") } else { SETUP.to_owned() };
        session.limit = CONNECT_LIMIT;
        session.batch(setup).await?;
        session.limit = Duration::ZERO;
        Ok(session)
    }

    /// Sets the limit of the statements that follow.
    pub(crate) async fn limit(&mut self, limit: Duration) -> Result<(), CollectError> {
        if self.limit != limit {
            self.limit = limit;
            // The agent waits a little longer than the server, so that the server's own reason arrives.
            self.batch(format!("SET /* querysmith */ statement_timeout = {}", limit.as_millis().max(1)))
                .await?;
        }
        Ok(())
    }

    /// Age of the session.
    pub(crate) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Runs a query and hands each row to `take` as it arrives.
    pub(crate) async fn each(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
        mut take: impl FnMut(&PgRow) -> Result<(), sqlx::Error> + Send,
    ) -> Result<u64, CollectError> {
        let (limit, time) = (self.limit, Arc::clone(&self.time));
        let connection = &mut self.connection;
        limited(limit, &time, async move {
            let mut rows = query.fetch(connection);
            let mut count = 0;
            while let Some(row) = rows.try_next().await? {
                take(&row)?;
                count += 1;
            }
            Ok(count)
        })
        .await
    }

    /// Runs a query and returns what `read` makes of its rows.
    pub(crate) async fn all<T: Send>(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
        mut read: impl FnMut(&PgRow) -> Result<T, sqlx::Error> + Send,
    ) -> Result<Vec<T>, CollectError> {
        let mut items = Vec::new();
        self.each(query, |row| {
            items.push(read(row)?);
            Ok(())
        })
        .await?;
        Ok(items)
    }

    /// Runs a query and returns what `read` makes of its first row.
    pub(crate) async fn one<T: Send>(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
        read: impl FnMut(&PgRow) -> Result<T, sqlx::Error> + Send,
    ) -> Result<Option<T>, CollectError> {
        Ok(self.all(query, read).await?.into_iter().next())
    }

    /// Runs one statement by the extended protocol, which takes no more than one.
    pub(crate) async fn execute(&mut self, sql: String) -> Result<(), CollectError> {
        self.each(sqlx::query(AssertSqlSafe(sql)).persistent(false), |_| Ok(())).await.map(drop)
    }

    /// Runs one or several statements of the agent's own by the simple protocol.
    pub(crate) async fn batch(&mut self, sql: String) -> Result<(), CollectError> {
        let (limit, time) = (self.limit, Arc::clone(&self.time));
        let connection = &mut self.connection;
        limited(
            limit,
            &time,
            async move { sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(drop) },
        )
        .await
    }

    /// Runs one statement by the simple protocol and returns the first column of its first row as text.
    pub(crate) async fn simple_text(&mut self, sql: String) -> Result<Option<String>, CollectError> {
        let (limit, time) = (self.limit, Arc::clone(&self.time));
        let connection = &mut self.connection;
        limited(limit, &time, async move {
            let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_optional(connection).await?;
            row.map(|row| super::row::string(&row, 0)).transpose()
        })
        .await
    }

    /// Gives back what code of the database's users may have taken for the session.
    pub(crate) async fn unlock(&mut self) -> Result<(), CollectError> {
        self.batch("SELECT /* querysmith */ pg_catalog.pg_advisory_unlock_all()".to_owned()).await
    }

    /// Ends the session in good order.
    pub(crate) async fn close(self) {
        // A server that does not answer is left alone: the socket is closed either way.
        let _ = tokio::time::timeout(GRACE, self.connection.close()).await;
    }
}

fn add(time: &StatementTime, elapsed: Duration) {
    time.fetch_add(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

async fn limited<T>(
    limit: Duration,
    time: &StatementTime,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, CollectError> {
    let begun = Instant::now();
    let outcome = tokio::time::timeout(limit + GRACE, work).await;
    add(time, begun.elapsed());
    match outcome {
        Err(_) => Err(CollectError::TimedOut(limit + GRACE)),
        Ok(Err(error)) => Err(statement_error(&error)),
        Ok(Ok(value)) => Ok(value),
    }
}

fn statement_error(error: &sqlx::Error) -> CollectError {
    let code = error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned());
    CollectError::Statement { code, reason: redact::sqlx_error(error) }
}
