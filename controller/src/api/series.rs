//! A server's figures over time.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::{Id, Params};
use super::problem::Problem;
use super::shapes::{Mark, marks, unknown_instance};
use super::stretch::Stretch;
use crate::store::read_series::{LoadFigure, StepValue, Steps};

/// What can be charted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SeriesMetric {
    /// Average number of sessions at work, from statement time.
    #[default]
    DbTime,
    /// Statements per second.
    Calls,
    /// Share of all CPUs of the host in use.
    Cpu,
    /// Connections, and by state.
    Connections,
    /// Active sessions, and by what they wait for.
    Waits,
}

/// One point.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Point {
    /// Start of the step.
    pub at: DateTime<Utc>,
    /// Average over the step.
    pub value: f64,
}

/// One line of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NamedSeries {
    /// Its name.
    pub name: String,
    /// Its points.
    pub points: Vec<Point>,
}

/// A chart. Steps without data are left out, not zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Series {
    /// The whole.
    pub points: Vec<Point>,
    /// Its parts, where it has some.
    pub series: Option<Vec<NamedSeries>>,
    /// What happened meanwhile.
    pub marks: Vec<Mark>,
}

/// Which chart.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SeriesParams {
    /// What to chart.
    #[param(inline)]
    pub metric: Option<SeriesMetric>,
    /// Start; an hour before the end unless said.
    pub from: Option<DateTime<Utc>>,
    /// End; now unless said.
    pub to: Option<DateTime<Utc>>,
    /// Length of a step, at least 60; about 60 steps unless said.
    pub step_s: Option<f64>,
}

/// A server's figures over time.
#[utoipa::path(tag = "instances", operation_id = "series",
    params(("id" = Uuid, Path, description = "the instance"), SeriesParams),
    responses((status = 200, body = Series), Problem))]
#[get("/instances/{id}/series")]
pub(crate) async fn series(
    context: Data<ApiContext>,
    _: Viewer,
    id: Id,
    params: Params<SeriesParams>,
) -> Result<Json<Series>, Problem> {
    let stretch = Stretch::of(params.0.from, params.0.to, Utc::now())?;
    let steps = Steps { from: stretch.from, to: stretch.to, step_s: stretch.step(params.0.step_s)? };
    let store = &context.store;
    if !store.has_instance(id.0).await? {
        return Err(unknown_instance());
    }
    let values = match params.0.metric.unwrap_or_default() {
        SeriesMetric::DbTime => store.load_series(id.0, steps, LoadFigure::SessionsAtWork).await?,
        SeriesMetric::Calls => store.load_series(id.0, steps, LoadFigure::CallsPerSecond).await?,
        SeriesMetric::Cpu => store.cpu_series(id.0, steps).await?,
        SeriesMetric::Connections => store.connection_series(id.0, steps).await?,
        SeriesMetric::Waits => store.wait_series(id.0, steps).await?,
    };
    let marks = marks(store.instance_marks(id.0, steps.from, steps.to).await?);
    let (points, series) = lines(values);
    Ok(Json(Series { points, series, marks }))
}

/// Sorts values into lines; the one without a name is the whole.
fn lines(values: Vec<StepValue>) -> (Vec<Point>, Option<Vec<NamedSeries>>) {
    let mut whole = Vec::new();
    let mut parts: Vec<NamedSeries> = Vec::new();
    for value in values {
        let point = Point { at: value.at, value: value.value };
        if value.name.is_empty() {
            whole.push(point);
        } else if let Some(part) = parts.iter_mut().find(|part| part.name == value.name) {
            part.points.push(point);
        } else {
            parts.push(NamedSeries { name: value.name, points: vec![point] });
        }
    }
    (whole, (!parts.is_empty()).then_some(parts))
}
