//! A server's indexes.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::{Id, Params};
use super::paging::{self, Page};
use super::problem::Problem;
use super::shapes::unknown_instance;
use crate::store::read_indexes::{IndexKey, ReadIndex};

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexRow {
    /// Database.
    pub database: String,
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The server's own CREATE INDEX text.
    pub definition: String,
    /// It enforces uniqueness.
    pub unique: bool,
    /// The planner may use it.
    pub valid: bool,
    /// A constraint owns it: it can't be dropped by itself.
    pub constraint: bool,
    /// Size.
    pub size_bytes: i64,
    /// Scans begun on it since `stats_since`.
    pub scans: i64,
    /// Since when the server counts, where it says.
    pub stats_since: Option<DateTime<Utc>>,
}

/// Which indexes.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct IndexParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Only those without a scan (true) or with one (false).
    pub unused: Option<bool>,
}

/// A server's indexes, largest first.
#[utoipa::path(tag = "instances", operation_id = "indexes",
    params(("id" = Uuid, Path, description = "the instance"), IndexParams),
    responses((status = 200, body = Page<IndexRow>), Problem))]
#[get("/instances/{id}/indexes")]
pub(crate) async fn indexes(
    context: Data<ApiContext>,
    _: Viewer,
    id: Id,
    params: Params<IndexParams>,
) -> Result<Json<Page<IndexRow>>, Problem> {
    let limit = paging::limit(params.0.limit)?;
    let after: Option<IndexKey> = paging::decode(params.0.cursor.as_deref())?;
    if !context.store.has_instance(id.0).await? {
        return Err(unknown_instance());
    }
    let rows = context.store.read_indexes(id.0, params.0.unused, after.as_ref(), i64::from(limit) + 1);
    let (rows, total) = rows.await?;
    let page = paging::page(rows, limit, total, |row: &ReadIndex| IndexKey {
        size_bytes: row.size_bytes,
        names: (row.database.clone(), row.schema_name.clone(), row.table_name.clone(), row.name.clone()),
    });
    Ok(Json(page.map(|row| IndexRow {
        database: row.database,
        schema: row.schema_name,
        table: row.table_name,
        name: row.name,
        definition: row.definition,
        unique: row.is_unique,
        valid: row.is_valid,
        constraint: row.is_constraint,
        size_bytes: row.size_bytes,
        scans: row.scans,
        stats_since: row.stats_since,
    })))
}
