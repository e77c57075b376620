//! The job that seals the audit. The head goes to the log each time: a log that is kept elsewhere (journald, syslog)
//! is what a chain that was made anew, or cut off, can be told by.

use anyhow::{Context, Result};
use chrono::Utc;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::runner::Work;
use crate::store::Store;

/// Seals the entries that are new.
#[derive(Debug)]
pub struct Seal {
    /// The store.
    pub store: Store,
}

impl Work for Seal {
    fn run(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let mut sealed = None;
            while let Some(head) =
                self.store.seal_audit(Utc::now()).await.context("failed to seal the audit")?
            {
                sealed = Some(head);
            }
            if let Some(head) = sealed {
                tracing::info!(%head, "audit sealed");
            }
            Ok(())
        }
        .boxed()
    }
}
