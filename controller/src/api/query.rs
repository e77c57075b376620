//! One statement in full: its latency over time, its plans in words, what is known about it.

use actix_web::get;
use actix_web::web::{Data, Json};
use chrono::{DateTime, Utc};
use querysmith_advice::explain::{self, Surroundings};
use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::plan::{PlanError, PlanNode as Planned};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::Viewer;
use super::changes::{ChangeRow, change_row};
use super::context::ApiContext;
use super::findings::{Finding, finding_of};
use super::input::{Params, StatementAddress};
use super::problem::Problem;
use super::queries::QueryRow;
use super::shapes::{Mark, marks, unknown_instance};
use super::stretch::Stretch;
use crate::store::read_activity::SHORT_TEXT_CHARS;
use crate::store::read_query::{LatencyStep, ReadPlan};
use crate::store::read_series::Steps;

/// One step of a statement's latency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LatencyPoint {
    /// Start of the step.
    pub at: DateTime<Utc>,
    /// Execution time of a call, on average.
    pub mean_ms: f64,
    /// Calls.
    pub calls: i64,
    /// Blocks per call.
    pub blocks_per_call: f64,
    /// Rows per call.
    pub rows_per_call: f64,
    /// Standard deviation of a call's time.
    pub stddev_ms: Option<f64>,
}

/// How much a remark matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemarkSeverity {
    /// Good to know.
    Info,
    /// Worth a look.
    Warning,
}

/// Something to know about a node of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Remark {
    /// How much it matters.
    pub severity: RemarkSeverity,
    /// In words.
    pub text: String,
}

/// One node of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanNode {
    /// Number within the plan, from 0, parents before children.
    pub id: u32,
    /// The node it gives its rows to.
    pub parent: Option<u32>,
    /// Distance from the root.
    pub depth: u32,
    /// As the server calls it: `Seq Scan on orders`.
    pub node: String,
    /// In words.
    pub words: String,
    /// Rows the planner expects of it.
    pub estimated_rows: f64,
    /// Planner's cost of this node alone.
    pub cost_self: f64,
    /// Its share of the plan's cost.
    pub cost_share: f64,
    /// What it checks.
    pub condition: Option<String>,
    /// What to know about it.
    pub remarks: Vec<Remark>,
}

/// A plan in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanExplanation {
    /// The plan in one sentence: where the time goes.
    pub headline: String,
    /// Its nodes, parents before children.
    pub nodes: Vec<PlanNode>,
}

/// Where a plan comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanOrigin {
    /// Planned for any values.
    Generic,
    /// Planned for values picked from the column statistics.
    Representative,
    /// Planned with an imagined index.
    WhatIf,
}

/// One plan that a statement has or had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanVersion {
    /// Names it within the statement.
    pub plan_id: String,
    /// Plans of equal hash run the same way.
    pub shape_hash: String,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// Where it comes from.
    pub origin: PlanOrigin,
    /// Planner's cost of it.
    pub total_cost: f64,
    /// It in words.
    pub explanation: PlanExplanation,
}

/// One statement in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Query {
    /// What the list shows.
    #[serde(flatten)]
    pub row: QueryRow,
    /// Its whole text.
    pub full_text: String,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// Its latency over the stretch; steps without calls are left out.
    pub latency: Vec<LatencyPoint>,
    /// Length of one step of it, seconds.
    pub latency_step_s: i64,
    /// What happened meanwhile.
    pub marks: Vec<Mark>,
    /// Its plans, latest first.
    pub plans: Vec<PlanVersion>,
    /// Why there is no plan.
    pub plan_problem: Option<String>,
    /// What was found about it, open ones first.
    pub findings: Vec<Finding>,
    /// Changes that were made for it, or that touch it.
    pub changes: Vec<ChangeRow>,
}

/// Which stretch.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct StretchParams {
    /// Start; an hour before the end unless said.
    pub from: Option<DateTime<Utc>>,
    /// End; now unless said.
    pub to: Option<DateTime<Utc>>,
}

/// One statement in full.
#[utoipa::path(tag = "queries", operation_id = "query",
    params(("id" = Uuid, Path, description = "the instance"),
        ("statement_id" = String, Path, description = "16 hexadecimal digits"), StretchParams),
    responses((status = 200, body = Query), Problem))]
