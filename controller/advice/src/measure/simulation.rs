//! The measurement tried on made-up statements whose true effect is known.
//!
//! The world is meant to be nastier than a test bench: a load all statements share, a noise of its own for each,
//! both remembered from window to window, calls that come and go, and spikes.

use querysmith_shared::change::ChangeKind;
use querysmith_shared::id::StatementId;
use querysmith_shared::timestamp::Timestamp;

use super::chance::Chance;
use super::effect::{Effect, Verdict};
use super::judge::Judged;
use super::series::Grid;
use super::{Signs, StatementSeries, TrialSamples, measure};
use crate::evidence::WindowSum;
use crate::thresholds::MeasureThresholds;

const WINDOW_S: i64 = 15;

#[derive(Clone, Copy)]
struct World {
    touched: usize,
    controls: usize,
    calls_per_s: f64,
    /// What all statements share: deviation and memory from window to window.
    shared: (f64, f64),
    /// What each has of its own.
    own: (f64, f64),
    /// Variation of single calls.
    call_variation: f64,
    spikes_per_window: f64,
    /// How far the time of day moves the touched statements and the controls.
    daily: (f64, f64),
    before: usize,
    after: usize,
}

const ORDINARY: World = World {
    touched: 2,
    controls: 6,
    calls_per_s: 3.0,
    shared: (0.12, 0.8),
    own: (0.10, 0.5),
    call_variation: 1.0,
    spikes_per_window: 0.003,
    daily: (0.0, 0.0),
    before: 120,
    after: 240,
};

fn samples(world: &World, effect: f64, seed: u64, thresholds: &MeasureThresholds) -> TrialSamples {
    let mut chance = Chance::new(seed);
    let windows = world.before + world.after;
    let remembered = |chance: &mut Chance, (deviation, memory): (f64, f64)| -> Vec<f64> {
        let mut value = chance.normal() * deviation;
        let fresh = deviation * (1.0 - memory * memory).sqrt();
        let step = |_| {
            value = memory * value + fresh * chance.normal();
            value
        };
        (0..windows).map(step).collect()
    };
    let shared = remembered(&mut chance, world.shared);
    // Drawn apart: the rest of the world is the same at every hour.
    let hour = chance.apart().uniform() * std::f64::consts::TAU;
    let began_at = Timestamp(world.before as i64 * WINDOW_S * 1_000_000);
    let mut series = |number: usize, touched: bool| {
        let own = remembered(&mut chance, world.own);
        let usual = (1.0 + chance.normal()).exp();
        let mut sums = Vec::new();
        for position in 0..windows {
            let calls =
                (world.calls_per_s * WINDOW_S as f64 * (1.0 + 0.2 * chance.normal())).max(0.0).round();
            if calls == 0.0 {
                continue;
            }
            let mut log =
                shared[position] + own[position] + world.call_variation / calls.sqrt() * chance.normal();
            if chance.uniform() < world.spikes_per_window {
                log += 1.5;
            }
            let day = (position as i64 * WINDOW_S) as f64 / 86_400.0 * std::f64::consts::TAU;
            log += (if touched { world.daily.0 } else { world.daily.1 }) * (hour + day).sin();
            if touched && position >= world.before {
                log += effect;
            }
            let mean = usual * log.exp();
            let start = Timestamp(position as i64 * WINDOW_S * 1_000_000);
            sums.push(WindowSum {
                start,
                end: Timestamp(start.0 + WINDOW_S * 1_000_000),
                calls: calls as u64,
                total_ms: mean * calls,
                sum_squares_ms2: mean * mean * calls * 2.0,
                blocks_hit: (usual * 100.0 * (own[position] * 0.2).exp() * calls) as u64,
                blocks_read: 0,
                rows: calls as u64,
                temp_blocks: 0,
                wal_bytes: 0,
            });
        }
        StatementSeries { id: StatementId(number as i64), windows: sums }
    };
    TrialSamples {
        kind: ChangeKind::CreateIndex,
        touched: (0..world.touched).map(|number| series(number, true)).collect(),
        controls: (0..world.controls).map(|number| series(100 + number, false)).collect(),
        began_at,
        applied_at: began_at,
        now: Timestamp(windows as i64 * WINDOW_S * 1_000_000),
        thresholds: MeasureThresholds { washout_s: 0.0, ..thresholds.clone() },
    }
}

/// Whether a change was ever called helpful and ever called harmful, in all looks of a trial at once: wealth is
/// taken at its highest, as if somebody had looked after every window.
fn ever(samples: &TrialSamples) -> (bool, bool) {
    let thresholds = &samples.thresholds;
    let signs = Signs::of(&Grid::of(samples), thresholds);
    let rich = |judged: &Judged| judged.help.highest >= 1.0 / thresholds.benefit_alpha;
    (signs.time.as_ref().is_some_and(rich), signs.harmed(thresholds))
}

fn count(world: &World, effect: f64, runs: u64) -> (usize, usize) {
    let mut helped = 0;
    let mut harmed = 0;
    for run in 0..runs {
        let (help, harm) = ever(&samples(world, effect, run + 1, &MeasureThresholds::default()));
        helped += usize::from(help);
        harmed += usize::from(harm);
    }
    (helped, harmed)
}

