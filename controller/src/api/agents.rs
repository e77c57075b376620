//! Agents, and letting new ones in.

use std::time::Duration;

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, post};
use chrono::{DateTime, TimeDelta, Utc};
use querysmith_shared::id::AgentId;
use querysmith_shared::observation::collector;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::{Admin, Viewer};
use super::context::ApiContext;
use super::input::{Id, Params, Sent, optional_text, required_text};
use super::paging::{self, Page};
use super::problem::Problem;
use super::shapes::{MAX_REASON_CHARS, ReasonBody};
use crate::fleet::tokens;
use crate::store::admission::Revoked;
use crate::store::audit::Deed;
use crate::store::read_fleet::AgentRow;
use crate::store::value::timestamp;
use crate::wake::Topic;

/// An instance's id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceName {
    /// Its id.
    pub id: Uuid,
    /// Its name in the agent's configuration.
    pub name: String,
}

/// What waits on an agent's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Spool {
    /// Reports that are not acknowledged.
    pub reports_waiting: i64,
    /// Their size on disk.
    pub bytes: i64,
    /// Reports dropped since the agent started.
    pub dropped_reports: i64,
}

/// What an agent costs its host and its databases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AgentCost {
    /// CPU time, as a share of one core.
    pub cpu_fraction: f64,
    /// Resident memory.
    pub rss_bytes: i64,
    /// Highest resident memory since the start.
    pub rss_peak_bytes: i64,
    /// Time its statements took on the databases, as a share of one core.
    pub database_time_fraction: f64,
    /// Sent to the controller.
    pub bytes_sent_per_s: f64,
    /// It has stretched its intervals to stay within its budget.
    pub over_budget: bool,
    /// By this factor; 1 is none.
    pub backoff_factor: f64,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Agent {
    /// Its id.
    pub id: Uuid,
    /// Its host.
    pub host_name: String,
    /// Its version.
    pub version: String,
    /// It has a live connection.
    pub connected: bool,
    /// When it last spoke.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// When its certificate ends.
    pub certificate_expires_at: Option<DateTime<Utc>>,
    /// When it joined.
    pub enrolled_at: DateTime<Utc>,
    /// When it was shut out.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Since when it is known to have obeyed a record that this store doesn't have: it gets no orders.
    pub ahead_since: Option<DateTime<Utc>>,
    /// The servers it watches.
    pub instances: Vec<InstanceName>,
    /// What waits on its disk.
    pub spool: Spool,
    /// What it costs; null until it has said so.
    pub cost: Option<AgentCost>,
}

/// A join token to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewJoinToken {
    /// Seconds until it ends; an hour unless said.
    pub ttl_s: Option<i64>,
    /// What it is for.
    pub note: Option<String>,
}

/// A join token, shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JoinToken {
    /// The token, good for one agent.
    pub token: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// The command to run beside the database.
    pub command: String,
}

/// Which agents.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AgentParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// Life of a join token unless said, and its bounds.
const DEFAULT_TTL_S: i64 = 3_600;
const MIN_TTL_S: i64 = 60;
const MAX_TTL_S: i64 = 7 * 86_400;
/// Longest note of a join token.
const MAX_NOTE_CHARS: usize = 200;

/// Agents by host name.
#[utoipa::path(tag = "fleet", operation_id = "agents", params(AgentParams),
    responses((status = 200, body = Page<Agent>), Problem))]
#[get("/agents")]
pub(crate) async fn agents(
    context: Data<ApiContext>,
    _: Viewer,
    params: Params<AgentParams>,
) -> Result<Json<Page<Agent>>, Problem> {
    let limit = paging::limit(params.0.limit)?;
    let after: Option<(String, Uuid)> = paging::decode(params.0.cursor.as_deref())?;
    let (rows, total) = context.store.read_agents(after.as_ref(), i64::from(limit) + 1).await?;
    let page = paging::page(rows, limit, total, |row: &AgentRow| (row.host_name.clone(), row.id.0));
    Ok(Json(page.map(|row| agent_of(&context, row))))
}

/// Shuts an agent out, at once and for good. For admins.
#[utoipa::path(tag = "fleet", operation_id = "revoke_agent", request_body = ReasonBody,
    params(("id" = Uuid, Path, description = "the agent")), responses((status = 200, body = Agent), Problem))]
