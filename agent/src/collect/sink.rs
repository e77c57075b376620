//! Where reports go: onto the disk of the agent, numbered.

use querysmith_shared::id::InstanceId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::{Lane, ReportBody};

use crate::engines::BoxFuture;
use crate::link::outbox::{Outbox, OutboxError};

/// Why a report was not stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The spool refused it.
    #[error("the spool did not take the report")]
    Spool(#[source] OutboxError),
}

/// Takes the reports of one instance. When `append` returns `Ok`, the report is safe.
pub trait Reports: Send + Sync {
    /// Stores one report.
    fn append(&self, body: ReportBody) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// The outbox, for reports about one instance, or about the agent itself.
#[derive(Debug, Clone)]
pub struct ToOutbox {
    /// The spool.
    pub outbox: Outbox,
    /// What the reports are about.
    pub instance: Option<InstanceId>,
}

impl Reports for ToOutbox {
    fn append(&self, body: ReportBody) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let made_at = Timestamp::from(std::time::SystemTime::now());
            let appended = self.outbox.append(Lane::Telemetry, made_at, self.instance, body).await;
            appended.map(drop).map_err(StoreError::Spool)
        })
    }
}
