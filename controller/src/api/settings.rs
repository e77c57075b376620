//! A server's settings.

use actix_web::get;
use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::{Id, Params};
use super::paging::{self, Page};
use super::problem::Problem;
use super::shapes::unknown_instance;
use querysmith_advice::propose::parameter::not_settable;
use querysmith_shared::observation::settings::Setting as Known;

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Setting {
    /// Name.
    pub name: String,
    /// Value, in `unit`.
    pub value: Option<String>,
    /// Unit of the value.
    pub unit: Option<String>,
    /// Where the value comes from.
    pub source: String,
    /// What it takes to change it.
    pub context: String,
    /// Value without any configuration.
    pub boot_value: Option<String>,
    /// Lowest value, in `unit`.
    pub min: Option<String>,
    /// Highest value, in `unit`.
    pub max: Option<String>,
    /// The words it takes, where it takes only some.
    pub choices: Vec<String>,
    /// Another value waits for a restart.
    pub pending_restart: bool,
    /// The value was set by ALTER SYSTEM.
    pub by_alter_system: bool,
    /// Why it can't be proposed to set it; none where it can.
    pub not_settable: Option<String>,
}

/// Which settings.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SettingParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Only names or values that contain this.
    pub search: Option<String>,
}

/// A server's settings by name.
#[utoipa::path(tag = "instances", operation_id = "settings",
    params(("id" = Uuid, Path, description = "the instance"), SettingParams),
    responses((status = 200, body = Page<Setting>), Problem))]
#[get("/instances/{id}/settings")]
pub(crate) async fn settings(
    context: Data<ApiContext>,
    _: Viewer,
    id: Id,
    params: Params<SettingParams>,
) -> Result<Json<Page<Setting>>, Problem> {
    let SettingParams { limit, cursor, search } = params.0;
    let limit = paging::limit(limit)?;
    let after: Option<String> = paging::decode(cursor.as_deref())?;
    if !context.store.has_instance(id.0).await? {
        return Err(unknown_instance());
    }
    let rows = context.store.read_settings(id.0, search.as_deref(), after.as_deref(), i64::from(limit) + 1);
    let (rows, total) = rows.await?;
    let page = paging::page(rows, limit, total, |row: &Known| row.name.clone());
    Ok(Json(page.map(|row| Setting {
        not_settable: not_settable(&row),
        name: row.name,
        value: Some(row.value),
        unit: row.unit,
        source: row.source,
        context: row.context,
        boot_value: row.boot_value,
        min: row.min,
        max: row.max,
        choices: row.choices,
        pending_restart: row.pending_restart,
        by_alter_system: row.by_alter_system,
    })))
}
