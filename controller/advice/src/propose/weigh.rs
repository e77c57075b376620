//! What one candidate does to all statements that touch its table.

use querysmith_shared::id::StatementId;
use querysmith_shared::observation::plan::PlanNode;
use querysmith_shared::wire::order::{CandidateAnswer, PlannedStatement, WhatIfAnswer};

use super::draft::{StatementEffect, StatementVerdict};
use super::question::Question;
use super::unplanned;
use super::write_cost::{self, WriteCost};
use crate::evidence::TableEvidence;
use crate::index::candidate::Candidate;
use crate::interval::Interval;
use crate::learn::model::{LogPrediction, promise};
use crate::overview::{Overview, StatementView};

/// Smaller changes of a statement's time are shown as none.
const LEAST_CHANGE: f64 = 0.02;
/// Without the planner's word the interval is wider by this factor.
const UNPLANNED_WIDENING: f64 = 2.0;

/// A candidate with what it brings and costs.
pub(super) struct Weighed {
    pub(super) candidate: Candidate,
    pub(super) effects: Vec<Effect>,
    pub(super) write_cost: WriteCost,
    /// Size by hypopg, bytes, where there is one.
    pub(super) hypothetical_bytes: Option<u64>,
    /// Statements whose promised plan is not believed.
    pub(super) doubted: Vec<String>,
}

/// The effect on one statement.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    pub(super) shown: StatementEffect,
    /// Statement time now, ms per hour.
    pub(super) ms_per_hour: f64,
    /// The planner's log cost ratio, where the new index is used and believed.
    pub(super) promise: Option<f64>,
    pub(super) prediction: Option<LogPrediction>,
}

impl Effect {
    /// Time saved, ms per hour; negative where time is lost.
    pub(super) fn saved_ms_per_hour(&self) -> f64 {
        self.prediction.map_or(0.0, |prediction| -prediction.estimate.exp_m1() * self.ms_per_hour)
    }
}

impl Weighed {
    /// Time left of the statements, if the planner's promises all came true: how candidates for the same
    /// statements are told apart, for the model shrinks large promises to nearly the same.
    pub(super) fn promised_ms(&self) -> f64 {
        self.effects.iter().map(|effect| effect.promise.unwrap_or(0.0).exp() * effect.ms_per_hour).sum()
    }
}

/// Weighs the candidate at `position` of the question. `None` where it could not be imagined.
pub(super) fn weigh(
    overview: &Overview<'_>,
    table: &TableEvidence,
    question: &Question,
    position: usize,
    answer: Option<&WhatIfAnswer>,
) -> Option<Weighed> {
    let change = question.candidates.get(position)?;
    let candidate =
        Candidate { keys: change.keys.clone(), include: change.include.clone(), equality_keys: 0 };
    let Some(answer) = answer else {
        return Some(unsimulated(overview, table, candidate, &question.statements));
    };
    let imagined = answer.candidates.get(position).filter(|imagined| imagined.problem.is_none())?;
    let mut doubted = Vec::new();
    let statements = question.statements.iter().filter_map(|id| overview.statement(*id));
    let effects = statements
        .map(|statement| {
            let effect = planned_effect(overview, statement, answer, imagined, &mut doubted);
            with_writes(overview, table, &candidate, statement, effect)
        })
        .collect();
    let write_cost = WriteCost::of(overview, table, &candidate);
    let hypothetical_bytes = Some(imagined.estimated_bytes);
    Some(Weighed { candidate, effects, write_cost, hypothetical_bytes, doubted })
}

/// Weighs a candidate without the planner's word.
pub(super) fn unsimulated(
    overview: &Overview<'_>,
    table: &TableEvidence,
    candidate: Candidate,
    statements: &[StatementId],
) -> Weighed {
    let statements = statements.iter().filter_map(|id| overview.statement(*id));
    let effects = statements
        .map(|statement| {
            let effect = unplanned_effect(overview, table, &candidate, statement);
            with_writes(overview, table, &candidate, statement, effect)
        })
        .collect();
    let write_cost = WriteCost::of(overview, table, &candidate);
    Weighed { candidate, effects, write_cost, hypothetical_bytes: None, doubted: Vec::new() }
}

fn blank(statement: &StatementView<'_>, verdict: StatementVerdict) -> Effect {
    Effect {
        shown: StatementEffect {
            statement_id: statement.evidence.id,
            time_share: statement.time_share,
            cost_before: None,
            cost_after: None,
            predicted: None,
            verdict,
            uses_index: false,
        },
        ms_per_hour: statement.ms_per_hour,
        promise: None,
        prediction: None,
    }
}

