//! A chosen index as a proposal that a person can judge.

use querysmith_shared::change::{Change, ChangeKind, CreateIndex, IndexKey, index_name};
use querysmith_shared::id::ChangeId;

use super::choose::Chosen;
use super::draft::{self, DurationEstimate, ProposalDraft, StatementVerdict};
use super::how_tried::HowTried;
use super::memory;
use super::weigh::{Effect, Weighed};
use crate::evidence::{Evidence, TableEvidence};
use crate::finding::{EvidenceItem, FindingKind};
use crate::index::size;
use crate::interval::Interval;
use crate::words;

/// The draft of a chosen index. `not_simulated` is the reason why the planner was not asked, if it was not.
pub(super) fn draft(
    evidence: &Evidence,
    table: &TableEvidence,
    chosen: &Chosen,
    not_simulated: Option<&str>,
    change_id: ChangeId,
) -> ProposalDraft {
    let weighed = &chosen.weighed;
    let keys = weighed.candidate.keys.clone();
    let name = index_name(change_id, &table.table.name, &keys);
    let index = CreateIndex { name, ..weighed.candidate.to_change(table) };
    let touched: Vec<&Effect> = weighed.effects.iter().filter(|effect| effect.promise.is_some()).collect();
    let size_bytes = size::estimate(table, &weighed.candidate, evidence.instance.version.major);
    let entry_ms = evidence.thresholds.propose.entry_ms;
    let lost: f64 = chosen.findings.iter().filter_map(|finding| finding.lost_ms_per_hour).sum();
    let predicted = together(&touched);
    ProposalDraft {
        change_id,
        instance: evidence.instance.id,
        kind: ChangeKind::CreateIndex,
        title: format!("Index {} on {}", columns(&keys, &index.include), table.table.name),
        reason: reason(table, chosen, &touched, predicted),
        finding_ids: chosen.findings.iter().map(|finding| finding.id).collect(),
        evidence: items(evidence, weighed, size_bytes, &touched),
        statements: weighed.effects.iter().map(|effect| effect.shown.clone()).collect(),
        predicted,
        cost_log_ratio: weighted(&touched, |effect| effect.promise),
        simulated: not_simulated.is_none(),
        not_simulated_reason: not_simulated.map(str::to_owned),
        // The store keeps it as a signed number.
        size_bytes: Some(size_bytes.min(9e18) as u64),
        write_cost: weighed.write_cost.words(entry_ms),
        entries_per_hour: weighed.write_cost.entries_per_hour,
        lock: format!(
            "SHARE UPDATE EXCLUSIVE on {}: reads and writes go on while it is built. Another index build, VACUUM, \
             ANALYZE or ALTER TABLE of this table waits. It waits in turn for transactions that are open when it \
             starts.",
            table.table.name
        ),
        duration_estimate_s: Some(duration(table, size_bytes)),
        tried: HowTried::BeforeAfter,
        risks: risks(evidence, weighed, size_bytes, not_simulated),
        evidence_digest: memory::digest(table.rows(), lost),
        model_version: evidence.model.version,
        change: Change::CreateIndex(index),
    }
}

fn columns(keys: &[IndexKey], include: &[String]) -> String {
    let key =
        |key: &IndexKey| if key.descending { format!("{} DESC", key.column) } else { key.column.clone() };
    let mut text = format!("({})", keys.iter().map(key).collect::<Vec<_>>().join(", "));
    if !include.is_empty() {
        text.push_str(&format!(" INCLUDE ({})", include.join(", ")));
    }
    text
}

/// Mean over effects, weighed by the statements' time: of logarithms, as the measurement takes it.
fn weighted(effects: &[&Effect], figure: impl Fn(&Effect) -> Option<f64>) -> Option<f64> {
    let whole: f64 = effects.iter().map(|effect| effect.ms_per_hour).sum();
    if whole <= 0.0 {
        return None;
    }
    let mut sum = 0.0;
    for effect in effects {
        sum += figure(effect)? * effect.ms_per_hour / whole;
    }
    Some(sum)
}

/// The touched statements' prediction as one. Their errors are taken to go together, which is the cautious way.
fn together(touched: &[&Effect]) -> Option<Interval> {
    let estimate = weighted(touched, |effect| effect.prediction.map(|p| p.estimate))?;
    let low = weighted(touched, |effect| effect.prediction.map(|p| p.low))?;
    let high = weighted(touched, |effect| effect.prediction.map(|p| p.high))?;
    Some(Interval::from_log(estimate, low, high))
}

