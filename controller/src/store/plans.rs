//! Writes plans, and the reasons why there is none.

use querysmith_shared::id::{InstanceId, StatementId};
use querysmith_shared::observation::plan::PlanOrigin;
use querysmith_shared::timestamp::Timestamp;

use super::value::moment;
use super::writing::Writing;
use crate::store::error::StoreError;

/// One plan that was read and can be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRow {
    /// Whose plan.
    pub statement: StatementId,
    /// When it was planned.
    pub planned_at: Timestamp,
    /// What the parameters were.
    pub origin: PlanOrigin,
    /// What it does.
    pub shape_hash: u64,
    /// The planner's cost of it.
    pub total_cost: f64,
    /// The plan as a JSON document.
    pub document: String,
}

/// One statement that could not be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanProblemRow {
    /// Which statement.
    pub statement: StatementId,
    /// Why.
    pub problem: String,
    /// When.
    pub at: Timestamp,
}

impl Writing {
    /// Adds plans, or refreshes those of a known shape. A statement whose shape is another than it last was
    /// gets a mark. Idempotent.
    pub async fn put_plans(&mut self, instance: InstanceId, plans: &[PlanRow]) -> Result<(), StoreError> {
        if plans.is_empty() {
            return Ok(());
        }
        let statements: Vec<i64> = plans.iter().map(|p| p.statement.0).collect();
        let origins: Vec<&str> = plans.iter().map(|p| origin_name(p.origin)).collect();
        let shapes: Vec<i64> = plans.iter().map(|p| p.shape_hash.cast_signed()).collect();
        let costs: Vec<f64> = plans.iter().map(|p| p.total_cost).collect();
        let documents: Vec<&str> = plans.iter().map(|p| p.document.as_str()).collect();
        let moments: Vec<_> = plans.iter().map(|p| moment(p.planned_at)).collect();
        sqlx::query(
            "WITH came AS (
                 SELECT DISTINCT ON (statement_id, origin, shape_hash)
                        statement_id, origin, shape_hash, total_cost, document::jsonb AS plan, planned_at
                 FROM UNNEST($2::bigint[], $3::text[], $4::bigint[], $5::float8[], $6::text[], $7::timestamptz[])
                     AS p (statement_id, origin, shape_hash, total_cost, document, planned_at)
                 ORDER BY statement_id, origin, shape_hash, planned_at DESC
             ), latest AS (
                 SELECT DISTINCT ON (plan.statement_id, plan.origin)
                        plan.statement_id, plan.origin, plan.shape_hash, plan.last_seen_at
                 FROM plan
                 WHERE plan.instance_id = $1
                   AND plan.statement_id = ANY ($2)
                 ORDER BY plan.statement_id, plan.origin, plan.last_seen_at DESC
             ), marked AS (
                 INSERT INTO mark (instance_id, at, kind, label, statement_id)
                 SELECT $1, came.planned_at, 'plan_change', 'plan changed', came.statement_id
                 FROM came
                 JOIN latest USING (statement_id, origin)
                 WHERE latest.shape_hash <> came.shape_hash
                   AND latest.last_seen_at < came.planned_at
             )
             INSERT INTO plan (instance_id, statement_id, origin, shape_hash, plan, total_cost, first_seen_at,
                               last_seen_at)
             SELECT $1, statement_id, origin, shape_hash, plan, total_cost, planned_at, planned_at
             FROM came
             ON CONFLICT (instance_id, statement_id, origin, shape_hash) DO UPDATE
             SET plan = EXCLUDED.plan, total_cost = EXCLUDED.total_cost,
                 last_seen_at = GREATEST(plan.last_seen_at, EXCLUDED.last_seen_at)",
        )
        .bind(instance.0)
        .bind(&statements)
        .bind(origins)
        .bind(shapes)
        .bind(costs)
        .bind(documents)
        .bind(moments)
        .execute(self.connection())
        .await?;
        sqlx::query("DELETE FROM plan_problem WHERE instance_id = $1 AND statement_id = ANY ($2)")
            .bind(instance.0)
            .bind(statements)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Notes why statements have no plan. Idempotent.
    pub async fn put_plan_problems(
        &mut self,
        instance: InstanceId,
        problems: &[PlanProblemRow],
    ) -> Result<(), StoreError> {
        if problems.is_empty() {
            return Ok(());
        }
        let statements: Vec<i64> = problems.iter().map(|p| p.statement.0).collect();
        let texts: Vec<&str> = problems.iter().map(|p| p.problem.as_str()).collect();
        let moments: Vec<_> = problems.iter().map(|p| moment(p.at)).collect();
        sqlx::query(
            "INSERT INTO plan_problem (instance_id, statement_id, problem, at)
             SELECT DISTINCT ON (statement_id) $1, statement_id, problem, at
             FROM UNNEST($2::bigint[], $3::text[], $4::timestamptz[]) AS p (statement_id, problem, at)
             ORDER BY statement_id, at DESC
             ON CONFLICT (instance_id, statement_id) DO UPDATE
             SET problem = EXCLUDED.problem, at = EXCLUDED.at",
        )
        .bind(instance.0)
        .bind(statements)
        .bind(texts)
        .bind(moments)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}

/// The origin as the store and the API write it.
pub fn origin_name(origin: PlanOrigin) -> &'static str {
    match origin {
        PlanOrigin::Generic => "generic",
        PlanOrigin::Representative => "representative",
    }
}
