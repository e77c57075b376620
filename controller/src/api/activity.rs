//! What a server is doing now.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use querysmith_shared::observation::activity as observed;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::Id;
use super::missing::{self, Wanting};
use super::problem::Problem;
use super::shapes::unknown_instance;

/// Connections in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StateCount {
    /// `active`, `idle` …
    pub state: String,
    /// How many.
    pub count: i64,
}

/// Active sessions that wait for the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitCount {
    /// `Lock`, `IO`, `CPU` …
    pub event_type: String,
    /// Event of that type.
    pub event: String,
    /// How many.
    pub count: i64,
}

/// One session that waits for others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Blocked {
    /// Its process id.
    pub pid: i32,
    /// Who holds it up.
    pub blocked_by: Vec<i32>,
    /// For how long.
    pub wait_s: f64,
    /// What it runs, where the server says.
    pub statement_id: Option<String>,
    /// Text of that statement, where it is known.
    pub query: Option<String>,
}

/// One long transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LongTransaction {
    /// Its process id.
    pub pid: i32,
    /// Its age.
    pub age_s: f64,
    /// Its session's state.
    pub state: String,
    /// Its user.
    pub user: Option<String>,
    /// Text of what it runs, where it is known.
    pub query: Option<String>,
}

/// What a server was doing when it was last looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    /// When that was; null if never.
    pub at: Option<DateTime<Utc>>,
    /// Why there is nothing to see.
    pub reason: Option<String>,
    /// Connections by state.
    pub connections: Vec<StateCount>,
    /// What active sessions wait for.
    pub waits: Vec<WaitCount>,
    /// Who waits for whom.
    pub blocked: Vec<Blocked>,
    /// Long transactions, oldest first.
    pub long_transactions: Vec<LongTransaction>,
}

/// What a server is doing now.
#[utoipa::path(tag = "instances", operation_id = "activity",
    params(("id" = Uuid, Path, description = "the instance")),
    responses((status = 200, body = Activity), Problem))]
#[get("/instances/{id}/activity")]
pub(crate) async fn activity(
    context: Data<ApiContext>,
    _: Viewer,
    id: Id,
) -> Result<Json<Activity>, Problem> {
    let instance = context.store.read_instance(id.0).await?.ok_or_else(unknown_instance)?;
    let Some((at, sample)) = context.store.last_activity(id.0).await? else {
        let reason = missing::reason(&instance, Wanting::Activity);
        return Ok(Json(Activity {
            at: None,
            reason: Some(reason),
            connections: Vec::new(),
            waits: Vec::new(),
            blocked: Vec::new(),
            long_transactions: Vec::new(),
        }));
    };
    let blocked = sample.blocked.iter().filter_map(|session| session.statement);
    let long = sample.long_transactions.iter().filter_map(|transaction| transaction.statement);
    let asked: Vec<_> = blocked.chain(long).collect();
    let texts = context.store.short_texts(id.0, &asked).await?;
    let mut long_transactions: Vec<_> = sample
        .long_transactions
        .into_iter()
        .map(|transaction| LongTransaction {
            pid: transaction.pid,
            age_s: seconds(transaction.age_ms),
            state: transaction.state,
            user: Some(transaction.user),
            query: transaction.statement.and_then(|statement| texts.get(&statement).cloned()),
        })
        .collect();
    long_transactions.sort_by(|a, b| b.age_s.total_cmp(&a.age_s));
    let blocked = sample.blocked.into_iter().map(|session| Blocked {
        pid: session.pid,
        blocked_by: session.blocked_by,
        wait_s: seconds(session.waiting_ms),
        statement_id: session.statement.map(|statement| statement.to_string()),
        query: session.statement.and_then(|statement| texts.get(&statement).cloned()),
    });
    Ok(Json(Activity {
        at: Some(at),
        reason: None,
        connections: sample.connections.into_iter().map(state_count).collect(),
        waits: sample.waits.into_iter().map(wait_count).collect(),
        blocked: blocked.collect(),
        long_transactions,
    }))
}

fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

fn state_count(count: observed::ConnectionCount) -> StateCount {
    StateCount { state: count.state, count: i64::from(count.count) }
}

fn wait_count(count: observed::WaitCount) -> WaitCount {
    WaitCount { event_type: count.class, event: count.event, count: i64::from(count.count) }
}
