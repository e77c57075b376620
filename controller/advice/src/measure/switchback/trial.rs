//! A trial as it goes: pairs and minutes in, decisions out.
//!
//! A trial holds nothing but what follows from its plan and from what it was told, in order. To have it back after
//! a restart, begin it with the same plan and tell it the same again.

use std::time::Duration;

use querysmith_shared::change::coins::Arm;
use querysmith_shared::timestamp::Timestamp;

use super::assessment::Assessment;
use super::covariates::{self, Slopes};
use super::decision::{Decision, PauseReason, StopReason, Verdict};
use super::difference::{Cost, Difference, difference};
use super::evidence::{Evidence, Seen};
use super::guardrail::{Guardrail, Signal};
use super::mix::Mix;
use super::plan::{self, NotTestable, Plan};
use super::steady::Jumps;
use super::window::{Fault, Minute, Pair, Reading, Window};
use crate::measure::cell::Metric;
use crate::overview::seconds;

/// A minute, s.
const MINUTE_S: f64 = 60.0;

/// How pairs are looked at: frozen before the trial.
#[derive(Debug, Clone, PartialEq)]
struct Sight {
    mix: Mix,
    minute_mix: Mix,
    slopes: Slopes,
    jumps: Jumps,
    least_calls: u64,
}

impl Sight {
    /// What a pair says in a metric. Blocks are not a matter of load, so nothing is taken off them.
    fn see(&self, a: &Window, b: &Window, metric: Metric) -> (Option<Seen>, Difference) {
        let difference = difference(&self.mix, a, b, metric, self.least_calls);
        let seen = difference.whole.map(|whole| match metric {
            Metric::Time => Seen {
                plain: whole - self.slopes.explained(&covariates::difference(a, b)),
                steady: self.jumps.difference(&self.minute_mix, a, b),
            },
            Metric::Blocks => Seen { plain: whole, steady: None },
        });
        (seen, difference)
    }
}

/// A trial under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    plan: Plan,
    sight: Sight,
    guardrail: Guardrail,
    /// One for each metric of the kind of change.
    evidence: Vec<Evidence>,
    cost: Cost,
    decision: Decision,
    pairs: u32,
    counted: u32,
    missing: u32,
    strikes: u32,
    covered_ms: f64,
    db_time_ms: f64,
    peak_seen: bool,
    /// Arm A stays in place until then.
    paused_until: Option<Timestamp>,
}

impl Trial {
    /// Freezes weights, slopes and limits from before the change. Nothing of them is touched afterwards.
    pub fn begin(plan: Plan) -> Result<Self, NotTestable> {
        plan::check(&plan)?;
        let own = &plan.thresholds;
        let mix = Mix::freeze(&plan.usual, own.window_s, own.halving_noise, own.least_calls);
        if mix.coverage < own.least_coverage || mix.parts.is_empty() {
            return Err(NotTestable::TooLittleCoverage { have: mix.coverage, need: own.least_coverage });
        }
        let metrics = plan.toggle.metrics();
        let mut evidence: Vec<Evidence> =
            metrics.iter().map(|metric| Evidence::new(*metric, metrics.len(), &mix, own)).collect();
        let quiet: Vec<(&Window, &Window)> = plan.quiet.iter().filter_map(Pair::whole).collect();
        let explained: Vec<(f64, covariates::Difference)> = quiet
            .iter()
            .filter_map(|(a, b)| {
                let time = difference(&mix, a, b, Metric::Time, own.least_calls).whole?;
                Some((time, covariates::difference(a, b)))
            })
            .collect();
        if explained.len() < own.quiet_pairs {
            let pair_s = (2.0 * (own.washout_s + own.window_s)) as u32;
            return Err(NotTestable::TooFewQuietPairs {
                have: explained.len(),
                need: own.quiet_pairs,
                pair_s,
            });
        }
        let minute_mix = Mix::freeze(&plan.usual, MINUTE_S, own.halving_noise, 1);
        let sight = Sight {
            slopes: Slopes::freeze(&explained),
            jumps: Jumps::freeze(&minute_mix, &plan.quiet),
            mix,
            minute_mix,
            least_calls: own.least_calls,
        };
        for evidence in &mut evidence {
            for (a, b) in &quiet {
                if let (Some(seen), difference) = sight.see(a, b, evidence.metric) {
                    evidence.quiet(seen, &difference);
                }
            }
        }
        Ok(Self {
            guardrail: Guardrail::calibrate(sight.minute_mix.clone(), &plan.minutes, &own.guardrail),
            cost: Cost::new(&sight.mix),
            decision: Decision::Measure { pair: 0, first: plan.first(0) },
            plan,
            sight,
            evidence,
            pairs: 0,
            counted: 0,
            missing: 0,
            strikes: 0,
            covered_ms: 0.0,
            db_time_ms: 0.0,
            peak_seen: false,
            paused_until: None,
        })
    }

    /// What to do now.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Tells of a minute, in either arm. `Some` where something must be done at once.
    pub fn minute(&mut self, minute: &Minute) -> Option<Decision> {
        if self.is_over() {
            return None;
        }
        let guardrail = &self.plan.thresholds.guardrail;
        match self.guardrail.observe(minute)? {
            Signal::Alarm(alarm) if alarm.is_hard() => {
                self.decision = stop(Verdict::Revert, Arm::A, StopReason::Guardrail(alarm));
            }
            Signal::Alarm(alarm) => {
                let until = minute.end.after(seconds(self.plan.thresholds.pause_s));
                self.paused_until = Some(until);
                self.decision = Decision::GoBack { alarm, until };
            }
            Signal::Confirmed(alarm) => {
                self.strikes += 1;
                if self.strikes < guardrail.strikes {
                    return None;
                }
                self.decision = stop(Verdict::Revert, Arm::A, StopReason::Guardrail(alarm));
            }
        }
        Some(self.decision)
    }

