//! What a person asks for: the same checks, questions and figures as for what was found. Only whether it is
//! worth it is the person's to say.

mod unfit;

use std::collections::HashSet;

use querysmith_shared::change::{DropIndex, IndexKey, MAX_INDEX_COLUMNS, TableName};
use querysmith_shared::id::ChangeId;
use querysmith_shared::observation::schema::Index;
use querysmith_shared::wire::order::WhatIfAnswer;
use uuid::Uuid;

use super::choose::Chosen;
use super::draft::{Grounds, ProposalDraft};
use super::how_tried::HowTried;
use super::question::Question;
use super::{analyze, ask, drop_index, index_draft, parameter, statistics, weigh};
use crate::detect::index_use;
use crate::evidence::{Evidence, TableEvidence};
use crate::index::candidate::{self, Candidate};
use crate::index::coverage::{self, Covering};
use crate::overview::Overview;
pub use unfit::{Part, Unfit};

/// A change that a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What to do.
    pub what: Wanted,
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What a person may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// Something with a table.
    OnTable(OnTable),
    /// Another value of a parameter of the server.
    SetParameter {
        /// Its name.
        name: String,
        /// The value, as a person writes it.
        value: String,
        /// How it is to be tried.
        tried: HowTried,
    },
}

/// Something to do to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnTable {
    /// Database.
    pub database: String,
    /// Table.
    pub table: TableName,
    /// What to do to it.
    pub what: TableWish,
}

/// What a person may ask for of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableWish {
    /// A b-tree index with these keys, which carries these further columns.
    CreateIndex {
        /// Key columns in order.
        keys: Vec<IndexKey>,
        /// INCLUDE columns.
        include: Vec<String>,
    },
    /// Without this index, which another one makes superfluous.
    DropIndex {
        /// Its name.
        name: String,
    },
    /// Fresh statistics.
    Analyze,
    /// Statistics about these columns together.
    CreateStatistics {
        /// Columns.
        columns: Vec<String>,
    },
    /// A column sampled more or less closely.
    SetStatisticsTarget {
        /// The column.
        column: String,
        /// The target.
        target: u16,
    },
}

/// What to ask the planner about the wish; `None` where there is nothing to ask.
pub fn question(evidence: &Evidence, wish: &Wish) -> Result<Option<Question>, Unfit> {
    check_server(evidence)?;
    let on = match &wish.what {
        Wanted::OnTable(on) => on,
        Wanted::SetParameter { name, value, .. } => {
            return parameter::change(evidence, name, value).map(|_| None);
        }
    };
    let overview = Overview::of(evidence);
    let table = table(&overview, on)?;
    match &on.what {
        TableWish::CreateIndex { keys, include } => {
            let candidate = candidate(evidence, table, keys, include)?;
            Ok(Some(ask::about(&overview, table, &[candidate], Vec::new())))
        }
        TableWish::DropIndex { name } => superfluous(table, name).map(|_| None),
        TableWish::Analyze => Ok(None),
        TableWish::CreateStatistics { columns } => {
            statistics::create(table, columns, ChangeId(Uuid::nil())).map(|_| None)
        }
        TableWish::SetStatisticsTarget { column, target } => {
            statistics::target(table, column, *target).map(|_| None)
        }
    }
}

/// The proposal. `answer` is the planner's, or why there is none; it is not looked at where there was nothing to
/// ask.
pub fn draft(
    evidence: &Evidence,
    wish: &Wish,
    answer: Result<&WhatIfAnswer, &str>,
    change: ChangeId,
) -> Result<ProposalDraft, Unfit> {
    check_server(evidence)?;
    let overview = Overview::of(evidence);
    let on = match &wish.what {
        Wanted::OnTable(on) => on,
        Wanted::SetParameter { name, value, tried } => {
            let set = parameter::change(evidence, name, value)?;
            return Ok(parameter::draft(&overview, asked_for(wish), set, *tried, change));
        }
    };
    let table = table(&overview, on)?;
    Ok(match &on.what {
        TableWish::CreateIndex { keys, include } => {
            let candidate = candidate(evidence, table, keys, include)?;
            index(&overview, table, candidate, wish, answer, change)
        }
        TableWish::DropIndex { name } => {
            let drop = superfluous(table, name)?;
            let object = format!("{}.{name}", on.table.schema);
            let known = index_use::duplicates(evidence)
                .into_iter()
                .find(|finding| finding.database == on.database && finding.object.as_ref() == Some(&object));
            let grounds = Grounds {
                why: why(wish),
                finding_ids: known.iter().map(|finding| finding.id).collect(),
                evidence: known.map(|finding| finding.evidence).unwrap_or_default(),
            };
            drop_index::draft(&overview, table, grounds, drop, change)
        }
        TableWish::Analyze => {
            let readers = overview.statements_on(&table.database, &table.table.name);
            let readers = readers.into_iter().filter(|statement| statement.reads(&table.table.name));
            let share = readers.map(|statement| statement.time_share).sum();
            analyze::draft(&overview, table, asked_for(wish), share, change)
        }
        TableWish::CreateStatistics { columns } => {
            let what = statistics::create(table, columns, change)?;
            statistics::draft(&overview, table, asked_for(wish), what, change)
        }
        TableWish::SetStatisticsTarget { column, target } => {
            let what = statistics::target(table, column, *target)?;
            statistics::draft(&overview, table, asked_for(wish), what, change)
        }
    })
}