#[post("/agents/{id}/revoke")]
pub(crate) async fn revoke_agent(
    context: Data<ApiContext>,
    id: Id,
    sent: Sent<Admin, ReasonBody>,
) -> Result<Json<Agent>, Problem> {
    let reason = required_text("reason", &sent.body.reason, MAX_REASON_CHARS)?;
    let agent = AgentId(id.0);
    let now = Utc::now();
    let mut writing = context.store.write().await?;
    let host = match writing.revoke(agent, &reason, now).await? {
        Revoked::Now(host) => host,
        Revoked::Before => return Err(Problem::conflict("the agent was revoked before")),
        Revoked::Unknown => return Err(unknown_agent()),
    };
    let detail = json!({ "reason": reason, "agent": agent });
    let actor = sent.who.0.label();
    writing.add_audit(&Deed { actor: &actor, action: "agent.revoke", subject: &host, detail }, now).await?;
    writing.commit().await?;
    context.fleet.revoke(agent);
    context.wake.publish(Topic::Agents, Some(id.0));
    let row = context.store.read_agent(agent).await?.ok_or_else(unknown_agent)?;
    Ok(Json(agent_of(&context, row)))
}

/// Makes a token with which one agent may join. For admins.
#[utoipa::path(tag = "fleet", operation_id = "create_join_token", request_body = NewJoinToken,
    responses((status = 201, body = JoinToken), Problem))]
#[post("/join-tokens")]
pub(crate) async fn create_join_token(
    context: Data<ApiContext>,
    sent: Sent<Admin, NewJoinToken>,
) -> Result<HttpResponse, Problem> {
    let ttl_s = sent.body.ttl_s.unwrap_or(DEFAULT_TTL_S);
    if !(MIN_TTL_S..=MAX_TTL_S).contains(&ttl_s) {
        return Err(Problem::bad_field("ttl_s", format!("ttl_s is between {MIN_TTL_S} and {MAX_TTL_S}")));
    }
    let note = optional_text("note", sent.body.note.as_deref(), MAX_NOTE_CHARS)?.unwrap_or_default();
    let now = Utc::now();
    let ttl = Duration::from_secs(ttl_s.unsigned_abs());
    let token = tokens::create(ttl, timestamp(now), rand::random(), context.installation.pin);
    let expires_at = now + TimeDelta::seconds(ttl_s);
    let actor = sent.who.0.label();
    let mut writing = context.store.write().await?;
    writing.admit(token.secret_hash, &actor, &note, now, expires_at).await?;
    let subject = if note.is_empty() { "join token" } else { note.as_str() };
    let detail = json!({ "expires_at": expires_at });
    writing.add_audit(&Deed { actor: &actor, action: "join_token.create", subject, detail }, now).await?;
    writing.commit().await?;
    let command = format!("querysmith-agent enrol {} {}", token.text, context.installation.link_address);
    Ok(HttpResponse::Created().json(JoinToken { token: token.text, expires_at, command }))
}

fn unknown_agent() -> Problem {
    Problem::not_found("there is no agent with this id")
}

fn agent_of(context: &ApiContext, row: AgentRow) -> Agent {
    let cost = row.cost.as_ref();
    Agent {
        id: row.id.0,
        connected: context.fleet.is_connected(row.id),
        host_name: row.host_name,
        version: row.version,
        last_seen_at: row.last_seen_at,
        certificate_expires_at: row.certificate_expires_at,
        enrolled_at: row.enrolled_at,
        revoked_at: row.revoked_at,
        ahead_since: row.ahead_since,
        instances: row.instances.into_iter().map(|(id, name)| InstanceName { id, name }).collect(),
        spool: Spool {
            reports_waiting: cost.map_or(0, |cost| number(cost.spool_reports)),
            bytes: cost.map_or(0, |cost| number(cost.spool_bytes)),
            dropped_reports: cost.map_or(0, |cost| number(cost.dropped_reports)),
        },
        cost: cost.map(cost_of),
    }
}

fn cost_of(cost: &collector::AgentCost) -> AgentCost {
    AgentCost {
        cpu_fraction: f64::from(cost.cpu_fraction),
        rss_bytes: number(cost.rss_bytes),
        rss_peak_bytes: number(cost.rss_peak_bytes),
        database_time_fraction: f64::from(cost.database_fraction),
        bytes_sent_per_s: f64::from(cost.sent_bytes_per_s),
        over_budget: cost.backoff_factor > 1.0,
        backoff_factor: f64::from(cost.backoff_factor),
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
