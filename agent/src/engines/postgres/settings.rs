//! Settings of the server: those that changed since they were reported. Values that may hold a secret are masked.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use querysmith_shared::observation::settings::{Setting, SettingsChanges};
use querysmith_shared::parameter::ParameterType;
use querysmith_shared::wire::report::ReportBody;
use sqlx::postgres::PgRow;

use super::{Postgres, row};
use crate::collect::collector::Collector;
use crate::collect::sink::Reports;
use crate::engines::{CollectError, Collected};

/// What stands for a value that may hold a secret.
const MASKED: &str = "(masked)";

/// What is remembered from run to run: a hash of each setting.
#[derive(Default)]
pub(super) struct State {
    sent: HashMap<String, u64>,
}

pub(super) async fn collect(engine: &Postgres, reports: &dyn Reports) -> Result<Collected, CollectError> {
    let mut state = engine.settings.recall().await;
    let known = engine.known()?;
    let mut lease = engine.lease_server(Collector::Settings).await?;
    let settings = lease.session().all(sqlx::query(include_str!("sql/settings.sql")), setting).await?;
    lease.done();
    let rows = settings.len() as u64;
    let hashes: HashMap<String, u64> =
        settings.iter().map(|setting| (setting.name.clone(), hash(setting))).collect();
    let changed: Vec<Setting> = settings
        .into_iter()
        .filter(|setting| state.sent.get(&setting.name) != hashes.get(&setting.name))
        .collect();
    if !changed.is_empty() {
        let body = ReportBody::Settings(SettingsChanges { changed });
        reports.append(body).await.map_err(CollectError::Store)?;
    }
    state.sent = hashes;
    let unreadable = known.facts.problems().into_iter().filter(|_| !known.facts.reads_all_settings);
    Ok(Collected { rows, problems: unreadable.take(1).collect(), ..Collected::default() })
}

fn setting(row: &PgRow) -> Result<Setting, sqlx::Error> {
    let name = row::string(row, 0)?;
    // A type that a later version may bring is taken for text, of which the least is known.
    let value_type = ParameterType::parse(&row::string(row, 9)?).unwrap_or(ParameterType::String);
    let secret = may_be_secret(&name) || value_type == ParameterType::String && is_custom(&name);
    let mask = |value: String| if secret && !value.is_empty() { MASKED.to_owned() } else { value };
    Ok(Setting {
        value: mask(row::string(row, 1)?),
        unit: row::text(row, 2)?,
        source: row::string(row, 3)?,
        context: row::string(row, 4)?,
        boot_value: row::text(row, 5)?,
        min: row::text(row, 6)?,
        max: row::text(row, 7)?,
        pending_restart: row::bool(row, 8)?,
        value_type,
        choices: row::strings(row, 10)?,
        by_alter_system: row::bool(row, 11)?,
        name,
    })
}

/// Connection strings and commands hold passwords and tokens; so may whatever an extension calls a key.
fn may_be_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["conninfo", "command", "password", "passwd", "passphrase", "secret", "token", "_key", "credential"]
        .iter()
        .any(|part| name.contains(part))
        && !matches!(name.as_str(), "password_encryption" | "track_activity_query_size")
}

/// Extensions keep what they like in settings of their own: names, addresses, keys.
fn is_custom(name: &str) -> bool {
    name.contains('.')
}

fn hash(setting: &Setting) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&setting.value, &setting.source, &setting.boot_value, setting.pending_restart, setting.by_alter_system)
        .hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_may_hold_secrets_are_masked() {
        for name in
            ["primary_conninfo", "archive_command", "ssl_passphrase_command", "my.api_token", "x.secret"]
        {
            assert!(may_be_secret(name), "{name}");
        }
        for name in ["work_mem", "password_encryption", "shared_preload_libraries"] {
            assert!(!may_be_secret(name), "{name}");
        }
    }
}
