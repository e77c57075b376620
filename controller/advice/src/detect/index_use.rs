//! Unused and duplicate indexes.

use querysmith_shared::observation::schema::{ConstraintKind, Index, IndexActivity};

use super::about;
use crate::evidence::{Evidence, TableEvidence};
use crate::finding::{EvidenceItem, Finding, FindingKind, Identity, Severity};
use crate::overview::seconds;
use crate::words;

/// From this size on an index that does nothing is worth a medium severity, bytes.
const LARGE: u64 = 1 << 30;

/// Indexes that nothing reads, though the counters had time to show it.
pub(super) fn unused(evidence: &Evidence) -> Vec<Finding> {
    let mut findings = Vec::new();
    for table in evidence.tables.iter().filter(|table| table.indexable()) {
        for index in &table.table.indexes {
            findings.extend(unused_index(evidence, table, index));
        }
    }
    findings
}

fn unused_index(evidence: &Evidence, table: &TableEvidence, index: &Index) -> Option<Finding> {
    let limits = &evidence.thresholds.unused_index;
    let activity = activity(table, index)?;
    let enforces = index.unique || index.constraint.is_some() || index.replica_identity;
    if enforces || !index.valid || activity.size_bytes < limits.least_bytes {
        return None;
    }
    let age = evidence.now.since(table.stats_since?);
    let first_seen = table.index_first_seen.iter().find(|(oid, _)| *oid == index.oid).map(|(_, at)| *at);
    let too_young = |age: std::time::Duration| age < seconds(limits.least_age_s);
    if too_young(age) || first_seen.is_some_and(|at| too_young(evidence.now.since(at))) {
        return None;
    }
    let since = match activity.last_scan {
        // The server says when: long ago is as good as never.
        Some(at) if evidence.now.since(at) >= seconds(limits.not_scanned_s) => evidence.now.since(at),
        Some(_) => return None,
        None if activity.scans == 0 && activity.entries_read == 0 => age,
        None => return None,
    };
    let span = words::duration(since.as_secs_f64() * 1_000.0);
    let size = words::bytes(activity.size_bytes as f64);
    let name = format!("{}.{}", table.table.name.schema, index.name);
    let mut advice = format!(
        "If no standby and no rare report reads it, drop it: DROP INDEX CONCURRENTLY {name}. Counters of this \
         server don't show what its standbys read."
    );
    if let Some(parent) = serves_foreign_key(table, index) {
        advice.push_str(&format!(
            " Deletes and key updates of {parent} look it up by this index; without it each would read all of {}.",
            table.table.name
        ));
    }
    Some(build(
        evidence,
        table,
        FindingKind::UnusedIndex,
        name.clone(),
        if activity.size_bytes >= LARGE { Severity::Medium } else { Severity::Low },
        format!("{name}: not read for {span}, {size}"),
        format!(
            "No statement has read {name} on {} for {span}. It takes {size} and every insert has to write to it.",
            table.table.name
        ),
        advice,
        vec![
            EvidenceItem::new("scans", words::number(activity.scans as f64), "pg_stat_all_indexes"),
            EvidenceItem::new(
                "counted for",
                words::duration(age.as_secs_f64() * 1_000.0),
                "pg_stat_database",
            ),
            EvidenceItem::new("size", size, "file size"),
            EvidenceItem::new("definition", index.definition.clone(), "pg_get_indexdef"),
        ],
        about::digest(&[("bytes", activity.size_bytes as f64)]),
    ))
}

fn serves_foreign_key(table: &TableEvidence, index: &Index) -> Option<String> {
    let first = &index.keys.first()?.column;
    let keys =
        table.table.constraints.iter().filter(|constraint| constraint.kind == ConstraintKind::ForeignKey);
    keys.filter(|constraint| constraint.columns.first() == Some(first))
        .find_map(|constraint| constraint.references.as_ref())
        .map(ToString::to_string)
}

fn activity<'a>(table: &'a TableEvidence, index: &Index) -> Option<&'a IndexActivity> {
    table.activity.as_ref()?.indexes.iter().find(|activity| activity.oid == index.oid)
}

/// Pairs of indexes that are the same in everything that matters.
pub(crate) fn duplicates(evidence: &Evidence) -> Vec<Finding> {
    let tables = evidence.tables.iter().filter(|table| table.indexable());
    let findings = tables.flat_map(|table| {
        let pairs = superfluous(table).into_iter();
        pairs.map(move |(kept, spare)| duplicate(evidence, table, kept, spare))
    });
    findings.collect()
}

