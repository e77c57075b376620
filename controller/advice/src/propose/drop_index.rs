//! Dropping an index as a proposal: only one that another index makes superfluous, which no counter has to show.
//! An index that merely was not read may be read tomorrow, or on a standby: that stays a person's decision.

use querysmith_shared::change::{Change, ChangeKind, CreateIndex, DropIndex, IndexKey};
use querysmith_shared::id::ChangeId;
use querysmith_shared::observation::schema::Index;

use super::draft::{self, DurationEstimate, Grounds, ProposalDraft, StatementEffect};
use super::how_tried::HowTried;
use super::memory;
use super::write_cost::WriteCost;
use crate::detect::index_use::superfluous;
use crate::evidence::{Evidence, TableEvidence};
use crate::finding::{Finding, FindingKind};
use crate::index::candidate::Candidate;
use crate::overview::Overview;

/// The drafts for these findings.
pub(super) fn drafts(
    overview: &Overview<'_>,
    findings: &[Finding],
    new_change: &mut dyn FnMut() -> ChangeId,
) -> Vec<ProposalDraft> {
    let evidence = overview.evidence;
    if evidence.instance.in_recovery {
        return Vec::new();
    }
    let mut drafts = Vec::new();
    for finding in findings.iter().filter(|finding| finding.kind == FindingKind::DuplicateIndex) {
        let Some(name) = &finding.table else { continue };
        let Some(table) = overview.table(&finding.database, name) else { continue };
        let meant = |spare: &Index| finding.object == Some(format!("{}.{}", name.schema, spare.name));
        let Some((kept, spare)) = superfluous(table).into_iter().find(|(_, spare)| meant(spare)) else {
            continue;
        };
        let Some(index) = rebuildable(table, spare) else { continue };
        let drop = DropIndex { index, covered_by: kept.name.clone() };
        if !memory::drop_settled(evidence, &drop, &digest(table)) {
            let grounds = Grounds {
                why: finding.summary.clone(),
                finding_ids: vec![finding.id],
                evidence: finding.evidence.clone(),
            };
            drafts.push(draft(overview, table, grounds, drop, new_change()));
        }
    }
    drafts
}

/// The index as a change can build it again; `None` if it is more than that: then a person has to drop it.
pub(super) fn rebuildable(table: &TableEvidence, index: &Index) -> Option<CreateIndex> {
    let plain = index.method == "btree"
        && index.predicate.is_none()
        && !index.unique
        // Storage parameters are in the definition and nowhere else.
        && !index.definition.contains(" WITH (");
    let key = |key: &querysmith_shared::observation::schema::IndexKeyDescription| {
        let plain = !key.expression
            && key.operator_class.is_none()
            && key.collation.is_none()
            && key.nulls_first == key.descending;
        plain.then(|| IndexKey { column: key.column.clone(), descending: key.descending })
    };
    let keys = index.keys.iter().map(key).collect::<Option<Vec<IndexKey>>>()?;
    plain.then(|| CreateIndex {
        database: table.database.clone(),
        table: table.table.name.clone(),
        name: index.name.clone(),
        keys,
        include: index.include.clone(),
    })
}

/// By which a later run tells whether the evidence is still the same.
fn digest(table: &TableEvidence) -> String {
    memory::digest(table.rows(), 1.0)
}

/// The draft for an index that another one makes superfluous.
pub(super) fn draft(
    overview: &Overview<'_>,
    table: &TableEvidence,
    grounds: Grounds,
    drop: DropIndex,
    change_id: ChangeId,
) -> ProposalDraft {
    let evidence = overview.evidence;
    let name = &table.table.name;
    let candidate =
        Candidate { keys: drop.index.keys.clone(), include: drop.index.include.clone(), equality_keys: 0 };
    let write_cost = WriteCost::of(overview, table, &candidate);
    ProposalDraft {
        change_id,
        instance: evidence.instance.id,
        kind: ChangeKind::DropIndex,
        title: format!("Drop {}.{}, the same as {}", name.schema, drop.index.name, drop.covered_by),
        reason: format!(
            "{} Whatever reads {} can read {} as fast: the index goes, and its statements are watched in case one does \
             become slower.",
            grounds.why, drop.index.name, drop.covered_by
        ),
        finding_ids: grounds.finding_ids,
        evidence: grounds.evidence,
        statements: statements(overview, table),
        predicted: None,
        cost_log_ratio: None,
        simulated: false,
        not_simulated_reason: Some("an index that does the same work is there".to_owned()),
        size_bytes: None,
        write_cost: write_cost.words_of_relief(evidence.thresholds.propose.entry_ms),
        entries_per_hour: write_cost.spared_per_hour().map(|entries| -entries),
        lock: format!(
            "SHARE UPDATE EXCLUSIVE on {name}: reads and writes go on. It waits for transactions that use the table, and \
             an index build, VACUUM, ANALYZE or ALTER TABLE of this table waits for it."
        ),
        // It deletes files; what takes longer is waiting for others.
        duration_estimate_s: Some(DurationEstimate { low: 0.05, high: 2.0 }),
        tried: HowTried::BeforeAfter,
        risks: risks(evidence, &drop),
        evidence_digest: digest(table),
        model_version: evidence.model.version,
        change: Change::DropIndex(drop),
    }
}

/// All statements on the table: its writers have less to do, and none of its readers may lose.
fn statements(overview: &Overview<'_>, table: &TableEvidence) -> Vec<StatementEffect> {
    let all = overview.statements_on(&table.database, &table.table.name);
    all.into_iter().map(StatementEffect::not_simulated).collect()
}

fn risks(evidence: &Evidence, drop: &DropIndex) -> Vec<String> {
    let mut risks = vec![
        format!(
            "The undo has to build {} again: that reads the whole table and takes the index's room on the disk.",
            drop.index.name
        ),
        format!("A hint that names {} (pg_hint_plan) no longer finds it.", drop.index.name),
        "The agent drops nothing unless its host's allow-list names drop_index.".to_owned(),
    ];
    risks.extend(draft::not_applied_here(evidence));
    risks
}
