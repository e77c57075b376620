//! Reads what came of changes, and the models learnt from it.

use chrono::{DateTime, Utc};
use querysmith_advice::interval::Interval;
use querysmith_advice::learn::model::Model;
use querysmith_advice::measure::effect::Verdict;
use querysmith_shared::change::ChangeKind;
use serde_json::Value;
use sqlx::FromRow;
use uuid::Uuid;

use super::Store;
use super::decisions::{document, parse_kind};
use super::read_changes::parse_verdict;
use super::value::readable;
use crate::store::error::StoreError;

/// Versions of the model that are shown, the newest.
const MOST_VERSIONS: i64 = 500;

/// One outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOutcome {
    /// The change.
    pub change_id: Uuid,
    /// It in a line.
    pub title: String,
    /// What it does.
    pub kind: ChangeKind,
    /// The server.
    pub instance_name: String,
    /// What was predicted.
    pub predicted: Option<Interval>,
    /// What was measured.
    pub realised: Interval,
    /// Realised within the prediction.
    pub covered: Option<bool>,
    /// How good the prediction was.
    pub accuracy: Option<f64>,
    /// What the effect means.
    pub verdict: Verdict,
    /// When it was measured.
    pub measured_at: DateTime<Utc>,
    /// Version of the model that predicted.
    pub model_version: i32,
}

/// All outcomes together.
#[derive(Debug, Clone, Copy, PartialEq, FromRow)]
pub struct OutcomeCounts {
    /// How many.
    pub outcomes: i64,
    /// Mean accuracy.
    pub accuracy: Option<f64>,
    /// Share within the prediction.
    pub interval_coverage: Option<f64>,
    /// Faster.
    pub helped: i64,
    /// No difference.
    pub no_effect: i64,
    /// Slower.
    pub harmed: i64,
    /// Could not be told.
    pub too_little_data: i64,
}

/// One version of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadModel {
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// The model.
    pub model: Model,
}

#[derive(FromRow)]
struct StoredOutcome {
    change_id: Uuid,
    title: String,
    kind: String,
    instance_name: String,
    predicted: Option<Value>,
    realised: Value,
    covered: Option<bool>,
    accuracy: Option<f64>,
    verdict: String,
    measured_at: DateTime<Utc>,
    model_version: i32,
}

impl Store {
    /// Outcomes, newest first, after `after`, and how many there are.
    pub async fn read_outcomes(
        &self,
        after: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<(Vec<ReadOutcome>, i64), StoreError> {
        let rows: Vec<StoredOutcome> = sqlx::query_as(
            "SELECT outcome.change_id, change.title, outcome.kind, instance.name AS instance_name, outcome.predicted,
                    outcome.realised, outcome.covered, outcome.accuracy, outcome.verdict, outcome.measured_at,
                    outcome.model_version
             FROM outcome
             JOIN change USING (change_id)
             JOIN instance ON instance.instance_id = change.instance_id
             WHERE $1::timestamptz IS NULL
                OR (outcome.measured_at, outcome.change_id) < ($1, $2)
             ORDER BY outcome.measured_at DESC, outcome.change_id DESC
             LIMIT $3",
        )
        .bind(after.map(|key| key.0))
        .bind(after.map(|key| key.1))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let total = sqlx::query_scalar("SELECT count(*) FROM outcome").fetch_one(&self.pool).await?;
        Ok((rows.into_iter().map(outcome).collect::<Result<_, _>>()?, total))
    }

    /// All outcomes together.
    pub async fn outcome_counts(&self) -> Result<OutcomeCounts, StoreError> {
        Ok(sqlx::query_as(
            "SELECT count(*) AS outcomes, avg(accuracy) AS accuracy,
                    avg(covered::integer)::float8 AS interval_coverage,
                    count(*) FILTER (WHERE verdict = 'helped') AS helped,
                    count(*) FILTER (WHERE verdict = 'no_effect') AS no_effect,
                    count(*) FILTER (WHERE verdict = 'harmed') AS harmed,
                    count(*) FILTER (WHERE verdict = 'too_little_data') AS too_little_data
             FROM outcome",
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// The models that were learnt, oldest first; the last is in use.
    pub async fn read_models(&self) -> Result<Vec<ReadModel>, StoreError> {
        let rows: Vec<(DateTime<Utc>, Value)> = sqlx::query_as(
            "SELECT made_at, body
             FROM (SELECT version, made_at, body FROM model ORDER BY version DESC LIMIT $1) AS newest
             ORDER BY version",
        )
        .bind(MOST_VERSIONS)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(made_at, body)| Ok(ReadModel { made_at, model: document(body, "model")? }))
            .collect()
    }
}

fn outcome(row: StoredOutcome) -> Result<ReadOutcome, StoreError> {
    Ok(ReadOutcome {
        change_id: row.change_id,
        title: row.title,
        kind: parse_kind(&row.kind)?,
        instance_name: row.instance_name,
        predicted: row.predicted.and_then(|value| readable(value, "prediction of an outcome", row.change_id)),
        realised: document(row.realised, "outcome")?,
        covered: row.covered,
        accuracy: row.accuracy,
        verdict: parse_verdict(&row.verdict)?,
        measured_at: row.measured_at,
        model_version: row.model_version,
    })
}
