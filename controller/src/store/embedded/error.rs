//! Why there is no embedded store.

use std::path::PathBuf;
use std::time::Duration;

/// Why the embedded store does not run.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No server programs were found.
    #[error(
        "no PostgreSQL server was found ({looked}); install PostgreSQL 13 or later, name its bin directory in \
         `store.binaries`, or give a database in `store.url`"
    )]
    NoBinaries {
        /// Where it was looked for.
        looked: String,
    },
    /// The data is of a version whose programs were not found.
    #[error("the store was made by PostgreSQL {needed}, but only {found} was found")]
    OtherVersion {
        /// The major version of the data.
        needed: u16,
        /// What was found.
        found: String,
    },
    /// PostgreSQL refuses to run as root.
    #[error("PostgreSQL does not run as root, and there is no user `postgres` to run it as")]
    NoUser,
    /// A directory keeps the server's user out.
    #[error("{} is closed to the user {user}, who runs the store; open it (chmod o+x) or move the data directory", .closed.display())]
    Unreachable {
        /// The directory.
        closed: PathBuf,
        /// The server's user.
        user: String,
    },
    /// Another controller, or a command, uses the data directory.
    #[error("{} is used by another controller", .data.display())]
    InUse {
        /// The data directory.
        data: PathBuf,
    },
    /// Something that was not made for the server's user is where a directory of the store would be.
    #[error("{} is not a directory of the user {user}, who runs the store, alone", .directory.display())]
    NotPrivate {
        /// The directory.
        directory: PathBuf,
        /// The server's user.
        user: String,
    },
    /// A file or directory can't be used.
    #[error("failed to use {}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A program of PostgreSQL can't be started or failed.
    #[error("failed to run {program}: {message}")]
    Program {
        /// Which.
        program: String,
        /// What it said.
        message: String,
    },
    /// The server did not become ready.
    #[error("the store's server did not start within {} s; its log ends:\n{log}", .waited.as_secs())]
    NotReady {
        /// How long it was waited for.
        waited: Duration,
        /// The end of its log.
        log: String,
    },
    /// The database can't be made.
    #[error("failed to make the store's database")]
    Database(#[source] sqlx::Error),
}

/// For `map_err`: what a failed use of `path` becomes.
pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> EmbeddedError {
    let path = path.into();
    move |source| EmbeddedError::File { path, source }
}
