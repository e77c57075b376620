//! What a person asks for: the same checks, questions and figures as for what was found. Only whether it is
//! worth it is the person's to say.

use std::collections::HashSet;

use querysmith_shared::change::{DropIndex, IndexKey, MAX_INDEX_COLUMNS, TableName};
use querysmith_shared::id::ChangeId;
use querysmith_shared::observation::schema::Index;
use querysmith_shared::wire::order::WhatIfAnswer;

use super::choose::Chosen;
use super::draft::{Grounds, ProposalDraft};
use super::question::Question;
use super::{analyze, ask, drop_index, index_draft, weigh};
use crate::detect::index_use;
use crate::evidence::{Evidence, TableEvidence};
use crate::index::candidate::{self, Candidate};
use crate::index::coverage::{self, Covering};
use crate::overview::Overview;

/// A change that a person asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Database.
    pub database: String,
    /// Table.
    pub table: TableName,
    /// What to do to it.
    pub what: Wanted,
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What a person may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
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
}

/// Why a wish can't be proposed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Its server takes no changes.
    #[error("this server is a standby; ask for it on its primary")]
    Standby,
    /// There is no such table, as far as the agent has read.
    #[error("the database {database} has no table {table}, as the agent last read it")]
    UnknownTable {
        /// The database.
        database: String,
        /// The table.
        table: TableName,
    },
    /// The server's own, or the parent of partitions.
    #[error("{0} is the server's own or the parent of partitions; name an ordinary table")]
    NotOrdinary(TableName),
    /// Too few or too many columns.
    #[error("an index has between 1 and {MAX_INDEX_COLUMNS} columns")]
    Columns,
    /// A column is named more than once.
    #[error("the column {column} is named twice")]
    Twice {
        /// The column.
        column: String,
        /// Where the second time.
        part: Part,
    },
    /// There is no such column.
    #[error("{table} has no column {column}; it has {columns}")]
    UnknownColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
        /// Those it has.
        columns: String,
        /// Where it is named.
        part: Part,
    },
    /// The column's type or width makes no b-tree key.
    #[error("{column} ({data_type}) can't be a b-tree key, or is too wide for one")]
    NoKey {
        /// The column.
        column: String,
        /// Its type.
        data_type: String,
    },
    /// An index does the same.
    #[error("the index {0} does this already")]
    Covered(String),
    /// An index that will do the same is under way.
    #[error("the index {0} will do this; it is proposed, being built or on trial")]
    Coming(String),
    /// There is no such index.
    #[error("{table} has no index {name}")]
    UnknownIndex {
        /// The table.
        table: TableName,
        /// The index.
        name: String,
    },
    /// No other index does its work.
    #[error(
        "no other index of the table does all that {0} does, so that its statements may become slow; drop it by hand \
         if you know better"
    )]
    Needed(String),
    /// The undo could not build it.
    #[error(
        "{0} is more than a plain b-tree index, so that the undo could not build it again; drop it by hand"
    )]
    NotRebuildable(String),
}

/// The part of a wish that is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its server.
    Instance,
    /// Its table, with its schema and database.
    Table,
    /// Its key columns.
    Keys,
    /// The columns it includes.
    Include,
    /// The index to drop.
    Index,
}

impl Unfit {
    /// Which part of the wish it is about.
    pub fn part(&self) -> Part {
        match self {
            Self::Standby => Part::Instance,
            Self::UnknownTable { .. } | Self::NotOrdinary(_) => Part::Table,
            Self::Twice { part, .. } | Self::UnknownColumn { part, .. } => *part,
            Self::Columns | Self::NoKey { .. } | Self::Covered(_) | Self::Coming(_) => Part::Keys,
            Self::UnknownIndex { .. } | Self::Needed(_) | Self::NotRebuildable(_) => Part::Index,
        }
    }
}

/// What to ask the planner about the wish; `None` where there is nothing to ask.
pub fn question(evidence: &Evidence, wish: &Wish) -> Result<Option<Question>, Unfit> {
    let overview = Overview::of(evidence);
    let table = table(&overview, wish)?;
    match &wish.what {
        Wanted::CreateIndex { keys, include } => {
            let candidate = candidate(evidence, table, keys, include)?;
            Ok(Some(ask::about(&overview, table, &[candidate], Vec::new())))
        }
        Wanted::DropIndex { name } => superfluous(table, name).map(|_| None),
        Wanted::Analyze => Ok(None),
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
    let overview = Overview::of(evidence);
    let table = table(&overview, wish)?;
    Ok(match &wish.what {
        Wanted::CreateIndex { keys, include } => {
            let candidate = candidate(evidence, table, keys, include)?;
            index(&overview, table, candidate, wish, answer, change)
        }
        Wanted::DropIndex { name } => {
            let drop = superfluous(table, name)?;
            let object = format!("{}.{name}", wish.table.schema);
            let known = index_use::duplicates(evidence).into_iter().find(|finding| {
                finding.database == wish.database && finding.object.as_ref() == Some(&object)
            });
            let grounds = Grounds {
                why: why(wish),
                finding_ids: known.iter().map(|finding| finding.id).collect(),
                evidence: known.map(|finding| finding.evidence).unwrap_or_default(),
            };
            drop_index::draft(&overview, table, grounds, drop, change)
        }
        Wanted::Analyze => {
            let readers = overview.statements_on(&table.database, &table.table.name);
            let readers = readers.into_iter().filter(|statement| statement.reads(&table.table.name));
            let share = readers.map(|statement| statement.time_share).sum();
            let grounds = Grounds { why: why(wish), finding_ids: Vec::new(), evidence: Vec::new() };
            analyze::draft(&overview, table, grounds, share, change)
        }
    })
}

fn why(wish: &Wish) -> String {
    let reason = &wish.reason;
    let end = if reason.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("Asked for by {}: {reason}{end}", wish.by)
}

fn table<'e>(overview: &Overview<'e>, wish: &Wish) -> Result<&'e TableEvidence, Unfit> {
    if overview.evidence.instance.in_recovery {
        return Err(Unfit::Standby);
    }
    let table = overview
        .table(&wish.database, &wish.table)
        .ok_or_else(|| Unfit::UnknownTable { database: wish.database.clone(), table: wish.table.clone() })?;
    if table.indexable() { Ok(table) } else { Err(Unfit::NotOrdinary(wish.table.clone())) }
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
            let columns: Vec<&str> = table.table.columns.iter().map(|column| column.name.as_str()).collect();
            return Err(Unfit::UnknownColumn {
                table: table.table.name.clone(),
                column: name.clone(),
                columns: columns.join(", "),
                part,
            });
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
