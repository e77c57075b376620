//! The keys that there are: a configuration in which every value is set.

use std::path::PathBuf;

use querysmith_configuration::schema::Schema;
use querysmith_configuration::secret::Secret;

use super::instance::{CollectorSettings, SslMode};
use super::{Config, Instance};
use crate::collect::collector::Collector;

/// Every key, and what the variables are called.
pub(super) fn schema() -> Schema {
    let settings = CollectorSettings { enabled: Some(true), interval_s: Some(1.0), timeout_s: Some(1.0) };
    let instance = Instance {
        url: Some(Secret::default()),
        password: Some(Secret::default()),
        password_file: Some(PathBuf::new()),
        sslmode: Some(SslMode::Prefer),
        ssl_root_cert: Some(PathBuf::new()),
        apply_url: Some(Secret::default()),
        apply_password_file: Some(PathBuf::new()),
        dedicated_role: Some(true),
        host_metrics: Some(true),
        collectors: Collector::ALL.into_iter().map(|collector| (collector, settings)).collect(),
        ..Instance::default()
    };
    let everything = Config { instances: vec![instance], ..Config::default() };
    Schema::new(&everything, "QUERYSMITH_AGENT_", &["QUERYSMITH_AGENT_CONFIG"])
}
