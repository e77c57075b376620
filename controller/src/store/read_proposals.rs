//! Reads proposals.

use chrono::{DateTime, Utc};
use querysmith_advice::evidence::ProposalState;
use querysmith_advice::interval::Interval;
use querysmith_advice::propose::draft::ProposalDraft;
use querysmith_shared::change::ChangeKind;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::Store;
use super::decisions::{document, parse_kind, parse_proposal_state};
use super::newest_first::Which;
use super::value::readable;
use crate::store::error::StoreError;

/// One proposal in a line.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadProposal {
    /// Its id.
    pub id: Uuid,
    /// The server it is for.
    pub instance_id: Uuid,
    /// That server's name.
    pub instance_name: String,
    /// It in a line.
    pub title: String,
    /// What it does.
    pub kind: ChangeKind,
    /// Where it stands.
    pub state: ProposalState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// After this it can't be approved.
    pub expires_at: DateTime<Utc>,
    /// Predicted change of time.
    pub predicted: Option<Interval>,
    /// The planner was asked.
    pub simulated: bool,
    /// Size of what it builds.
    pub size_bytes: Option<i64>,
    /// Statements that get faster.
    pub helped: i64,
    /// Statements that get slower.
    pub hurt: i64,
}

/// The text of a change, as it was shown when it was approved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSql {
    /// Brings it about.
    pub apply: Vec<String>,
    /// Reads it back.
    pub verify: String,
    /// Takes it back.
    pub undo: Vec<String>,
    /// The terms of its trial, in words.
    #[serde(default)]
    pub terms: String,
}

/// One proposal in full.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposalDetail {
    /// What the list shows.
    pub row: ReadProposal,
    /// What it was made of.
    pub draft: ProposalDraft,
    /// Exactly what would run.
    pub sql: StoredSql,
    /// Its digest.
    pub digest: Vec<u8>,
    /// Findings it answers.
    pub findings: Vec<Uuid>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who decided; nobody where it ended by itself.
    pub decided_by: Option<String>,
    /// Why.
    pub decision_reason: Option<String>,
    /// The change it became.
    pub change: Option<Uuid>,
}

#[derive(FromRow)]
struct StoredRow {
    proposal_id: Uuid,
    instance_id: Uuid,
    instance_name: String,
    title: String,
    kind: String,
    state: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    predicted: Option<Value>,
    simulated: bool,
    size_bytes: Option<i64>,
    helped: i64,
    hurt: i64,
}

#[derive(FromRow)]
struct StoredDetail {
    #[sqlx(flatten)]
    row: StoredRow,
    draft: Value,
    sql: Value,
    digest: Vec<u8>,
    findings: Vec<Uuid>,
    decided_at: Option<DateTime<Utc>>,
    decided_by: Option<String>,
    decision_reason: Option<String>,
    change_id: Option<Uuid>,
}

impl Store {
    /// Proposals, newest first, after `after`, and how many there are.
    pub async fn read_proposals(
        &self,
        instance: Option<Uuid>,
        state: Option<ProposalState>,
        after: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<(Vec<ReadProposal>, i64), StoreError> {
        let which = Which { instance, state: state.map(ProposalState::as_str), after, limit };
        let page =
            "SELECT proposal_id, instance_id, instance_name, title, kind, state, created_at, expires_at, predicted,
                    simulated, size_bytes, helped, hurt
             FROM read_proposal
             WHERE ($1::uuid IS NULL OR instance_id = $1)
               AND ($2::text IS NULL OR state = $2)
               AND ($3::timestamptz IS NULL OR (created_at, proposal_id) < ($3, $4))
             ORDER BY created_at DESC, proposal_id DESC
             LIMIT $5";
        let count = "SELECT count(*)
             FROM read_proposal
             WHERE ($1::uuid IS NULL OR instance_id = $1)
               AND ($2::text IS NULL OR state = $2)";
        let (rows, total): (Vec<StoredRow>, i64) = self.newest_first(page, count, which).await?;
        Ok((rows.into_iter().map(line).collect::<Result<_, _>>()?, total))
    }

    /// One proposal.
    pub async fn read_proposal(&self, id: Uuid) -> Result<Option<ProposalDetail>, StoreError> {
        let row: Option<StoredDetail> = sqlx::query_as(
            "SELECT read_proposal.*, proposal.draft, proposal.sql, proposal.digest, proposal.decided_at,
                    proposal.decided_by, proposal.decision_reason, change.change_id,
                    ARRAY(SELECT finding_id FROM proposal_finding
                          WHERE proposal_finding.proposal_id = proposal.proposal_id
                          ORDER BY finding_id) AS findings
             FROM read_proposal
             JOIN proposal USING (proposal_id)
             LEFT JOIN change USING (proposal_id)
             WHERE proposal_id = $1",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|stored| {
            Ok(ProposalDetail {
                row: line(stored.row)?,
                draft: document(stored.draft, "draft of a proposal")?,
                sql: document(stored.sql, "text of a proposal")?,
                digest: stored.digest,
                findings: stored.findings,
                decided_at: stored.decided_at,
                decided_by: stored.decided_by,
                decision_reason: stored.decision_reason,
                change: stored.change_id,
            })
        })
        .transpose()
    }
}

fn line(row: StoredRow) -> Result<ReadProposal, StoreError> {
    Ok(ReadProposal {
        id: row.proposal_id,
        instance_id: row.instance_id,
        instance_name: row.instance_name,
        title: row.title,
        kind: parse_kind(&row.kind)?,
        state: parse_proposal_state(&row.state)?,
        created_at: row.created_at,
        expires_at: row.expires_at,
        predicted: row
            .predicted
            .and_then(|value| readable(value, "prediction of a proposal", row.proposal_id)),
        simulated: row.simulated,
        size_bytes: row.size_bytes,
        helped: row.helped,
        hurt: row.hurt,
    })
}
