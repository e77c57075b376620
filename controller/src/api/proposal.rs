//! One proposal in full: on what grounds, exactly what would run, and the decision.

use actix_web::web::{Data, Json};
use actix_web::{get, post};
use chrono::{DateTime, Utc};
use querysmith_advice::evidence;
use querysmith_advice::propose::draft;
use querysmith_shared::hex;
use querysmith_shared::id::{ProposalId, StatementId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::{Approver, Viewer};
use super::context::ApiContext;
use super::decided::decided;
use super::input::{Id, Sent, optional_text, required_text};
use super::problem::Problem;
use super::proposals::{ProposalRow, proposal_row};
use super::same_variants::same_variants;
use super::shapes::{ChangeSql, Evidence, HowTried, Interval, MAX_REASON_CHARS, ReasonBody};
use super::signing::{SignatureBody, Signing, signature_of, signing_of};
use crate::approve::{self as approval, ApproveRequest, Decider};
use crate::store::read_proposals::ProposalDetail;
use crate::store::signatures::Purpose;

/// What a proposal does to one statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatementVerdict {
    /// Faster.
    Helps,
    /// Slower.
    Hurts,
    /// As before.
    Unchanged,
    /// The planner could not be asked.
    NotSimulated,
}

/// One statement a proposal touches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProposalStatement {
    /// 16 hexadecimal digits.
    pub statement_id: String,
    /// Its text, at most 400 characters.
    pub text: String,
    /// Its share of the server's statement time when the proposal was made.
    pub time_share: Option<f64>,
    /// Planner's cost as things are.
    pub cost_before: Option<f64>,
    /// Planner's cost with the proposal.
    pub cost_after: Option<f64>,
    /// Predicted change of its time.
    pub predicted: Option<Interval>,
    /// What the proposal does to it.
    pub verdict: StatementVerdict,
    /// Its plan would use the new index.
    pub uses_index: bool,
}

/// From, to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DurationRange {
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

/// A person's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes.
    Approved,
    /// No.
    Rejected,
}

/// Who decided what, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonVerdict {
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub decision: Decision,
    /// Why.
    pub reason: Option<String>,
}

/// One proposal in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    /// What the list shows.
    #[serde(flatten)]
    pub row: ProposalRow,
    /// Findings it answers.
    pub finding_ids: Vec<Uuid>,
    /// Why it is proposed.
    pub reason: String,
    /// The facts it rests on.
    pub evidence: Vec<Evidence>,
    /// Statements it touches.
    pub statements: Vec<ProposalStatement>,
    /// Exactly what would run.
    pub sql: ChangeSql,
    /// SHA-256 of that text, hexadecimal; an approval is of this.
    pub digest: String,
    /// What it locks, and whom that stops.
    pub lock: String,
    /// How long it is expected to take.
    pub duration_estimate_s: Option<DurationRange>,
    /// What it costs every write from then on.
    pub write_cost: String,
    /// How it is tried.
    pub tried: HowTried,
    /// What could go wrong.
    pub risks: Vec<String>,
    /// Version of the model that made the prediction.
    pub model_version: i32,
    /// The decision.
    pub verdict: Option<PersonVerdict>,
    /// Why it ended without a decision, where it was withdrawn or expired.
    pub end_reason: Option<String>,
    /// The change it became.
    pub change_id: Option<Uuid>,
    /// What an approver signs, and who may; nothing where the change can't be rendered any more.
    pub signing: Option<Signing>,
}

/// A yes, to exactly the text of the digest.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveBody {
    /// The digest of the text that was read.
    pub digest: String,
    /// Why, for the record.
    pub reason: Option<String>,
    /// Of the approval's text, for hosts that take signed approvals only.
    pub signature: Option<SignatureBody>,
}

/// One proposal.
#[utoipa::path(tag = "proposals", operation_id = "proposal",
    params(("id" = Uuid, Path, description = "the proposal")),
    responses((status = 200, body = Proposal), Problem))]
#[get("/proposals/{id}")]
pub(crate) async fn proposal(
    context: Data<ApiContext>,
    _: Viewer,
    id: Id,
) -> Result<Json<Proposal>, Problem> {
    Ok(Json(read(&context, id.0).await?))
}

/// Approves a proposal: it will be applied. For approvers.
#[utoipa::path(tag = "proposals", operation_id = "approve", request_body = ApproveBody,
    params(("id" = Uuid, Path, description = "the proposal")),
    responses((status = 200, body = Proposal), Problem))]
