//! The demo's sample server: a cluster in a directory that stays, with the settings of a small production server.

use std::path::PathBuf;

use anyhow::Result;

use crate::cluster::Cluster;
use crate::cluster::options::Options;

/// Starts the sample server; in a directory that already holds one, that one.
pub fn start(directory: PathBuf, port: Option<u16>, major: u16, statements_max: u32) -> Result<Cluster> {
    let options = Options {
        major,
        directory: Some(directory),
        port,
        statements_max,
        shared_buffers: "256MB".to_owned(),
        ..Options::default()
    };
    // The load writes about 1 GB of log; without room for it, checkpoints would take half of its time.
    Cluster::start(options.setting("max_wal_size", "2GB").setting("track_io_timing", "on"))
}
