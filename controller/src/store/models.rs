//! Outcomes, and the models learnt from them.

use chrono::{DateTime, Utc};
use querysmith_advice::learn::model::Model;
use querysmith_advice::learn::outcome::Outcome;
use querysmith_advice::measure::effect::Effect;
use querysmith_advice::propose::draft::ProposalDraft;
use querysmith_shared::id::{ChangeId, InstanceId};
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use super::Store;
use super::value::{json, legible, moment, timestamp};
use super::writing::Writing;
use crate::store::error::StoreError;

/// A change whose trial is over and whose outcome is not recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedTrial {
    /// Which change.
    pub change: ChangeId,
    /// On which instance.
    pub instance: InstanceId,
    /// What was promised.
    pub draft: ProposalDraft,
    /// What was measured.
    pub effect: Effect,
    /// When it was measured.
    pub measured_at: Timestamp,
}

/// An outcome with its scores.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredOutcome {
    /// On which instance.
    pub instance: InstanceId,
    /// What came of the change.
    pub outcome: Outcome,
    /// Whether the realised effect lay in the predicted interval.
    pub covered: Option<bool>,
    /// How good the prediction was, 0 to 1.
    pub accuracy: Option<f64>,
}

#[derive(sqlx::FromRow)]
struct EndedRow {
    change_id: Uuid,
    instance_id: Uuid,
    draft: String,
    effect: String,
    effect_at: DateTime<Utc>,
}

impl Store {
    /// The model that predicts now; the prior where nothing was learnt yet.
    pub async fn current_model(&self) -> Result<Model, StoreError> {
        let body: Option<String> =
            sqlx::query_scalar("SELECT body::text FROM model ORDER BY version DESC LIMIT 1")
                .fetch_optional(&self.pool)
                .await?;
        body.map_or_else(
            || Ok(Model::default()),
            |body| {
                serde_json::from_str(&body)
                    .map_err(|error| StoreError::Unreadable { what: "model", source: Box::new(error) })
            },
        )
    }

    /// How many outcomes of this instance the model has learnt from, or could have.
    pub async fn outcomes_of(&self, instance: InstanceId) -> Result<u64, StoreError> {
        let outcomes: i64 = sqlx::query_scalar(
            "SELECT count(*)
             FROM outcome
             WHERE instance_id = $1
               AND verdict <> 'too_little_data'",
        )
        .bind(instance.0)
        .fetch_one(&self.pool)
        .await?;
        Ok(outcomes.unsigned_abs())
    }

    /// The changes whose trial is over and whose outcome is not recorded, oldest first.
    pub async fn ended_trials(&self) -> Result<Vec<EndedTrial>, StoreError> {
        let rows: Vec<EndedRow> = sqlx::query_as(
            "SELECT change.change_id, change.instance_id, proposal.draft::text AS draft,
                    change.effect::text AS effect, change.effect_at
             FROM change
             JOIN proposal USING (proposal_id)
             LEFT JOIN outcome ON outcome.change_id = change.change_id
             WHERE outcome.change_id IS NULL
               AND change.effect IS NOT NULL
               AND change.state IN ('confirmed', 'reverting', 'reverted', 'stuck')
             ORDER BY change.ended_at",
        )
        .fetch_all(&self.pool)
        .await?;
        // One hostile server's figures must not keep the others' outcomes from being learnt.
        let trial = |row: EndedRow| {
            let id = row.change_id;
            Some(EndedTrial {
                change: ChangeId(id),
                instance: InstanceId(row.instance_id),
                draft: legible(serde_json::from_str(&row.draft), "draft", id)?,
                effect: legible(serde_json::from_str(&row.effect), "effect", id)?,
                measured_at: timestamp(row.effect_at),
            })
        };
        Ok(rows.into_iter().filter_map(trial).collect())
    }
}

impl Writing {
    /// Records an outcome, for good; false if it is recorded already.
    pub async fn add_outcome(&mut self, scored: &ScoredOutcome) -> Result<bool, StoreError> {
        let ScoredOutcome { outcome, .. } = scored;
        let document = |what, text: Result<String, serde_json::Error>| {
            text.map_err(|error| StoreError::Unreadable { what, source: Box::new(error) })
        };
        let predicted =
            outcome.predicted.as_ref().map(|interval| document("interval", json(interval))).transpose()?;
        let added = sqlx::query(
            "INSERT INTO outcome (change_id, instance_id, kind, model_version, predicted, realised, covered, accuracy,
                                  verdict, measured_at, body)
             VALUES ($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7, $8, $9, $10, $11::jsonb)
             ON CONFLICT (change_id) DO NOTHING",
        )
        .bind(outcome.change_id.0)
        .bind(scored.instance.0)
        .bind(outcome.kind.as_str())
        .bind(i32::try_from(outcome.model_version).unwrap_or(i32::MAX))
        .bind(predicted)
        .bind(document("interval", json(&outcome.realised))?)
        .bind(scored.covered)
        .bind(scored.accuracy)
        .bind(outcome.verdict.as_str())
        .bind(moment(outcome.measured_at))
        .bind(document("outcome", json(outcome))?)
        .execute(self.connection())
        .await?;
        Ok(added.rows_affected() == 1)
    }

    /// Adds a model; the same version again changes nothing.
    pub async fn add_model(&mut self, model: &Model, now: Timestamp) -> Result<(), StoreError> {
        let body =
            json(model).map_err(|error| StoreError::Unreadable { what: "model", source: Box::new(error) })?;
        sqlx::query(
            "INSERT INTO model (version, made_at, trained_on, body)
             VALUES ($1, $2, $3, $4::jsonb)
             ON CONFLICT (version) DO NOTHING",
        )
        .bind(i32::try_from(model.version).unwrap_or(i32::MAX))
        .bind(moment(now))
        .bind(i32::try_from(model.trained_on).unwrap_or(i32::MAX))
        .bind(body)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
