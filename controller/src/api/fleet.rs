//! The fleet in a few numbers.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Viewer;
use super::context::ApiContext;
use super::problem::Problem;

/// The fleet in a few numbers; each is the `total` of the list it links to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FleetSummary {
    /// Watched servers.
    pub instances: i64,
    /// Agents with a live connection.
    pub agents_connected: i64,
    /// Agents that are enrolled and not revoked.
    pub agents_total: i64,
    /// Findings that are not resolved.
    pub open_findings: i64,
    /// Proposals that wait for a decision.
    pub proposals_waiting: i64,
    /// Changes under way or on trial.
    pub changes_active: i64,
    /// Changes that were measured as help.
    pub changes_helped: i64,
    /// Changes that were taken back.
    pub changes_reverted: i64,
    /// Database time that the kept changes save, by their measured effects; null before the first.
    pub db_time_saved_ms_per_hour: Option<f64>,
    /// Every job's last run ended well.
    pub jobs_ok: bool,
}

/// The fleet in a few numbers.
#[utoipa::path(tag = "fleet", operation_id = "fleet_summary", responses((status = 200, body = FleetSummary), Problem))]
#[get("/fleet/summary")]
pub(crate) async fn fleet_summary(
    context: Data<ApiContext>,
    _: Viewer,
) -> Result<Json<FleetSummary>, Problem> {
    let now = Utc::now();
    let counts = context.store.fleet_counts(now).await?;
    let saved = context.store.saved_ms_per_hour(now).await?;
    let connected = i64::try_from(context.fleet.connected().len()).unwrap_or(i64::MAX);
    Ok(Json(FleetSummary {
        instances: counts.instances,
        agents_connected: connected.min(counts.agents),
        agents_total: counts.agents,
        open_findings: counts.open_findings,
        proposals_waiting: counts.proposals_waiting,
        changes_active: counts.changes_active,
        changes_helped: counts.changes_helped,
        changes_reverted: counts.changes_reverted,
        db_time_saved_ms_per_hour: saved,
        jobs_ok: context.jobs.problems().is_empty(),
    }))
}
