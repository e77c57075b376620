//! What is wrong, with the evidence.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use querysmith_advice::finding as found;
use querysmith_shared::id::StatementId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::{Id, Params};
use super::paging::{self, Page};
use super::problem::Problem;
use super::same_variants::same_variants;
use super::shapes::{Evidence, unknown_instance};
use crate::store::read_findings::{FindingFilter, FindingKey, ReadFinding};

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// An index would help.
    MissingIndex,
    /// An index is not used.
    UnusedIndex,
    /// An index repeats another.
    DuplicateIndex,
    /// The planner believes in old numbers.
    StaleStatistics,
    /// A statement is slower than it was.
    Regression,
    /// A statement takes much of the server's time.
    TopConsumer,
}

/// How much of the server's time is at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Most of it.
    Critical,
    /// Much.
    High,
    /// Some.
    Medium,
    /// Little.
    Low,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Its id, the same over every run that sees the same problem.
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
    /// The table or index it is about.
    pub object: Option<String>,
    /// The statement it is about.
    pub statement_id: Option<String>,
    /// It in a paragraph.
    pub summary: String,
    /// What to do.
    pub advice: String,
    /// The facts it rests on.
    pub evidence: Vec<Evidence>,
    /// Share of the server's statement time.
    pub time_share: Option<f64>,
    /// Time lost to it.
    pub lost_ms_per_hour: Option<f64>,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// When it was gone; null while it is open.
    pub resolved_at: Option<DateTime<Utc>>,
    /// Why it was gone.
    pub resolved_reason: Option<String>,
    /// How often it came back.
    pub reopened: i32,
    /// Proposals made for it, newest first.
    pub proposal_ids: Vec<Uuid>,
}

/// Open, or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingStateFilter {
    /// Not resolved.
    #[default]
    Open,
    /// Resolved.
    Resolved,
    /// Both.
    All,
}

/// Which findings.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct FindingParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Only on this instance.
    pub instance: Option<Uuid>,
    /// Only of this kind.
    #[param(inline)]
    pub kind: Option<FindingKind>,
    /// Only of this severity.
    #[param(inline)]
    pub severity: Option<Severity>,
    /// Open ones unless said.
    #[param(inline)]
    pub state: Option<FindingStateFilter>,
    /// Only about this statement (16 hexadecimal digits); give `instance` as well.
    pub statement: Option<String>,
}

/// Findings, those that cost most first.
#[utoipa::path(tag = "findings", operation_id = "findings", params(FindingParams),
    responses((status = 200, body = Page<Finding>), Problem))]
#[get("/findings")]
pub(crate) async fn findings(
    context: Data<ApiContext>,
    _: Viewer,
    params: Params<FindingParams>,
) -> Result<Json<Page<Finding>>, Problem> {
    let params = params.0;
    let limit = paging::limit(params.limit)?;
    let after: Option<FindingKey> = paging::decode(params.cursor.as_deref())?;
    let statement: Option<StatementId> = match params.statement.as_deref() {
        None => None,
        Some(text) => {
            Some(text.parse().map_err(|error| Problem::bad_field("statement", format!("{error}")))?)
        }
    };
    if let Some(instance) = params.instance
        && !context.store.has_instance(instance).await?
    {
        return Err(unknown_instance());
    }
    let filter = FindingFilter {
        instance: params.instance,
        kind: params.kind.map(found::FindingKind::from),
        severity: params.severity.map(found::Severity::from),
        resolved: match params.state.unwrap_or_default() {
            FindingStateFilter::Open => Some(false),
            FindingStateFilter::Resolved => Some(true),
            FindingStateFilter::All => None,
        },
        statement,
    };
    let (rows, total) = context.store.read_findings(&filter, after, i64::from(limit) + 1).await?;
    let page = paging::page(rows, limit, total, |row: &ReadFinding| row.key);
    Ok(Json(page.map(finding_of)))
}

/// One finding.
#[utoipa::path(tag = "findings", operation_id = "finding",
    params(("id" = Uuid, Path, description = "the finding")),
    responses((status = 200, body = Finding), Problem))]
#[get("/findings/{id}")]
pub(crate) async fn finding(context: Data<ApiContext>, _: Viewer, id: Id) -> Result<Json<Finding>, Problem> {
    let row = context.store.read_finding(id.0).await?;
    let row = row.ok_or_else(|| Problem::not_found("there is no finding with this id"))?;
    Ok(Json(finding_of(row)))
}

/// A finding as it is answered.
pub(super) fn finding_of(row: ReadFinding) -> Finding {
    Finding {
        id: row.id,
        instance_id: row.instance_id,
        instance_name: row.instance_name,
        kind: row.kind.into(),
        severity: row.severity.into(),
        title: row.title,
        object: row.object,
        statement_id: row.statement.map(|statement| statement.to_string()),
        summary: row.summary,
        advice: row.advice,
        evidence: row.evidence.into_iter().map(Evidence::from).collect(),
        time_share: row.time_share,
        lost_ms_per_hour: row.lost_ms_per_hour,
        first_seen_at: row.first_seen_at,
        last_seen_at: row.last_seen_at,
        resolved_at: row.resolved_at,
        resolved_reason: row.resolved_reason,
        reopened: row.reopened,
        proposal_ids: row.proposals,
    }
}

same_variants!(
    found::FindingKind,
    FindingKind,
    [MissingIndex, UnusedIndex, DuplicateIndex, StaleStatistics, Regression, TopConsumer]
);
same_variants!(found::Severity, Severity, [Critical, High, Medium, Low]);
