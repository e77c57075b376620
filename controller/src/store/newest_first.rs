//! Lists of what has a server and a state, a page at a time, newest first.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::Store;
use crate::store::error::StoreError;

/// Which rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Which {
    /// Only of this server.
    pub(super) instance: Option<Uuid>,
    /// Only in this state.
    pub(super) state: Option<&'static str>,
    /// Time and id of the row that ended the page before.
    pub(super) after: Option<(DateTime<Utc>, Uuid)>,
    /// At most so many.
    pub(super) limit: i64,
}

impl Store {
    /// The rows of `page`, and the number that `count` counts. Both take the server as `$1` and the state as
    /// `$2`; `page` also takes the time and the id that it goes on after as `$3` and `$4`, and its limit as `$5`.
    pub(super) async fn newest_first<T>(
        &self,
        page: &'static str,
        count: &'static str,
        which: Which,
    ) -> Result<(Vec<T>, i64), StoreError>
    where
        T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let rows = sqlx::query_as(page)
            .bind(which.instance)
            .bind(which.state)
            .bind(which.after.map(|key| key.0))
            .bind(which.after.map(|key| key.1))
            .bind(which.limit)
            .fetch_all(&self.pool)
            .await?;
        let total =
            sqlx::query_scalar(count).bind(which.instance).bind(which.state).fetch_one(&self.pool).await?;
        Ok((rows, total))
    }
}
