//! The error rates of trials by switchback, counted on thousands of simulated ones: one JSON object on standard
//! output, exit status 0 only if every bar holds. `VERDICT_RUNS` sets the number of runs, 2,000 by default.

use std::process::ExitCode;
use std::time::Instant;

use querysmith_advice::measure::switchback::simulation::shell::Order;
use querysmith_advice::measure::switchback::simulation::world::{
    Effect, ORDINARY, PERIODIC_JOB, WORLDS, World,
};
use querysmith_advice::measure::switchback::simulation::{
    Tally, minutes_to_alarm, minutes_to_verdict, nothing,
};
use serde_json::{Value, json};

/// The share of false reverts that is promised.
const ALPHA: f64 = 0.01;
/// Effect, minutes, least share that is found.
const POWER: [(f64, u64, f64); 3] = [(1.10, 360, 0.95), (1.30, 120, 0.99), (2.00, 90, 0.99)];
/// Three times slower is caught within five minutes.
const ALARM: (f64, u32, f64) = (3.0, 5, 0.99);
/// A day of minutes to calibrate the guardrail on.
const HISTORY: u32 = 1_440;

fn main() -> ExitCode {
    let runs = std::env::var("VERDICT_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(2_000);
    let began = Instant::now();
    let mut bars = Vec::new();
    let nothing = WORLDS.map(|world| a_change_that_does_nothing(world, runs, &mut bars));
    let mutant = tally(runs.min(500), |seeds| self::nothing(PERIODIC_JOB, Order::AlwaysABeforeB, seeds));
    bars.push((
        "the fixed order fails in the periodic job's world".to_owned(),
        mutant.reverts * 2 > mutant.runs,
    ));
    let power: Vec<Value> = WORLDS.iter().map(|world| power(*world, runs, &mut bars)).collect();
    let alarms: Vec<Value> = WORLDS.iter().map(|world| alarms(*world, runs / 2, &mut bars)).collect();
    let held = bars.iter().all(|(_, held)| *held);
    let figures = json!({
        "runs": runs,
        "nothing": nothing,
        "fixed_order": { "runs": mutant.runs, "reverts": share(mutant.reverts, mutant.runs) },
        "power": power,
        "guardrail": alarms,
        "bars": bars.iter().map(|(bar, held)| json!({ "bar": bar, "held": held })).collect::<Vec<_>>(),
        "held": held,
        "seconds": began.elapsed().as_secs(),
    });
    println!("{figures:#}");
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn a_change_that_does_nothing(world: World, runs: u32, bars: &mut Vec<(String, bool)>) -> Value {
    let tally = tally(runs, |seeds| nothing(world, Order::Coin, seeds));
    let count = f64::from(runs);
    let most = ALPHA + 3.0 * (ALPHA * (1.0 - ALPHA) / count).sqrt();
    let held = f64::from(tally.reverts) <= most * count;
    bars.push((format!("{}: at most {:.2} % false reverts", world.name, most * 100.0), held));
    json!({
        "world": world.name,
        "false_reverts": share(tally.reverts, runs),
        "by": { "whole": tally.harmed, "statement": tally.statement_harmed, "guardrail": tally.guardrail },
        "false_keeps": share(tally.keeps, runs),
        "trials_with_a_strike": share(tally.struck, runs),
        "interval_holds": share(tally.interval_holds, runs),
    })
}

fn power(world: World, runs: u32, bars: &mut Vec<(String, bool)>) -> Value {
    let mut found = Vec::new();
    for (factor, minutes, least) in POWER {
        let (share, median) =
            times(runs, |seed| minutes_to_verdict(world, Effect::All(factor), minutes, seed));
        // The bars are asked of the ordinary world; the nastier ones are shown.
        if world == ORDINARY {
            let bar = format!(
                "+{:.0} % found in {minutes} min: at least {} %",
                factor * 100.0 - 100.0,
                least * 100.0
            );
            bars.push((bar, share >= least));
        }
        found.push(
            json!({ "factor": factor, "within_minutes": minutes, "found": share, "median_minutes": median }),
        );
    }
    for effect in [Effect::OneOfATenth(1.3), Effect::OneOfATenth(2.0), Effect::All(0.9)] {
        let (share, median) = times(runs / 8, |seed| minutes_to_verdict(world, effect, 720, seed));
        let effect = format!("{effect:?}");
        found.push(
            json!({ "effect": effect, "within_minutes": 720, "found": share, "median_minutes": median }),
        );
    }
    json!({ "world": world.name, "effects": found })
}

fn alarms(world: World, runs: u32, bars: &mut Vec<(String, bool)>) -> Value {
    let (factor, minutes, least) = ALARM;
    let alarm = |factor, most| {
        move |seed| minutes_to_alarm(world, Effect::All(factor), HISTORY, most, seed).map(u64::from)
    };
    let (caught, median) = times(runs, alarm(factor, minutes));
    let (twice, _) = times(runs / 4, alarm(2.0, 10));
    if world == ORDINARY {
        let bar =
            format!("guardrail: {factor} times slower caught in {minutes} min: at least {} %", least * 100.0);
        bars.push((bar, caught >= least));
    }
    json!({ "world": world.name, "three_times_in_5_min": caught, "median_minutes": median, "twice_in_10_min": twice })
}

fn share(count: u32, of: u32) -> f64 {
    f64::from(count) / f64::from(of)
}

/// The share of runs that came to an end in time, and the median of their minutes.
fn times(runs: u32, minutes: impl Fn(u64) -> Option<u64> + Sync) -> (f64, Option<u64>) {
    let mut times: Vec<u64> = threads(runs, |seeds| seeds.filter_map(&minutes).collect::<Vec<_>>()).concat();
    times.sort_unstable();
    (times.len() as f64 / f64::from(runs), times.get(times.len() / 2).copied())
}

fn tally(runs: u32, count: impl Fn(std::iter::StepBy<std::ops::Range<u64>>) -> Tally + Sync) -> Tally {
    let mut whole = Tally::default();
    for part in threads(runs, count) {
        whole.runs += part.runs;
        whole.reverts += part.reverts;
        whole.harmed += part.harmed;
        whole.statement_harmed += part.statement_harmed;
        whole.guardrail += part.guardrail;
        whole.keeps += part.keeps;
        whole.struck += part.struck;
        whole.interval_holds += part.interval_holds;
    }
    whole
}

/// Deals the seeds 1 to `runs` to as many threads as there are cores. What comes out does not depend on how many.
fn threads<T: Send>(runs: u32, work: impl Fn(std::iter::StepBy<std::ops::Range<u64>>) -> T + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores as u64)
            .map(|worker| {
                let work = &work;
                scope.spawn(move || work((worker + 1..u64::from(runs) + 1).step_by(cores)))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("a run does not panic")).collect()
    })
}
