//! What is running here.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Viewer;
use super::context::ApiContext;
use super::problem::Problem;

/// Where the controller keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// In a PostgreSQL of its own, under its data directory.
    Embedded,
    /// In a PostgreSQL it was given.
    External,
}

/// What is running here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// The controller's version.
    pub version: String,
    /// Where it keeps its data.
    pub store: StoreKind,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// It shows a demonstration, not anybody's servers.
    pub demo: bool,
}

/// What is running here.
#[utoipa::path(tag = "operations", operation_id = "about", responses((status = 200, body = About), Problem))]
#[get("/about")]
pub(crate) async fn about(context: Data<ApiContext>, _: Viewer) -> Json<About> {
    let installation = &context.installation;
    Json(About {
        version: installation.version.clone(),
        store: installation.store,
        started_at: installation.started_at,
        demo: installation.demo,
    })
}
