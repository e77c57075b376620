//! The shell of a simulated trial: carries out decisions on a made-up server, as the real one does on a real one.

use std::collections::BTreeMap;

use querysmith_shared::change::coins::{Arm, CoinSeed};
use querysmith_shared::id::{ChangeId, StatementId};
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use super::world::{Effect, Lived, Server, World, listed};
use crate::measure::chance::Chance;
use crate::measure::switchback::decision::{Decision, StopReason, Toggle, Verdict};
use crate::measure::switchback::mix::Usual;
use crate::measure::switchback::plan::{DailyPeak, Plan};
use crate::measure::switchback::trial::Trial;
use crate::measure::switchback::window::{Minute, Pair, Reading, StatementSums, StatementWindow, Window};
use crate::thresholds::switchback::SwitchbackThresholds;

/// One simulated trial, before it is run.
#[derive(Debug, Clone, PartialEq)]
pub struct Setup {
    /// The server.
    pub world: World,
    /// What the change does to it.
    pub effect: Effect,
    /// How the arms are ordered.
    pub order: Order,
    /// Whether the guardrail is told of the minutes.
    pub guardrail: bool,
    /// Whether checkpoints are told of.
    pub covariates: bool,
    /// Thresholds.
    pub thresholds: SwitchbackThresholds,
}

/// How the arms of a pair are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By the coin.
    Coin,
    /// Always A before B, against what was decided: what must fail.
    AlwaysABeforeB,
}

/// How a simulated trial ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// Its reason.
    pub reason: StopReason,
    /// Minutes from the first toggle to the verdict.
    pub minutes: u64,
    /// Pairs.
    pub pairs: u32,
    /// Strikes of the guardrail.
    pub strikes: u32,
    /// Change as a fraction, by estimate; 0 without a pair.
    pub estimate: f64,
    /// Whether the interval holds what was true.
    pub interval_holds: bool,
}

/// Runs a trial to its verdict.
pub fn run(setup: &Setup, seed: u64) -> Outcome {
    let mut shell = Shell::new(setup, seed);
    let mut trial = shell.begin(seed);
    let begun = shell.server.minute;
    loop {
        match trial.decision() {
            Decision::Measure { first, .. } => shell.measure(&mut trial, first),
            Decision::Pause { until, first, .. } => {
                while shell.now() < until && !is_over(&trial) {
                    shell.minute(&mut trial, Arm::A, false);
                }
                if !is_over(&trial) {
                    shell.measure(&mut trial, first);
                }
            }
            Decision::GoBack { .. } => unreachable!("the pair is handed in before the next decision"),
            Decision::Stop { verdict, reason, .. } => {
                let assessment = trial.assessment();
                let effect = assessment.metrics.first().and_then(|metric| metric.effect);
                let truth = match setup.effect {
                    Effect::All(factor) => factor - 1.0,
                    Effect::OneOfATenth(_) => f64::NAN,
                };
                return Outcome {
                    verdict,
                    reason,
                    minutes: shell.server.minute - begun,
                    pairs: assessment.pairs,
                    strikes: assessment.strikes,
                    estimate: effect.map_or(0.0, |effect| effect.estimate),
                    interval_holds: effect.is_none_or(|effect| effect.contains(truth)),
                };
            }
        }
    }
}

fn is_over(trial: &Trial) -> bool {
    matches!(trial.decision(), Decision::Stop { .. })
}

/// A server with somebody who reads its counters.
struct Shell<'s> {
    setup: &'s Setup,
    server: Server,
}

impl<'s> Shell<'s> {
    fn new(setup: &'s Setup, seed: u64) -> Self {
        Self { setup, server: Server::new(setup.world, setup.effect, seed) }
    }

