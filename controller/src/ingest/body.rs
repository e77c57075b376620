//! Writes what one report says.

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::gap::{Gap, GapReason};
use querysmith_shared::observation::instance::Instance;
use querysmith_shared::observation::plan::{PlanNode, PlanObservation};
use querysmith_shared::observation::query_stats::QueryStats;
use querysmith_shared::observation::schema::SchemaChanges;
use querysmith_shared::wire::report::{ChangeReport, Report, ReportBody};

use super::batch::Scope;
use super::figures;
use super::mirror::{is_ahead, still_wanted};
use crate::store::error::StoreError;
use crate::store::plans::{PlanProblemRow, PlanRow};
use crate::store::query_stats::StatsWindow;
use crate::store::state::GapRow;
use crate::store::value::{head, text};
use crate::store::writing::Writing;

/// Longest reason kept for a statement that has no plan, bytes.
const MAX_PROBLEM_BYTES: usize = 2_000;

/// The report can't be stored, ever, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused(pub(super) String);

type Outcome = Result<Result<(), Refused>, StoreError>;

/// Writes a report, whose instance is the agent's. Statement statistics are only collected, in `windows`,
/// so that those of a batch are written together.
pub(super) async fn write_body(
    writing: &mut Writing,
    scope: &mut Scope,
    report: &Report,
    windows: &mut Vec<StatsWindow>,
) -> Outcome {
    if let Err(fault) = figures::check(&report.body) {
        return Ok(Err(Refused(format!("no server can have such a figure: {fault}"))));
    }
    let at = report.made_at;
    match &report.body {
        ReportBody::Cost(cost) => return writing.put_cost(scope.agent, cost).await.map(Ok),
        ReportBody::Gap(gap) => return writing.add_gap(&gap_row(scope, report.instance, gap)).await.map(Ok),
        ReportBody::Change(change) => return write_change(writing, scope, change).await,
        ReportBody::Instance(instance) => return write_instance(writing, scope, report, instance).await,
        ReportBody::QueryStats(_)
        | ReportBody::StatementTexts(_)
        | ReportBody::Plans(_)
        | ReportBody::Schema(_)
        | ReportBody::Usage(_)
        | ReportBody::Settings(_)
        | ReportBody::Host(_)
        | ReportBody::Activity(_)
        | ReportBody::Collectors(_) => {}
    }
    let Some(instance) = report.instance else {
        return Ok(Err(Refused("it does not say which instance it is about".to_owned())));
    };
    match &report.body {
        ReportBody::QueryStats(stats) => write_stats(writing, scope, instance, stats, windows).await,
        ReportBody::StatementTexts(texts) => {
            writing.put_statement_texts(instance, &texts.texts, at).await.map(Ok)
        }
        ReportBody::Plans(plans) => write_plans(writing, instance, &plans.plans).await,
        ReportBody::Schema(changes) => write_schema(writing, instance, changes, report).await,
        ReportBody::Usage(usage) => writing.put_usage(instance, usage).await.map(Ok),
        ReportBody::Settings(settings) => writing.put_settings(instance, &settings.changed, at).await.map(Ok),
        ReportBody::Host(host) => match scope.horizon.moment(host.read_at) {
            Ok(read_at) => writing.add_host(instance, host, read_at).await.map(Ok),
            Err(old) => Ok(Err(Refused(old.to_string()))),
        },
        ReportBody::Activity(activity) => match scope.horizon.moment(activity.read_at) {
            Ok(read_at) => writing.add_activity(instance, activity, read_at).await.map(Ok),
            Err(old) => Ok(Err(Refused(old.to_string()))),
        },
        ReportBody::Collectors(report) => writing.put_collectors(instance, report, at).await.map(Ok),
        ReportBody::Cost(_) | ReportBody::Gap(_) | ReportBody::Change(_) | ReportBody::Instance(_) => {
            Ok(Ok(()))
        }
    }
}