#[post("/proposals/{id}/approve")]
pub(crate) async fn approve(
    context: Data<ApiContext>,
    id: Id,
    sent: Sent<Approver, ApproveBody>,
) -> Result<Json<Proposal>, Problem> {
    let digest = hex::decode(&sent.body.digest)
        .ok_or_else(|| Problem::bad_field("digest", "a digest is 64 hexadecimal digits"))?;
    let reason = optional_text("reason", sent.body.reason.as_deref(), MAX_REASON_CHARS)?;
    let signature = signature_of(sent.body.signature.as_ref())?;
    let name = sent.who.0.label();
    let decider = Decider { name: &name, role: sent.who.0.role };
    let yes = ApproveRequest { read: &digest, reason: reason.as_deref(), signature: signature.as_ref() };
    let (store, wake) = (&context.store, &context.wake);
    let decision = approval::approve(store, wake, ProposalId(id.0), yes, decider, Utc::now()).await;
    decided(decision, "proposal")?;
    Ok(Json(read(&context, id.0).await?))
}

/// Rejects a proposal: it does not come back until its evidence changes. For approvers.
#[utoipa::path(tag = "proposals", operation_id = "reject", request_body = ReasonBody,
    params(("id" = Uuid, Path, description = "the proposal")),
    responses((status = 200, body = Proposal), Problem))]
#[post("/proposals/{id}/reject")]
pub(crate) async fn reject(
    context: Data<ApiContext>,
    id: Id,
    sent: Sent<Approver, ReasonBody>,
) -> Result<Json<Proposal>, Problem> {
    let reason = required_text("reason", &sent.body.reason, MAX_REASON_CHARS)?;
    let name = sent.who.0.label();
    let decider = Decider { name: &name, role: sent.who.0.role };
    let (store, wake) = (&context.store, &context.wake);
    let decision = approval::reject(store, wake, ProposalId(id.0), decider, &reason, Utc::now()).await;
    decided(decision, "proposal")?;
    Ok(Json(read(&context, id.0).await?))
}

/// A proposal as it is answered.
pub(super) async fn read(context: &ApiContext, id: Uuid) -> Result<Proposal, Problem> {
    let found = context.store.read_proposal(id).await?;
    let found = found.ok_or_else(|| Problem::not_found("there is no proposal with this id"))?;
    let ids: Vec<StatementId> =
        found.draft.statements.iter().map(|statement| statement.statement_id).collect();
    let texts = context.store.short_texts(found.row.instance_id, &ids).await?;
    let signing = context.store.signing(found.draft.change_id).await?;
    let verdict = verdict_of(&found);
    let end_reason = end_reason(&found);
    let draft = found.draft;
    let statements = draft.statements.into_iter().map(|statement| ProposalStatement {
        statement_id: statement.statement_id.to_string(),
        text: texts.get(&statement.statement_id).cloned().unwrap_or_default(),
        time_share: Some(statement.time_share),
        cost_before: statement.cost_before,
        cost_after: statement.cost_after,
        predicted: statement.predicted.map(Interval::from),
        verdict: statement.verdict.into(),
        uses_index: statement.uses_index,
    });
    // Why the planner was not asked belongs to what may be wrong with the prediction.
    let not_simulated = draft.not_simulated_reason.map(|reason| format!("Not simulated: {reason}"));
    Ok(Proposal {
        row: proposal_row(found.row),
        finding_ids: found.findings,
        reason: draft.reason,
        evidence: draft.evidence.into_iter().map(Evidence::from).collect(),
        statements: statements.collect(),
        sql: found.sql.into(),
        digest: hex::encode(&found.digest),
        lock: draft.lock,
        duration_estimate_s: draft
            .duration_estimate_s
            .map(|range| DurationRange { low: range.low, high: range.high }),
        write_cost: draft.write_cost,
        tried: draft.tried.into(),
        risks: draft.risks.into_iter().chain(not_simulated).collect(),
        model_version: i32::try_from(draft.model_version).unwrap_or(i32::MAX),
        verdict,
        end_reason,
        change_id: found.change,
        signing: signing.as_ref().and_then(|signing| signing_of(signing, Purpose::Apply)),
    })
}

/// The decision of a person; what ended by itself has none.
fn verdict_of(found: &ProposalDetail) -> Option<PersonVerdict> {
    let decision = match found.row.state {
        evidence::ProposalState::Approved => Decision::Approved,
        evidence::ProposalState::Rejected => Decision::Rejected,
        evidence::ProposalState::Waiting
        | evidence::ProposalState::Expired
        | evidence::ProposalState::Withdrawn
        | evidence::ProposalState::Superseded => return None,
    };
    let (by, at) = (found.decided_by.clone()?, found.decided_at?);
    Some(PersonVerdict { by, at, decision, reason: found.decision_reason.clone() })
}

/// Why it ended by itself; what a person decided, or nobody yet, has none.
fn end_reason(found: &ProposalDetail) -> Option<String> {
    match found.row.state {
        evidence::ProposalState::Expired
        | evidence::ProposalState::Withdrawn
        | evidence::ProposalState::Superseded => found.decision_reason.clone(),
        evidence::ProposalState::Waiting
        | evidence::ProposalState::Approved
        | evidence::ProposalState::Rejected => None,
    }
}

same_variants!(draft::StatementVerdict, StatementVerdict, [Helps, Hurts, Unchanged, NotSimulated]);
