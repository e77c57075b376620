//! What is proposed, in a line each.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use querysmith_advice::evidence;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::Params;
use super::paging::{self, Page};
use super::problem::Problem;
use super::same_variants::same_variants;
use super::shapes::{Interval, ProposalKind, unknown_instance};
use crate::store::read_proposals::ReadProposal;

/// Where a proposal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposalState {
    /// For a decision.
    Waiting,
    /// A person, or the policy, said yes.
    Approved,
    /// A person said no.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Its reason is gone.
    Withdrawn,
    /// A better one took its place.
    Superseded,
}

/// One proposal in a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProposalRow {
    /// Its id.
    pub id: Uuid,
    /// The server it is for.
    pub instance_id: Uuid,
    /// That server's name.
    pub instance_name: String,
    /// It in a line.
    pub title: String,
    /// What it does.
    pub kind: ProposalKind,
    /// Where it stands.
    pub state: ProposalState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// After this it can't be approved.
    pub expires_at: DateTime<Utc>,
    /// Predicted change of the time of the statements it helps.
    pub predicted: Option<Interval>,
    /// The planner was asked; otherwise the prediction is a guess.
    pub simulated: bool,
    /// Size of what it builds.
    pub size_bytes: Option<i64>,
    /// Statements that get faster.
    pub statements_helped: i64,
    /// Statements that get slower.
    pub statements_hurt: i64,
}

/// Which proposals.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ProposalParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Only for this instance.
    pub instance: Option<Uuid>,
    /// Only in this state.
    #[param(inline)]
    pub state: Option<ProposalState>,
}

/// Proposals, newest first.
#[utoipa::path(tag = "proposals", operation_id = "proposals", params(ProposalParams),
    responses((status = 200, body = Page<ProposalRow>), Problem))]
#[get("/proposals")]
pub(crate) async fn proposals(
    context: Data<ApiContext>,
    _: Viewer,
    params: Params<ProposalParams>,
) -> Result<Json<Page<ProposalRow>>, Problem> {
    let ProposalParams { limit, cursor, instance, state } = params.0;
    let limit = paging::limit(limit)?;
    let after: Option<(DateTime<Utc>, Uuid)> = paging::decode(cursor.as_deref())?;
    if let Some(instance) = instance
        && !context.store.has_instance(instance).await?
    {
        return Err(unknown_instance());
    }
    let state = state.map(evidence::ProposalState::from);
    let (rows, total) = context.store.read_proposals(instance, state, after, i64::from(limit) + 1).await?;
    let page = paging::page(rows, limit, total, |row: &ReadProposal| (row.created_at, row.id));
    Ok(Json(page.map(proposal_row)))
}

/// A proposal in a line, as it is answered.
pub(super) fn proposal_row(row: ReadProposal) -> ProposalRow {
    ProposalRow {
        id: row.id,
        instance_id: row.instance_id,
        instance_name: row.instance_name,
        title: row.title,
        kind: row.kind.into(),
        state: row.state.into(),
        created_at: row.created_at,
        expires_at: row.expires_at,
        predicted: row.predicted.map(Interval::from),
        simulated: row.simulated,
        size_bytes: row.size_bytes,
        statements_helped: row.helped,
        statements_hurt: row.hurt,
    }
}

same_variants!(
    evidence::ProposalState,
    ProposalState,
    [Waiting, Approved, Rejected, Expired, Withdrawn, Superseded]
);
