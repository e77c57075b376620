//! Statements, by what they cost.

use std::collections::HashMap;

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use querysmith_shared::id::StatementId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::Params;
use super::missing::{self, Wanting};
use super::paging;
use super::problem::Problem;
use super::shapes::unknown_instance;
use super::stretch::Stretch;
use crate::store::read_queries::{StatementFilter, StatementKey, StatementOrder, StatementRow};
use crate::store::read_series::Steps;

/// One statement over a stretch of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryRow {
    /// The server it ran on.
    pub instance_id: Uuid,
    /// That server's name.
    pub instance_name: String,
    /// 16 hexadecimal digits, unique within the instance.
    pub statement_id: String,
    /// Database it ran in.
    pub database: String,
    /// User it ran as.
    pub user: String,
    /// Its text, at most 400 characters; empty where it is not known yet.
    pub text: String,
    /// Finished executions.
    pub calls: i64,
    /// Execution time over all calls.
    pub total_ms: f64,
    /// Execution time of a call, on average.
    pub mean_ms: f64,
    /// Share of the execution time of everything in the same stretch and filter of instance.
    pub time_share: f64,
    /// Blocks read, from cache or below, per call.
    pub blocks_per_call: f64,
    /// Rows per call.
    pub rows_per_call: f64,
    /// Mean time of a call in each of about 30 equal parts of the stretch; 0 where it was not called.
    pub trend: Vec<f64>,
    /// Findings about it that are not resolved.
    pub open_findings: i64,
}

/// How much of the servers' work the list can show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Coverage {
    /// Share of the stretch for which complete statistics came, 0 to 1.
    pub fraction: f64,
    /// What is missing, and what to do.
    pub reason: Option<String>,
}

/// A page of statements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QueryPage {
    /// The rows.
    pub items: Vec<QueryRow>,
    /// Give it back as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
    /// Rows of all pages together.
    pub total: i64,
    /// How much of the servers' work the list can show.
    pub coverage: Coverage,
    /// Why the list is empty, and what to do.
    pub empty_reason: Option<String>,
}

/// What to sort statements by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuerySort {
    /// Execution time over all calls.
    #[default]
    TimeShare,
    /// Execution time of a call.
    Mean,
    /// Calls.
    Calls,
    /// Blocks per call.
    Blocks,
}

/// Which statements.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct QueryParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Only on this instance.
    pub instance: Option<Uuid>,
    /// Only in this database.
    pub database: Option<String>,
    /// Only of this user.
    pub user: Option<String>,
    /// Only texts that contain this, in any case.
    pub search: Option<String>,
    /// Start; an hour before the end unless said.
    pub from: Option<DateTime<Utc>>,
    /// End; now unless said.
    pub to: Option<DateTime<Utc>>,
    /// What to sort by.
    #[param(inline)]
    pub sort: Option<QuerySort>,
    /// Highest first; true unless said.
    pub desc: Option<bool>,
}

/// Most points of a trend.
const TREND_STEPS: i64 = 30;

/// Where a page ended. It holds the stretch as well: "the last hour" must mean the same hour on every page.
#[derive(Debug, Serialize, Deserialize)]
struct QueryCursor {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    sort: QuerySort,
    desc: bool,
    key: StatementKey,
}

/// Statements, by what they cost.
#[utoipa::path(tag = "queries", operation_id = "queries", params(QueryParams),
    responses((status = 200, body = QueryPage), Problem))]
