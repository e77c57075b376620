//! What was decided before: a refused proposal, or a change that did not help, stays away until the
//! evidence changes.

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::{Change, CreateIndex, DropIndex, TableName};

use crate::evidence::{Evidence, ProposalState};
use crate::measure::effect::Verdict;
use crate::overview::seconds;
use crate::statement::TableUse;

/// The digest of the evidence of a proposal: plain figures, so that two digests can be compared by how far
/// apart they are rather than by whether they differ at all.
pub(crate) fn digest(rows: f64, lost_ms_per_hour: f64) -> String {
    format!("rows={:.0} lost_ms_per_hour={:.0}", rows.max(1.0), lost_ms_per_hour.max(1.0))
}

/// Whether the evidence is another by now: many more or fewer rows, or much more time lost. Less time lost is no
/// news: nights are quieter than days.
pub(crate) fn changed(old: &str, new: &str, factor: f64) -> bool {
    let figure = |digest: &str, name: &str| -> Option<f64> {
        digest.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse().ok())
    };
    let ratio = |name| Some(figure(new, name)? / figure(old, name)?);
    match (ratio("rows"), ratio("lost_ms_per_hour")) {
        (Some(rows), Some(lost)) => rows >= factor || rows <= 1.0 / factor || lost >= factor,
        // A digest that can't be read was written by another version: it counts as the same.
        _ => false,
    }
}

/// How a use of a table stands with what was proposed before.
pub(crate) fn settled(
    evidence: &Evidence,
    database: &str,
    table: &TableName,
    table_use: Option<&TableUse>,
    now: &str,
) -> bool {
    let serves = |change: &Change| match change {
        Change::CreateIndex(index) => {
            index.database == database
                && index.table == *table
                && table_use.is_none_or(|table_use| begins_for(index, table_use))
        }
        _ => false,
    };
    decided(evidence, &serves, now)
}

/// Whether the drop of this index was decided before.
pub(crate) fn drop_settled(evidence: &Evidence, drop: &DropIndex, now: &str) -> bool {
    let same = |other: &CreateIndex| {
        (&other.database, &other.table.schema, &other.name)
            == (&drop.index.database, &drop.index.table.schema, &drop.index.name)
    };
    let serves = |change: &Change| match change {
        Change::DropIndex(other) => same(&other.index),
        _ => false,
    };
    decided(evidence, &serves, now)
}

/// Whether an ANALYZE of the table was decided before.
pub(crate) fn analyze_settled(evidence: &Evidence, database: &str, table: &TableName, now: &str) -> bool {
    let serves = |change: &Change| match change {
        Change::Analyze(analyze) => analyze.database == database && analyze.table == *table,
        _ => false,
    };
    decided(evidence, &serves, now)
}

fn decided(evidence: &Evidence, serves: &dyn Fn(&Change) -> bool, now: &str) -> bool {
    let factor = evidence.thresholds.propose.evidence_factor;
    let by_proposal = evidence.proposals.iter().filter(|proposal| serves(&proposal.change)).any(|proposal| {
        match proposal.state {
            ProposalState::Waiting => true,
            ProposalState::Rejected => !changed(&proposal.evidence_digest, now, factor),
            // What became of an approved one stands with its change.
            ProposalState::Approved
            | ProposalState::Expired
            | ProposalState::Withdrawn
            | ProposalState::Superseded => false,
        }
    });
    let block = seconds(evidence.thresholds.propose.block_s);
    let unmeasured = seconds(evidence.thresholds.propose.block_unmeasured_s);
    let by_change = evidence.changes.iter().filter(|change| serves(&change.change)).any(|change| {
        let lately = evidence.now.since(change.state_since) <= block;
        match change.state {
            ChangeState::Approved
            | ChangeState::Offered
            | ChangeState::Received
            | ChangeState::Armed
            | ChangeState::Applying
            | ChangeState::Trial
            | ChangeState::Reverting
            | ChangeState::Stuck => true,
            ChangeState::Reverted if change.verdict == Some(Verdict::TooLittleData) => {
                evidence.now.since(change.state_since) <= unmeasured
            }
            // Done, measured and taken back, by the measurement or by a person: not again soon.
            ChangeState::Reverted => lately && !changed(&change.evidence_digest, now, factor),
            // An index that was kept is in the schema; if it is not there any more, it may come again.
            // Statistics that were gathered are in the planner; if they did not help, more won't.
            ChangeState::Confirmed => {
                matches!(change.change, Change::Analyze(_))
                    && change.verdict != Some(Verdict::Helped)
                    && lately
                    && !changed(&change.evidence_digest, now, factor)
            }
            ChangeState::Rejected | ChangeState::Aborted => false,
        }
    });
    by_proposal || by_change
}

/// Whether an index was, or would be, for this use: it begins with a column the use has a condition on.
fn begins_for(index: &CreateIndex, table_use: &TableUse) -> bool {
    index.keys.first().is_some_and(|key| {
        table_use.has_equality(&key.column)
            || table_use.ranges.contains(&key.column)
            || table_use.joins.contains(&key.column)
            || table_use.order.iter().any(|order| order.column == key.column)
    })
}
