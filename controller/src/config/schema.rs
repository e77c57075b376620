//! The keys that there are: a configuration in which every value is set.

use std::path::PathBuf;

use querysmith_configuration::schema::Schema;
use querysmith_configuration::secret::Secret;

use super::Config;

/// Variables that are the command line's.
const FOR_THE_COMMAND_LINE: [&str; 2] = ["QUERYSMITH_CONTROLLER_CONFIG", "QUERYSMITH_CONTROLLER_DATA_DIR"];

/// Every key, and what the variables are called.
pub(super) fn schema() -> Schema {
    let mut everything = Config::default();
    everything.http.tls_certificate = Some(PathBuf::new());
    everything.http.tls_key = Some(PathBuf::new());
    everything.store.url = Some(Secret::default());
    everything.store.binaries = Some(PathBuf::new());
    Schema::new(&everything, "QUERYSMITH_CONTROLLER_", &FOR_THE_COMMAND_LINE)
}
