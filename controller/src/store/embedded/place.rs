//! Where the embedded store keeps its things.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use querysmith_shared::hex;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgConnectOptions;

use super::error::{EmbeddedError, file};
use super::identity::{ServerUser, check_reachable};

/// The name of the store's role and database.
pub(super) const NAME: &str = "querysmith";
/// A part of the socket's name; nothing listens on a TCP port.
pub(super) const PORT: u16 = 5432;
/// Unix sockets' paths hold 107 bytes; less some for the name of the lock beside it.
const MAX_SOCKET_BYTES: usize = 100;
/// How often a lock is tried that another holds.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// Where the embedded store keeps its things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    data: PathBuf,
    root: PathBuf,
}

impl Place {
    /// The store of the controller whose data is in `data`. Touches nothing.
    pub fn at(data: &Path) -> Self {
        let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
        Self { root: data.join("store"), data }
    }

    /// Makes the directories that are missing.
    pub(super) fn prepare(data: &Path, user: &ServerUser) -> Result<Self, EmbeddedError> {
        let place = Self::at(data);
        make(&place.data, 0o711)?;
        make(&place.run(), 0o711)?;
        make_private(&place.root, user)?;
        check_reachable(&place.root.join("pgdata"), user)?;
        make_private(&place.socket_directory(), user)?;
        Ok(place)
    }

    /// The cluster's data.
    pub fn pgdata(&self) -> PathBuf {
        self.root.join("pgdata")
    }

    /// Where the cluster is made, before it is moved into place whole.
    pub(super) fn pgdata_in_the_making(&self) -> PathBuf {
        self.root.join("pgdata.new")
    }

    /// What the server says before its own log begins.
    pub(super) fn start_log(&self) -> PathBuf {
        self.run().join("store-start.log")
    }

    /// The server's log, one file a day for a week.
    pub fn logs(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The directory of the socket: with the store where its path is short enough, otherwise in the
    /// system's directory for temporary files, under a name made of the store's path.
    pub fn socket_directory(&self) -> PathBuf {
        let near = self.root.join("socket");
        let name = format!("/.s.PGSQL.{PORT}");
        if near.as_os_str().len() + name.len() <= MAX_SOCKET_BYTES {
            return near;
        }
        let digest = Sha256::digest(self.root.as_os_str().as_encoded_bytes());
        let short = hex::encode(&digest[..8]);
        // Not TMPDIR, which may be long as well and differ between the controller and its commands.
        PathBuf::from("/tmp").join(format!("querysmith-{short}"))
    }

    /// The major version of the data; `None` before it is made.
    pub(super) fn version(&self) -> Result<Option<u16>, EmbeddedError> {
        let path = self.pgdata().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().parse().ok()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file(path)(error)),
        }
    }

    /// The process id of the server that runs in the data, and whether it accepts connections; from the file
    /// that the server keeps, so it may be of one that is gone.
    pub(super) fn postmaster(&self) -> Option<(i32, bool)> {
        let text = fs::read_to_string(self.pgdata().join("postmaster.pid")).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        let is_ready = lines.nth(6).is_some_and(|state| state.trim() == "ready");
        Some((pid, is_ready))
    }

    /// Becomes the owner of the store, as long as the lock is kept.
    pub(super) async fn lock(&self, patience: Duration) -> Result<Flock<File>, EmbeddedError> {
        let path = self.lock_path();
        let began = Instant::now();
        loop {
            let handle = File::options()
                .create(true)
                .truncate(false)
                .write(true)
                .mode(0o600)
                .open(&path)
                .map_err(file(&path))?;
            match Flock::lock(handle, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(lock),
                Err(_) if began.elapsed() < patience => tokio::time::sleep(TRY_AGAIN).await,
                Err(_) => return Err(EmbeddedError::InUse { data: self.data.clone() }),
            }
        }
    }

    /// Whether someone owns the store now.
    pub(super) fn is_locked(&self) -> Result<bool, EmbeddedError> {
        let path = self.lock_path();
        let handle = match File::options().write(true).open(&path) {
            Ok(handle) => handle,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(file(path)(error)),
        };
        Ok(Flock::lock(handle, FlockArg::LockExclusiveNonblock).is_err())
    }

    /// The password of the store's role, if it is made.
    pub(super) fn read_password(&self) -> Result<Option<String>, EmbeddedError> {
        let path = self.password_path();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file(path)(error)),
        }
    }

    pub(super) fn write_password(&self, password: &str) -> Result<(), EmbeddedError> {
        write_private(&self.password_path(), password)
    }

    /// A file through which the password is handed to the program that makes the cluster.
    pub(super) fn password_for_making(
        &self,
        password: &str,
        user: &ServerUser,
    ) -> Result<PathBuf, EmbeddedError> {
        let path = self.run().join("store-password.new");
        write_private(&path, password)?;
        user.own(&path)?;
        Ok(path)
    }

    /// How to connect.
    pub(super) fn connect_options(&self, password: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(self.socket_directory())
            .port(PORT)
            .username(NAME)
            .password(password)
            .database(NAME)
    }

    fn password_path(&self) -> PathBuf {
        self.run().join("store-password")
    }

    fn lock_path(&self) -> PathBuf {
        self.run().join("store.lock")
    }

    /// What the controller itself writes. Never below the store's root: that is the server's user's, who could
    /// lead a controller that is root astray with a link.
    fn run(&self) -> PathBuf {
        self.data.join("run")
    }
}

fn make(directory: &Path, mode: u32) -> Result<(), EmbeddedError> {
    DirBuilder::new().recursive(true).mode(mode).create(directory).map_err(file(directory))
}

/// Makes a directory that is the server's user's alone. One that is there already is only looked at, never
/// changed: in a directory that others can write to, it may be anybody's, or a link to anywhere.
fn make_private(directory: &Path, user: &ServerUser) -> Result<(), EmbeddedError> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => user.own(directory)?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(file(directory)(error)),
    }
    if user.is_private(directory) {
        return Ok(());
    }
    Err(EmbeddedError::NotPrivate { directory: directory.to_owned(), user: user.name.clone() })
}

fn write_private(path: &Path, text: &str) -> Result<(), EmbeddedError> {
    let temporary = path.with_extension("part");
    let mut handle = File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(file(&temporary))?;
    handle.set_permissions(Permissions::from_mode(0o600)).map_err(file(&temporary))?;
    handle.write_all(text.as_bytes()).map_err(file(&temporary))?;
    handle.sync_all().map_err(file(&temporary))?;
    fs::rename(&temporary, path).map_err(file(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sockets_path_is_short_enough_wherever_the_data_is() {
        let near = Place::at(Path::new("/var/lib/querysmith")).socket_directory();
        assert_eq!(near, Path::new("/var/lib/querysmith/store/socket"));
        let deep = Place::at(&Path::new("/").join("x".repeat(200)));
        let socket = deep.socket_directory();
        assert!(socket.as_os_str().len() < 50, "{socket:?}");
        assert_eq!(socket, deep.socket_directory());
        assert_ne!(socket, Place::at(&Path::new("/").join("y".repeat(200))).socket_directory());
    }
}