fn reason(
    table: &TableEvidence,
    chosen: &Chosen,
    touched: &[&Effect],
    predicted: Option<Interval>,
) -> String {
    if touched.is_empty() {
        return format!("None of the statements that were seen on {} would read it.", table.table.name);
    }
    let share: f64 = touched.iter().map(|effect| effect.shown.time_share).sum();
    let statements = match touched.len() {
        1 => "One statement".to_owned(),
        count => format!("{count} statements"),
    };
    let mut text = format!(
        "{statements} with {} of the instance's statement time would read {} through this index instead of row by \
         row.",
        words::percent(share),
        table.table.name
    );
    if let Some(predicted) = predicted {
        text.push_str(&format!(
            " Predicted: {} time for them (between {} and {}).",
            words::change(predicted.estimate),
            words::change(predicted.low),
            words::change(predicted.high)
        ));
    }
    if let Some(lost) = chosen.findings.iter().find_map(|finding| {
        (finding.kind == FindingKind::Regression).then(|| finding.lost_index.clone()).flatten()
    }) {
        text.push_str(&format!(" It takes the place of {lost}, which is gone."));
    }
    text
}

fn items(evidence: &Evidence, weighed: &Weighed, size_bytes: f64, touched: &[&Effect]) -> Vec<EvidenceItem> {
    let mut items = Vec::new();
    for effect in touched {
        if let (Some(before), Some(after)) = (effect.shown.cost_before, effect.shown.cost_after) {
            items.push(EvidenceItem::new(
                &format!("planner's cost of {}", effect.shown.statement_id),
                format!("{} → {}", words::number(before), words::number(after)),
                "EXPLAIN with the index imagined (hypopg)",
            ));
        }
    }
    items.push(EvidenceItem::new(
        "size",
        words::bytes(size_bytes),
        "rows, column widths, 90 % full leaves, deduplication",
    ));
    if let Some(bytes) = weighed.hypothetical_bytes.filter(|bytes| *bytes > 0) {
        items.push(EvidenceItem::new(
            "size by hypopg",
            words::bytes(bytes as f64),
            "hypopg, which knows no deduplication and is usually too high",
        ));
    }
    if touched.is_empty() {
        return items;
    }
    let saved: f64 = weighed.effects.iter().map(Effect::saved_ms_per_hour).filter(|saved| *saved > 0.0).sum();
    items.push(EvidenceItem::new(
        "statement time saved",
        format!("{} an hour", words::duration(saved)),
        "measured time × prediction",
    ));
    items.push(EvidenceItem::new(
        "prediction",
        format!(
            "model version {}, learnt from {}: time follows {} of the planner's log cost ratio",
            evidence.model.version,
            words::count(evidence.model.trained_on.into(), "outcome"),
            words::percent(evidence.model.correction)
        ),
        "earlier changes here; before any, a published comparison of index advisors",
    ));
    items
}

/// From reading the table twice from the cache to reading it twice from a slow disk, with the sort.
fn duration(table: &TableEvidence, size_bytes: f64) -> DurationEstimate {
    const CACHE_BYTES_PER_S: f64 = 2e9;
    const DISK_BYTES_PER_S: f64 = 5e7;
    const FAST_ROWS_PER_S: f64 = 2e6;
    const SLOW_ROWS_PER_S: f64 = 2e5;
    let read = table.pages() * 8192.0 * 2.0;
    let rows = table.rows();
    DurationEstimate {
        low: read / CACHE_BYTES_PER_S + rows / FAST_ROWS_PER_S,
        high: 1.0 + (read + size_bytes) / DISK_BYTES_PER_S + rows / SLOW_ROWS_PER_S,
    }
}

fn risks(
    evidence: &Evidence,
    weighed: &Weighed,
    size_bytes: f64,
    not_simulated: Option<&str>,
) -> Vec<String> {
    let mut risks = vec![
        format!(
            "Takes about {} of disk, and as much again for a moment while sorting.",
            words::bytes(size_bytes)
        ),
        "A long transaction on this server keeps the build waiting; nobody waits for it.".to_owned(),
    ];
    let hurt =
        weighed.effects.iter().filter(|effect| effect.shown.verdict == StatementVerdict::Hurts).count();
    if hurt > 0 {
        let entry_us = words::number(evidence.thresholds.propose.entry_ms * 1_000.0);
        risks.push(format!(
            "The cost of one more index slows down {}; it is estimated at {entry_us} µs an entry, not measured.",
            words::count(hurt as u64, "writing statement")
        ));
    }
    if weighed.write_cost.hot_lost_per_hour >= 1.0 {
        risks.push("Updates of an indexed column are no longer heap-only and bloat all indexes.".to_owned());
    }
    risks.extend(weighed.doubted.iter().cloned());
    if let Some(reason) = not_simulated {
        risks.push(format!("Not simulated ({reason}): whether the planner will use the index is a guess."));
    }
    risks.extend(draft::not_applied_here(evidence));
    risks
}
