//! The job that looks for problems.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use querysmith_advice::detect::detect;
use querysmith_advice::reconcile::{FindingTransition, reconcile};
use querysmith_shared::id::InstanceId;
use querysmith_shared::timestamp::Timestamp;

use super::runner::Work;
use crate::advising::context::AdviceContext;
use crate::store::evidence::WatchedInstance;
use crate::wake::Topic;

/// Instances looked at together: the store and the threads are busy then, and one slow instance holds up
/// no more than its own place.
const TOGETHER: usize = 4;
/// One instance gets this long; longer means something is wrong with it, and the others must not wait.
const INSTANCE_TIME: Duration = Duration::from_secs(30);
/// No instance is looked at more often: windows come every quarter of a minute, other reports in between.
const REST: Duration = Duration::from_secs(8);
/// An instance about which nothing new came is still looked at this often, so that findings about it end.
const QUIET: Duration = Duration::from_secs(60);

/// Looks for problems of every instance about which something new came.
pub struct Detect {
    /// What it works with.
    pub context: AdviceContext,
    looked_at: Mutex<BTreeMap<InstanceId, Look>>,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    at: Timestamp,
    last_report_at: Option<Timestamp>,
}

impl Detect {
    /// A job that looked at nothing yet.
    pub fn new(context: AdviceContext) -> Self {
        Self { context, looked_at: Mutex::default() }
    }

    async fn look(&self, instance: &WatchedInstance) -> Result<()> {
        let now = self.context.now();
        let id = instance.facts.id;
        let AdviceContext { store, thresholds, history, wake, .. } = &self.context;
        let stored = store.stored_findings(id, now).await.context("failed to read findings")?;
        let evidence =
            store.evidence(instance, history, thresholds, now).await.context("failed to read evidence")?;
        let transitions = self
            .context
            .threads
            .run(move || {
                let found = detect(&evidence);
                tracing::debug!(
                    instance.id = %id,
                    statements = evidence.statements.len(),
                    tables = evidence.tables.len(),
                    findings = found.len(),
                    "looked for problems"
                );
                reconcile(&stored, &found, &evidence)
            })
            .await?;
        let mut writing = store.write().await.context("failed to begin")?;
        for transition in &transitions {
            writing.apply_finding(id, transition, now).await.context("failed to write a finding")?;
        }
        writing.commit().await.context("failed to write findings")?;
        for transition in &transitions {
            if let FindingTransition::Seen(_) = transition {
                continue;
            }
            tell(id, transition);
        }
        let is_news = transitions.iter().any(|transition| !matches!(transition, FindingTransition::Seen(_)));
        if is_news {
            wake.publish(Topic::Findings, None);
        }
        let look = Look { at: now, last_report_at: instance.last_report_at };
        self.looked_at.lock().unwrap_or_else(PoisonError::into_inner).insert(id, look);
        Ok(())
    }

    fn is_due(&self, instance: &WatchedInstance, now: Timestamp) -> bool {
        let looked_at = self.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(look) = looked_at.get(&instance.facts.id) else { return true };
        let since = now.since(look.at);
        since >= QUIET || (since >= REST && look.last_report_at != instance.last_report_at)
    }
}

impl Work for Detect {
    fn run(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let now = self.context.now();
            let mut instances =
                self.context.store.watched_instances().await.context("failed to read instances")?;
            instances.retain(|instance| self.is_due(instance, now));
            let mut works = Vec::with_capacity(instances.len());
            for instance in &instances {
                works.push((instance.facts.id, self.look(instance).boxed()));
            }
            each_instance(works, TOGETHER, INSTANCE_TIME).await
        }
        .boxed()
    }
}

/// Does something for each instance, some together, each with its own time limit. The failures of some do
/// not keep it from the others; they are told together at the end.
pub(super) async fn each_instance(
    works: Vec<(InstanceId, BoxFuture<'_, Result<()>>)>,
    together: usize,
    limit: Duration,
) -> Result<()> {
    let mut limited = Vec::with_capacity(works.len());
    for (instance, work) in works {
        limited.push(within(instance, work, limit));
    }
    let results: Vec<Option<String>> = stream::iter(limited).buffer_unordered(together).collect().await;
    let failures: Vec<String> = results.into_iter().flatten().collect();
    if failures.is_empty() { Ok(()) } else { Err(anyhow::anyhow!(failures.join("; "))) }
}

async fn within(instance: InstanceId, work: BoxFuture<'_, Result<()>>, limit: Duration) -> Option<String> {
    let result = tokio::time::timeout(limit, work).await;
    let result = result.unwrap_or_else(|_| Err(anyhow::anyhow!("it took longer than {} s", limit.as_secs())));
    result.err().map(|error| format!("instance {instance}: {error:#}"))
}

fn tell(instance: InstanceId, transition: &FindingTransition) {
    match transition {
        FindingTransition::Open(finding) | FindingTransition::Reopen(finding) => {
            tracing::info!(instance.id = %instance, finding.id = %finding.id, title = finding.title, "found a problem");
        }
        FindingTransition::Resolve { id, reason } => {
            tracing::info!(instance.id = %instance, finding.id = %id, reason, "a problem is gone");
        }
        FindingTransition::Seen(_) => {}
    }
}
