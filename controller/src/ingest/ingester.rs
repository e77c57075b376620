//! What the link hands reports to.

use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::{Lane, Report, ReportBody};

use super::batch::{Care, Stored, chain, store_batch};
use crate::fleet::store::{Ingest, IngestError, StoreAway};
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::writing::Sequence;
use crate::telemetry::Metrics;
use crate::wake::{Topic, Wake};

/// Stores reports, counts them, and tells who cares.
#[derive(Debug, Clone)]
pub struct Ingester {
    store: Store,
    wake: Wake,
    metrics: Metrics,
    kept: Duration,
}

impl Ingester {
    /// An ingester whose series are kept for `kept`; older observations are set aside.
    pub fn new(store: Store, wake: Wake, metrics: Metrics, kept: Duration) -> Self {
        Self { store, wake, metrics, kept }
    }

    async fn store(
        &self,
        agent: AgentId,
        incarnation: u64,
        lane: Lane,
        reports: Vec<Report>,
    ) -> Result<Stored, StoreError> {
        let of = Sequence { agent, incarnation, lane };
        let now = Timestamp::from(SystemTime::now());
        let times = (now, self.kept);
        match store_batch(&self.store, of, &reports, times, Care::Quick).await {
            Err(StoreError::Away(error)) => Err(StoreError::Away(error)),
            Err(error) => {
                tracing::warn!(agent.id = %agent, error = chain(&error), "failed to store a batch, tries each report");
                store_batch(&self.store, of, &reports, times, Care::EachByItself).await
            }
            Ok(stored) => Ok(stored),
        }
        .inspect(|stored| {
            self.metrics.ingested(stored);
            if stored.written > 0 {
                publish(&self.wake, agent, &reports);
            }
        })
    }
}

impl Ingest for Ingester {
    fn ingest(
        &self,
        agent: AgentId,
        incarnation: u64,
        lane: Lane,
        reports: Vec<Report>,
    ) -> BoxFuture<'_, Result<u64, IngestError>> {
        // A task of its own, because a batch whose caller goes away must not be dropped in the middle of a
        // statement: the pooled connection would then hold the rest of an answer nobody waits for.
        let ingester = self.clone();
        let work = tokio::spawn(async move { ingester.store(agent, incarnation, lane, reports).await });
        async move {
            match work.await {
                Ok(Ok(stored)) => Ok(stored.watermark),
                Ok(Err(error)) => Err(IngestError::Away(StoreAway(Box::new(error)))),
                Err(error) => Err(IngestError::Away(StoreAway(Box::new(error)))),
            }
        }
        .boxed()
    }
}

fn publish(wake: &Wake, agent: AgentId, reports: &[Report]) {
    let mut hints: Vec<_> = reports
        .iter()
        .map(|report| match &report.body {
            ReportBody::QueryStats(_) | ReportBody::StatementTexts(_) | ReportBody::Plans(_) => {
                (Topic::Queries, report.instance.map(|instance| instance.0))
            }
            ReportBody::Schema(_)
            | ReportBody::Usage(_)
            | ReportBody::Settings(_)
            | ReportBody::Host(_)
            | ReportBody::Activity(_)
            | ReportBody::Collectors(_)
            | ReportBody::Instance(_) => (Topic::Instances, report.instance.map(|instance| instance.0)),
            ReportBody::Cost(_) | ReportBody::Gap(_) => (Topic::Agents, Some(agent.0)),
            ReportBody::Change(change) => (Topic::Changes, Some(change.change.0)),
        })
        .collect();
    hints.sort_unstable();
    hints.dedup();
    for (topic, id) in hints {
        wake.publish(topic, id);
    }
}
