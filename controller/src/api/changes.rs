//! What was done to the databases, and what came of it.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use querysmith_shared::change::lifecycle;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::Params;
use super::paging::{self, Page};
use super::problem::Problem;
use super::same_variants::same_variants;
use super::shapes::{EffectVerdict, Interval, ProposalKind, unknown_instance};
use crate::store::read_changes::ReadChange;

/// Where a change stands. From `received` on it is the agent's journal that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeState {
    /// Approved; no agent has it yet.
    Approved,
    /// Sent; not acknowledged.
    Offered,
    /// In the agent's journal.
    Received,
    /// The agent refused it; nothing was done.
    Rejected,
    /// The undo is journalled; nothing was done.
    Armed,
    /// The statement is running.
    Applying,
    /// Done; its effect is being measured.
    Trial,
    /// Kept.
    Confirmed,
    /// The undo is running.
    Reverting,
    /// As it was before.
    Reverted,
    /// Given up before anything was done.
    Aborted,
    /// Neither as before nor as intended; a person must look.
    Stuck,
}

/// One change in a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangeRow {
    /// Its id.
    pub id: Uuid,
    /// The proposal it was.
    pub proposal_id: Uuid,
    /// The server.
    pub instance_id: Uuid,
    /// That server's name.
    pub instance_name: String,
    /// It in a line.
    pub title: String,
    /// What it does.
    pub kind: ProposalKind,
    /// Where it stands.
    pub state: ChangeState,
    /// Since when.
    pub state_since: DateTime<Utc>,
    /// Measured change of the time of the statements it touches.
    pub effect: Option<Interval>,
    /// What that means.
    pub verdict: Option<EffectVerdict>,
    /// When it was approved.
    pub created_at: DateTime<Utc>,
}

/// Which changes.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ChangeParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Only on this instance.
    pub instance: Option<Uuid>,
    /// Only in this state.
    #[param(inline)]
    pub state: Option<ChangeState>,
}

/// Changes, newest first.
#[utoipa::path(tag = "changes", operation_id = "changes", params(ChangeParams),
    responses((status = 200, body = Page<ChangeRow>), Problem))]
#[get("/changes")]
pub(crate) async fn changes(
    context: Data<ApiContext>,
    _: Viewer,
    params: Params<ChangeParams>,
) -> Result<Json<Page<ChangeRow>>, Problem> {
    let ChangeParams { limit, cursor, instance, state } = params.0;
    let limit = paging::limit(limit)?;
    let after: Option<(DateTime<Utc>, Uuid)> = paging::decode(cursor.as_deref())?;
    if let Some(instance) = instance
        && !context.store.has_instance(instance).await?
    {
        return Err(unknown_instance());
    }
    let state = state.map(lifecycle::ChangeState::from);
    let (rows, total) = context.store.read_changes(instance, state, after, i64::from(limit) + 1).await?;
    let page = paging::page(rows, limit, total, |row: &ReadChange| (row.created_at, row.id));
    Ok(Json(page.map(change_row)))
}

/// A change in a line, as it is answered.
pub(super) fn change_row(row: ReadChange) -> ChangeRow {
    ChangeRow {
        id: row.id,
        proposal_id: row.proposal_id,
        instance_id: row.instance_id,
        instance_name: row.instance_name,
        title: row.title,
        kind: row.kind.into(),
        state: row.state.into(),
        state_since: row.state_since,
        effect: row.effect.map(Interval::from),
        verdict: row.verdict.map(EffectVerdict::from),
        created_at: row.created_at,
    }
}

same_variants!(
    lifecycle::ChangeState,
    ChangeState,
    [
        Approved, Offered, Received, Rejected, Armed, Applying, Trial, Confirmed, Reverting, Reverted,
        Aborted, Stuck
    ]
);
