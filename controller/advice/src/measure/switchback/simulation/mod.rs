//! The trial tried on made-up servers whose true effect is known.
//!
//! The real [`super::trial::Trial`] is run by a simulated shell on servers that are made up minute by minute, so what is
//! counted here is what the product would have decided. The ordinary world is meant to be as restless as a
//! production server; three more are nastier. Every run is the same for the same seed. The bars in
//! `benches/verdict.rs` are asked of thousands of runs; the tests beside this file of a few hundred.

pub mod shell;
#[cfg(test)]
mod tests;
pub mod world;

use querysmith_shared::change::coins::Arm;

use super::decision::{StopReason, Verdict};
use super::guardrail::{Alarm, Guardrail, Signal};
use super::mix::{Mix, Usual};
use super::window::Minute;
use crate::thresholds::switchback::SwitchbackThresholds;
use shell::{Order, Outcome, Setup, run};
use world::{Effect, World};

/// How many trials ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Trials.
    pub runs: u32,
    /// Reverted, for whatever reason.
    pub reverts: u32,
    /// Reverted because the statements together took more.
    pub harmed: u32,
    /// Reverted because one statement took more.
    pub statement_harmed: u32,
    /// Reverted by the guardrail.
    pub guardrail: u32,
    /// Kept.
    pub keeps: u32,
    /// Trials with a strike.
    pub struck: u32,
    /// Trials whose interval held the truth when they ended.
    pub interval_holds: u32,
}

impl Tally {
    /// Counts an outcome.
    pub fn add(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.reverts += u32::from(outcome.verdict == Verdict::Revert);
        self.harmed += u32::from(matches!(outcome.reason, StopReason::Harmed(_)));
        self.statement_harmed += u32::from(matches!(outcome.reason, StopReason::StatementHarmed(..)));
        self.guardrail += u32::from(matches!(outcome.reason, StopReason::Guardrail(_)));
        self.keeps += u32::from(outcome.verdict == Verdict::Keep);
        self.struck += u32::from(outcome.strikes > 0);
        self.interval_holds += u32::from(outcome.interval_holds);
    }
}

/// Counts how trials of a change that does nothing end: the whole procedure, guardrail included.
pub fn nothing(world: World, order: Order, seeds: impl IntoIterator<Item = u64>) -> Tally {
    let setup = Setup {
        world,
        effect: Effect::NONE,
        order,
        guardrail: true,
        covariates: true,
        thresholds: SwitchbackThresholds::default(),
    };
    let mut tally = Tally::default();
    for seed in seeds {
        tally.add(&run(&setup, seed));
    }
    tally
}

/// Minutes until the pairs alone, without the guardrail, had the change reverted (or kept, where it helps); `None`
/// where they had not within `minutes`.
pub fn minutes_to_verdict(world: World, effect: Effect, minutes: u64, seed: u64) -> Option<u64> {
    let thresholds = SwitchbackThresholds::default();
    let pair_s = 2.0 * (thresholds.window_s + thresholds.washout_s);
    let most_pairs = (minutes as f64 * 60.0 / pair_s) as u32;
    let setup = Setup {
        world,
        effect,
        order: Order::Coin,
        guardrail: false,
        covariates: true,
        thresholds: SwitchbackThresholds { most_pairs, ..thresholds },
    };
    let wanted = match effect {
        Effect::All(factor) if factor < 1.0 => Verdict::Keep,
        Effect::All(_) | Effect::OneOfATenth(_) => Verdict::Revert,
    };
    let outcome = run(&setup, seed);
    (outcome.verdict == wanted).then_some(outcome.minutes)
}

/// Minutes after a change until the guardrail gives its first alarm; `None` where it does not within `most`. It is
/// calibrated on the `history` minutes before.
pub fn minutes_to_alarm(world: World, effect: Effect, history: u32, most: u32, seed: u64) -> Option<u32> {
    let mut server = world::Server::new(world, effect, seed);
    let mut minute = |arm| {
        let sums = server.live(arm).sums;
        Minute {
            end: querysmith_shared::timestamp::Timestamp(server.minute as i64 * 60_000_000),
            arm,
            settling: false,
            sums: Some(sums),
            errors: 0,
            deadlocks: 0,
            refused: 0,
            replication_lag_s: None,
            free_disk: None,
        }
    };
    let before: Vec<Minute> = (0..history).map(|_| minute(Arm::A)).collect();
    let sums: Vec<_> = before.iter().filter_map(|minute| minute.sums.clone()).collect();
    let usual = Usual { watched_s: 60.0 * f64::from(history), sums: shell::sum(&sums) };
    let thresholds = SwitchbackThresholds::default();
    let mix = Mix::freeze(&usual, 60.0, thresholds.halving_noise, 1);
    let mut guardrail = Guardrail::calibrate(mix, &before, &thresholds.guardrail);
    (1..=most).find(|_| matches!(guardrail.observe(&minute(Arm::B)), Some(Signal::Alarm(Alarm::Slow(_)))))
}
