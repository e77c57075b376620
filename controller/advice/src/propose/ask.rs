//! The questions: for each table with a finding, which indexes to imagine and which statements to plan.

use querysmith_shared::change::{CreateIndex, IndexKey, TableName};
use querysmith_shared::id::{FindingId, QuestionId};
use querysmith_shared::wire::order::{MAX_CANDIDATES, MAX_STATEMENTS};
use uuid::Uuid;

use super::memory;
use super::question::Question;
use crate::evidence::{Evidence, TableEvidence};
use crate::finding::{Finding, FindingKind};
use crate::index::candidate::{self, Candidate};
use crate::index::coverage;
use crate::overview::{Overview, StatementView};
use crate::statement::TableUse;

/// Questions' ids are made within this namespace.
const NAMESPACE: Uuid = Uuid::from_u128(0x1f0d_8a53_7b3e_4c55_8f4e_21c6_90d7_4be2);

/// One question for each table that has findings an index could answer.
pub(super) fn questions(overview: &Overview<'_>, findings: &[Finding]) -> Vec<Question> {
    let evidence = overview.evidence;
    if evidence.instance.in_recovery {
        return Vec::new();
    }
    let mut tables: Vec<(&str, &TableName)> = Vec::new();
    for finding in findings.iter().filter(|finding| wants_index(finding.kind)) {
        let Some(table) = &finding.table else { continue };
        if !tables.contains(&(finding.database.as_str(), table)) {
            tables.push((&finding.database, table));
        }
    }
    tables.into_iter().filter_map(|(database, table)| question(overview, findings, database, table)).collect()
}

fn wants_index(kind: FindingKind) -> bool {
    match kind {
        FindingKind::MissingIndex | FindingKind::Regression => true,
        FindingKind::UnusedIndex
        | FindingKind::DuplicateIndex
        | FindingKind::StaleStatistics
        | FindingKind::TopConsumer => false,
    }
}

fn question(
    overview: &Overview<'_>,
    findings: &[Finding],
    database: &str,
    name: &TableName,
) -> Option<Question> {
    let evidence = overview.evidence;
    let table = overview.table(database, name).filter(|table| table.indexable())?;
    let here = |finding: &&Finding| {
        wants_index(finding.kind) && finding.database == database && finding.table.as_ref() == Some(name)
    };
    let popularity = |column: &str| popularity(overview, table, column);
    let most_keys = evidence.thresholds.propose.most_keys;
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut answered: Vec<FindingId> = Vec::new();
    for finding in findings.iter().filter(here) {
        let digest = memory::digest(table.rows(), finding.lost_ms_per_hour.unwrap_or(0.0));
        let uses =
            finding.statement.and_then(|id| overview.statement(id)).into_iter().flat_map(|s| s.uses(name));
        let mut mine: Vec<Candidate> = Vec::new();
        for table_use in uses {
            if !memory::settled(evidence, database, name, Some(table_use), &digest) {
                mine.extend(candidate::for_use(table, table_use, &popularity, most_keys));
                mine.extend(lost_index(evidence, table, finding, table_use));
            }
        }
        mine.retain(|candidate| !coverage::is_covered(evidence, table, candidate));
        if !mine.is_empty() {
            answered.push(finding.id);
        }
        for candidate in mine {
            if !candidates.iter().any(|c| c.keys == candidate.keys && c.include == candidate.include) {
                candidates.push(candidate);
            }
        }
    }
    candidates.truncate(evidence.thresholds.propose.most_candidates.min(MAX_CANDIDATES));
    if candidates.is_empty() {
        return None;
    }
    Some(about(overview, table, &candidates, answered))
}

