//! Waiting proposals that events have overtaken: somebody built the index by hand, or its table is gone.

use querysmith_shared::change::{Change, CreateIndex, DropIndex};
use querysmith_shared::id::ProposalId;

use crate::catalog::Catalog;
use crate::evidence::{KnownProposal, ProposalState, TableEvidence};
use crate::index::candidate::Candidate;
use crate::index::coverage;

/// A waiting proposal that has lost its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obsolete {
    /// Which.
    pub proposal: ProposalId,
    /// Why, as a sentence for people without its full stop.
    pub reason: String,
}

/// The waiting ones among `proposals` that `tables`, all that are known of their instance, have overtaken. Without
/// any table nothing is said: then the schema has not been read.
pub fn obsolete(tables: &[TableEvidence], proposals: &[KnownProposal]) -> Vec<Obsolete> {
    if tables.is_empty() {
        return Vec::new();
    }
    let waiting = proposals.iter().filter(|proposal| proposal.state == ProposalState::Waiting);
    waiting
        .filter_map(|proposal| {
            let reason = overtaken(tables, &proposal.change)?;
            Some(Obsolete { proposal: proposal.id, reason })
        })
        .collect()
}

/// Why the change is not wanted any more, if it is not.
pub fn overtaken(tables: &[TableEvidence], change: &Change) -> Option<String> {
    // Its agent reads the parameter at the moment it sets it.
    let name = change.table()?;
    let catalog = Catalog::of(tables, change.database());
    let Some(table) = catalog.find(Some(&name.schema), &name.name, &[]) else {
        return Some(format!("the table {name} is gone"));
    };
    match change {
        Change::CreateIndex(index) => column_gone(table, index).or_else(|| built(table, index)),
        Change::CreateStatistics(create) => gone_of(table, create.columns.iter()),
        Change::SetStatisticsTarget(set) => gone_of(table, [&set.column].into_iter()),
        Change::Analyze(_) | Change::SetParameter(_) => None,
        Change::DropIndex(drop) => index_gone(table, drop),
    }
}

fn index_gone(table: &TableEvidence, drop: &DropIndex) -> Option<String> {
    let is_there = |name: &str| table.table.indexes.iter().any(|index| index.name == name && index.valid);
    let gone = [&drop.index.name, &drop.covered_by].into_iter().find(|name| !is_there(name))?;
    Some(format!("the index {gone} of {} is gone or not valid", drop.index.table))
}

fn column_gone(table: &TableEvidence, index: &CreateIndex) -> Option<String> {
    gone_of(table, index.keys.iter().map(|key| &key.column).chain(&index.include))
}

fn gone_of<'a>(table: &TableEvidence, mut columns: impl Iterator<Item = &'a String>) -> Option<String> {
    let gone = columns.find(|column| table.column(column).is_none())?;
    Some(format!("the column {gone} of {} is gone", table.table.name))
}

/// An index that does the work by now. One that is not valid does none: its build goes on, or has failed.
fn built(table: &TableEvidence, index: &CreateIndex) -> Option<String> {
    let candidate = Candidate { keys: index.keys.clone(), include: index.include.clone(), equality_keys: 0 };
    let mut valid = table.table.indexes.iter().filter(|other| other.valid);
    let covering = valid.find(|other| coverage::covers(other, &candidate))?;
    Some(format!("the index {} of {} does the same by now", covering.name, index.table))
}
