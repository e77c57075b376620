//! Reads a server's settings.

use sqlx::FromRow;
use uuid::Uuid;

use super::Store;
use super::read_text::within;
use crate::store::error::StoreError;

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct SettingRow {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
    /// Unit of the value.
    pub unit: Option<String>,
    /// Where the value comes from.
    pub source: String,
    /// What it takes to change it.
    pub context: String,
    /// Value without any configuration.
    pub boot_value: Option<String>,
    /// Another value waits for a restart.
    pub pending_restart: bool,
}

impl Store {
    /// Settings by name, after that of `after`, whose name or value contains `search`, and how many there are.
    pub async fn read_settings(
        &self,
        instance: Uuid,
        search: Option<&str>,
        after: Option<&str>,
        limit: i64,
    ) -> Result<(Vec<SettingRow>, i64), StoreError> {
        let search = search.map(within);
        let rows = sqlx::query_as(
            "SELECT name, value, unit, source, context, boot_value, pending_restart
             FROM setting
             WHERE instance_id = $1
               AND ($2::text IS NULL OR name ILIKE $2 OR value ILIKE $2)
               AND ($3::text IS NULL OR name > $3)
             ORDER BY name
             LIMIT $4",
        )
        .bind(instance)
        .bind(&search)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let total = sqlx::query_scalar(
            "SELECT count(*)
             FROM setting
             WHERE instance_id = $1
               AND ($2::text IS NULL OR name ILIKE $2 OR value ILIKE $2)",
        )
        .bind(instance)
        .bind(&search)
        .fetch_one(&self.pool)
        .await?;
        Ok((rows, total))
    }
}
