//! The cluster's settings, in a file of their own so that ALTER SYSTEM still wins over them.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::options::Options;
use super::workplace::Workplace;

const FILE: &str = "querysmith.conf";

/// Makes a fresh data directory read our file.
pub(super) fn include(data: &Path) -> Result<()> {
    let mut main = fs::OpenOptions::new()
        .append(true)
        .open(data.join("postgresql.conf"))
        .context("opening postgresql.conf")?;
    writeln!(main, "include '{FILE}'").context("writing postgresql.conf")
}

/// Writes the settings for the next start.
pub(super) fn write(data: &Path, options: &Options, workplace: &Workplace, port: u16) -> Result<()> {
    fs::write(data.join(FILE), text(options, workplace, port)).with_context(|| format!("writing {FILE}"))
}

fn text(options: &Options, workplace: &Workplace, port: u16) -> String {
    let mut text = String::new();
    let mut set = |name: &str, value: &str| {
        writeln!(text, "{name} = '{}'", value.replace('\'', "''")).expect("writing to a string can't fail");
    };
    set("listen_addresses", "127.0.0.1");
    set("port", &port.to_string());
    set("unix_socket_directories", &workplace.path().to_string_lossy());
    set("cluster_name", workplace.name());
    set("shared_buffers", &options.shared_buffers);
    set("shared_preload_libraries", &options.preload.join(","));
    if options.loads("pg_stat_statements") {
        set("pg_stat_statements.max", &options.statements_max.to_string());
        set("pg_stat_statements.track", &options.statements_track);
    }
    if !options.durable {
        // A commit still reaches the kernel: a killed server loses nothing, only a dead machine does.
        set("fsync", "off");
        set("full_page_writes", "off");
    }
    for (name, value) in &options.settings {
        set(name, value);
    }
    text
}