#[get("/queries")]
pub(crate) async fn queries(
    context: Data<ApiContext>,
    _: Viewer,
    params: Params<QueryParams>,
) -> Result<Json<QueryPage>, Problem> {
    let params = params.0;
    let limit = paging::limit(params.limit)?;
    let now = Utc::now();
    let sort = params.sort.unwrap_or_default();
    let descending = params.desc.unwrap_or(true);
    let cursor: Option<QueryCursor> = paging::decode(params.cursor.as_deref())?;
    let stretch = match &cursor {
        Some(cursor) if cursor.sort != sort || cursor.desc != descending => {
            return Err(Problem::bad_field("cursor", "this cursor is of another order"));
        }
        Some(cursor) => Stretch { from: cursor.from, to: cursor.to },
        None => Stretch::of(params.from, params.to, now)?,
    };
    let instances = match params.instance {
        Some(instance) if !context.store.has_instance(instance).await? => return Err(unknown_instance()),
        Some(instance) => vec![instance],
        None => context.store.instance_ids().await?,
    };
    let filter = StatementFilter {
        instances,
        database: params.database,
        user: params.user,
        search: params.search.filter(|search| !search.is_empty()),
        from: stretch.from,
        to: stretch.to,
        order: order(sort),
        descending,
    };
    let after = cursor.map(|cursor| cursor.key);
    let found = context.store.read_statements(&filter, after, i64::from(limit) + 1).await?;
    let page = paging::page(found.rows, limit, found.total, |row: &StatementRow| QueryCursor {
        from: stretch.from,
        to: stretch.to,
        sort,
        desc: descending,
        key: StatementKey { rank: row.rank, instance: row.instance_id, statement: row.statement_id },
    });
    let trends = trends(&context, &page.items, stretch).await?;
    let empty_reason = if page.total == 0 { Some(empty_reason(&context, &filter).await?) } else { None };
    let covered = context.store.read_coverage(&filter.instances, stretch.from, stretch.to).await?;
    let (fraction, reason) = missing::coverage(&covered, stretch.from, stretch.to, now);
    Ok(Json(QueryPage {
        items: page.items.into_iter().zip(trends).map(|(row, trend)| row_of(row, trend)).collect(),
        next_cursor: page.next_cursor,
        total: page.total,
        coverage: Coverage { fraction, reason },
        empty_reason,
    }))
}

fn order(sort: QuerySort) -> StatementOrder {
    match sort {
        QuerySort::TimeShare => StatementOrder::Time,
        QuerySort::Mean => StatementOrder::Mean,
        QuerySort::Calls => StatementOrder::Calls,
        QuerySort::Blocks => StatementOrder::Blocks,
    }
}

/// The trend of each row, in their order.
async fn trends(
    context: &ApiContext,
    rows: &[StatementRow],
    stretch: Stretch,
) -> Result<Vec<Vec<f64>>, Problem> {
    let statements: Vec<(Uuid, i64)> = rows.iter().map(|row| (row.instance_id, row.statement_id)).collect();
    let step_s = stretch.step_for(TREND_STEPS);
    let steps = Steps { from: stretch.from, to: stretch.to, step_s };
    let seconds = (stretch.to - steps.origin()).num_seconds();
    let count = usize::try_from((seconds + step_s - 1) / step_s).unwrap_or(0);
    let mut trends = vec![vec![0.0; count]; rows.len()];
    let places: HashMap<(Uuid, i64), usize> =
        statements.iter().enumerate().map(|(at, key)| (*key, at)).collect();
    for step in context.store.read_trends(&statements, steps).await? {
        let place = places.get(&(step.instance_id, step.statement_id));
        let point = place.and_then(|place| trends[*place].get_mut(usize::try_from(step.step).ok()?));
        if let Some(point) = point {
            *point = step.mean_ms;
        }
    }
    Ok(trends)
}

fn row_of(row: StatementRow, trend: Vec<f64>) -> QueryRow {
    let calls = row.calls.max(1) as f64;
    QueryRow {
        instance_id: row.instance_id,
        instance_name: row.instance_name,
        statement_id: StatementId(row.statement_id).to_string(),
        database: row.database,
        user: row.user_name,
        text: row.text,
        calls: row.calls,
        total_ms: row.total_ms,
        mean_ms: row.total_ms / calls,
        time_share: row.time_share,
        blocks_per_call: row.blocks as f64 / calls,
        rows_per_call: row.row_count as f64 / calls,
        trend,
        open_findings: row.open_findings,
    }
}

/// Why no statement is shown, and what to do.
async fn empty_reason(context: &ApiContext, filter: &StatementFilter) -> Result<String, Problem> {
    let (mut rows, total) = context.store.read_instances(None, 1_000).await?;
    if total == 0 {
        let text = "No agent has joined yet. Make a join token on the page Agents and run the command it shows beside your database.";
        return Ok(text.to_owned());
    }
    rows.retain(|row| filter.instances.contains(&row.id));
    let is_filtered = filter.database.is_some() || filter.user.is_some() || filter.search.is_some();
    if is_filtered {
        let all = StatementFilter { database: None, user: None, search: None, ..filter.clone() };
        let unfiltered = context.store.read_statements(&all, None, 1).await?;
        if unfiltered.total > 0 {
            let text =
                format!("None of the {} statements of this stretch fits the filter.", unfiltered.total);
            return Ok(text);
        }
    }
    let reasons: Vec<String> =
        rows.iter().take(3).map(|row| missing::reason(row, Wanting::Statements)).collect();
    Ok(reasons.join(" "))
}
