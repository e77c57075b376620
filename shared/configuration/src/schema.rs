//! The keys that there are, taken from a program's own types: a configuration in which every value is set.

use serde::Serialize;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use crate::error::{ConfigError, place};
use crate::nearest::nearest;

/// What can be configured, and what the variables are called.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema {
    pub(crate) known: Table,
    pub(crate) prefix: &'static str,
    pub(crate) for_the_command_line: &'static [&'static str],
}

impl Schema {
    /// Takes the keys from `everything`, a configuration in which every option is set and every list of
    /// sections has one. The names of its variables begin with `prefix`; those in `for_the_command_line` do
    /// too, and are none of the configuration's.
    pub fn new(
        everything: &impl Serialize,
        prefix: &'static str,
        for_the_command_line: &'static [&'static str],
    ) -> Self {
        let known = Table::try_from(everything).expect("every value of the configuration is one of TOML's");
        Self { known, prefix, for_the_command_line }
    }

    /// Refuses keys that are not known, with their line and the nearest key that is.
    pub(crate) fn check_keys(&self, text: &str) -> Result<(), ConfigError> {
        let parsed = DeTable::parse(text).map_err(|error| ConfigError::at(text, &error))?;
        check_table(text, parsed.get_ref(), &self.known, "")
    }
}

fn check_table(text: &str, table: &DeTable<'_>, known: &Table, path: &str) -> Result<(), ConfigError> {
    for (key, value) in table {
        let name: &str = key.get_ref();
        let Some(expected) = known.get(name) else {
            return Err(ConfigError::UnknownKey {
                place: place(text, key.span().start),
                key: format!("{path}{name}"),
                nearest: nearest(name, known.keys().map(String::as_str)),
            });
        };
        match (value.get_ref(), expected) {
            (DeValue::Table(table), Value::Table(known)) => {
                check_table(text, table, known, &format!("{path}{name}."))?;
            }
            (DeValue::Array(items), Value::Array(known)) => {
                let Some(Value::Table(known)) = known.first() else { continue };
                for item in items {
                    if let DeValue::Table(table) = item.get_ref() {
                        check_table(text, table, known, &format!("{path}{name}."))?;
                    }
                }
            }
            // Another type than expected: the typed reading says so.
            _ => {}
        }
    }
    Ok(())
}
