//! ANALYZE as a proposal: for a table whose statistics are wrong and that statements read.

use querysmith_shared::change::{Analyze, Change, ChangeKind, TableName};
use querysmith_shared::id::ChangeId;

use super::draft::{self, DurationEstimate, Grounds, ProposalDraft, StatementEffect};
use super::how_tried::HowTried;
use super::memory;
use crate::evidence::TableEvidence;
use crate::finding::{Finding, FindingKind};
use crate::overview::Overview;
use crate::words;

/// The ANALYZE drafts for these findings.
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
    for finding in findings.iter().filter(|finding| finding.kind == FindingKind::StaleStatistics) {
        let Some(name) = &finding.table else { continue };
        let Some(table) = overview.table(&finding.database, name) else { continue };
        let share = finding.time_share.unwrap_or(0.0);
        let read = share >= evidence.thresholds.statistics.least_reader_share;
        if read && !memory::analyze_settled(evidence, &finding.database, name, &digest(table)) {
            let grounds = Grounds {
                why: first_sentence(&finding.summary).to_owned(),
                finding_ids: vec![finding.id],
                evidence: finding.evidence.clone(),
            };
            drafts.push(draft(overview, table, grounds, share, new_change()));
        }
    }
    drafts
}

/// The draft for a table whose readers take `share` of the instance's statement time.
pub(super) fn draft(
    overview: &Overview<'_>,
    table: &TableEvidence,
    grounds: Grounds,
    share: f64,
    change_id: ChangeId,
) -> ProposalDraft {
    let evidence = overview.evidence;
    let name = table.table.name.clone();
    let statements: Vec<StatementEffect> = overview
        .statements_on(&table.database, &name)
        .into_iter()
        .filter(|statement| statement.reads(&name))
        .map(StatementEffect::not_simulated)
        .collect();
    let mut risks = vec![
        "Cannot be undone: the old statistics are gone once new ones are gathered.".to_owned(),
        "Plans of all statements on this table may change, for worse as well as for better; what they do is measured."
            .to_owned(),
    ];
    if table.table.autovacuum_off {
        risks.push(
            "With autovacuum off the statistics will be out of date again after the next load.".to_owned(),
        );
    }
    risks.extend(draft::not_applied_here(evidence));
    ProposalDraft {
        change_id,
        instance: evidence.instance.id,
        change: Change::Analyze(Analyze { database: table.database.clone(), table: name.clone() }),
        kind: ChangeKind::Analyze,
        title: format!("Analyze {name}"),
        reason: format!(
            "{} The planner decides by them for statements with {} of the instance's statement time. What better \
             figures save can't be told before the plans are made, so nothing is predicted.",
            grounds.why,
            words::percent(share)
        ),
        finding_ids: grounds.finding_ids,
        evidence: grounds.evidence,
        statements,
        predicted: None,
        cost_log_ratio: None,
        simulated: false,
        not_simulated_reason: Some("statistics can't be imagined".to_owned()),
        size_bytes: None,
        write_cost: "None: writers are not touched.".to_owned(),
        entries_per_hour: None,
        lock: lock(&name),
        duration_estimate_s: Some(duration(table, DEFAULT_TARGET)),
        tried: HowTried::BeforeAfter,
        risks,
        evidence_digest: digest(table),
        model_version: evidence.model.version,
    }
}

/// By which a later run tells whether the evidence is still the same.
fn digest(table: &TableEvidence) -> String {
    memory::digest(table.rows(), 1.0)
}

fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}

/// What waits for an ANALYZE, and what doesn't.
pub(super) fn lock(name: &TableName) -> String {
    format!(
        "SHARE UPDATE EXCLUSIVE on {name}, for as long as it takes: reads and writes go on. VACUUM, index builds and \
         ALTER TABLE of this table wait."
    )
}

/// PostgreSQL's `default_statistics_target`.
pub(super) const DEFAULT_TARGET: f64 = 100.0;

/// It reads a sample of 300 rows for each unit of the statistics target (`std_typanalyze` in PostgreSQL's `analyze.c`), from
/// as many pages at most.
pub(super) fn duration(table: &TableEvidence, target: f64) -> DurationEstimate {
    const ROWS_PER_TARGET: f64 = 300.0;
    const CACHED_PAGES_PER_S: f64 = 100_000.0;
    const DISK_PAGES_PER_S: f64 = 2_000.0;
    let pages = table.pages().min(ROWS_PER_TARGET * target.max(DEFAULT_TARGET));
    DurationEstimate { low: 0.05 + pages / CACHED_PAGES_PER_S, high: 1.0 + pages / DISK_PAGES_PER_S }
}
