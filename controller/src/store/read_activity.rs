//! Reads what a server was doing when it was last looked at.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use querysmith_shared::id::StatementId;
use querysmith_shared::observation::activity::Activity;
use serde_json::Value;
use uuid::Uuid;

use super::Store;
use super::decisions::document;
use crate::store::error::StoreError;

/// Start of a statement's text that lists show, characters.
pub const SHORT_TEXT_CHARS: i32 = 400;

impl Store {
    /// The newest sample of a server's activity.
    pub async fn last_activity(
        &self,
        instance: Uuid,
    ) -> Result<Option<(DateTime<Utc>, Activity)>, StoreError> {
        let row: Option<(DateTime<Utc>, Value)> = sqlx::query_as(
            "SELECT read_at, sample
             FROM activity_sample
             WHERE instance_id = $1
             ORDER BY read_at DESC
             LIMIT 1",
        )
        .bind(instance)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|(at, sample)| Ok((at, document(sample, "sample of activity")?))).transpose()
    }

    /// The starts of the texts of statements, as far as they are known.
    pub async fn short_texts(
        &self,
        instance: Uuid,
        statements: &[StatementId],
    ) -> Result<HashMap<StatementId, String>, StoreError> {
        if statements.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<i64> = statements.iter().map(|statement| statement.0).collect();
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT statement_id, left(text, $3)
             FROM statement
             WHERE instance_id = $1
               AND statement_id = ANY ($2)
               AND text IS NOT NULL",
        )
        .bind(instance)
        .bind(ids)
        .bind(SHORT_TEXT_CHARS)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|(id, text)| (StatementId(id), text)).collect())
    }
}
