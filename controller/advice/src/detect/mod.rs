//! Detect: what is wrong, from the evidence alone. One file per detector.

mod about;
pub(crate) mod index_use;
mod missing_index;
mod regression;
mod stale_statistics;
mod top_consumer;

use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::overview::Overview;

/// Every problem the evidence shows, worst first. The same evidence gives the same findings.
pub fn detect(evidence: &Evidence) -> Vec<Finding> {
    let overview = Overview::of(evidence);
    // A standby's counters show only its own reads.
    let in_recovery = evidence.instance.in_recovery;
    let mut findings = if in_recovery { Vec::new() } else { index_use::unused(evidence) };
    let duplicates = index_use::duplicates(evidence);
    // A duplicate that nothing reads is one problem, not two.
    findings.retain(|unused| !duplicates.iter().any(|duplicate| duplicate.object == unused.object));
    findings.extend(duplicates);
    let (stale, about_statistics) = stale_statistics::detect(&overview);
    findings.extend(about_statistics);
    if overview.statistics_present() && overview.watched_s >= evidence.thresholds.sight.least_watched_s {
        let regressions = regression::detect(&overview);
        let mut missing = missing_index::detect(&overview, &stale);
        // A regression tells the same and more: since when and why.
        missing.retain(|missing| {
            !regressions.iter().any(|regression| regression.statement == missing.statement)
        });
        findings.extend(regressions);
        findings.extend(missing);
        let consumers = top_consumer::detect(&overview, &findings);
        findings.extend(consumers);
    }
    sort(&mut findings);
    findings
}

fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let lost = |finding: &Finding| finding.lost_ms_per_hour.unwrap_or(0.0);
        b.severity.cmp(&a.severity).then(lost(b).total_cmp(&lost(a))).then(a.id.cmp(&b.id))
    });
}
