//! Findings as the detectors' runs leave them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use querysmith_advice::finding::{Finding, FindingKind};
use querysmith_advice::reconcile::{FindingTransition, StoredFinding};
use querysmith_shared::id::{FindingId, InstanceId, StatementId};
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use super::Store;
use super::value::{json, moment, text, timestamp};
use super::writing::Writing;
use crate::store::error::StoreError;

/// A finding resolved longer ago than this starts anew instead of being reopened in the same row's
/// memory; it still keeps its id.
const REMEMBERED: Duration = Duration::from_secs(90 * 86_400);

#[derive(sqlx::FromRow)]
struct FindingRow {
    finding_id: Uuid,
    kind: String,
    statement_id: Option<i64>,
    database: String,
    object: Option<String>,
    last_seen_at: DateTime<Utc>,
    resolved_at: Option<DateTime<Utc>>,
}

impl Store {
    /// The findings of an instance that a run of the detectors is compared with.
    pub async fn stored_findings(
        &self,
        instance: InstanceId,
        now: Timestamp,
    ) -> Result<Vec<StoredFinding>, StoreError> {
        let rows: Vec<FindingRow> = sqlx::query_as(
            "SELECT finding_id, kind, statement_id, database, object, last_seen_at, resolved_at
             FROM finding
             WHERE instance_id = $1
               AND (resolved_at IS NULL OR resolved_at >= $2)",
        )
        .bind(instance.0)
        .bind(moment(now.before(REMEMBERED)))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(StoredFinding {
                    id: FindingId(row.finding_id),
                    kind: FindingKind::parse(&row.kind).ok_or_else(|| StoreError::Unreadable {
                        what: "kind of a finding",
                        source: format!("{:?} is no kind", row.kind).into(),
                    })?,
                    statement: row.statement_id.map(StatementId),
                    database: row.database,
                    object: row.object,
                    last_seen: timestamp(row.last_seen_at),
                    resolved_at: row.resolved_at.map(timestamp),
                })
            })
            .collect()
    }
}

impl Writing {
    /// Carries out what a run means for a finding. Idempotent, except that reopening counts.
    pub async fn apply_finding(
        &mut self,
        instance: InstanceId,
        transition: &FindingTransition,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        match transition {
            FindingTransition::Open(finding)
            | FindingTransition::Seen(finding)
            | FindingTransition::Reopen(finding) => self.put_finding(instance, finding, now).await,
            FindingTransition::Resolve { id, reason } => {
                sqlx::query(
                    "UPDATE finding
                     SET resolved_at = $2, resolved_reason = $3
                     WHERE finding_id = $1
                       AND resolved_at IS NULL",
                )
                .bind(id.0)
                .bind(moment(now))
                .bind(text(reason))
                .execute(self.connection())
                .await?;
                Ok(())
            }
        }
    }

    async fn put_finding(
        &mut self,
        instance: InstanceId,
        finding: &Finding,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let evidence = json(&finding.evidence).map_err(|error| StoreError::Unreadable {
            what: "finding's evidence",
            source: Box::new(error),
        })?;
        sqlx::query(
            "INSERT INTO finding (finding_id, instance_id, kind, severity, statement_id, database, object, title,
                                  summary, advice, evidence, evidence_digest, time_share, lost_ms_per_hour,
                                  first_seen_at, last_seen_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13, $14, $15, $15)
             ON CONFLICT (finding_id) DO UPDATE
             SET severity = EXCLUDED.severity, title = EXCLUDED.title, summary = EXCLUDED.summary,
                 advice = EXCLUDED.advice, evidence = EXCLUDED.evidence,
                 evidence_digest = EXCLUDED.evidence_digest, time_share = EXCLUDED.time_share,
                 lost_ms_per_hour = EXCLUDED.lost_ms_per_hour, last_seen_at = EXCLUDED.last_seen_at,
                 reopened = finding.reopened + CASE WHEN finding.resolved_at IS NULL THEN 0 ELSE 1 END,
                 resolved_at = NULL, resolved_reason = NULL",
        )
        .bind(finding.id.0)
        .bind(instance.0)
        .bind(finding.kind.as_str())
        .bind(finding.severity.as_str())
        .bind(finding.statement.map(|statement| statement.0))
        .bind(text(&finding.database))
        .bind(finding.object.as_deref().map(text))
        .bind(text(&finding.title))
        .bind(text(&finding.summary))
        .bind(text(&finding.advice))
        .bind(evidence)
        .bind(text(&finding.digest))
        .bind(finding.time_share)
        .bind(finding.lost_ms_per_hour)
        .bind(moment(now))
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
