//! Where the running controller is, for tools and tests: `run/controller.json` in the data directory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Where the running controller is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Published {
    /// The console and the API, `http://host:port`.
    pub(super) http: String,
    /// The link, `host:port` (UDP).
    pub(super) link: String,
    /// The process.
    pub(super) pid: u32,
}

impl Published {
    /// Writes it, whole or not at all.
    pub(super) fn write(&self, data: &Path) -> Result<()> {
        let path = path(data);
        let directory = path.parent().context("the file has a directory")?;
        fs::create_dir_all(directory).with_context(|| format!("failed to make {}", directory.display()))?;
        let temporary = path.with_extension("part");
        let text = serde_json::to_string_pretty(self).context("failed to write the addresses")?;
        fs::write(&temporary, text).with_context(|| format!("failed to write {}", temporary.display()))?;
        fs::rename(&temporary, &path).with_context(|| format!("failed to write {}", path.display()))
    }
}

/// Removes it. A file that stays behind is harmless: the process it names is gone.
pub(super) fn remove(data: &Path) {
    let _ = fs::remove_file(path(data));
}

fn path(data: &Path) -> PathBuf {
    data.join("run").join("controller.json")
}
