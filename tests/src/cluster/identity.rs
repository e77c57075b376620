//! Whom the server runs as: the caller, or `postgres` when the caller is root.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User};

/// Lets a command run as the server's user.
pub(super) fn apply(command: &mut Command) -> Result<()> {
    if let Some(user) = other_user()? {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    Ok(())
}

/// Gives a directory to the server's user.
pub(super) fn own(path: &Path) -> Result<()> {
    match other_user()? {
        Some(user) => chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .with_context(|| format!("giving {} to {}", path.display(), user.name)),
        None => Ok(()),
    }
}

/// Fails if the server's user can't get to a path, naming the directory that is in the way.
pub(super) fn check_reachable(path: &Path) -> Result<()> {
    match obstacle(path)? {
        Some(closed) => bail!(
            "{} is closed to the user postgres, who has to reach {}: choose another place or chmod o+x it",
            closed.display(),
            path.display()
        ),
        None => Ok(()),
    }
}

/// The first parent that keeps the server's user out of a path, if there is one.
pub(crate) fn obstacle(path: &Path) -> Result<Option<&Path>> {
    let Some(user) = other_user()? else { return Ok(None) };
    for parent in path.ancestors().skip(1).filter(|parent| parent.exists()) {
        let status = parent.metadata().with_context(|| format!("looking at {}", parent.display()))?;
        let is_owner = status.uid() == user.uid.as_raw();
        let is_open = status.mode() & 0o001 != 0;
        if !is_owner && !is_open {
            return Ok(Some(parent));
        }
    }
    Ok(None)
}

fn other_user() -> Result<Option<User>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let user = User::from_name("postgres").context("looking up the user postgres")?;
    user.map(Some).context(
        "PostgreSQL doesn't run as root, and there is no user postgres; run packaging/setup/install.sh",
    )
}