/// Grounds that are a person's alone.
fn asked_for(wish: &Wish) -> Grounds {
    Grounds { why: why(wish), finding_ids: Vec::new(), evidence: Vec::new() }
}

fn why(wish: &Wish) -> String {
    let reason = &wish.reason;
    let end = if reason.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("Asked for by {}: {reason}{end}", wish.by)
}

fn check_server(evidence: &Evidence) -> Result<(), Unfit> {
    if evidence.instance.in_recovery { Err(Unfit::Standby) } else { Ok(()) }
}

fn table<'e>(overview: &Overview<'e>, on: &OnTable) -> Result<&'e TableEvidence, Unfit> {
    let table = overview
        .table(&on.database, &on.table)
        .ok_or_else(|| Unfit::UnknownTable { database: on.database.clone(), table: on.table.clone() })?;
    if table.indexable() { Ok(table) } else { Err(Unfit::NotOrdinary(on.table.clone())) }
}

fn candidate(
    evidence: &Evidence,
    table: &TableEvidence,
    keys: &[IndexKey],
    include: &[String],
) -> Result<Candidate, Unfit> {
    if keys.is_empty() || keys.len() + include.len() > MAX_INDEX_COLUMNS {
        return Err(Unfit::Columns);
    }
    let mut seen = HashSet::new();
    let keyed = keys.iter().map(|key| (&key.column, Part::Keys));
    for (name, part) in keyed.chain(include.iter().map(|column| (column, Part::Include))) {
        if !seen.insert(name) {
            return Err(Unfit::Twice { column: name.clone(), part });
        }
        if table.column(name).is_none() {
            return Err(Unfit::unknown_column(table, name, part));
        }
    }
    if let Some(column) = keys
        .iter()
        .filter(|key| !candidate::is_key(table, &key.column))
        .find_map(|key| table.column(&key.column))
    {
        return Err(Unfit::NoKey { column: column.name.clone(), data_type: column.data_type.clone() });
    }
    let wanted = Candidate { keys: keys.to_vec(), include: include.to_vec(), equality_keys: 0 };
    match coverage::covering(evidence, table, &wanted) {
        Some(Covering::There(index)) => Err(Unfit::Covered(index)),
        Some(Covering::Coming(index)) => Err(Unfit::Coming(index)),
        None => Ok(wanted),
    }
}

fn superfluous(table: &TableEvidence, name: &str) -> Result<DropIndex, Unfit> {
    let is_meant = |index: &Index| index.name == name;
    if !table.table.indexes.iter().any(is_meant) {
        return Err(Unfit::UnknownIndex { table: table.table.name.clone(), name: name.to_owned() });
    }
    let pair = index_use::superfluous(table).into_iter().find(|(_, spare)| is_meant(spare));
    let (kept, spare) = pair.ok_or_else(|| Unfit::Needed(name.to_owned()))?;
    let index =
        drop_index::rebuildable(table, spare).ok_or_else(|| Unfit::NotRebuildable(name.to_owned()))?;
    Ok(DropIndex { index, covered_by: kept.name.clone() })
}

fn index(
    overview: &Overview<'_>,
    table: &TableEvidence,
    candidate: Candidate,
    wish: &Wish,
    answer: Result<&WhatIfAnswer, &str>,
    change: ChangeId,
) -> ProposalDraft {
    let question = ask::about(overview, table, std::slice::from_ref(&candidate), Vec::new());
    let answer = answer.and_then(|answer| answer.not_simulated.as_deref().map_or(Ok(answer), Err));
    let (weighed, not_simulated) = match answer {
        Err(reason) => (None, Some(reason)),
        Ok(answer) => match weigh::weigh(overview, table, &question, 0, Some(answer)) {
            Some(weighed) => (Some(weighed), None),
            None => (None, Some("hypopg could not imagine it")),
        },
    };
    let weighed =
        weighed.unwrap_or_else(|| weigh::unsimulated(overview, table, candidate, &question.statements));
    let chosen = Chosen { weighed, findings: Vec::new() };
    let mut draft = index_draft::draft(overview.evidence, table, &chosen, not_simulated, change);
    draft.reason = format!("{} {}", why(wish), draft.reason);
    draft
}