#[get("/instances/{id}/queries/{statement_id}")]
pub(crate) async fn query(
    context: Data<ApiContext>,
    _: Viewer,
    address: StatementAddress,
    params: Params<StretchParams>,
) -> Result<Json<Query>, Problem> {
    let stretch = Stretch::of(params.0.from, params.0.to, Utc::now())?;
    let steps = Steps { from: stretch.from, to: stretch.to, step_s: stretch.step_for(LATENCY_STEPS) };
    let StatementAddress { instance, statement } = address;
    let store = &context.store;
    let Some(known) = store.read_statement(instance, statement, stretch.from, stretch.to).await? else {
        if !store.has_instance(instance).await? {
            return Err(unknown_instance());
        }
        return Err(Problem::not_found("this instance has no statement with this id"));
    };
    let latency = store.read_latency(instance, statement, steps).await?;
    let marks = marks(store.statement_marks(instance, statement, stretch.from, stretch.to).await?);
    let plans = store.read_plans(instance, statement).await?;
    let plans: Vec<_> =
        plans.into_iter().map(|plan| (Planned::from_postgres_json(&plan.plan), plan)).collect();
    let findings = store.findings_of_statement(instance, statement).await?;
    let changes = store.changes_of_statement(instance, statement).await?;

    let calls = known.calls.max(1) as f64;
    let roots: Vec<_> = plans.iter().filter_map(|(root, _)| root.as_ref().ok().cloned()).collect();
    let (tables, settings) = store.read_surroundings(InstanceId(instance), &known.database, &roots).await?;
    let surroundings = Surroundings {
        tables: &tables,
        settings: Some(&settings),
        blocks_per_call: (known.calls > 0).then(|| known.blocks as f64 / known.calls as f64),
        rows_per_call: (known.calls > 0).then(|| known.row_count as f64 / known.calls as f64),
    };
    let full_text = known.text.unwrap_or_default();
    let short = usize::try_from(SHORT_TEXT_CHARS).unwrap_or(0);
    Ok(Json(Query {
        row: QueryRow {
            instance_id: instance,
            instance_name: known.instance_name,
            statement_id: statement.to_string(),
            database: known.database,
            user: known.user_name,
            text: full_text.chars().take(short).collect(),
            calls: known.calls,
            total_ms: known.total_ms,
            mean_ms: known.total_ms / calls,
            time_share: known.time_share,
            blocks_per_call: known.blocks as f64 / calls,
            rows_per_call: known.row_count as f64 / calls,
            trend: latency.iter().map(|step| step.total_ms / step.calls as f64).collect(),
            open_findings: known.open_findings,
        },
        full_text,
        first_seen_at: known.first_seen_at,
        last_seen_at: known.last_seen_at,
        latency: latency.iter().map(latency_point).collect(),
        latency_step_s: steps.step_s,
        marks,
        plans: plans.into_iter().map(|(root, plan)| plan_version(root, plan, &surroundings)).collect(),
        plan_problem: known.plan_problem,
        findings: findings.into_iter().map(finding_of).collect(),
        changes: changes.into_iter().map(change_row).collect(),
    }))
}

/// Most points of a statement's latency.
const LATENCY_STEPS: i64 = 120;

fn latency_point(step: &LatencyStep) -> LatencyPoint {
    let calls = step.calls as f64;
    let mean_ms = step.total_ms / calls;
    // Rounding can bring a variance of nothing below it.
    let variance = (step.sum_squares_ms2 / calls - mean_ms * mean_ms).max(0.0);
    LatencyPoint {
        at: step.at,
        mean_ms,
        calls: step.calls,
        blocks_per_call: step.blocks as f64 / calls,
        rows_per_call: step.row_count as f64 / calls,
        stddev_ms: Some(variance.sqrt()),
    }
}

/// A plan with its explanation.
fn plan_version(
    root: Result<Planned, PlanError>,
    plan: ReadPlan,
    surroundings: &Surroundings<'_>,
) -> PlanVersion {
    let explanation = match root {
        Ok(root) => explanation_of(explain::explain(&root, surroundings)),
        Err(error) => {
            PlanExplanation { headline: format!("This plan can't be read: {error}."), nodes: Vec::new() }
        }
    };
    let shape_hash = format!("{:016x}", plan.shape_hash);
    PlanVersion {
        plan_id: format!("{}-{shape_hash}", plan.origin),
        shape_hash,
        first_seen_at: plan.first_seen_at,
        last_seen_at: plan.last_seen_at,
        origin: match plan.origin.as_str() {
            "representative" => PlanOrigin::Representative,
            "what_if" => PlanOrigin::WhatIf,
            _ => PlanOrigin::Generic,
        },
        total_cost: plan.total_cost,
        explanation,
    }
}

fn explanation_of(explained: explain::PlanExplanation) -> PlanExplanation {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let nodes = explained.nodes.into_iter().map(|node| PlanNode {
        id: number(node.id),
        parent: node.parent.map(number),
        depth: number(node.depth),
        node: node.node,
        words: node.words,
        estimated_rows: node.estimated_rows,
        cost_self: node.cost_self,
        cost_share: node.cost_share,
        condition: node.condition,
        remarks: node.remarks.into_iter().map(remark_of).collect(),
    });
    PlanExplanation { headline: explained.headline, nodes: nodes.collect() }
}

fn remark_of(remark: explain::Remark) -> Remark {
    let severity = match remark.severity {
        explain::RemarkSeverity::Info => RemarkSeverity::Info,
        explain::RemarkSeverity::Warning => RemarkSeverity::Warning,
    };
    Remark { severity, text: remark.text }
}
