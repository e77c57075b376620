//! Watched servers.

use std::collections::HashMap;

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use querysmith_shared::id::AgentId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::Params;
use super::missing;
use super::paging::{self, Page};
use super::problem::Problem;
use crate::store::read_instances::{InstanceRow, MinuteLoad};

/// Whether what is shown of a server can be relied upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InstanceStatus {
    /// Everything is collected.
    Ok,
    /// Something is missing.
    Degraded,
    /// Nothing has come for a while.
    Silent,
    /// Nothing has come yet.
    Waiting,
}

/// One watched server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Instance {
    /// Its id.
    pub id: Uuid,
    /// Its name in the agent's configuration.
    pub name: String,
    /// `production`, `staging` …
    pub environment: String,
    /// `postgresql`.
    pub engine: String,
    /// Its version; empty until it answered.
    pub version: String,
    /// The agent beside it.
    pub agent_id: Uuid,
    /// That agent has a live connection.
    pub agent_connected: bool,
    /// It is a standby.
    pub in_recovery: bool,
    /// When the last report about it was stored.
    pub last_report_at: Option<DateTime<Utc>>,
    /// Whether what is shown can be relied upon.
    pub status: InstanceStatus,
    /// Why not, and what to do.
    pub status_reason: Option<String>,
    /// Statements per second, over the last five minutes.
    pub calls_per_s: Option<f64>,
    /// Average number of sessions at work, over the last five minutes, from statement time.
    pub db_time_fraction: Option<f64>,
    /// Findings that are not resolved.
    pub open_findings: i64,
    /// Average number of sessions at work, for each of the last 60 minutes.
    pub sparkline: Vec<f64>,
}

/// Which instances.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct InstanceParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// Minutes of the sparkline.
const SPARK_MINUTES: i64 = 60;
/// The last full minutes that the current rates are made of.
const RATE_MINUTES: i64 = 5;

/// Watched servers by name.
#[utoipa::path(tag = "instances", operation_id = "instances", params(InstanceParams),
    responses((status = 200, body = Page<Instance>), Problem))]
#[get("/instances")]
pub(crate) async fn instances(
    context: Data<ApiContext>,
    _: Viewer,
    params: Params<InstanceParams>,
) -> Result<Json<Page<Instance>>, Problem> {
    let limit = paging::limit(params.0.limit)?;
    let after: Option<(String, Uuid)> = paging::decode(params.0.cursor.as_deref())?;
    let (rows, total) = context.store.read_instances(after.as_ref(), i64::from(limit) + 1).await?;
    let page = paging::page(rows, limit, total, |row: &InstanceRow| (row.name.clone(), row.id));
    let now = Utc::now();
    let ids: Vec<Uuid> = page.items.iter().map(|row| row.id).collect();
    let mut loads = loads(&context, &ids, now).await?;
    Ok(Json(page.map(|row| {
        let load = loads.remove(&row.id).unwrap_or_default();
        instance_of(&context, row, &load, now)
    })))
}

/// What each server did in the minutes that are shown.
pub(super) async fn loads(
    context: &ApiContext,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> Result<HashMap<Uuid, Vec<MinuteLoad>>, Problem> {
    let mut loads: HashMap<Uuid, Vec<MinuteLoad>> = HashMap::new();
    for load in context.store.minute_loads(ids, this_minute(now) - TimeDelta::minutes(SPARK_MINUTES)).await? {
        loads.entry(load.instance_id).or_default().push(load);
    }
    Ok(loads)
}

fn this_minute(now: DateTime<Utc>) -> DateTime<Utc> {
    now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now)
}

/// A server as it is answered.
pub(super) fn instance_of(
    context: &ApiContext,
    row: InstanceRow,
    loads: &[MinuteLoad],
    now: DateTime<Utc>,
) -> Instance {
    let agent_connected = context.fleet.is_connected(AgentId(row.agent_id));
    let (status, status_reason) = missing::standing(&row, agent_connected, now);
    let rates = rates(loads, now);
    Instance {
        id: row.id,
        name: row.name,
        environment: row.environment,
        engine: row.engine,
        version: row.version,
        agent_id: row.agent_id,
        agent_connected,
        in_recovery: row.in_recovery,
        last_report_at: row.last_report_at,
        status,
        status_reason,
        calls_per_s: rates.map(|rates| rates.calls_per_s),
        db_time_fraction: rates.map(|rates| rates.sessions_at_work),
        open_findings: row.open_findings,
        sparkline: sparkline(loads, now),
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Rates {
    calls_per_s: f64,
    sessions_at_work: f64,
}

/// Rates over the last full minutes for which statistics came.
fn rates(loads: &[MinuteLoad], now: DateTime<Utc>) -> Option<Rates> {
    let until = this_minute(now);
    let since = until - TimeDelta::minutes(RATE_MINUTES);
    let recent: Vec<&MinuteLoad> =
        loads.iter().filter(|load| since <= load.minute && load.minute < until).collect();
    let covered_s: f64 = recent.iter().map(|load| load.covered_s).sum();
    if covered_s <= 0.0 {
        return None;
    }
    let calls: i64 = recent.iter().map(|load| load.calls).sum();
    let total_ms: f64 = recent.iter().map(|load| load.total_ms).sum();
    Some(Rates { calls_per_s: calls as f64 / covered_s, sessions_at_work: total_ms / 1_000.0 / covered_s })
}

/// Sessions at work in each of the last full minutes, oldest first; 0 where nothing came.
fn sparkline(loads: &[MinuteLoad], now: DateTime<Utc>) -> Vec<f64> {
    let start = this_minute(now) - TimeDelta::minutes(SPARK_MINUTES);
    let mut minutes = vec![0.0; usize::try_from(SPARK_MINUTES).unwrap_or(0)];
    for load in loads.iter().filter(|load| load.covered_s > 0.0) {
        let at = usize::try_from((load.minute - start).num_minutes()).unwrap_or(usize::MAX);
        if let Some(minute) = minutes.get_mut(at) {
            *minute = load.total_ms / 1_000.0 / load.covered_s;
        }
    }
    minutes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_030, 0).unwrap()
    }

    fn load(minutes_ago: i64, total_ms: f64, covered_s: f64) -> MinuteLoad {
        let minute = this_minute(now()) - TimeDelta::minutes(minutes_ago);
        MinuteLoad { instance_id: Uuid::nil(), minute, calls: 600, total_ms, covered_s }
    }

    #[test]
    fn the_minute_that_is_not_over_counts_nowhere() {
        let loads = [load(2, 30_000.0, 60.0), load(1, 60_000.0, 60.0), load(0, 9e9, 15.0)];
        let rates = rates(&loads, now()).unwrap();
        assert!((rates.sessions_at_work - 0.75).abs() < 1e-9 && (rates.calls_per_s - 10.0).abs() < 1e-9);
        let line = sparkline(&loads, now());
        assert_eq!((line.len(), line[57], line[58], line[59]), (60, 0.0, 0.5, 1.0));
    }

    #[test]
    fn without_statistics_there_is_no_rate() {
        assert_eq!(rates(&[load(30, 1.0, 60.0)], now()), None);
        assert_eq!(sparkline(&[], now()), vec![0.0; 60]);
    }
}
