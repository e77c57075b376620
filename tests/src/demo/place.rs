//! Where the demo keeps its things.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use nix::unistd::Uid;

/// The demo's directory; only one demo runs in it at a time.
#[derive(Debug)]
pub struct Place {
    root: PathBuf,
    _lock: Flock<fs::File>,
}

/// The default directory. Not under a home directory, because the PostgreSQL servers of a demo that root
/// started run as the user `postgres`, who must be able to reach it.
pub fn default_root() -> PathBuf {
    PathBuf::from(format!("/var/tmp/querysmith-demo-{}", Uid::current()))
}

impl Place {
    /// Opens the directory, making it if need be.
    pub fn open(root: &Path) -> Result<Self> {
        fs::create_dir_all(root).with_context(|| format!("creating {}", root.display()))?;
        fs::set_permissions(root, fs::Permissions::from_mode(0o755))
            .context("opening the demo's directory")?;
        let file = fs::File::create(root.join("lock")).context("creating the demo's lock")?;
        let Ok(lock) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
            bail!("a demo is already running in {}; stop it with Ctrl-C first", root.display());
        };
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// Removes everything that a demo left in `root`.
    pub fn clean(root: &Path) -> Result<()> {
        if !root.exists() {
            return Ok(());
        }
        let place = Self::open(root)?;
        fs::remove_dir_all(&place.root).with_context(|| format!("removing {}", place.root.display()))
    }

    /// The directory of the sample database.
    pub fn database(&self) -> PathBuf {
        self.root.join("shop")
    }

    /// The controller's data directory.
    pub fn controller(&self) -> PathBuf {
        self.root.join("controller")
    }

    /// The agent's state directory.
    pub fn agent(&self) -> PathBuf {
        self.root.join("agent")
    }

    /// A file directly in the demo's directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file as [`Self::write`] does, unless it is there.
    pub fn write_once(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.file(name);
        if path.exists() { Ok(path) } else { self.write(name, text) }
    }

    /// Writes a file directly in the demo's directory, readable by its owner only.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.file(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .with_context(|| format!("closing {} to others", path.display()))?;
        Ok(path)
    }
}
