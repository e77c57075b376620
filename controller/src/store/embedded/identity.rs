//! Whom the server runs as: the controller's own user, or `postgres` when that is root.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use nix::unistd::{Gid, Uid, User};
use tokio::process::Command;

use super::error::{EmbeddedError, file};

/// The user PostgreSQL is run as when the controller runs as root.
const USER: &str = "postgres";

/// Whom the server runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUser {
    /// Its name.
    pub name: String,
    uid: Uid,
    gid: Gid,
    is_other: bool,
}

impl ServerUser {
    /// The controller's own user, or `postgres` when that is root.
    pub fn find() -> Result<Self, EmbeddedError> {
        let own = Uid::effective();
        if !own.is_root() {
            let name = User::from_uid(own).ok().flatten().map_or_else(|| own.to_string(), |user| user.name);
            return Ok(Self { name, uid: own, gid: Gid::effective(), is_other: false });
        }
        let user = User::from_name(USER).ok().flatten().ok_or(EmbeddedError::NoUser)?;
        Ok(Self { name: user.name, uid: user.uid, gid: user.gid, is_other: true })
    }

    /// Whether the controller is root, and the server is not.
    pub fn is_other(&self) -> bool {
        self.is_other
    }

    /// Lets a command run as this user, in a process group of its own, so that a Ctrl-C at the terminal
    /// reaches the controller only, which stops the server in its own time.
    pub(super) fn run(&self, command: &mut Command) {
        command.process_group(0);
        if self.is_other {
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
    }

    /// Gives a file or directory to this user.
    pub(super) fn own(&self, path: &Path) -> Result<(), EmbeddedError> {
        if self.is_other {
            chown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw())).map_err(file(path))?;
        }
        Ok(())
    }

    /// Whether a directory is this user's alone.
    pub(super) fn is_private(&self, directory: &Path) -> bool {
        std::fs::symlink_metadata(directory).is_ok_and(|status| {
            status.is_dir() && status.uid() == self.uid.as_raw() && status.mode() & 0o077 == 0
        })
    }
}

/// Fails if a directory above `path` keeps the server's user out, and names it.
pub(super) fn check_reachable(path: &Path, user: &ServerUser) -> Result<(), EmbeddedError> {
    if !user.is_other {
        return Ok(());
    }
    for parent in path.ancestors().skip(1).filter(|parent| parent.exists()) {
        let status = parent.metadata().map_err(file(parent))?;
        let is_owner = status.uid() == user.uid.as_raw() && status.mode() & 0o100 != 0;
        let is_member = status.gid() == user.gid.as_raw() && status.mode() & 0o010 != 0;
        let is_open = status.mode() & 0o001 != 0;
        if !(is_owner || is_member || is_open) {
            return Err(EmbeddedError::Unreachable { closed: parent.to_owned(), user: user.name.clone() });
        }
    }
    Ok(())
}
