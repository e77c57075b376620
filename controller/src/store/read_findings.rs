//! Reads findings.

use chrono::{DateTime, Utc};
use querysmith_advice::finding::{EvidenceItem, FindingKind, Severity};
use querysmith_shared::id::StatementId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::Store;
use super::decisions::{document, unreadable};
use crate::store::error::StoreError;

/// Findings of one statement that are shown.
const MOST_OF_STATEMENT: i64 = 50;

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadFinding {
    /// Its id.
    pub id: Uuid,
    /// The server it is about.
    pub instance_id: Uuid,
    /// That server's name.
    pub instance_name: String,
    /// What was found.
    pub kind: FindingKind,
    /// How much is at stake.
    pub severity: Severity,
    /// It in a line.
    pub title: String,
    /// The object it is about.
    pub object: Option<String>,
    /// The statement it is about.
    pub statement: Option<StatementId>,
    /// It in a paragraph.
    pub summary: String,
    /// What to do.
    pub advice: String,
    /// The facts it rests on.
    pub evidence: Vec<EvidenceItem>,
    /// Share of the server's statement time.
    pub time_share: Option<f64>,
    /// Time lost to it.
    pub lost_ms_per_hour: Option<f64>,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// When it was gone.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Why it was gone.
    pub resolved_reason: Option<String>,
    /// How often it came back.
    pub reopened: i32,
    /// Proposals made for it, newest first.
    pub proposals: Vec<Uuid>,
    /// Where a list that ends here goes on.
    pub key: FindingKey,
}

/// Where a page of findings ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingKey {
    /// How severe, 0 to 3.
    pub severity: i32,
    /// Time lost, in thousandths of a ms per hour.
    pub lost: i64,
    /// Which.
    pub id: Uuid,
}

/// Which findings.
#[derive(Debug, Clone, Default)]
pub struct FindingFilter {
    /// Only on this server.
    pub instance: Option<Uuid>,
    /// Only of this kind.
    pub kind: Option<FindingKind>,
    /// Only of this severity.
    pub severity: Option<Severity>,
    /// Only resolved ones (true) or open ones (false).
    pub resolved: Option<bool>,
    /// Only about this statement.
    pub statement: Option<StatementId>,
}

#[derive(FromRow)]
struct StoredFinding {
    finding_id: Uuid,
    instance_id: Uuid,
    instance_name: String,
    kind: String,
    severity: String,
    title: String,
    object: Option<String>,
    statement_id: Option<i64>,
    summary: String,
    advice: String,
    evidence: Value,
    time_share: Option<f64>,
    lost_ms_per_hour: Option<f64>,
    first_seen_at: DateTime<Utc>,
    last_seen_at: DateTime<Utc>,
    resolved_at: Option<DateTime<Utc>>,
    resolved_reason: Option<String>,
    reopened: i32,
    proposals: Vec<Uuid>,
    severity_rank: i32,
    lost_rank: i64,
}

impl Store {
    /// Findings, those that cost most first, after `after`, and how many there are.
    pub async fn read_findings(
        &self,
        filter: &FindingFilter,
        after: Option<FindingKey>,
        limit: i64,
    ) -> Result<(Vec<ReadFinding>, i64), StoreError> {
        let rows: Vec<StoredFinding> = sqlx::query_as(
            "SELECT *
             FROM read_finding
             WHERE ($1::uuid IS NULL OR instance_id = $1)
               AND ($2::text IS NULL OR kind = $2)
               AND ($3::text IS NULL OR severity = $3)
               AND ($4::boolean IS NULL OR (resolved_at IS NOT NULL) = $4)
               AND ($5::bigint IS NULL OR statement_id = $5)
               AND ($6::integer IS NULL OR (-severity_rank, -lost_rank, finding_id) > (-$6, -$7, $8))
             ORDER BY severity_rank DESC, lost_rank DESC, finding_id
             LIMIT $9",
        )
        .bind(filter.instance)
        .bind(filter.kind.map(FindingKind::as_str))
        .bind(filter.severity.map(Severity::as_str))
        .bind(filter.resolved)
        .bind(filter.statement.map(|statement| statement.0))
        .bind(after.map(|key| key.severity))
        .bind(after.map(|key| key.lost))
        .bind(after.map(|key| key.id))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let total = sqlx::query_scalar(
            "SELECT count(*)
             FROM finding
             WHERE ($1::uuid IS NULL OR instance_id = $1)
               AND ($2::text IS NULL OR kind = $2)
               AND ($3::text IS NULL OR severity = $3)
               AND ($4::boolean IS NULL OR (resolved_at IS NOT NULL) = $4)
               AND ($5::bigint IS NULL OR statement_id = $5)",
        )
        .bind(filter.instance)
        .bind(filter.kind.map(FindingKind::as_str))
        .bind(filter.severity.map(Severity::as_str))
        .bind(filter.resolved)
        .bind(filter.statement.map(|statement| statement.0))
        .fetch_one(&self.pool)
        .await?;
        Ok((rows.into_iter().map(finding).collect::<Result<_, _>>()?, total))
    }

    /// One finding.
    pub async fn read_finding(&self, id: Uuid) -> Result<Option<ReadFinding>, StoreError> {
        let row: Option<StoredFinding> = sqlx::query_as("SELECT * FROM read_finding WHERE finding_id = $1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        row.map(finding).transpose()
    }

    /// What was found about a statement, open ones first.
    pub async fn findings_of_statement(
        &self,
        instance: Uuid,
        statement: StatementId,
    ) -> Result<Vec<ReadFinding>, StoreError> {
        let rows: Vec<StoredFinding> = sqlx::query_as(
            "SELECT *
             FROM read_finding
             WHERE instance_id = $1
               AND statement_id = $2
             ORDER BY resolved_at DESC NULLS FIRST, severity_rank DESC, finding_id
             LIMIT $3",
        )
        .bind(instance)
        .bind(statement.0)
        .bind(MOST_OF_STATEMENT)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(finding).collect()
    }
}

fn finding(row: StoredFinding) -> Result<ReadFinding, StoreError> {
    let kind = FindingKind::parse(&row.kind).ok_or_else(|| unreadable("kind of a finding", &row.kind))?;
    let severity =
        Severity::parse(&row.severity).ok_or_else(|| unreadable("severity of a finding", &row.severity))?;
    Ok(ReadFinding {
        id: row.finding_id,
        instance_id: row.instance_id,
        instance_name: row.instance_name,
        kind,
        severity,
        title: row.title,
        object: row.object,
        statement: row.statement_id.map(StatementId),
        summary: row.summary,
        advice: row.advice,
        evidence: document(row.evidence, "evidence of a finding")?,
        time_share: row.time_share,
        lost_ms_per_hour: row.lost_ms_per_hour,
        first_seen_at: row.first_seen_at,
        last_seen_at: row.last_seen_at,
        resolved_at: row.resolved_at,
        resolved_reason: row.resolved_reason,
        reopened: row.reopened,
        proposals: row.proposals,
        key: FindingKey { severity: row.severity_rank, lost: row.lost_rank, id: row.finding_id },
    })
}
