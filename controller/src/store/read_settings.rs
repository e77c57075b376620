//! Reads a server's settings.

use querysmith_shared::observation::settings::Setting;
use querysmith_shared::parameter::ParameterType;
use sqlx::FromRow;
use sqlx::types::Json;
use uuid::Uuid;

use super::Store;
use super::read_text::within;
use crate::store::error::StoreError;

/// One setting, as it is stored.
#[derive(Debug, FromRow)]
pub(crate) struct SettingRow {
    name: String,
    value: String,
    unit: Option<String>,
    source: String,
    context: String,
    boot_value: Option<String>,
    min_value: Option<String>,
    max_value: Option<String>,
    pending_restart: bool,
    value_type: String,
    choices: Json<Vec<String>>,
    by_alter_system: bool,
}

impl From<SettingRow> for Setting {
    fn from(row: SettingRow) -> Self {
        Self {
            name: row.name,
            value: row.value,
            unit: row.unit,
            source: row.source,
            context: row.context,
            boot_value: row.boot_value,
            min: row.min_value,
            max: row.max_value,
            pending_restart: row.pending_restart,
            // A name of a later version is taken for text, of which the least is known.
            value_type: ParameterType::parse(&row.value_type).unwrap_or(ParameterType::String),
            choices: row.choices.0,
            by_alter_system: row.by_alter_system,
        }
    }
}

impl Store {
    /// Settings by name, after that of `after`, whose name or value contains `search`, and how many there are.
    pub async fn read_settings(
        &self,
        instance: Uuid,
        search: Option<&str>,
        after: Option<&str>,
        limit: i64,
    ) -> Result<(Vec<Setting>, i64), StoreError> {
        let search = search.map(within);
        let rows: Vec<SettingRow> = sqlx::query_as(
            "SELECT name, value, unit, source, context, boot_value, min_value, max_value, pending_restart, value_type,
                    choices, by_alter_system
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
        Ok((rows.into_iter().map(Setting::from).collect(), total))
    }
}
