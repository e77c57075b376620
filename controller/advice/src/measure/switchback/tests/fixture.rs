//! Windows, pairs and plans made by hand.

use querysmith_shared::change::coins::{Arm, CoinSeed};
use querysmith_shared::id::{ChangeId, StatementId};
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use crate::measure::switchback::assessment::Assessment;
use crate::measure::switchback::decision::{Decision, StopReason, Toggle, Verdict};
use crate::measure::switchback::mix::Usual;
use crate::measure::switchback::plan::{DailyPeak, Plan};
use crate::measure::switchback::trial::Trial;
use crate::measure::switchback::window::{Minute, Pair, Reading, StatementSums, StatementWindow, Window};
use crate::thresholds::switchback::SwitchbackThresholds;

pub(super) const MINUTE_US: i64 = 60_000_000;

/// Three statements: half, three tenths and a fifth of the time.
pub(super) const MEANS_MS: [f64; 3] = [5.0, 3.0, 2.0];

pub(super) fn statement(number: usize, calls: u64, mean_ms: f64) -> StatementWindow {
    let total_ms = calls as f64 * mean_ms;
    StatementWindow {
        id: StatementId(number as i64),
        calls,
        total_ms,
        sum_squares_ms2: 2.0 * total_ms * mean_ms,
        blocks: calls * 100,
        unfinished: 0,
        unfinished_ms: 0.0,
    }
}

/// The three statements, each this many times as slow as usual.
pub(super) fn sums(calls: u64, factors: [f64; 3]) -> StatementSums {
    let each = |number: usize| statement(number, calls, MEANS_MS[number] * factors[number]);
    let statements: Vec<StatementWindow> = (0..3).map(each).collect();
    StatementSums::new(statements.iter().map(|each| each.total_ms).sum(), statements)
}

pub(super) fn window(start_minute: i64, factors: [f64; 3]) -> Window {
    Window {
        start: Timestamp(start_minute * MINUTE_US),
        end: Timestamp((start_minute + 5) * MINUTE_US),
        sums: sums(1_000, factors),
        parts: vec![sums(200, factors); 5],
        checkpoint: 0.0,
        backup: 0.0,
    }
}

/// Pair number `number` of a trial, a before b.
pub(super) fn pair(number: i64, a: [f64; 3], b: [f64; 3]) -> Pair {
    let start = number * 12;
    Pair { a: Reading::Whole(window(start + 1, a)), b: Reading::Whole(window(start + 7, b)) }
}

/// Noise that is there in every pair: five per cent, up and down.
pub(super) fn noise(number: i64) -> f64 {
    if number % 2 == 0 { 1.05 } else { 1.0 / 1.05 }
}

pub(super) fn minute(end: i64, arm: Arm, factor: f64) -> Minute {
    Minute {
        end: Timestamp(end * MINUTE_US),
        arm,
        settling: false,
        sums: Some(sums(200, [factor; 3])),
        errors: 0,
        deadlocks: 0,
        refused: 0,
        replication_lag_s: None,
        free_disk: None,
    }
}

pub(super) fn plan() -> Plan {
    Plan {
        change: ChangeId(Uuid::from_u128(1)),
        toggle: Toggle::Setting,
        seed: CoinSeed([7; 32]),
        usual: Usual { watched_s: 300.0, sums: sums(1_000, [1.0; 3]) },
        quiet: (0..20).map(|number| pair(number - 20, [1.0; 3], [noise(number); 3])).collect(),
        minutes: (0..60).map(|end| minute(end - 60, Arm::A, 1.0)).collect(),
        peak: DailyPeak::None,
        thresholds: SwitchbackThresholds::default(),
    }
}

pub(super) fn stopped(verdict: Verdict, stay: Arm, reason: StopReason) -> Decision {
    Decision::Stop { verdict, stay, reason }
}

/// Tells pairs with this effect, and noise, until the trial stops; the number of pairs.
pub(super) fn until_stop(trial: &mut Trial, effect: [f64; 3]) -> u32 {
    for number in 0_u32.. {
        let factor = noise(i64::from(number));
        trial.pair(&pair(i64::from(number), [1.0; 3], effect.map(|effect| effect * factor)));
        if matches!(trial.decision(), Decision::Stop { .. }) {
            return number + 1;
        }
    }
    unreachable!("a trial ends")
}

pub(super) fn effect_of(assessment: &Assessment) -> f64 {
    assessment.metrics[0].effect.expect("there were pairs").estimate
}
