//! What the store stands on: the embedded PostgreSQL, or one that is given.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::api::about::StoreKind;
use crate::config::Config;
use crate::store::embedded::{self, Embedded, EmbeddedSettings};
use crate::store::error::StoreError;
use crate::store::{Store, StoreOptions};

/// Another owner of the embedded store (a command that uses it for a moment) gets this long to let go.
const PATIENCE: Duration = Duration::from_secs(30);
/// The waits for a store that is away.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The store, and what it stands on.
#[derive(Debug)]
pub struct Backing {
    /// The store.
    pub store: Store,
    embedded: Option<Embedded>,
    kind: StoreKind,
}

impl Backing {
    /// Opens the store for the controller and waits until it answers, however long that takes.
    pub async fn open(config: &Config) -> Result<Self> {
        let backing = Self::connect(config).await?;
        let ping = async || backing.store.ping().await.context("the store refuses the controller");
        patiently(ping).await?;
        Ok(backing)
    }

    /// Opens the store for a command: the controller's while one runs, otherwise for as long as this lasts.
    pub async fn borrow(config: &Config) -> Result<Self> {
        if config.store.url.is_none()
            && let Some(connect) = embedded::running(&config.data.directory)?
        {
            let options = StoreOptions { acquire_timeout: Duration::from_secs(20), ..options(config) };
            let store = Store::with(connect, options);
            return Ok(Self { store, embedded: None, kind: StoreKind::Embedded });
        }
        let backing = Self::connect(config).await?;
        let ready = match backing.store.ping().await {
            Ok(()) => backing.store.migrate().await.context("failed to bring the store up to date"),
            Err(error) => Err(error).context("failed to reach the store"),
        };
        match ready {
            Ok(()) => Ok(backing),
            Err(error) => {
                backing.close().await;
                Err(error)
            }
        }
    }

    /// Which kind of store it is.
    pub fn kind(&self) -> StoreKind {
        self.kind
    }

    /// Closes the connections, and stops the embedded store if it is ours.
    pub async fn close(self) {
        self.store.pool.close().await;
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }

    async fn connect(config: &Config) -> Result<Self> {
        if let Some(url) = &config.store.url {
            // The address is not part of the message: it has a password in it.
            let store = Store::connect(url.expose(), options(config)).context("`store.url` can't be used")?;
            return Ok(Self { store, embedded: None, kind: StoreKind::External });
        }
        let settings = EmbeddedSettings {
            data: config.data.directory.clone(),
            binaries: config.store.binaries.clone(),
            shared_buffers_mib: config.store.shared_buffers_mib,
        };
        let embedded =
            Embedded::start(&settings, PATIENCE).await.context("failed to start the embedded store")?;
        let store = Store::with(embedded.connect_options(), options(config));
        Ok(Self { store, embedded: Some(embedded), kind: StoreKind::Embedded })
    }
}

/// Does something with the store, again and again as long as the store is away.
pub(super) async fn patiently<T>(work: impl AsyncFn() -> Result<T>) -> Result<T> {
    let mut wait = FIRST_WAIT;
    loop {
        match work().await {
            Err(error) if error.downcast_ref::<StoreError>().is_some_and(StoreError::is_away) => {
                tracing::warn!(error = format!("{error:#}"), "the store is away, tries again");
            }
            result => return result,
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

fn options(config: &Config) -> StoreOptions {
    StoreOptions { max_connections: config.store.max_connections, ..StoreOptions::default() }
}