/// Worlds in which a change that does nothing must be called neither helpful nor harmful.
fn worlds() -> [(&'static str, World); 11] {
    [
        ("ordinary", ORDINARY),
        ("watched for two minutes before", World { before: 10, ..ORDINARY }),
        ("watched for one window before", World { before: 1, ..ORDINARY }),
        ("watched for two windows before", World { before: 2, ..ORDINARY }),
        ("watched for three windows before", World { before: 3, controls: 0, ..ORDINARY }),
        ("a day's load that all share", World { daily: (0.35, 0.35), after: 1_440, ..ORDINARY }),
        ("a day's load of its own", World { daily: (0.35, 0.0), after: 1_440, ..ORDINARY }),
        ("a day's load and no controls", World { daily: (0.35, 0.0), controls: 0, after: 1_440, ..ORDINARY }),
        ("no controls", World { controls: 0, ..ORDINARY }),
        ("long memory", World { own: (0.15, 0.8), ..ORDINARY }),
        (
            "one statement with much noise",
            World { touched: 1, call_variation: 2.0, spikes_per_window: 0.01, ..ORDINARY },
        ),
    ]
}

#[test]
fn a_change_that_does_nothing_is_called_nothing() {
    let (mut all_helped, mut all_harmed, mut all) = (0, 0, 0);
    for (name, world) in worlds() {
        // Six hours take long to make up.
        let runs = if world.after > ORDINARY.after { 100 } else { 400 };
        let (helped, harmed) = count(&world, 0.0, runs);
        let (most_helped, most_harmed) = if runs == 400 { (8, 6) } else { (2, 2) };
        let fine = helped <= most_helped && harmed <= most_harmed;
        assert!(fine, "{name}: {helped} helped, {harmed} harmed of {runs}");
        all += runs as usize;
        all_helped += helped;
        all_harmed += harmed;
    }
    // One in a hundred at most, either way.
    let most = all / 100;
    assert!(all_helped <= most && all_harmed <= most, "{all_helped} helped, {all_harmed} harmed");
}

#[test]
fn what_helps_or_harms_is_found() {
    for (effect, least_helped, least_harmed) in
        [(-3.0, 40, 0), (-0.7, 40, 0), (-0.36, 38, 0), (0.26, 0, 36), (0.7, 0, 40)]
    {
        let (helped, harmed) = count(&ORDINARY, effect, 40);
        assert!(helped >= least_helped && harmed >= least_harmed, "{effect}: {helped} {harmed}");
        assert!(least_helped == 0 || harmed == 0, "{effect}: {harmed} harmed");
        assert!(least_harmed == 0 || helped == 0, "{effect}: {helped} helped");
    }
}

/// Windows after the change until the first verdict, looking after every one of them.
fn windows_until(samples: &TrialSamples, most: i64) -> (Verdict, i64, Effect) {
    let mut looked = samples.clone();
    for seen in 1..=most {
        looked.now = Timestamp(samples.began_at.0 + seen * WINDOW_S * 1_000_000);
        let effect = measure(&looked);
        if effect.verdict != Verdict::TooLittleData || seen == most {
            return (effect.verdict, seen, effect);
        }
    }
    unreachable!("the last look returns")
}

#[test]
fn a_large_improvement_is_certain_within_two_minutes() {
    // 3 calls a second, 95 % less time, two and a half minutes watched before.
    let world = World { before: 10, touched: 1, ..ORDINARY };
    for seed in 0..30 {
        let samples = samples(&world, -3.0, seed, &MeasureThresholds::default());
        let (verdict, windows, effect) = windows_until(&samples, 12);
        assert_eq!(verdict, Verdict::Helped, "{effect:?}");
        assert!(windows <= 8, "{windows} windows");
        assert!((-0.98..=-0.85).contains(&effect.estimate), "{effect:?}");
        assert!(effect.low >= -0.999 && effect.high <= -0.2, "{effect:?}");
        assert!(effect.interval().contains(-0.95), "{effect:?}");
    }
}

#[test]
fn plain_harm_is_seen_within_a_minute() {
    for seed in 0..30 {
        let samples = samples(&ORDINARY, 1.6, seed, &MeasureThresholds::default());
        let (verdict, windows, effect) = windows_until(&samples, 8);
        assert_eq!(verdict, Verdict::Harmed, "{effect:?}");
        assert!(windows <= 5, "{windows} windows");
    }
}

#[test]
fn no_effect_is_told_in_an_hour_and_the_interval_holds() {
    let world = World { after: 240, ..ORDINARY };
    let (mut told, mut held) = (0, 0);
    for seed in 0..40 {
        let effect = measure(&samples(&world, 0.0, seed, &MeasureThresholds::default()));
        told += usize::from(effect.verdict == Verdict::NoEffect);
        held += usize::from(effect.interval().contains(0.0));
    }
    assert!(told >= 28, "{told} of 40 told");
    assert!(held >= 37, "{held} of 40 held");
}

#[test]
fn rare_calls_are_put_together_instead_of_thrown_away() {
    // One call in five seconds: three in a window are too few, six in two windows are not.
    let world = World { calls_per_s: 0.2, touched: 1, before: 60, ..ORDINARY };
    let samples = samples(&world, -3.0, 7, &MeasureThresholds::default());
    let effect = measure(&samples);
    assert_eq!(effect.verdict, Verdict::Helped, "{effect:?}");
}