/// Indexes that another one of the table makes superfluous, each behind the one to keep.
pub(crate) fn superfluous(table: &TableEvidence) -> Vec<(&Index, &Index)> {
    let mut indexes: Vec<&Index> = table.table.indexes.iter().filter(|index| index.valid).collect();
    // The one to keep stands first. Scans don't count: between equals the planner takes either, and a
    // finding must not change sides with it.
    indexes
        .sort_by_key(|index| (index.constraint.is_none(), !index.replica_identity, !index.unique, index.oid));
    let mut pairs = Vec::new();
    for (position, spare) in indexes.iter().enumerate() {
        let may_go = spare.constraint.is_none() && !spare.replica_identity;
        let kept = indexes[..position].iter().find(|kept| makes_redundant(kept, spare));
        if let Some(kept) = kept.filter(|_| may_go) {
            pairs.push((*kept, *spare));
        }
    }
    pairs
}

/// `kept` does everything that `index` does: the same keys in the same order with the same operators,
/// collations and directions, the same rows, the same included columns, and uniqueness if `index` has it.
fn makes_redundant(kept: &Index, index: &Index) -> bool {
    let mut included: Vec<&String> = kept.include.iter().collect();
    let mut wanted: Vec<&String> = index.include.iter().collect();
    included.sort();
    wanted.sort();
    kept.method == index.method
        && kept.keys == index.keys
        && kept.predicate == index.predicate
        && included == wanted
        && (kept.unique || !index.unique)
}

fn duplicate(evidence: &Evidence, table: &TableEvidence, kept: &Index, index: &Index) -> Finding {
    let schema = &table.table.name.schema;
    let (name, kept_name) = (format!("{schema}.{}", index.name), format!("{schema}.{}", kept.name));
    let size = activity(table, index).map_or(0, |activity| activity.size_bytes);
    let why = if kept.constraint.is_some() {
        " (it belongs to a constraint)"
    } else if kept.unique && !index.unique {
        " (it enforces uniqueness besides)"
    } else {
        ""
    };
    let scans = |index: &Index| activity(table, index).map_or(0, |activity| activity.scans) as f64;
    build(
        evidence,
        table,
        FindingKind::DuplicateIndex,
        name.clone(),
        if size >= LARGE { Severity::Medium } else { Severity::Low },
        format!("{name}: the same as {}, {}", kept.name, words::bytes(size as f64)),
        format!(
            "{name} and {kept_name} on {} have the same keys, operators, order and rows. Every write goes to both, \
             and {} are taken twice.",
            table.table.name,
            words::bytes(size as f64)
        ),
        format!("Keep {kept_name}{why} and drop the other: DROP INDEX CONCURRENTLY {name}."),
        vec![
            EvidenceItem::new("kept", kept.definition.clone(), "pg_get_indexdef"),
            EvidenceItem::new("duplicate", index.definition.clone(), "pg_get_indexdef"),
            EvidenceItem::new("size of the duplicate", words::bytes(size as f64), "file size"),
            EvidenceItem::new(
                "scans of both",
                format!("{} and {}", words::number(scans(kept)), words::number(scans(index))),
                "pg_stat_all_indexes",
            ),
        ],
        format!("kept={} {}", kept.oid, about::digest(&[("bytes", size as f64)])),
    )
}

#[allow(clippy::too_many_arguments, reason = "the parts of one finding, in their order")]
fn build(
    evidence: &Evidence,
    table: &TableEvidence,
    kind: FindingKind,
    object: String,
    severity: Severity,
    title: String,
    summary: String,
    advice: String,
    items: Vec<EvidenceItem>,
    digest: String,
) -> Finding {
    let identity = Identity {
        instance: evidence.instance.id,
        kind,
        database: &table.database,
        object: Some(&object),
        statement: None,
    };
    Finding {
        id: identity.id(),
        kind,
        severity,
        statement: None,
        database: table.database.clone(),
        object: Some(object),
        title,
        summary,
        advice,
        evidence: items,
        time_share: None,
        lost_ms_per_hour: None,
        digest,
        table: Some(table.table.name.clone()),
        lost_index: None,
    }
}
