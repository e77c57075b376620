//! Reads the record of who did what.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::FromRow;

use super::Store;
use super::read_text::{starting_with, within};
use crate::store::error::StoreError;

/// One entry.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct AuditRow {
    /// Its number.
    pub audit_id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// The particulars.
    pub detail: Value,
}

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only of this actor.
    pub actor: Option<String>,
    /// Only actions that start so.
    pub action: Option<String>,
    /// Only where something contains this.
    pub search: Option<String>,
}

impl Store {
    /// Entries, newest first, before the number `before`, and how many there are in all.
    pub async fn read_audit(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: i64,
    ) -> Result<(Vec<AuditRow>, i64), StoreError> {
        let action = filter.action.as_deref().map(starting_with);
        let search = filter.search.as_deref().map(within);
        let rows = sqlx::query_as(
            "SELECT audit_id, at, actor, action, subject, detail
             FROM audit
             WHERE ($1::text IS NULL OR actor = $1)
               AND ($2::text IS NULL OR action LIKE $2)
               AND ($3::text IS NULL OR concat_ws(' ', actor, action, subject, detail::text) ILIKE $3)
               AND ($4::bigint IS NULL OR audit_id < $4)
             ORDER BY audit_id DESC
             LIMIT $5",
        )
        .bind(&filter.actor)
        .bind(&action)
        .bind(&search)
        .bind(before)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let total = sqlx::query_scalar(
            "SELECT count(*)
             FROM audit
             WHERE ($1::text IS NULL OR actor = $1)
               AND ($2::text IS NULL OR action LIKE $2)
               AND ($3::text IS NULL OR concat_ws(' ', actor, action, subject, detail::text) ILIKE $3)",
        )
        .bind(&filter.actor)
        .bind(&action)
        .bind(&search)
        .fetch_one(&self.pool)
        .await?;
        Ok((rows, total))
    }
}
