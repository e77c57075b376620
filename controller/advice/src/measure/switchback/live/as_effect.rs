//! What a trial by switchback found, as the measured effect of a change.

use querysmith_shared::timestamp::Timestamp;

use super::LiveTrial;
use crate::interval::Interval;
use crate::measure::cell::Metric;
use crate::measure::effect::{Effect, MeasuredStatement, Role, Verdict as EffectVerdict};
use crate::measure::switchback::decision::{Decision, StopReason, Verdict};

/// Nothing is known yet: from all of the time gone to ten times as much.
const UNKNOWN: Interval = Interval { estimate: 0.0, low: -1.0, high: 9.0 };

/// Whether nothing is known of an effect yet.
pub(super) fn is_unknown(effect: &Interval) -> bool {
    effect.low <= UNKNOWN.low && effect.high >= UNKNOWN.high
}

impl LiveTrial {
    /// The effect measured so far.
    pub fn effect(&self, now: Timestamp) -> Effect {
        let assessment = self.assessment();
        let metric = |wanted| assessment.metrics.iter().find(|metric| metric.metric == wanted);
        let time = metric(Metric::Time);
        let found = time.and_then(|time| time.effect).unwrap_or(UNKNOWN);
        let statements = time.iter().flat_map(|time| &time.statements).map(|statement| MeasuredStatement {
            statement_id: statement.statement_id,
            role: Role::Touched,
            before: None,
            after: None,
            effect: statement.effect.filter(|effect| !is_unknown(effect)),
        });
        let decision = self.trial.decision();
        Effect {
            estimate: found.estimate,
            low: found.low,
            high: found.high,
            blocks: metric(Metric::Blocks).and_then(|blocks| blocks.effect),
            controls: None,
            verdict: verdict(decision),
            windows_before: assessment.counted,
            windows_after: assessment.counted,
            statements: statements.collect(),
            method: format!(
                "Randomized switchback: {} of {} pairs of windows, with and without the change, counted; the interval holds \
                 at every look.",
                assessment.counted, assessment.pairs
            ),
            shortage: None,
            early_harm: matches!(decision, Decision::Stop { reason: StopReason::Guardrail(_), .. }),
            measured_at: now,
        }
    }
}

fn verdict(decision: Decision) -> EffectVerdict {
    match decision {
        Decision::Stop { verdict: Verdict::Keep, .. } => EffectVerdict::Helped,
        Decision::Stop { verdict: Verdict::Revert, .. } => EffectVerdict::Harmed,
        Decision::Stop { reason: StopReason::PairsUsedUp, .. } => EffectVerdict::NoEffect,
        Decision::Stop { verdict: Verdict::Inconclusive, .. }
        | Decision::Measure { .. }
        | Decision::GoBack { .. }
        | Decision::Pause { .. } => EffectVerdict::TooLittleData,
    }
}
