//! Loads the settings that the planner's costs depend on.

use querysmith_advice::evidence::PlannerSettings;
use querysmith_shared::id::InstanceId;

use crate::store::Store;
use crate::store::error::StoreError;

impl Store {
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
    let Ok(number) = value.parse::<f64>() else { return };
    let bytes = || (number * unit_bytes(unit)) as u64;
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

/// A unit of `pg_settings` in bytes: `B`, `kB`, `8kB`, `MB` …
fn unit_bytes(unit: Option<&str>) -> f64 {
    let Some(unit) = unit else { return 1.0 };
    let digits = unit.find(|c: char| !c.is_ascii_digit()).unwrap_or(unit.len());
    let factor: f64 = if digits == 0 { 1.0 } else { unit[..digits].parse().unwrap_or(1.0) };
    factor
        * match &unit[digits..] {
            "kB" => 1024.0,
            "MB" => 1024.0 * 1024.0,
            "GB" => 1024.0 * 1024.0 * 1024.0,
            _ => 1.0,
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
