//! The processes of a cluster, found by its name in their titles.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at that gives no notice of its own.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Process ids of the postmaster (which names the data directory) and its children (which carry the cluster's name).
pub(super) fn of_cluster(name: &str, data: &Path) -> Vec<i32> {
    let child_title = format!("postgres: {name}: ");
    let data = data.to_string_lossy();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let is_ours = |pid: &i32| {
        let Ok(bytes) = fs::read(format!("/proc/{pid}/cmdline")) else { return false };
        let command_line = String::from_utf8_lossy(&bytes);
        let is_postmaster =
            command_line.split('\0').any(|argument| argument == data) && command_line.contains("postgres\0");
        is_postmaster || command_line.starts_with(&child_title)
    };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
}

/// Returns when no process of the cluster is left.
pub(super) fn wait_until_gone(name: &str, data: &Path, limit: Duration) -> Result<()> {
    let started = Instant::now();
    loop {
        let left = of_cluster(name, data);
        if left.is_empty() {
            return Ok(());
        }
        if started.elapsed() > limit {
            bail!("processes {left:?} of {name} are still there after {limit:?}");
        }
        thread::sleep(LOOK_AGAIN);
    }
}