    /// Tells of the pair that was asked for, as far as it came, and decides what comes next.
    pub fn pair(&mut self, pair: &Pair) -> Decision {
        if self.is_over() {
            return self.decision;
        }
        self.pairs += 1;
        let ended = match pair.whole() {
            Some((a, b)) => {
                self.count(a, b);
                Some(a.end.max(b.end))
            }
            None => {
                // What was never run isn't missing.
                let is_missing =
                    |reading: &&Reading| matches!(reading, Reading::Lost(fault) if *fault != Fault::NotRun);
                let lost = [&pair.a, &pair.b].into_iter().filter(is_missing);
                self.missing += u32::try_from(lost.count()).unwrap_or(u32::MAX);
                None
            }
        };
        self.decision = self.verdict().unwrap_or_else(|| self.next(ended));
        self.decision
    }

    /// Adds a pair to the evidence, if a statement was called often enough in both of its windows.
    fn count(&mut self, a: &Window, b: &Window) {
        let own = &self.plan.thresholds;
        let mut counted = false;
        for evidence in &mut self.evidence {
            let (Some(seen), difference) = self.sight.see(a, b, evidence.metric) else { continue };
            evidence.bet(seen, &difference, own);
            if evidence.metric == Metric::Time {
                counted = true;
                self.covered_ms += difference.covered_ms;
            }
        }
        self.db_time_ms += a.sums.db_time_ms + b.sums.db_time_ms;
        if counted {
            self.counted += 1;
            self.cost.add(&self.sight.mix, a, b);
            self.peak_seen |= self.plan.peak.contains(a.start.min(b.start));
        }
    }

    /// The verdict, if there is one. Harm first: it needs no coverage, no peak and no patience.
    fn verdict(&self) -> Option<Decision> {
        let own = &self.plan.thresholds;
        let inconclusive = |reason| stop(Verdict::Inconclusive, self.plan.toggle.when_inconclusive(), reason);
        for evidence in &self.evidence {
            if evidence.harmed() {
                return Some(stop(Verdict::Revert, Arm::A, StopReason::Harmed(evidence.metric)));
            }
            if let Some(statement) = evidence.harmed_statement() {
                let reason = StopReason::StatementHarmed(statement, evidence.metric);
                return Some(stop(Verdict::Revert, Arm::A, reason));
            }
        }
        if self.missing > own.most_missing {
            return Some(inconclusive(StopReason::WindowsMissing(self.missing)));
        }
        let covered = self.coverage() >= own.least_coverage;
        if self.helped() && covered && self.peak_seen {
            return Some(stop(Verdict::Keep, Arm::B, StopReason::Helped));
        }
        (self.pairs >= own.most_pairs).then(|| {
            inconclusive(match (covered, self.helped()) {
                (false, _) => StopReason::TooLittleCoverage(self.coverage()),
                (true, true) => StopReason::NoDailyPeak,
                (true, false) => StopReason::PairsUsedUp,
            })
        })
    }

    /// Benefit is proven and nothing speaks of harm. Fewer blocks alone are no help to anybody: the time must
    /// not be longer.
    fn helped(&self) -> bool {
        let not_slower = |each: &Evidence| each.metric != Metric::Time || each.typical() < 0.0;
        self.evidence.iter().any(Evidence::helped)
            && self.evidence.iter().all(not_slower)
            && !self.evidence.iter().any(|each| each.suspicious(self.plan.thresholds.veto_share))
    }

    fn coverage(&self) -> f64 {
        if self.db_time_ms > 0.0 { self.covered_ms / self.db_time_ms } else { 0.0 }
    }

    /// The next pair, after a pause where one is due. Without a whole pair nobody has said what time it is.
    fn next(&mut self, ended: Option<Timestamp>) -> Decision {
        let pair = self.pairs;
        let first = self.plan.first(pair);
        let strike = self.paused_until.take().map(|until| (until, PauseReason::Strike));
        let waits_for_peak =
            self.helped() && !self.peak_seen && self.coverage() >= self.plan.thresholds.least_coverage;
        let peak =
            ended.filter(|_| waits_for_peak).map(|now| (self.plan.peak.next(now), PauseReason::DailyPeak));
        let due = [strike, peak].into_iter().flatten().max_by_key(|(until, _)| *until);
        match due {
            Some((until, why)) if ended.is_none_or(|now| until.since(now) > Duration::ZERO) => {
                Decision::Pause { until, why, pair, first }
            }
            _ => Decision::Measure { pair, first },
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.decision, Decision::Stop { .. })
    }

    /// The wealth that proves harm, and the one that proves benefit.
    pub(super) fn wealth_thresholds(&self) -> (f64, f64) {
        (self.plan.thresholds.harm_alpha.recip(), self.plan.thresholds.benefit_alpha.recip())
    }

    /// Everything found so far, for people.
    pub fn assessment(&self) -> Assessment {
        Assessment {
            pairs: self.pairs,
            counted: self.counted,
            missing_windows: self.missing,
            coverage: self.coverage(),
            strikes: self.strikes,
            metrics: self.evidence.iter().map(|each| each.assessment(&self.plan.thresholds)).collect(),
            cost: self.cost.change(&self.sight.mix),
        }
    }
}

fn stop(verdict: Verdict, stay: Arm, reason: StopReason) -> Decision {
    Decision::Stop { verdict, stay, reason }
}
