//! From the text of a file and the environment to a program's own types, and back to text.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::Table;

use crate::environment;
use crate::error::ConfigError;
use crate::schema::Schema;

/// Reads the file at `path` and has its text read by `parse`; errors name the file. A `path` that does not
/// exist is an error unless `optional`: then it is as if it were empty.
pub fn load<C>(
    path: &Path,
    optional: bool,
    parse: impl FnOnce(&str) -> Result<C, ConfigError>,
) -> Result<C, ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if optional && error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(ConfigError::Unreadable { path: path.to_owned(), source }),
    };
    parse(&text).map_err(|error| error.in_file(path))
}

/// The configuration that `text` says, with the variables of `environment` over it. Whether its values make
/// sense is for the program to check.
pub fn parse<C: DeserializeOwned>(
    text: &str,
    schema: &Schema,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<C, ConfigError> {
    schema.check_keys(text)?;
    // Typed once from the text alone, because only that error can say the line.
    toml::from_str::<C>(text).map_err(|error| ConfigError::at(text, &error))?;
    let mut table: Table = toml::from_str(text).map_err(|error| ConfigError::at(text, &error))?;
    environment::apply(&mut table, schema, environment)?;
    table.try_into().map_err(|error: toml::de::Error| ConfigError::Invalid(error.message().to_owned()))
}

/// A configuration as TOML, with every [secret](crate::secret::Secret) masked.
pub fn shown(config: &impl Serialize) -> String {
    toml::to_string(config).expect("every value of the configuration is one of TOML's")
}
