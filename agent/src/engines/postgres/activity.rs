//! What the server is doing at one moment. Texts of running statements are never read.

use std::time::SystemTime;

use querysmith_shared::id::StatementId;
use querysmith_shared::observation::activity::{
    Activity, Blocked, ConnectionCount, LongTransaction, WaitCount,
};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::ReportBody;
use sqlx::postgres::PgRow;

use super::{Postgres, row};
use crate::collect::collector::Collector;
use crate::collect::sink::Reports;
use crate::engines::{CollectError, Collected};

pub(super) async fn collect(engine: &Postgres, reports: &dyn Reports) -> Result<Collected, CollectError> {
    let known = engine.known()?;
    let sql = if known.facts.major() >= 14 {
        include_str!("sql/activity_14.sql")
    } else {
        include_str!("sql/activity_13.sql")
    };
    let mut activity = Activity {
        read_at: Timestamp::from(SystemTime::now()),
        connections: Vec::new(),
        max_connections: 0,
        waits: Vec::new(),
        blocked: Vec::new(),
        long_transactions: Vec::new(),
        replica_lag_bytes: Vec::new(),
        replica_lag_ms: Vec::new(),
        rollbacks: 0,
        deadlocks: 0,
    };
    let mut lease = engine.lease_server(Collector::Activity).await?;
    let query = sqlx::query(sql).bind(engine.config.long_transaction_s);
    let rows = lease.session().each(query, |row| take(row, &mut activity)).await?;
    lease.done();
    reports.append(ReportBody::Activity(activity)).await.map_err(CollectError::Store)?;
    Ok(Collected { rows, ..Collected::default() })
}

fn take(row: &PgRow, activity: &mut Activity) -> Result<(), sqlx::Error> {
    let amount = row::count(row, 3)?;
    let small = || u32::try_from(amount).unwrap_or(u32::MAX);
    let pid = || row::int(row, 4).map(|pid| pid.and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0));
    match row::int(row, 0)? {
        Some(1) => activity.connections.push(ConnectionCount { state: row::string(row, 1)?, count: small() }),
        Some(2) => {
            let (class, event) = (row::string(row, 1)?, row::string(row, 2)?);
            activity.waits.push(WaitCount { class, event, count: small() });
        }
        Some(3) => activity.blocked.push(Blocked {
            pid: pid()?,
            blocked_by: row::ints(row, 5)?,
            waiting_ms: amount,
            statement: statement(row)?,
        }),
        Some(4) => activity.long_transactions.push(LongTransaction {
            pid: pid()?,
            age_ms: amount,
            state: row::string(row, 1)?,
            user: row::string(row, 7)?,
            statement: statement(row)?,
        }),
        Some(5) => activity.replica_lag_bytes.push(amount),
        Some(6) => activity.rollbacks = amount,
        Some(7) => activity.deadlocks = amount,
        Some(8) => activity.replica_lag_ms.push(amount),
        _ => activity.max_connections = small(),
    }
    Ok(())
}

/// The statement a session runs, by the id that its statistics have.
fn statement(row: &PgRow) -> Result<Option<StatementId>, sqlx::Error> {
    let (database, user, query_id) = (row::text(row, 6)?, row::text(row, 7)?, row::int(row, 8)?);
    Ok(match (database, user, query_id) {
        (Some(database), Some(user), Some(id)) if id != 0 => {
            Some(StatementId::derive(&database, &user, true, id))
        }
        _ => None,
    })
}
