//! Top consumers: where the time goes. For information; a statement with another finding is not listed again.

use super::about::{self, Loss};
use crate::finding::{EvidenceItem, Finding, FindingKind, Identity, Severity};
use crate::overview::Overview;
use crate::words;

/// The statements with a large share of the time and no other finding.
pub(super) fn detect(overview: &Overview<'_>, others: &[Finding]) -> Vec<Finding> {
    let sight = &overview.evidence.thresholds.sight;
    let mut findings = Vec::new();
    for statement in &overview.statements {
        let known = others.iter().any(|finding| finding.statement == Some(statement.evidence.id));
        let large = statement.time_share >= sight.top_consumer_share
            && statement.ms_per_hour >= sight.least_ms_per_hour;
        if known || !large {
            continue;
        }
        let loss = Loss::of(statement, 1.0);
        let identity = Identity {
            instance: overview.evidence.instance.id,
            kind: FindingKind::TopConsumer,
            database: &statement.evidence.database,
            object: None,
            statement: Some(statement.evidence.id),
        };
        let mean = words::duration(statement.recent.mean_ms());
        let source = "pg_stat_statements, recent windows";
        findings.push(Finding {
            id: identity.id(),
            kind: FindingKind::TopConsumer,
            severity: Severity::Low,
            statement: Some(statement.evidence.id),
            database: statement.evidence.database.clone(),
            object: None,
            title: format!(
                "{} of the statement time: {}",
                words::percent(statement.time_share),
                words::statement_head(&statement.evidence.text)
            ),
            summary: format!(
                "This statement takes {} of the instance's statement time: {} calls an hour at {mean}, {} blocks each. \
                 Nothing wrong was found with how it runs.",
                words::percent(statement.time_share),
                words::number(loss.calls_per_hour),
                words::number(statement.recent.blocks_per_call())
            ),
            advice: "Nothing to repair here. If the server is short of time, ask whether it must run this often, or \
                     keep its result."
                .to_owned(),
            evidence: vec![
                EvidenceItem::new("share of all statement time", words::percent(statement.time_share), source),
                EvidenceItem::new("calls per hour", words::number(loss.calls_per_hour), source),
                EvidenceItem::new("mean time of one call", mean, source),
            ],
            time_share: Some(statement.time_share),
            lost_ms_per_hour: None,
            digest: about::digest(&[("share", statement.time_share * 1_000.0)]),
            table: None,
            lost_index: None,
        });
    }
    findings
}