    /// Watches the server for as many A/A pairs as are asked for, and plans the trial.
    fn begin(&mut self, seed: u64) -> Trial {
        let thresholds = self.setup.thresholds.clone();
        let mut minutes = Vec::new();
        let mut quiet = Vec::new();
        for _ in 0..thresholds.quiet_pairs {
            let mut window = || {
                let lived = self.window(Arm::A, &mut |minute| {
                    minutes.push(minute.clone());
                    true
                });
                Reading::Whole(lived.expect("nothing ends it early"))
            };
            quiet.push(Pair { a: window(), b: window() });
        }
        for minute in &mut minutes {
            minute.settling = false;
        }
        let sums: Vec<StatementSums> = minutes.iter().filter_map(|minute| minute.sums.clone()).collect();
        let usual = Usual { watched_s: 60.0 * sums.len() as f64, sums: sum(&sums) };
        let mut chance = Chance::new(!seed);
        let plan = Plan {
            change: ChangeId(Uuid::from_u128(u128::from(seed))),
            toggle: Toggle::Setting,
            seed: CoinSeed(std::array::from_fn(|_| chance.bits().to_le_bytes()[3])),
            usual,
            quiet,
            minutes,
            peak: DailyPeak::None,
            thresholds,
        };
        Trial::begin(plan).expect("made-up servers can be tried on")
    }

    /// Runs a pair and hands it in.
    fn measure(&mut self, trial: &mut Trial, first: Arm) {
        let first = match self.setup.order {
            Order::Coin => first,
            Order::AlwaysABeforeB => Arm::A,
        };
        let mut windows = BTreeMap::new();
        for arm in [first, first.other()] {
            let guarded = self.setup.guardrail;
            let window = self.window(arm, &mut |minute| !guarded || trial.minute(minute).is_none());
            if is_over(trial) {
                return;
            }
            windows.insert(arm == Arm::B, window);
        }
        let mut reading = |changed| match windows.remove(&changed).flatten() {
            Some(window) => Reading::Whole(window),
            None => Reading::Lost(crate::measure::switchback::window::Fault::Missing),
        };
        let pair = Pair { a: reading(false), b: reading(true) };
        trial.pair(&pair);
    }

    /// Washout and window in an arm, unless `told` of a minute ends it early; `None` if it ended in the washout.
    fn window(&mut self, arm: Arm, told: &mut dyn FnMut(&Minute) -> bool) -> Option<Window> {
        let washout = (self.setup.thresholds.washout_s / 60.0) as u64;
        let length = (self.setup.thresholds.window_s / 60.0) as u64;
        let start = self.server.minute + washout;
        let (mut parts, mut checkpoints) = (Vec::new(), 0);
        for position in 0..washout + length {
            let settling = position < washout;
            let lived = self.server.live(arm);
            let minute = self.read(arm, settling, &lived);
            if !settling {
                parts.push(lived.sums);
                checkpoints += u64::from(lived.checkpoint && self.setup.covariates);
            }
            if !told(&minute) {
                break;
            }
        }
        (!parts.is_empty()).then(|| Window {
            start: at(start),
            end: self.now(),
            checkpoint: checkpoints as f64 / parts.len() as f64,
            backup: 0.0,
            sums: sum(&parts),
            parts,
        })
    }

    /// A minute outside of a pair.
    fn minute(&mut self, trial: &mut Trial, arm: Arm, settling: bool) {
        let lived = self.server.live(arm);
        let minute = self.read(arm, settling, &lived);
        if self.setup.guardrail {
            trial.minute(&minute);
        }
    }

    fn read(&self, arm: Arm, settling: bool, lived: &Lived) -> Minute {
        Minute {
            end: self.now(),
            arm,
            settling,
            sums: Some(lived.sums.clone()),
            errors: 0,
            deadlocks: 0,
            refused: 0,
            replication_lag_s: None,
            free_disk: None,
        }
    }

    fn now(&self) -> Timestamp {
        at(self.server.minute)
    }
}

fn at(minute: u64) -> Timestamp {
    Timestamp(i64::try_from(minute).unwrap_or(i64::MAX).saturating_mul(60_000_000))
}

pub(super) fn sum(parts: &[StatementSums]) -> StatementSums {
    let mut sums: BTreeMap<StatementId, StatementWindow> = BTreeMap::new();
    for window in parts.iter().flat_map(StatementSums::statements) {
        sums.entry(window.id)
            .and_modify(|sum| {
                sum.calls += window.calls;
                sum.total_ms += window.total_ms;
                sum.sum_squares_ms2 += window.sum_squares_ms2;
                sum.blocks += window.blocks;
                sum.unfinished += window.unfinished;
                sum.unfinished_ms += window.unfinished_ms;
            })
            .or_insert(*window);
    }
    listed(sums.into_values().collect())
}
