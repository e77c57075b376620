//! Loads the server's parameters, and those of them that the planner's costs depend on.

use querysmith_advice::evidence::PlannerSettings;
use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::settings::Setting;
use querysmith_shared::parameter::Amount;

use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::read_settings::SettingRow;

impl Store {
    /// Every parameter of a server, by name.
    pub(crate) async fn parameters(&self, instance: InstanceId) -> Result<Vec<Setting>, StoreError> {
        let rows: Vec<SettingRow> = sqlx::query_as(
            "SELECT name, value, unit, source, context, boot_value, min_value, max_value, pending_restart, value_type,
                    choices, by_alter_system
             FROM setting
             WHERE instance_id = $1
             ORDER BY name",
        )
        .bind(instance.0)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Setting::from).collect())
    }

    /// The settings, PostgreSQL's own defaults where they are not known.
    pub(crate) async fn planner_settings(&self, instance: InstanceId) -> Result<PlannerSettings, StoreError> {
        let rows: Vec<(String, String, Option<String>)> = sqlx::query_as(
            "SELECT name, value, unit
             FROM setting
             WHERE instance_id = $1
               AND name IN ('random_page_cost', 'seq_page_cost', 'cpu_tuple_cost', 'cpu_index_tuple_cost',
                            'cpu_operator_cost', 'work_mem', 'effective_cache_size')",
        )
        .bind(instance.0)
        .fetch_all(&self.pool)
        .await?;
        let mut settings = PlannerSettings::default();
        for (name, value, unit) in rows {
            put(&mut settings, &name, &value, unit.as_deref());
        }
        Ok(settings)
    }
}

/// What can't be read leaves the default.
fn put(settings: &mut PlannerSettings, name: &str, value: &str, unit: Option<&str>) {
    let Some(amount) = Amount::parse(value) else { return };
    let number = amount.number;
    let bytes = || amount.in_unit(unit).number as u64;
    match name {
        "random_page_cost" => settings.random_page_cost = number,
        "seq_page_cost" => settings.seq_page_cost = number,
        "cpu_tuple_cost" => settings.cpu_tuple_cost = number,
        "cpu_index_tuple_cost" => settings.cpu_index_tuple_cost = number,
        "cpu_operator_cost" => settings.cpu_operator_cost = number,
        "work_mem" => settings.work_mem_bytes = bytes(),
        "effective_cache_size" => settings.effective_cache_bytes = bytes(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_in_their_units() {
        let mut settings = PlannerSettings::default();
        put(&mut settings, "work_mem", "8192", Some("kB"));
        put(&mut settings, "effective_cache_size", "524288", Some("8kB"));
        put(&mut settings, "random_page_cost", "1.1", None);
        put(&mut settings, "seq_page_cost", "many", None);
        assert_eq!(settings.work_mem_bytes, 8 << 20);
        assert_eq!(settings.effective_cache_bytes, 4 << 30);
        assert_eq!((settings.random_page_cost, settings.seq_page_cost), (1.1, 1.0));
    }
}
