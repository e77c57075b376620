//! The embedded store: a private PostgreSQL below the data directory, run by the controller.
//!
//! It listens on a Unix socket only, with a generated password. It belongs to whoever holds the lock of the
//! data directory: the controller, or a command that needs the store while no controller runs. A server
//! that runs while nobody holds the lock was left behind by one that was killed; it is stopped first.

mod binaries;
mod cluster;
mod error;
mod identity;
mod place;
mod server;
mod supervise;

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use nix::fcntl::Flock;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use binaries::{Binaries, find as find_binaries};
pub use error::EmbeddedError;
pub use identity::ServerUser;
pub use place::Place;

use server::Server;

/// What the embedded store needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedSettings {
    /// The controller's data directory.
    pub data: PathBuf,
    /// The `bin` directory to use; without it the newest one found.
    pub binaries: Option<PathBuf>,
    /// `shared_buffers`, MiB.
    pub shared_buffers_mib: u32,
}

/// The running embedded store.
#[derive(Debug)]
pub struct Embedded {
    connect: PgConnectOptions,
    stop: watch::Sender<bool>,
    supervisor: JoinHandle<()>,
    _lock: Flock<File>,
}

impl Embedded {
    /// Starts the store, making it at the first start. Waits up to `patience` for another owner to let go.
    pub async fn start(settings: &EmbeddedSettings, patience: Duration) -> Result<Self, EmbeddedError> {
        let user = ServerUser::find()?;
        let place = Place::prepare(&settings.data, &user)?;
        let lock = place.lock(patience).await?;
        server::stop_left_behind(&place).await?;
        let binaries = binaries::choose(settings.binaries.as_deref(), place.version()?)?;
        identity::check_reachable(&binaries.program("postgres"), &user)?;
        let password = cluster::make(&place, &binaries, &user).await?;
        let server = Server::new(place.clone(), binaries, user, settings.shared_buffers_mib);
        let running = server.start().await?;
        let connect = place.connect_options(&password);
        if let Err(error) = cluster::make_database(&connect).await {
            running.stop().await;
            return Err(error);
        }
        let (stop, stopping) = watch::channel(false);
        let supervisor = tokio::spawn(supervise::keep_running(server, running, stopping));
        Ok(Self { connect, stop, supervisor, _lock: lock })
    }

    /// How to connect to it.
    pub fn connect_options(&self) -> PgConnectOptions {
        self.connect.clone()
    }

    /// Stops it: sessions are cut, data is written.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.supervisor.await {
            tracing::error!(%error, "the embedded store's supervisor failed");
        }
    }
}

/// How to connect to the embedded store that someone else runs below `data`; `None` if nobody does.
pub fn running(data: &std::path::Path) -> Result<Option<PgConnectOptions>, EmbeddedError> {
    let place = Place::at(data);
    if !place.is_locked()? {
        return Ok(None);
    }
    let password = place.read_password()?;
    Ok(password.map(|password| place.connect_options(&password)))
}
