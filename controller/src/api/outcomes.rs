//! Predicted against realised, and what was learnt.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use querysmith_advice::learn::accuracy::FORMULA;
use querysmith_advice::learn::model::{INTERVAL_LEVEL, Model};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::Viewer;
use super::context::ApiContext;
use super::input::Params;
use super::paging::{self, Page};
use super::problem::Problem;
use super::shapes::{EffectVerdict, Interval, ProposalKind};
use crate::store::read_outcomes::{ReadModel, ReadOutcome};

/// One change, predicted and realised. Never changed once written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// The change.
    pub change_id: Uuid,
    /// It in a line.
    pub title: String,
    /// What it does.
    pub kind: ProposalKind,
    /// The server.
    pub instance_name: String,
    /// What was predicted; null where nothing was.
    pub predicted: Option<Interval>,
    /// What was measured.
    pub realised: Interval,
    /// The realised estimate lies in the predicted interval; null where nothing was predicted.
    pub covered: Option<bool>,
    /// 0 to 1, by the formula of the summary; null where nothing was predicted.
    pub accuracy: Option<f64>,
    /// What the effect means.
    pub verdict: EffectVerdict,
    /// When it was measured.
    pub measured_at: DateTime<Utc>,
    /// Version of the model that made the prediction.
    pub model_version: i32,
}

/// The model in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelState {
    /// Its version; 1 has learnt nothing yet.
    pub version: i32,
    /// When it was made.
    pub updated_at: Option<DateTime<Utc>>,
    /// Outcomes it has learnt from.
    pub trained_on: i32,
    /// Factor by which it corrects the planner's cost ratio.
    pub correction: f64,
    /// Width of its intervals.
    pub spread: f64,
}

/// One version of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelVersion {
    /// Its version.
    pub version: i32,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// Outcomes it has learnt from.
    pub trained_on: i32,
    /// Its correction.
    pub correction: f64,
}

/// Outcomes by verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct VerdictCounts {
    /// Faster.
    pub helped: i64,
    /// No difference.
    pub no_effect: i64,
    /// Slower.
    pub harmed: i64,
    /// Could not be told.
    pub too_little_data: i64,
}

/// How good the predictions are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OutcomesSummary {
    /// Outcomes there are.
    pub outcomes: i64,
    /// Mean accuracy, 0 to 1.
    pub accuracy: Option<f64>,
    /// Share of outcomes inside the predicted interval.
    pub interval_coverage: Option<f64>,
    /// The share that would be right: predicted intervals are made to hold the realised effect so often.
    pub interval_level: f64,
    /// How accuracy is computed.
    pub formula: String,
    /// The model in use.
    pub model: ModelState,
    /// Its versions, oldest first.
    pub history: Vec<ModelVersion>,
    /// Outcomes by verdict.
    pub by_verdict: VerdictCounts,
}

/// Which outcomes.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct OutcomeParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// Outcomes, newest first.
#[utoipa::path(tag = "outcomes", operation_id = "outcomes", params(OutcomeParams),
    responses((status = 200, body = Page<Outcome>), Problem))]
#[get("/outcomes")]
pub(crate) async fn outcomes(
    context: Data<ApiContext>,
    _: Viewer,
    params: Params<OutcomeParams>,
) -> Result<Json<Page<Outcome>>, Problem> {
    let limit = paging::limit(params.0.limit)?;
    let after: Option<(DateTime<Utc>, Uuid)> = paging::decode(params.0.cursor.as_deref())?;
    let (rows, total) = context.store.read_outcomes(after, i64::from(limit) + 1).await?;
    let page = paging::page(rows, limit, total, |row: &ReadOutcome| (row.measured_at, row.change_id));
    Ok(Json(page.map(|row| Outcome {
        change_id: row.change_id,
        title: row.title,
        kind: row.kind.into(),
        instance_name: row.instance_name,
        predicted: row.predicted.map(Interval::from),
        realised: row.realised.into(),
        covered: row.covered,
        accuracy: row.accuracy,
        verdict: row.verdict.into(),
        measured_at: row.measured_at,
        model_version: row.model_version,
    })))
}

/// How good the predictions are.
#[utoipa::path(tag = "outcomes", operation_id = "outcomes_summary",
    responses((status = 200, body = OutcomesSummary), Problem))]
#[get("/outcomes/summary")]
pub(crate) async fn outcomes_summary(
    context: Data<ApiContext>,
    _: Viewer,
) -> Result<Json<OutcomesSummary>, Problem> {
    let counts = context.store.outcome_counts().await?;
    let models = context.store.read_models().await?;
    Ok(Json(OutcomesSummary {
        outcomes: counts.outcomes,
        accuracy: counts.accuracy,
        interval_coverage: counts.interval_coverage,
        interval_level: INTERVAL_LEVEL,
        formula: FORMULA.to_owned(),
        model: model_in_use(models.last()),
        history: models.iter().map(version).collect(),
        by_verdict: VerdictCounts {
            helped: counts.helped,
            no_effect: counts.no_effect,
            harmed: counts.harmed,
            too_little_data: counts.too_little_data,
        },
    }))
}

/// Before anything was learnt it is the prior.
fn model_in_use(newest: Option<&ReadModel>) -> ModelState {
    let prior = Model::default();
    let model = newest.map_or(&prior, |read| &read.model);
    ModelState {
        version: number(model.version),
        updated_at: newest.map(|read| read.made_at),
        trained_on: number(model.trained_on),
        correction: model.correction,
        spread: model.spread,
    }
}

fn version(read: &ReadModel) -> ModelVersion {
    ModelVersion {
        version: number(read.model.version),
        at: read.made_at,
        trained_on: number(read.model.trained_on),
        correction: read.model.correction,
    }
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
