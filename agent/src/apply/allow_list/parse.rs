//! The file's text.

use std::path::PathBuf;

use querysmith_configuration::nearest::nearest;
use querysmith_shared::change::ChangeKind;
use serde::Deserialize;
use toml::{Table, Value};

use super::{AllowList, Rule};
use crate::apply::amount;

const TOP_KEYS: [&str; 5] = ["enabled", "max_concurrent_builds", "stop_file", "allow", "deny"];
const ALLOW_KEYS: [&str; 7] =
    ["kinds", "instances", "databases", "schemas", "tables", "max_columns", "max_index_bytes"];
const DENY_KEYS: [&str; 5] = ["kinds", "instances", "databases", "schemas", "tables"];

/// Any host that wants more builds at once wants something else.
const MOST_BUILDS: u32 = 16;

pub(super) fn parse(text: &str) -> Result<AllowList, String> {
    let table: Table = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    check_keys(&table, "", &TOP_KEYS)?;
    for (section, keys) in [("allow", ALLOW_KEYS.as_slice()), ("deny", DENY_KEYS.as_slice())] {
        let Some(rules) = table.get(section) else { continue };
        let rules = rules.as_array().ok_or_else(|| format!("{section} must be written as [[{section}]]"))?;
        for rule in rules {
            let rule =
                rule.as_table().ok_or_else(|| format!("{section} must be written as [[{section}]]"))?;
            check_keys(rule, &format!("{section}."), keys)?;
        }
    }
    let file: File = Value::Table(table).try_into().map_err(|error: toml::de::Error| error.to_string())?;
    file.into_list()
}

fn check_keys(table: &Table, place: &str, known: &[&str]) -> Result<(), String> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            let meant = nearest(key, known.iter().copied());
            let meant = meant.map_or_else(String::new, |meant| format!(": did you mean {meant}?"));
            Err(format!("unknown key {place}{key}{meant}"))
        }
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default = "one")]
    max_concurrent_builds: u32,
    stop_file: Option<PathBuf>,
    #[serde(default)]
    allow: Vec<FileRule>,
    #[serde(default)]
    deny: Vec<FileRule>,
}

#[derive(Deserialize)]
struct FileRule {
    kinds: Option<Vec<String>>,
    instances: Option<Vec<String>>,
    databases: Option<Vec<String>>,
    schemas: Option<Vec<String>>,
    tables: Option<Vec<String>>,
    max_columns: Option<u32>,
    max_index_bytes: Option<Size>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Bytes(u64),
    WithUnit(String),
}

impl File {
    fn into_list(self) -> Result<AllowList, String> {
        if !(1..=MOST_BUILDS).contains(&self.max_concurrent_builds) {
            return Err(format!("max_concurrent_builds must be from 1 to {MOST_BUILDS}"));
        }
        let rules = |rules: Vec<FileRule>, kinds: &[ChangeKind]| {
            rules.into_iter().map(|rule| rule.into_rule(kinds)).collect::<Result<_, _>>()
        };
        Ok(AllowList {
            enabled: self.enabled,
            max_concurrent_builds: self.max_concurrent_builds,
            stop_file: self.stop_file,
            allow: rules(self.allow, &ADDING)?,
            deny: rules(self.deny, &ChangeKind::ALL)?,
        })
    }
}

impl FileRule {
    /// `otherwise` are the kinds of a rule that names none.
    fn into_rule(self, otherwise: &[ChangeKind]) -> Result<Rule, String> {
        let everything = || vec!["*".to_owned()];
        let kinds = match self.kinds {
            None => otherwise.to_vec(),
            Some(names) => names.iter().map(|name| kind(name)).collect::<Result<_, _>>()?,
        };
        let max_index_bytes = match self.max_index_bytes {
            None => None,
            Some(Size::Bytes(bytes)) => Some(bytes),
            Some(Size::WithUnit(text)) => Some(amount::parse_bytes(&text).ok_or_else(|| {
                format!("max_index_bytes = \"{text}\" is no size: write it like \"20GB\" or \"500 MB\"")
            })?),
        };
        Ok(Rule {
            kinds,
            instances: self.instances.unwrap_or_else(everything),
            databases: self.databases.unwrap_or_else(everything),
            schemas: self.schemas.unwrap_or_else(everything),
            tables: self.tables.unwrap_or_else(everything),
            max_columns: self.max_columns,
            max_index_bytes,
        })
    }
}

/// What an owner allows who names no kinds: nothing that takes something away.
const ADDING: [ChangeKind; 2] = [ChangeKind::CreateIndex, ChangeKind::Analyze];

fn kind(name: &str) -> Result<ChangeKind, String> {
    ChangeKind::parse(name).ok_or_else(|| {
        let meant = nearest(name, ChangeKind::ALL.map(ChangeKind::as_str));
        let meant = meant.map_or_else(String::new, |meant| format!(": did you mean \"{meant}\"?"));
        format!("unknown kind of change \"{name}\"{meant}")
    })
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}
