//! The guardrail: harm so plain that the statistics are not waited for.
//!
//! It compares each minute of the changed arm with the last hour of minutes without the change: minutes with it
//! would in time become the usual. Slow minutes come by themselves as well, so being slow is a strike: back to the
//! old setting, pause, and the trial ends only with the second. And a strike that going back did not mend was not the
//! change's doing: it does not count. Errors, deadlocks, refused connections, lag and a full disk are not waited for.

use std::collections::VecDeque;

use querysmith_shared::change::coins::Arm;
use serde::{Deserialize, Serialize};

use super::mix::Mix;
use super::window::Minute;
use crate::measure::statistics::{median, quantile};
use crate::thresholds::switchback::GuardrailThresholds;

/// Going back did not help if minutes without the change are still this share as slow, in logarithms: half.
const STILL_SLOW: f64 = 0.5;
/// The usual minutes have an index in this share at least before its absence is an alarm.
const LEAST_PRESENT: f64 = 0.9;
/// A replica lags because of the change if it lags twice as much as it does by itself.
const LAG_FACTOR: f64 = 2.0;

/// What the guardrail saw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alarm {
    /// The statements took this many times as long as in the last hour without the change.
    Slow(f64),
    /// No statement finished or could be read, where some always had.
    Silent,
    /// So many statements failed or timed out.
    Errors(u64),
    /// So many deadlocks.
    Deadlocks(u64),
    /// So many connections were refused.
    Refused(u64),
    /// A replica lags so many seconds.
    ReplicationLag(f64),
    /// So small a share of the disk is free.
    DiskFull(f64),
}

impl Alarm {
    /// Worse than slow: one is enough.
    pub fn is_hard(self) -> bool {
        match self {
            Self::Slow(_) | Self::Silent => false,
            Self::Errors(_)
            | Self::Deadlocks(_)
            | Self::Refused(_)
            | Self::ReplicationLag(_)
            | Self::DiskFull(_) => true,
        }
    }
}

/// What there is to say of a minute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Signal {
    /// The change must go at once.
    Alarm(Alarm),
    /// Since it went, things are as usual again: it was the change.
    Confirmed(Alarm),
}

/// An alarm that is not yet known to be the change's doing.
#[derive(Debug, Clone, PartialEq)]
struct Doubt {
    alarm: Alarm,
    /// What minutes without the change exceed if they are as slow.
    as_slow: f64,
    /// By how much they did exceed the usual; `None` where nothing was called.
    since: Vec<Option<f64>>,
}

/// Things that are counted.
const COUNTS: usize = 3;

/// A minute with all that is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reduced {
    /// Log of the time against the usual; `None` where too little was called.
    index: Option<f64>,
    /// Errors, deadlocks, refused connections.
    counts: [u64; COUNTS],
}

/// The guardrail of one trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Guardrail {
    mix: Mix,
    thresholds: GuardrailThresholds,
    /// The last minutes without the change.
    reference: VecDeque<Reduced>,
    /// The last minutes with it, in a row.
    changed: VecDeque<Reduced>,
    doubt: Option<Doubt>,
    /// Log of the factor that is slow.
    limit: f64,
    /// Counts that the server reaches by itself.
    own_counts: [u64; COUNTS],
    /// Lag that its replicas have by themselves, s: one may be late on purpose.
    own_lag_s: f64,
}

impl Guardrail {
    /// Calibrated on the server's own minutes without the change, oldest first: each limit is at least what they
    /// exceed once in a thousand minutes.
    pub(super) fn calibrate(mix: Mix, history: &[Minute], thresholds: &GuardrailThresholds) -> Self {
        let mut guardrail = Self {
            mix,
            thresholds: thresholds.clone(),
            reference: VecDeque::new(),
            changed: VecDeque::new(),
            doubt: None,
            limit: thresholds.slow_factor.ln(),
            own_counts: [0; COUNTS],
            own_lag_s: 0.0,
        };
        let mut excesses = Vec::new();
        let mut sums = [const { Vec::new() }; COUNTS];
        for minute in history.iter().filter(|minute| minute.arm == Arm::A && !minute.settling) {
            let reduced = guardrail.reduce(minute);
            excesses.extend(guardrail.excess(&reduced));
            guardrail.remember(reduced);
            let newest = guardrail.reference.iter().rev().take(guardrail.thresholds.minutes);
            for (which, sums) in sums.iter_mut().enumerate() {
                sums.push(newest.clone().map(|each| each.counts[which] as f64).sum::<f64>());
            }
        }
        let own = &guardrail.thresholds;
        let lags: Vec<f64> = history.iter().filter_map(|minute| minute.replication_lag_s).collect();
        guardrail.own_lag_s = quantile(&lags, own.quantile).unwrap_or(0.0);
        let usual = quantile(&excesses, own.quantile).unwrap_or(f64::NEG_INFINITY);
        guardrail.limit = usual.max(own.slow_factor.ln()).min(own.most_slow_factor.ln());
        guardrail.own_counts = sums.map(|sums| quantile(&sums, own.quantile).unwrap_or(0.0) as u64);
        guardrail
    }

