//! What a run of the detectors means for the findings that are stored.

use std::time::Duration;

use querysmith_shared::id::{FindingId, StatementId};
use querysmith_shared::timestamp::Timestamp;

use crate::evidence::{Evidence, TableEvidence};
use crate::finding::{Finding, FindingKind};
use crate::overview::seconds;
use crate::words;

/// Figures of a table that were not sent for this long have not changed: agents read them every few minutes.
const UNCHANGED: Duration = Duration::from_secs(3_600);

/// A finding as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredFinding {
    /// Its id.
    pub id: FindingId,
    /// Its kind.
    pub kind: FindingKind,
    /// Its statement.
    pub statement: Option<StatementId>,
    /// Its database.
    pub database: String,
    /// Its object.
    pub object: Option<String>,
    /// When a run last saw it.
    pub last_seen: Timestamp,
    /// When it was resolved, if it is.
    pub resolved_at: Option<Timestamp>,
}

/// What to do with one finding.
#[derive(Debug, Clone, PartialEq)]
pub enum FindingTransition {
    /// New: store it.
    Open(Finding),
    /// Seen again: refresh it and its last-seen time.
    Seen(Finding),
    /// Was resolved and is back: open it again, count it.
    Reopen(Finding),
    /// Gone: mark it resolved, with the reason.
    Resolve {
        /// Which.
        id: FindingId,
        /// Why it counts as gone.
        reason: String,
    },
}

/// The transitions. A finding that was not found is resolved only after it was absent for a while and
/// only if what it is judged by was there to look at: no data is no all-clear.
pub fn reconcile(stored: &[StoredFinding], found: &[Finding], evidence: &Evidence) -> Vec<FindingTransition> {
    let mut transitions = Vec::new();
    for finding in found {
        let transition = match stored.iter().find(|stored| stored.id == finding.id) {
            None => FindingTransition::Open(finding.clone()),
            Some(stored) if stored.resolved_at.is_some() => FindingTransition::Reopen(finding.clone()),
            Some(_) => FindingTransition::Seen(finding.clone()),
        };
        transitions.push(transition);
    }
    for stored in stored.iter().filter(|stored| stored.resolved_at.is_none()) {
        if found.iter().all(|finding| finding.id != stored.id)
            && let Some(reason) = over(stored, evidence)
        {
            transitions.push(FindingTransition::Resolve { id: stored.id, reason });
        }
    }
    transitions
}

/// Why a finding that was not found is over, if it is.
fn over(stored: &StoredFinding, evidence: &Evidence) -> Option<String> {
    let absent = evidence.now.since(stored.last_seen);
    if absent < seconds(evidence.thresholds.sight.resolve_after_s) {
        return None;
    }
    match stored.kind {
        FindingKind::MissingIndex | FindingKind::Regression | FindingKind::TopConsumer => {
            statement_over(stored, evidence, absent)
        }
        FindingKind::UnusedIndex | FindingKind::DuplicateIndex => index_over(stored, evidence, absent),
        FindingKind::StaleStatistics => table_over(stored, evidence, absent),
    }
}

fn statement_over(stored: &StoredFinding, evidence: &Evidence, absent: Duration) -> Option<String> {
    let sight = &evidence.thresholds.sight;
    let forgotten = absent >= seconds(sight.forget_after_s);
    let gone =
        || format!("the statement was not called for {}", words::duration(absent.as_secs_f64() * 1_000.0));
    let id = stored.statement?;
    let called_since = evidence
        .statements
        .iter()
        .filter(|statement| statement.id == id)
        .flat_map(|statement| &statement.windows)
        .any(|window| window.end > stored.last_seen && window.calls > 0);
    let newest =
        evidence.statements.iter().flat_map(|statement| &statement.windows).map(|window| window.end).max();
    let present = newest.is_some_and(|newest| evidence.now.since(newest) <= seconds(sight.present_s));
    match (present && called_since, forgotten && present) {
        (true, _) => Some(match stored.kind {
            FindingKind::Regression => {
                "its time is back to what it was, or has been the same for a week".to_owned()
            }
            _ => "the statement runs without it now".to_owned(),
        }),
        (false, true) => Some(gone()),
        (false, false) => None,
    }
}

/// The table's description and activity are as new as the finding's absence: what is not found is not there.
fn index_over(stored: &StoredFinding, evidence: &Evidence, absent: Duration) -> Option<String> {
    let object = stored.object.as_deref()?;
    let here: Vec<_> = evidence.tables.iter().filter(|table| table.database == stored.database).collect();
    if here.is_empty() {
        return None;
    }
    let owner = here.iter().find(|table| {
        let schema = &table.table.name.schema;
        table.table.indexes.iter().any(|index| format!("{schema}.{}", index.name) == object)
    });
    match owner {
        None => Some(format!("{object} is not there any more")),
        Some(table) => was_looked_at(table, stored, absent).then(|| "it is not so any more".to_owned()),
    }
}

/// The table's figures are newer than the last sight of the finding. They are sent only when they change, so
/// after a while their silence says that nothing changed.
fn was_looked_at(table: &TableEvidence, stored: &StoredFinding, absent: Duration) -> bool {
    table.read_at.is_some_and(|at| at > stored.last_seen || absent >= UNCHANGED)
}

fn table_over(stored: &StoredFinding, evidence: &Evidence, absent: Duration) -> Option<String> {
    let object = stored.object.as_deref()?;
    let here: Vec<_> = evidence.tables.iter().filter(|table| table.database == stored.database).collect();
    if here.is_empty() {
        return None;
    }
    match here.iter().find(|table| table.table.name.to_string() == object) {
        None => Some(format!("{object} is not there any more")),
        Some(table) => {
            was_looked_at(table, stored, absent).then(|| "its statistics are up to date".to_owned())
        }
    }
}
