//! Whom a command of root's acts as: the user whose data it is.
//!
//! So nothing is left behind that the controller, which runs as that user, can't read, the store's server runs as
//! it always does, and what that user could put in root's way in its own directory harms nobody else.

use std::ffi::CString;
use std::fs::{Metadata, metadata, symlink_metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::unistd::{Gid, Uid, User, initgroups, setgid, setgroups, setuid};

/// Makes this process the owner's of `data` for good, if it is root's and the owner is somebody else.
/// To be called before there are threads.
pub(super) fn become_owner(data: &Path) -> Result<()> {
    let Some(owner) = owner(data).filter(|_| Uid::effective().is_root()) else { return Ok(()) };
    let (uid, gid) = (Uid::from_raw(owner.uid()), Gid::from_raw(owner.gid()));
    let user = User::from_uid(uid).ok().flatten();
    let change = match &user {
        Some(user) => CString::new(user.name.as_str())
            .map_err(|_| nix::Error::EINVAL)
            .and_then(|name| initgroups(&name, user.gid))
            .and_then(|()| setgid(user.gid)),
        // A user of another machine, or of a container: its number is all there is.
        None => setgroups(&[gid]).and_then(|()| setgid(gid)),
    };
    let name = user.map_or_else(|| uid.to_string(), |user| user.name);
    change
        .and_then(|()| setuid(uid))
        .with_context(|| format!("failed to become the user {name}, who owns {}", data.display()))
}

/// The owner of what the controller wrote, or of the directory that it will write to; none if that is root, or
/// there is nothing yet. A root's controller may have been given a directory that is somebody else's.
fn owner(data: &Path) -> Option<Metadata> {
    let status = symlink_metadata(data.join("run")).or_else(|_| metadata(data)).ok()?;
    (status.uid() != 0).then_some(status)
}
