//! Logging, to standard error.

use querysmith_configuration::logging::LogFormat;
use tracing_subscriber::EnvFilter;

use crate::config::Log;

/// Begins logging as configured; the configuration's check has seen that the filter can be read.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.level).unwrap_or_else(|_| EnvFilter::new("info"));
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_terminal);
    // Already started by a test or an earlier command of this process: the first one stays.
    let _ = match log.format {
        LogFormat::Human => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
