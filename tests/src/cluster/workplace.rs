//! The directory of a cluster: a temporary one that goes with it, or one to keep.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

use super::identity;

/// Socket paths end at 107 bytes, and `/.s.PGSQL.65535.lock` comes after the directory.
const LONGEST_PATH: usize = 80;
const PREFIX: &str = "qs-pg-";

static NEXT_NUMBER: AtomicU32 = AtomicU32::new(1);

/// A directory for a cluster; removed on drop unless it is kept.
#[derive(Debug)]
pub(super) struct Workplace {
    path: PathBuf,
    name: String,
    is_kept: bool,
}

impl Workplace {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_kept(&self) -> bool {
        self.is_kept
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            eprintln!("can't remove {}: {error}", self.path.display());
        }
    }
}

/// Makes the directory: the given one, which is kept, or a temporary one.
pub(super) fn prepare(kept: Option<&Path>) -> Result<Workplace> {
    let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("{PREFIX}{}-{number}", std::process::id());
    let path = match kept {
        Some(path) => std::path::absolute(path).context("making the directory's path absolute")?,
        None => {
            let parent = temporary_parent()?;
            sweep(&parent)?;
            parent.join(&name)
        }
    };
    if path.as_os_str().len() > LONGEST_PATH {
        bail!("{} is too long for a directory with a socket in it", path.display());
    }
    fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
    let workplace = Workplace { path, name, is_kept: kept.is_some() };
    fs::set_permissions(&workplace.path, fs::Permissions::from_mode(0o755))
        .context("opening the directory to clients")?;
    identity::own(&workplace.path)?;
    identity::check_reachable(&workplace.path)?;
    Ok(workplace)
}

/// A TCP port on 127.0.0.1 that nobody listens on at this moment.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("looking for a free port")?;
    Ok(listener.local_addr().context("looking for a free port")?.port())
}

fn temporary_parent() -> Result<PathBuf> {
    let parent = std::env::temp_dir();
    let is_usable = identity::obstacle(&parent.join(PREFIX))?.is_none();
    Ok(if is_usable { parent } else { PathBuf::from("/tmp") })
}

/// Removes what killed test programs left behind: their server is gone with them, its directory isn't.
fn sweep(parent: &Path) -> Result<()> {
    for entry in fs::read_dir(parent).with_context(|| format!("reading {}", parent.display()))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(owner) = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()) else { continue };
        let owner_lives = Path::new("/proc").join(owner).exists();
        let server_lives = entry.path().join("data/postmaster.pid").exists();
        if !owner_lives && !server_lives {
            // Another test may sweep the same directory at this moment; whoever is second finds nothing to do.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}