/// The question what these candidates would bring to the statements on the table.
pub(super) fn about(
    overview: &Overview<'_>,
    table: &TableEvidence,
    candidates: &[Candidate],
    findings: Vec<FindingId>,
) -> Question {
    let candidates: Vec<CreateIndex> =
        candidates.iter().map(|candidate| candidate.to_change(table)).collect();
    let name = &table.table.name;
    let mut statements: Vec<_> = planners(overview, &table.database, name).map(|s| s.evidence.id).collect();
    statements.truncate(MAX_STATEMENTS);
    Question {
        id: id(overview.evidence, table, &candidates),
        instance: overview.evidence.instance.id,
        database: table.database.clone(),
        table: name.clone(),
        candidates,
        statements,
        findings,
    }
}

/// The statements that touch the table, by their text or, through a view, by their plan.
fn planners<'o>(
    overview: &'o Overview<'_>,
    database: &'o str,
    name: &'o TableName,
) -> impl Iterator<Item = &'o StatementView<'o>> {
    let touches = move |statement: &&StatementView<'_>| {
        statement.evidence.database == database
            && !statement.evidence.truncated
            && (statement.uses(name).next().is_some() || plan_reads(statement, name))
    };
    let mut found: Vec<&StatementView<'_>> = overview.statements.iter().filter(touches).collect();
    found.sort_by(|a, b| {
        b.recent.total_ms.total_cmp(&a.recent.total_ms).then(a.evidence.id.cmp(&b.evidence.id))
    });
    found.into_iter()
}

fn plan_reads(statement: &StatementView<'_>, name: &TableName) -> bool {
    let Some(plan) = statement.current_plan() else { return false };
    let mut reads = false;
    plan.plan.walk(&mut |node, _| {
        reads |= node.relation.as_deref() == Some(&name.name) && node.schema.as_deref() == Some(&name.schema);
    });
    reads
}

/// Time of the statements that have an equality or a join on the column.
fn popularity(overview: &Overview<'_>, table: &TableEvidence, column: &str) -> f64 {
    let name = &table.table.name;
    let uses = |statement: &&StatementView<'_>| {
        statement.evidence.database == table.database
            && statement
                .uses(name)
                .any(|u| u.has_equality(column) || u.joins.iter().any(|join| join == column))
    };
    // Time is counted in octaves: a column that two heavy statements use goes before one that the heaviest
    // uses alone.
    overview.statements.iter().filter(uses).map(|statement| statement.ms_per_hour.max(1.0).log2()).sum()
}

/// The index that is gone, as it was, if it can be made again by this product.
fn lost_index(
    evidence: &Evidence,
    table: &TableEvidence,
    finding: &Finding,
    table_use: &TableUse,
) -> Option<Candidate> {
    let name = finding.lost_index.as_ref()?;
    let lost = evidence.dropped_indexes.iter().find(|lost| {
        lost.index.name == *name && lost.database == table.database && lost.table == table.table.name
    })?;
    let index = &lost.index;
    let plain = index.keys.iter().all(|key| {
        !key.expression
            && key.operator_class.is_none()
            && key.collation.is_none()
            && key.nulls_first == key.descending
            && candidate::is_key(table, &key.column)
    });
    if index.method != "btree" || index.predicate.is_some() || !plain || index.keys.is_empty() {
        return None;
    }
    let equality_keys = index.keys.iter().take_while(|key| table_use.has_equality(&key.column)).count();
    let key = |key: &querysmith_shared::observation::schema::IndexKeyDescription| IndexKey {
        column: key.column.clone(),
        descending: key.descending,
    };
    Some(Candidate {
        keys: index.keys.iter().map(key).collect(),
        include: index.include.clone(),
        equality_keys,
    })
}

/// The same question has the same id; with other indexes around it is another question.
fn id(evidence: &Evidence, table: &TableEvidence, candidates: &[CreateIndex]) -> QuestionId {
    let mut text = format!("{} {:?} {}", evidence.instance.id, table.database, table.table.name);
    for index in &table.table.indexes {
        text.push_str(&format!(" {}", index.oid));
    }
    for candidate in candidates {
        text.push_str(&format!(" {:?}/{:?}", candidate.keys, candidate.include));
    }
    QuestionId(Uuid::new_v5(&NAMESPACE, text.as_bytes()))
}
