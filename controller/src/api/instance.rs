//! One watched server in full: its collectors, its machine, what is missing.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use querysmith_shared::observation::collector::{CollectorOutcome, CollectorStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::Id;
use super::instances::{Instance, instance_of, loads};
use super::problem::Problem;
use super::shapes::unknown_instance;
use super::signing::{TrustedApprover, trusted};
use crate::store::read_instances::HostRow;
use crate::store::value::moment;

/// How a collector's last run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CollectorState {
    /// Everything was collected.
    Ok,
    /// Something was.
    Partial,
    /// Nothing was.
    Failed,
    /// It has not run yet.
    NeverRan,
}

/// One collector of an agent, on one server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Collector {
    /// Its name.
    pub name: String,
    /// Its interval now.
    pub interval_s: f64,
    /// Longest run of one of its statements.
    pub timeout_s: Option<f64>,
    /// When it last started.
    pub last_run_at: Option<DateTime<Utc>>,
    /// When it last brought something.
    pub last_success_at: Option<DateTime<Utc>>,
    /// How long it took.
    pub last_duration_ms: Option<f64>,
    /// How it ended.
    pub status: CollectorState,
    /// What is missing.
    pub message: Option<String>,
    /// The statement or command that mends it.
    pub fix_statement: Option<String>,
    /// Rows it read last.
    pub rows: Option<i64>,
}

/// The machine a server runs on, as last read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Host {
    /// Share of all CPUs in use.
    pub cpu_fraction: Option<f64>,
    /// Load average over one minute.
    pub load1: Option<f64>,
    /// Memory.
    pub memory_total_bytes: Option<i64>,
    /// Memory programs could still get.
    pub memory_available_bytes: Option<i64>,
    /// File system of the data directory.
    pub disk_total_bytes: Option<i64>,
    /// Free space there.
    pub disk_free_bytes: Option<i64>,
    /// Number of CPUs.
    pub cpu_count: Option<i64>,
}

/// A stretch of time for which telemetry is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gap {
    /// Start.
    pub from: DateTime<Utc>,
    /// End.
    pub to: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

/// One watched server, in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceDetail {
    /// What the list shows.
    #[serde(flatten)]
    pub instance: Instance,
    /// Identity of its data directory.
    pub system_identifier: Option<String>,
    /// Databases that are watched.
    pub databases: Vec<String>,
    /// Its host lets changes be made.
    pub may_apply: bool,
    /// Whose signatures they need; nobody's where the controller's word is enough.
    pub approvers: Vec<TrustedApprover>,
    /// The collectors.
    pub collectors: Vec<Collector>,
    /// Missing telemetry, newest first.
    pub gaps: Vec<Gap>,
    /// Settings whose new value waits for a restart.
    pub settings_pending_restart: Vec<String>,
    /// Its machine.
    pub host: Option<Host>,
}

/// One watched server.
#[utoipa::path(tag = "instances", operation_id = "instance",
    params(("id" = Uuid, Path, description = "the instance")),
    responses((status = 200, body = InstanceDetail), Problem))]
#[get("/instances/{id}")]
pub(crate) async fn instance(
    context: Data<ApiContext>,
    _: Viewer,
    id: Id,
) -> Result<Json<InstanceDetail>, Problem> {
    let row = context.store.read_instance(id.0).await?.ok_or_else(unknown_instance)?;
    let now = Utc::now();
    let load = loads(&context, &[id.0], now).await?.remove(&id.0).unwrap_or_default();
    let host = context.store.read_host(id.0, now).await?;
    let gaps = context.store.read_gaps(id.0).await?;
    let settings_pending_restart = context.store.settings_pending_restart(id.0).await?;
    Ok(Json(InstanceDetail {
        system_identifier: row.system_identifier.clone(),
        databases: row.databases.clone(),
        may_apply: row.may_apply,
        approvers: trusted(&row.approvers),
        collectors: row.collectors.iter().map(collector_of).collect(),
        gaps: gaps
            .into_iter()
            .map(|gap| Gap {
                from: gap.gap_from,
                to: gap.gap_to,
                reason: format!("{} ({} reports)", gap.reason, gap.dropped_reports),
            })
            .collect(),
        settings_pending_restart,
        host: host.map(host_of),
        instance: instance_of(&context, row, &load, now),
    }))
}

fn collector_of(status: &CollectorStatus) -> Collector {
    let problems: Vec<&str> = status.problems.iter().map(|problem| problem.message.as_str()).collect();
    let remedy = status.problems.iter().find_map(|problem| problem.remedy.clone());
    Collector {
        name: status.name.clone(),
        interval_s: status.interval_ms as f64 / 1_000.0,
        timeout_s: (status.timeout_ms > 0).then_some(status.timeout_ms as f64 / 1_000.0),
        last_run_at: status.last_run.map(moment),
        last_success_at: status.last_success.map(moment),
        last_duration_ms: status.last_run.map(|_| status.last_duration_ms as f64),
        status: match status.outcome {
            CollectorOutcome::NeverRan => CollectorState::NeverRan,
            CollectorOutcome::Complete => CollectorState::Ok,
            CollectorOutcome::Partial => CollectorState::Partial,
            CollectorOutcome::Failed => CollectorState::Failed,
        },
        message: (!problems.is_empty()).then(|| problems.join("; ")),
        fix_statement: remedy,
        rows: status.last_run.and_then(|_| i64::try_from(status.rows).ok()),
    }
}

fn host_of(row: HostRow) -> Host {
    Host {
        cpu_fraction: Some(f64::from(row.cpu_fraction)),
        load1: Some(f64::from(row.load1)),
        memory_total_bytes: Some(row.memory_total_bytes),
        memory_available_bytes: Some(row.memory_available_bytes),
        disk_total_bytes: Some(row.disk_total_bytes),
        disk_free_bytes: Some(row.disk_free_bytes),
        cpu_count: Some(i64::from(row.cpu_count)),
    }
}
