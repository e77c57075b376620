//! Room on the disk that a server's data is on.

use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::facts::DiskRoom;

/// Room below the configured path, or else below the server's own data directory if that is on this host.
pub(super) fn room(
    configured: Option<&Path>,
    server_is_local: bool,
    data_directory: Option<&str>,
) -> DiskRoom {
    let path = match (configured, data_directory) {
        (Some(path), _) => path.to_owned(),
        (None, _) if !server_is_local => {
            return DiskRoom::Unknown("the server is on another host".to_owned());
        }
        (None, None) => {
            return DiskRoom::Unknown(
                "the agent's role may not read where the server's data is (pg_monitor may)".to_owned(),
            );
        }
        (None, Some(path)) => PathBuf::from(path),
    };
    match statvfs(&path) {
        Ok(disk) => DiskRoom::Free(disk.blocks_available().saturating_mul(disk.fragment_size())),
        Err(error) => DiskRoom::Unknown(format!("{} can't be looked at: {error}", path.display())),
    }
}