fn planned_effect(
    overview: &Overview<'_>,
    statement: &StatementView<'_>,
    answer: &WhatIfAnswer,
    imagined: &CandidateAnswer,
    doubted: &mut Vec<String>,
) -> Effect {
    let of = |planned: &&PlannedStatement| planned.statement == statement.evidence.id;
    let before = answer.baseline.iter().find(of).and_then(|planned| planned.cost.as_ref().ok().copied());
    let Some(before) = before.filter(|cost| *cost > 0.0 && cost.is_finite()) else {
        return blank(statement, StatementVerdict::NotSimulated);
    };
    let mut effect = blank(statement, StatementVerdict::Unchanged);
    effect.shown.cost_before = Some(before);
    effect.shown.cost_after = Some(before);
    let Some(changed) = imagined.changed.iter().find(of) else { return effect };
    let Some(after) = changed.cost.as_ref().ok().copied().filter(|cost| cost.is_finite()) else {
        return blank(statement, StatementVerdict::NotSimulated);
    };
    effect.shown.cost_after = Some(after);
    effect.shown.uses_index = changed.uses_candidate;
    if !changed.uses_candidate || after <= 0.0 {
        return effect;
    }
    let plan = changed.plan.as_ref().and_then(|plan| PlanNode::from_postgres_json(plan).ok());
    let outer = plan.map_or(0.0, |plan| largest_outer(&plan));
    if outer > overview.evidence.thresholds.propose.outer_rows {
        doubted.push(format!(
            "For {} the planner would look into the index {} times in a nested loop. Such promises often turned \
             into losses, so none is made.",
            statement.evidence.id,
            crate::words::number(outer)
        ));
        effect.shown.verdict = StatementVerdict::NotSimulated;
        return effect;
    }
    // The costs are the server's word: without bound, one absurd figure would teach the model of all.
    let Some(promise) = promise(before, after) else {
        return blank(statement, StatementVerdict::NotSimulated);
    };
    predicted(overview, &mut effect, promise, 1.0);
    effect
}

fn unplanned_effect(
    overview: &Overview<'_>,
    table: &TableEvidence,
    candidate: &Candidate,
    statement: &StatementView<'_>,
) -> Effect {
    let mut effect = blank(statement, StatementVerdict::NotSimulated);
    if let Some(guess) = unplanned::guess(overview.evidence, table, candidate, statement) {
        effect.shown.uses_index = true;
        predicted(overview, &mut effect, guess, UNPLANNED_WIDENING);
        effect.shown.verdict = StatementVerdict::NotSimulated;
    }
    effect
}

fn predicted(overview: &Overview<'_>, effect: &mut Effect, promise: f64, widened: f64) {
    let prediction = overview.evidence.model.predict_log(promise, widened);
    effect.promise = Some(promise);
    effect.prediction = Some(prediction);
    let interval = prediction.interval();
    effect.shown.predicted = Some(interval);
    effect.shown.verdict = verdict(interval.estimate);
}

fn verdict(change: f64) -> StatementVerdict {
    if change <= -LEAST_CHANGE {
        StatementVerdict::Helps
    } else if change >= LEAST_CHANGE {
        StatementVerdict::Hurts
    } else {
        StatementVerdict::Unchanged
    }
}

/// A statement that writes to the table pays for the index, whatever it gains by it.
fn with_writes(
    overview: &Overview<'_>,
    table: &TableEvidence,
    candidate: &Candidate,
    statement: &StatementView<'_>,
    mut effect: Effect,
) -> Effect {
    let entry_ms = overview.evidence.thresholds.propose.entry_ms;
    let Some(cost) = write_cost::share_of_statement(statement, table, candidate, entry_ms) else {
        return effect;
    };
    if effect.prediction.is_some() || cost <= 0.0 {
        return effect;
    }
    // The figure for one entry is good to a factor of three.
    let interval = Interval { estimate: cost, low: cost / 3.0, high: cost * 3.0 };
    effect.prediction =
        Some(LogPrediction { estimate: cost.ln_1p(), low: (cost / 3.0).ln_1p(), high: (cost * 3.0).ln_1p() });
    effect.shown.predicted = Some(interval);
    effect.shown.verdict = verdict(cost);
    effect
}

/// Most outer rows of a nested loop whose inner side uses an imagined index.
fn largest_outer(plan: &PlanNode) -> f64 {
    let mut largest: f64 = 0.0;
    plan.walk(&mut |node, _| {
        if node.node_type == "Nested Loop"
            && let [outer, inner, ..] = node.children.as_slice()
            && uses_imagined(inner)
        {
            largest = largest.max(outer.rows);
        }
    });
    largest
}

/// hypopg names its indexes `<oid>btree_…`; the server can have no such name by itself unless somebody quoted it.
fn uses_imagined(node: &PlanNode) -> bool {
    let mut found = false;
    node.walk(&mut |node, _| found |= node.index.as_deref().is_some_and(|name| name.starts_with('<')));
    found
}
