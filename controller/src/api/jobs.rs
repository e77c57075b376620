//! The controller's own jobs.

use std::str::FromStr;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::caller::{Admin, Viewer};
use super::context::ApiContext;
use super::input::{Name, Params};
use super::paging::{self, Page};
use super::problem::Problem;
use crate::store::audit::Deed;
use crate::store::read_jobs::ReadJob;
use crate::wake::Topic;

/// How a job is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Its last run ended well.
    Ok,
    /// Its last run did not.
    Failed,
    /// It is at work.
    Running,
    /// It has not run yet.
    NeverRan,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// When it runs, as a cron expression with seconds.
    pub schedule: String,
    /// When it last started.
    pub last_started_at: Option<DateTime<Utc>>,
    /// When it last ended.
    pub last_finished_at: Option<DateTime<Utc>>,
    /// How long it took.
    pub last_duration_ms: Option<f64>,
    /// How it is doing.
    pub status: JobStatus,
    /// Why it failed.
    pub message: Option<String>,
    /// When it is next due; it also runs when something happens that concerns it.
    pub next_run_at: Option<DateTime<Utc>>,
    /// Runs so far.
    pub runs: i64,
    /// Of them failed.
    pub failures: i64,
}

/// Which jobs.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct JobParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// The controller's own jobs by name.
#[utoipa::path(tag = "operations", operation_id = "jobs", params(JobParams),
    responses((status = 200, body = Page<Job>), Problem))]
#[get("/jobs")]
pub(crate) async fn jobs(
    context: Data<ApiContext>,
    _: Viewer,
    params: Params<JobParams>,
) -> Result<Json<Page<Job>>, Problem> {
    let limit = paging::limit(params.0.limit)?;
    let after: Option<String> = paging::decode(params.0.cursor.as_deref())?;
    let (rows, total) = context.store.read_jobs(after.as_deref(), i64::from(limit) + 1).await?;
    let page = paging::page(rows, limit, total, |row: &ReadJob| row.name.clone());
    let now = Utc::now();
    Ok(Json(page.map(|row| job_of(row, now))))
}

/// Has a job run now. For admins.
#[utoipa::path(tag = "operations", operation_id = "run_job",
    params(("name" = String, Path, description = "the job")), responses((status = 202), Problem))]
#[post("/jobs/{name}/run")]
pub(crate) async fn run_job(
    context: Data<ApiContext>,
    admin: Admin,
    name: Name,
) -> Result<HttpResponse, Problem> {
    if !context.jobs.run_now(&name.0) {
        return Err(Problem::not_found(format!("there is no job named {:?}", name.0))
            .hint("GET /api/v1/jobs lists them"));
    }
    let actor = admin.0.label();
    let mut writing = context.store.write().await?;
    let deed = Deed { actor: &actor, action: "job.run", subject: &name.0, detail: json!({}) };
    writing.add_audit(&deed, Utc::now()).await?;
    writing.commit().await?;
    context.wake.publish(Topic::Jobs, None);
    Ok(HttpResponse::Accepted().finish())
}

fn job_of(row: ReadJob, now: DateTime<Utc>) -> Job {
    let status = status(&row);
    let next_run_at =
        cron::Schedule::from_str(&row.schedule).ok().and_then(|schedule| schedule.after(&now).next());
    Job {
        name: row.name,
        schedule: row.schedule,
        last_started_at: row.last_started_at,
        last_finished_at: row.last_finished_at,
        last_duration_ms: row.last_duration_ms,
        status,
        message: row.last_error,
        next_run_at,
        runs: row.runs,
        failures: row.failures,
    }
}

fn status(row: &ReadJob) -> JobStatus {
    match (row.last_started_at, row.last_finished_at) {
        (None, _) => JobStatus::NeverRan,
        (Some(_), None) => JobStatus::Running,
        (Some(started), Some(finished)) if started > finished => JobStatus::Running,
        (Some(_), Some(_)) if row.last_error.is_some() => JobStatus::Failed,
        (Some(_), Some(_)) => JobStatus::Ok,
    }
}
