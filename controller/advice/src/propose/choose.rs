//! Which candidates to propose: the fewest that answer the findings, each worth its writes.

use super::question::Question;
use super::weigh::{Effect, Weighed};
use crate::evidence::Evidence;
use crate::finding::Finding;

/// A simpler candidate is taken if the planner promises no more than this factor of the best one's cost.
const SIMPLER_IS_ENOUGH: f64 = 1.25;

/// A candidate that was chosen, with the findings it answers.
pub(super) struct Chosen {
    pub(super) weighed: Weighed,
    pub(super) findings: Vec<Finding>,
}

/// Chooses greedily: the candidate that saves most first, then for the findings that are left.
pub(super) fn choose(
    evidence: &Evidence,
    question: &Question,
    findings: &[Finding],
    mut weighed: Vec<Weighed>,
) -> Vec<Chosen> {
    let mut open: Vec<&Finding> =
        findings.iter().filter(|finding| question.findings.contains(&finding.id)).collect();
    let mut chosen: Vec<Chosen> = Vec::new();
    while !open.is_empty() {
        let Some(position) = best(evidence, &open, &weighed) else { break };
        let taken = weighed.remove(position);
        let (answered, left): (Vec<&Finding>, Vec<&Finding>) = open
            .into_iter()
            .partition(|finding| gain(finding, &taken) >= evidence.thresholds.propose.least_gain);
        open = left;
        // What is helped already is not helped again by the next index.
        for other in &mut weighed {
            for effect in &mut other.effects {
                let helped = taken.effects.iter().any(|done| {
                    done.shown.statement_id == effect.shown.statement_id && done.saved_ms_per_hour() > 0.0
                });
                if helped && effect.saved_ms_per_hour() > 0.0 {
                    effect.ms_per_hour = 0.0;
                }
            }
        }
        chosen.push(Chosen { weighed: taken, findings: answered.into_iter().cloned().collect() });
    }
    chosen
}

fn best(evidence: &Evidence, open: &[&Finding], weighed: &[Weighed]) -> Option<usize> {
    let least_gain = evidence.thresholds.propose.least_gain;
    let entry_ms = evidence.thresholds.propose.entry_ms;
    let worthwhile = |weighed: &Weighed| {
        let saved: f64 = weighed.effects.iter().map(Effect::saved_ms_per_hour).sum();
        let answers = open.iter().any(|finding| gain(finding, weighed) >= least_gain);
        answers && saved > weighed.write_cost.ms_per_hour(entry_ms)
    };
    let fit: Vec<usize> = (0..weighed.len()).filter(|position| worthwhile(&weighed[*position])).collect();
    let least = fit.iter().map(|position| weighed[*position].promised_ms()).min_by(f64::total_cmp)?;
    let good_enough = |position: &usize| weighed[*position].promised_ms() <= least * SIMPLER_IS_ENOUGH;
    // The simplest of those that are as good: fewest columns, then fewest updates that lose HOT.
    fit.into_iter().filter(good_enough).min_by(|a, b| {
        let size = |position: usize| {
            let candidate = &weighed[position].candidate;
            candidate.keys.len() + candidate.include.len()
        };
        size(*a)
            .cmp(&size(*b))
            .then(weighed[*a].promised_ms().total_cmp(&weighed[*b].promised_ms()))
            .then(a.cmp(b))
    })
}

/// The predicted gain of a finding's statement, as a fraction.
fn gain(finding: &Finding, weighed: &Weighed) -> f64 {
    let effect = weighed.effects.iter().find(|effect| Some(effect.shown.statement_id) == finding.statement);
    effect
        .filter(|effect| effect.promise.is_some() && effect.ms_per_hour > 0.0)
        .and_then(|effect| effect.prediction)
        .map_or(0.0, |prediction| -prediction.estimate.exp_m1())
}
