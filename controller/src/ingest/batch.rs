//! Writes one batch of reports in one transaction.

use std::time::Duration;

use querysmith_shared::id::{AgentId, InstanceId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::{Report, ReportBody};

use super::body::{Refused, write_body};
use super::window::Horizon;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::query_stats::StatsWindow;
use crate::store::state::GapRow;
use crate::store::writing::{Sequence, Writing};

/// How a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// All at once: one refusal of the store takes back the whole batch.
    Quick,
    /// Each report by itself: one that the store refuses is set aside, with a note that it is missing.
    EachByItself,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stored {
    /// Everything up to this number is stored.
    pub watermark: u64,
    /// Reports written now.
    pub written: usize,
    /// Reports that had been stored before.
    pub duplicates: usize,
    /// Reports set aside.
    pub refused: usize,
    /// Rows of statement statistics written now.
    pub rows: usize,
}

/// What is the same for every report of a batch.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Who reports.
    pub agent: AgentId,
    /// The instances that are this agent's.
    pub instances: Vec<InstanceId>,
    /// Which times can be stored.
    pub horizon: Horizon,
}

/// Stores what is new of `reports`, which are in rising order. Returns after the COMMIT; on an error
/// nothing was stored, or the COMMIT went through and its answer was lost: then the next try finds duplicates.
pub async fn store_batch(
    store: &Store,
    of: Sequence,
    reports: &[Report],
    (now, kept): (Timestamp, Duration),
    care: Care,
) -> Result<Stored, StoreError> {
    let mut writing = store.write().await?;
    let before = writing.lock_watermark(of, now).await?;
    let fresh: Vec<&Report> = reports.iter().filter(|report| report.sequence > before).collect();
    let duplicates = reports.len() - fresh.len();
    let Some(last) = fresh.last() else {
        return Ok(Stored { watermark: before, duplicates, ..Stored::default() });
    };
    let watermark = last.sequence;
    let mut stored = Stored { watermark, written: fresh.len(), duplicates, ..Stored::default() };
    let instances = writing.instances_of(of.agent).await?;
    let mut scope = Scope { agent: of.agent, instances, horizon: Horizon { now, kept } };
    match care {
        Care::Quick => write_quickly(&mut writing, &mut scope, &fresh, &mut stored).await?,
        Care::EachByItself => write_each(&mut writing, &mut scope, &fresh, &mut stored).await?,
    }
    let touched: Vec<InstanceId> = instances_in(&fresh, &scope);
    writing.touch_instances(&touched, now).await?;
    writing.raise_watermark(of, watermark, fresh.len()).await?;
    writing.commit().await?;
    Ok(stored)
}

async fn write_quickly(
    writing: &mut Writing,
    scope: &mut Scope,
    reports: &[&Report],
    stored: &mut Stored,
) -> Result<(), StoreError> {
    let mut windows = Vec::new();
    for report in reports {
        match write_one(writing, scope, report, &mut windows).await? {
            Ok(()) => {}
            Err(refused) => set_aside(writing, scope, report, &refused, stored).await?,
        }
    }
    stored.rows += windows.iter().map(|window: &StatsWindow| window.rows.len()).sum::<usize>();
    writing.add_query_stats(&windows).await
}

async fn write_each(
    writing: &mut Writing,
    scope: &mut Scope,
    reports: &[&Report],
    stored: &mut Stored,
) -> Result<(), StoreError> {
    for report in reports {
        writing.mark().await?;
        let mut windows = Vec::new();
        let written = match write_one(writing, scope, report, &mut windows).await {
            Ok(Ok(())) => writing.add_query_stats(&windows).await.map(Ok),
            other => other,
        };
        match written {
            Ok(Ok(())) => stored.rows += windows.iter().map(|window| window.rows.len()).sum::<usize>(),
            Ok(Err(refused)) => {
                writing.back().await?;
                set_aside(writing, scope, report, &refused, stored).await?;
            }
            Err(StoreError::Away(error)) => return Err(StoreError::Away(error)),
            Err(error) => {
                writing.back().await?;
                let refused = Refused(format!("the store refused it: {}", chain(&error)));
                set_aside(writing, scope, report, &refused, stored).await?;
            }
        }
    }
    Ok(())
}

async fn write_one(
    writing: &mut Writing,
    scope: &mut Scope,
    report: &Report,
    windows: &mut Vec<StatsWindow>,
) -> Result<Result<(), Refused>, StoreError> {
    if let Some(instance) = report.instance
        && !matches!(report.body, ReportBody::Instance(_))
        && !scope.instances.contains(&instance)
    {
        return Ok(Err(Refused("it is about an instance that is not this agent's".to_owned())));
    }
    write_body(writing, scope, report, windows).await
}

async fn set_aside(
    writing: &mut Writing,
    scope: &Scope,
    report: &Report,
    refused: &Refused,
    stored: &mut Stored,
) -> Result<(), StoreError> {
    stored.refused += 1;
    tracing::warn!(
        agent.id = %scope.agent,
        report.sequence = report.sequence,
        report.lane = ?report.lane,
        reason = refused.0,
        "set a report aside that can't be stored"
    );
    let is_known = report.instance.filter(|instance| scope.instances.contains(instance));
    writing
        .add_gap(&GapRow {
            agent: scope.agent,
            instance: is_known,
            from: report.made_at,
            to: report.made_at,
            reports: 1,
            reason: format!("report {} was set aside: {}", report.sequence, refused.0),
        })
        .await
}

fn instances_in(reports: &[&Report], scope: &Scope) -> Vec<InstanceId> {
    let mut instances: Vec<InstanceId> = reports
        .iter()
        .filter_map(|report| report.instance)
        .filter(|instance| scope.instances.contains(instance))
        .collect();
    instances.sort_unstable();
    instances.dedup();
    instances
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