async fn write_stats(
    writing: &mut Writing,
    scope: &Scope,
    instance: InstanceId,
    stats: &QueryStats,
    windows: &mut Vec<StatsWindow>,
) -> Outcome {
    let (start, end) = match scope.horizon.window(stats.window_start, stats.window_end) {
        Ok(window) => window,
        Err(old) => return Ok(Err(Refused(old.to_string()))),
    };
    if stats.coverage.reset {
        writing.add_mark(instance, end, "stats_reset", "statement statistics were reset").await?;
    }
    windows.push(StatsWindow { instance, start, end, rows: stats.rows.clone(), coverage: stats.coverage });
    Ok(Ok(()))
}

async fn write_plans(writing: &mut Writing, instance: InstanceId, plans: &[PlanObservation]) -> Outcome {
    let mut rows = Vec::new();
    let mut problems = Vec::new();
    for observation in plans {
        match plan_row(observation) {
            Ok(row) => rows.push(row),
            Err(problem) => problems.push(PlanProblemRow {
                statement: observation.statement,
                problem: text(head(&problem, MAX_PROBLEM_BYTES)).into_owned(),
                at: observation.planned_at,
            }),
        }
    }
    writing.put_plans(instance, &rows).await?;
    writing.put_plan_problems(instance, &problems).await?;
    Ok(Ok(()))
}

fn plan_row(observation: &PlanObservation) -> Result<PlanRow, String> {
    let document = observation.plan.as_ref().map_err(String::clone)?;
    let node = PlanNode::from_postgres_json(document).map_err(|error| error.to_string())?;
    let value: serde_json::Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
    Ok(PlanRow {
        statement: observation.statement,
        planned_at: observation.planned_at,
        origin: observation.origin,
        shape_hash: node.shape_hash(),
        total_cost: crate::store::value::measure(node.total_cost),
        document: crate::store::value::json(&value).map_err(|error| error.to_string())?,
    })
}

async fn write_schema(
    writing: &mut Writing,
    instance: InstanceId,
    changes: &SchemaChanges,
    report: &Report,
) -> Outcome {
    let at = report.made_at;
    let SchemaChanges { database, present, changed } = changes;
    writing.follow_indexes(instance, database, changed, present, at).await?;
    writing.put_tables(instance, database, changed, at).await?;
    writing.keep_tables(instance, database, present).await?;
    Ok(Ok(()))
}

async fn write_instance(
    writing: &mut Writing,
    scope: &mut Scope,
    report: &Report,
    instance: &Instance,
) -> Outcome {
    let is_own = instance.id == InstanceId::derive(scope.agent, &instance.name)
        && report.instance.is_none_or(|named| named == instance.id);
    if !is_own {
        return Ok(Err(Refused("the instance's id is not made of the agent's id and its name".to_owned())));
    }
    writing.put_instance(scope.agent, instance, report.made_at).await?;
    if !scope.instances.contains(&instance.id) {
        scope.instances.push(instance.id);
    }
    Ok(Ok(()))
}

async fn write_change(writing: &mut Writing, scope: &Scope, report: &ChangeReport) -> Outcome {
    let Some(mut change) = writing.lock_change(scope.agent, report.change).await? else {
        return Ok(Err(Refused("it is about a change that is not known here".to_owned())));
    };
    let is_new = writing.add_change_report(report, scope.horizon.now).await?;
    if !is_new || !is_ahead(change.state, report.state) {
        return Ok(Ok(()));
    }
    change.state = report.state;
    let wanted = still_wanted(change.wanted, report.state);
    writing.move_change(report.change, report.state, report.at, wanted).await?;
    if report.state == ChangeState::Trial {
        writing.mark_change(&change, "change_applied", report.at).await?;
    }
    if report.state == ChangeState::Reverted {
        writing.mark_change(&change, "change_undone", report.at).await?;
    }
    Ok(Ok(()))
}

fn gap_row(scope: &Scope, instance: Option<InstanceId>, gap: &Gap) -> GapRow {
    let reason = match gap.reason {
        GapReason::SpoolFull => "the agent's spool was full",
        GapReason::DiskFull => "the agent's disk was full or not writable",
        GapReason::SpoolDamaged => "the agent's spool could not be read back",
    };
    GapRow {
        agent: scope.agent,
        instance,
        from: gap.from,
        to: gap.to,
        reports: gap.dropped_reports,
        reason: reason.to_owned(),
    }
}
