//! Reports: the journal's lines on their way to the controller.
//!
//! Lines are handed on in their order, each at least once: the mark of the last one that was is kept in
//! the journal, so a crash between line and report loses nothing.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use querysmith_shared::change::switchback::TrialStep;
use querysmith_shared::id::InstanceId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::{ChangeReport, Lane, ReportBody};
use tokio::sync::{Notify, mpsc, watch};
use tracing::error;

use super::journal::entry::{Entry, Event};
use super::journal::record::Record;
use super::journal::{Journal, JournalError};
use crate::link::outbox::Outbox;

/// Where reports about changes go.
pub trait ChangeSink: Send + Sync + 'static {
    /// Takes a report; it is safe on this host's disk when this returns `Ok`.
    fn report(
        &self,
        report: ChangeReport,
        instance: InstanceId,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

impl ChangeSink for Outbox {
    async fn report(&self, report: ChangeReport, instance: InstanceId) -> anyhow::Result<()> {
        self.append(Lane::Changes, report.at, Some(instance), ReportBody::Change(report)).await?;
        Ok(())
    }
}

/// How soon a report that wasn't taken is offered again.
const RETRY: Duration = Duration::from_secs(2);
/// Lines read from the journal at once.
const BATCH: usize = 64;

/// Something a change waits for or has got to, between two lines.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) instance: InstanceId,
    pub(super) report: ChangeReport,
}

/// Hands lines on, and progress between them, until `stop` is true and everything was handed on once.
pub(super) async fn run(
    journal: Arc<Journal>,
    sink: impl ChangeSink,
    news: Arc<Notify>,
    mut progress: mpsc::Receiver<Progress>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let mut is_behind = false;
        if let Err(error) = hand_on(&journal, &sink).await {
            error!(error = format!("{error:#}"), "failed to hand on reports about changes");
            is_behind = true;
        }
        if *stop.borrow() {
            return;
        }
        tokio::select! {
            () = news.notified() => {}
            Some(item) = progress.recv() => {
                // Progress of something that has ended meanwhile would look like a step back.
                let is_current = journal.state(item.report.change) == Some(item.report.state);
                if is_current && let Err(error) = sink.report(item.report, item.instance).await {
                    error!(error = format!("{error:#}"), "failed to report progress of a change");
                }
            }
            () = tokio::time::sleep(RETRY), if is_behind => {}
            _ = stop.changed() => {}
        }
    }
}

async fn hand_on(journal: &Arc<Journal>, sink: &impl ChangeSink) -> anyhow::Result<()> {
    loop {
        let mut reported = journal.reported()?;
        let entries = journal.after(reported, BATCH)?;
        if entries.is_empty() {
            return Ok(());
        }
        for entry in entries {
            if let Some((report, instance)) = report(journal, &entry)? {
                sink.report(report, instance).await?;
            }
            if !journal.set_reported(reported, entry.sequence)? {
                break;
            }
            reported = entry.sequence;
        }
    }
}

fn report(journal: &Journal, entry: &Entry) -> Result<Option<(ChangeReport, InstanceId)>, JournalError> {
    // Between the first removal and its end there is nothing new to tell but failures.
    if matches!(entry.event, Event::RemovalIntent { attempt } if attempt > 1) {
        return Ok(None);
    }
    // A moment later it is switched.
    if matches!(entry.event, Event::SwitchIntent { .. }) {
        return Ok(None);
    }
    let Some(record) = journal.change(entry.change)? else { return Ok(None) };
    Ok(Some((describe(entry, &record), record.order.instance)))
}

/// A line as a report.
fn describe(entry: &Entry, record: &Record) -> ChangeReport {
    let text = |statements: &[String]| (!statements.is_empty()).then(|| statements.join(";\n"));
    let armed = record.armed.as_ref();
    let (sql, duration_ms, observed) = match &entry.event {
        Event::Intent { .. } => (armed.and_then(|armed| text(&armed.apply)), None, None),
        Event::Applied { observed, duration_ms } => {
            (armed.and_then(|armed| text(&armed.apply)), *duration_ms, Some(observed.clone()))
        }
        Event::RemovalIntent { .. } => (armed.and_then(|armed| text(&armed.undo)), None, None),
        Event::Reverted { duration_ms } => (armed.and_then(|armed| text(&armed.undo)), *duration_ms, None),
        Event::Switched { observed, .. } => (None, None, observed.clone()),
        Event::Received { .. }
        | Event::Rejected { .. }
        | Event::Armed(_)
        | Event::Failed { .. }
        | Event::RemovalFailed { .. }
        | Event::Aborted { .. }
        | Event::SwitchIntent { .. }
        | Event::PairVoid { .. }
        | Event::Paused { .. }
        | Event::KeepIntent { .. }
        | Event::Confirmed { .. }
        | Event::RevertIntent { .. }
        | Event::Stuck { .. } => (None, None, None),
    };
    let trial_step = match &entry.event {
        Event::Switched { to, .. } => Some(TrialStep::Switched(*to)),
        Event::PairVoid { pair, .. } => Some(TrialStep::Void { pair: *pair }),
        Event::Paused { for_s, .. } => {
            Some(TrialStep::Paused { until: entry.at.after(Duration::from_secs((*for_s).into())) })
        }
        _ => None,
    };
    ChangeReport {
        change: entry.change,
        state: entry.state,
        at: entry.at,
        detail: entry.event.to_string(),
        sql,
        duration_ms,
        observed,
        trial_step,
    }
}

/// A report that says what a change does or waits for.
pub(super) fn progress(record: &Record, at: Timestamp, detail: String) -> Progress {
    let report = ChangeReport {
        change: record.change,
        state: record.state,
        at,
        detail,
        sql: None,
        duration_ms: None,
        observed: None,
        trial_step: None,
    };
    Progress { instance: record.order.instance, report }
}