    /// Takes note of a minute.
    pub(super) fn observe(&mut self, minute: &Minute) -> Option<Signal> {
        let reduced = self.reduce(minute);
        match minute.arm {
            Arm::A => {
                self.changed.clear();
                if minute.settling {
                    return None;
                }
                let excess = self.excess(&reduced);
                self.remember(reduced);
                let doubt = self.doubt.as_mut()?;
                doubt.since.push(excess);
                if doubt.since.len() < self.thresholds.minutes { None } else { self.resolve() }
            }
            // Nobody saw whether going back helped: then it did.
            Arm::B if self.doubt.is_some() => {
                self.changed.push_back(reduced);
                self.doubt.take().map(|doubt| Signal::Confirmed(doubt.alarm))
            }
            Arm::B => {
                self.changed.push_back(reduced);
                if self.changed.len() > self.thresholds.minutes {
                    self.changed.pop_front();
                }
                let alarm =
                    self.full_or_lagging(minute).or_else(|| self.counted()).or_else(|| self.slow())?;
                self.changed.clear();
                let as_slow = match alarm {
                    Alarm::Slow(factor) => STILL_SLOW * factor.ln(),
                    _ => f64::INFINITY,
                };
                self.doubt = (!alarm.is_hard()).then(|| Doubt { alarm, as_slow, since: Vec::new() });
                Some(Signal::Alarm(alarm))
            }
        }
    }

    /// Whether going back helped.
    fn resolve(&mut self) -> Option<Signal> {
        let doubt = self.doubt.take()?;
        let excesses: Vec<f64> = doubt.since.iter().copied().flatten().collect();
        let mended = match doubt.alarm {
            Alarm::Slow(_) => excesses.is_empty() || median(&excesses) < doubt.as_slow,
            // Silent without the change as well: the clients went away.
            _ => !excesses.is_empty(),
        };
        mended.then_some(Signal::Confirmed(doubt.alarm))
    }

    fn remember(&mut self, reduced: Reduced) {
        self.reference.push_back(reduced);
        if self.reference.len() > self.thresholds.reference_minutes {
            self.reference.pop_front();
        }
    }

    fn reduce(&self, minute: &Minute) -> Reduced {
        Reduced {
            index: minute.sums.as_ref().and_then(|sums| self.mix.index(sums)),
            counts: [minute.errors, minute.deadlocks, minute.refused],
        }
    }

    /// How far a minute is above the usual ones; `None` where there are too few of them.
    fn excess(&self, minute: &Reduced) -> Option<f64> {
        let usual: Vec<f64> = self.reference.iter().filter_map(|each| each.index).collect();
        if usual.len() < self.thresholds.least_reference_minutes {
            return None;
        }
        Some(minute.index? - median(&usual))
    }

    fn full_or_lagging(&self, minute: &Minute) -> Option<Alarm> {
        let full = minute.free_disk.filter(|free| *free < self.thresholds.least_free_disk);
        let most_lag_s = self.thresholds.most_replication_lag_s.max(LAG_FACTOR * self.own_lag_s);
        let lagging = minute.replication_lag_s.filter(|lag| *lag > most_lag_s);
        full.map(Alarm::DiskFull).or(lagging.map(Alarm::ReplicationLag))
    }

    fn counted(&self) -> Option<Alarm> {
        /// The alarm, its factor, the least count.
        type Limit = (fn(u64) -> Alarm, f64, u64);
        let own = &self.thresholds;
        let limits: [Limit; COUNTS] = [
            (Alarm::Errors, own.errors_factor, own.least_errors),
            (Alarm::Deadlocks, own.deadlocks_factor, own.least_deadlocks),
            (Alarm::Refused, own.refused_factor, own.least_refused),
        ];
        let sum = |minutes: &VecDeque<Reduced>, which: usize| {
            minutes.iter().map(|each| each.counts[which]).sum::<u64>()
        };
        for (which, (alarm, factor, least)) in limits.into_iter().enumerate() {
            let count = sum(&self.changed, which);
            let usual = sum(&self.reference, which) as f64 / self.reference.len().max(1) as f64;
            let expected = usual * self.changed.len() as f64;
            if count >= least && count > self.own_counts[which] && count as f64 >= factor * expected {
                return Some(alarm(count));
            }
        }
        None
    }

    fn slow(&self) -> Option<Alarm> {
        if self.changed.len() < self.thresholds.minutes {
            return None;
        }
        if self.changed.iter().all(|minute| minute.index.is_none()) {
            let present = self.reference.iter().filter(|minute| minute.index.is_some()).count();
            let always = present >= self.thresholds.least_reference_minutes
                && present as f64 >= LEAST_PRESENT * self.reference.len() as f64;
            return always.then_some(Alarm::Silent);
        }
        let excesses: Vec<f64> = self.changed.iter().filter_map(|minute| self.excess(minute)).collect();
        let slow =
            excesses.len() == self.changed.len() && excesses.iter().all(|excess| *excess >= self.limit);
        slow.then(|| Alarm::Slow(median(&excesses).exp()))
    }
}
