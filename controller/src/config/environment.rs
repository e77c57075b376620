//! Where the store is may also be told by the variables that other programs use: `DATABASE_URL`, or
//! `POSTGRES_HOST` and its companions.

use std::collections::BTreeMap;

use querysmith_configuration::error::ConfigError;

/// The variable of `store.url`.
const STORE_URL: &str = "QUERYSMITH_CONTROLLER_STORE_URL";

/// Variables of an earlier system that a deployment may still set, and that nothing here reads.
const UNUSED: [&str; 10] = [
    "OLLAMA_BASE_URL",
    "OLLAMA_MODEL",
    "OLLAMA_CODE_GENERATION_MODEL",
    "OLLAMA_TIMEOUT",
    "ML_FEEDBACK_ENABLED",
    "ML_REFINEMENT_INTERVAL_HOURS",
    "ML_MIN_FEEDBACK_SAMPLES",
    "CONFIG_TUNING_ENABLED",
    "CONFIG_VALIDATION_ENABLED",
    "CONFIG_AUTO_REVERT_ON_FAILURE",
];

/// Those of `set` that whoever set them may believe to have an effect, though they have none.
pub fn unused(set: impl IntoIterator<Item = String>) -> Vec<String> {
    set.into_iter().filter(|name| UNUSED.contains(&name.as_str())).collect()
}

/// An error if variables tell of a store of one's own, but not where it is: the embedded one is not what was meant.
pub(super) fn no_store_without_a_host(variables: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    let parts = ["POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"];
    let set: Vec<_> = parts
        .into_iter()
        .filter(|name| variables.get(*name).is_some_and(|value| !value.is_empty()))
        .collect();
    if set.is_empty() {
        return Ok(());
    }
    let message = format!("{} set without POSTGRES_HOST: set it as well, or unset the rest", set.join(", "));
    Err(ConfigError::Invalid(message))
}

/// The variables, with the controller's own for the store added where only other programs' tell it.
pub(super) fn translate(
    mut variables: BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    if let Some(url) = store_url(&variables)? {
        variables.entry(STORE_URL.to_owned()).or_insert(url);
    }
    Ok(variables)
}

/// The store's address, from the variables that other programs use.
fn store_url(variables: &BTreeMap<String, String>) -> Result<Option<String>, ConfigError> {
    let get = |name: &str| variables.get(name).map(String::as_str).filter(|value| !value.is_empty());
    if let Some(url) = get("DATABASE_URL") {
        return Ok(Some(url.to_owned()));
    }
    let Some(host) = get("POSTGRES_HOST") else { return Ok(None) };
    let port = get("POSTGRES_PORT").unwrap_or("5432");
    if port.parse::<u16>().is_err() {
        return Err(ConfigError::BadVariable { name: "POSTGRES_PORT".to_owned(), expected: "a port" });
    }
    let missing = |name: &str| ConfigError::Invalid(format!("POSTGRES_HOST is set, but {name} is not"));
    let database = get("POSTGRES_DB").ok_or_else(|| missing("POSTGRES_DB"))?;
    let user = get("POSTGRES_USER").ok_or_else(|| missing("POSTGRES_USER"))?;
    let password =
        get("POSTGRES_PASSWORD").map_or_else(String::new, |password| format!(":{}", escape(password)));
    Ok(Some(format!("postgres://{}{password}@{host}:{port}/{}", escape(user), escape(database))))
}

/// Percent-encodes everything but letters, digits and `-._~`.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
