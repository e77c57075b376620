//! Whether an index that exists, or is on its way, already does what a candidate would do.

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::{Change, CreateIndex};
use querysmith_shared::observation::schema::Index;

use super::candidate::Candidate;
use crate::evidence::{Evidence, ProposalState, TableEvidence};

/// One key as far as it matters here.
#[derive(Debug, Clone, Copy)]
struct Key<'k> {
    column: &'k str,
    descending: bool,
    nulls_first: bool,
}

/// Whether `index` answers everything that `candidate` would: its keys begin with the candidate's, the
/// equality keys in any order, the others in the same or the reverse direction.
pub(crate) fn covers(index: &Index, candidate: &Candidate) -> bool {
    if index.method != "btree" || index.predicate.is_some() {
        return false;
    }
    let plain = |key: &&querysmith_shared::observation::schema::IndexKeyDescription| {
        !key.expression && key.operator_class.is_none() && key.collation.is_none()
    };
    let keys: Vec<Key<'_>> = index
        .keys
        .iter()
        .take_while(plain)
        .map(|key| Key { column: &key.column, descending: key.descending, nulls_first: key.nulls_first })
        .collect();
    // Equality on all of a unique index finds one row: nothing finds it faster.
    let equality = &candidate.keys[..candidate.equality_keys];
    if index.unique
        && keys.len() == index.keys.len()
        && keys.iter().all(|key| equality.iter().any(|other| other.column == key.column))
    {
        return true;
    }
    let include: Vec<&str> = index.include.iter().map(String::as_str).collect();
    keys_cover(&keys, &include, candidate)
}

/// The same for an index that is only planned.
pub(crate) fn planned_covers(planned: &CreateIndex, candidate: &Candidate) -> bool {
    let keys: Vec<Key<'_>> = planned
        .keys
        .iter()
        .map(|key| Key { column: &key.column, descending: key.descending, nulls_first: key.descending })
        .collect();
    let include: Vec<&str> = planned.include.iter().map(String::as_str).collect();
    keys_cover(&keys, &include, candidate)
}

fn keys_cover(keys: &[Key<'_>], include: &[&str], candidate: &Candidate) -> bool {
    if keys.len() < candidate.keys.len() {
        return false;
    }
    let carried =
        |column: &String| include.contains(&column.as_str()) || keys.iter().any(|k| k.column == *column);
    if !candidate.include.iter().all(carried) {
        return false;
    }
    let (wanted_first, wanted_rest) = candidate.keys.split_at(candidate.equality_keys);
    let (first, rest) = keys.split_at(candidate.equality_keys);
    if !wanted_first.iter().all(|wanted| first.iter().any(|key| key.column == wanted.column)) {
        return false;
    }
    let same = |reversed: bool| {
        rest.iter().zip(wanted_rest).all(|(key, wanted)| {
            let descending = wanted.descending != reversed;
            // One range key serves in either direction, wherever its NULLs are.
            let ordered = wanted_rest.len() == 1 && wanted_first.len() + 1 == candidate.keys.len();
            let direction = key.descending == descending && key.nulls_first == descending;
            key.column == wanted.column && (direction || (ordered && key.nulls_first == key.descending))
        })
    };
    same(false) || same(true)
}

/// Whether the candidate is there already, is being built, or waits for a verdict.
pub(crate) fn is_covered(evidence: &Evidence, table: &TableEvidence, candidate: &Candidate) -> bool {
    covering(evidence, table, candidate).is_some()
}

/// An index that does what a candidate would do, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Covering {
    /// It is there.
    There(String),
    /// It is being built, on trial, or waits for a verdict.
    Coming(String),
}

/// What makes the candidate needless.
pub(crate) fn covering(
    evidence: &Evidence,
    table: &TableEvidence,
    candidate: &Candidate,
) -> Option<Covering> {
    let here = |change: &Change| match change {
        Change::CreateIndex(index) => {
            (index.database == table.database && index.table == table.table.name).then(|| index.clone())
        }
        _ => None,
    };
    let proposed = evidence
        .proposals
        .iter()
        .filter(|proposal| proposal.state == ProposalState::Waiting)
        .filter_map(|proposal| here(&proposal.change));
    let under_way = evidence
        .changes
        .iter()
        // A confirmed index is in the schema, or was dropped since; one that is being taken back is going.
        .filter(|change| !change.state.is_final() && change.state != ChangeState::Reverting)
        .filter_map(|change| here(&change.change));
    // An index that is not valid is being built, or its build failed: building another is no remedy.
    let there = table.table.indexes.iter().find(|index| covers(index, candidate));
    let mut coming = proposed.chain(under_way).filter(|planned| planned_covers(planned, candidate));
    let there = there.map(|index| Covering::There(index.name.clone()));
    there.or_else(|| coming.next().map(|planned| Covering::Coming(planned.name)))
}
