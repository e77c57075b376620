//! A small part of what `benches/verdict.rs` asks, for every change to the code. The seeds are fixed, so the counts
//! are; the bounds are what so many runs may show if the promised rates hold.

use super::shell::{Order, Setup, run};
use super::world::{Effect, FIVE_STATEMENTS, ORDINARY, PERIODIC_JOB, TWO_PLANS, World};
use super::{minutes_to_alarm, minutes_to_verdict, nothing};
use crate::thresholds::switchback::SwitchbackThresholds;

/// 1 % of 60 runs plus three deviations are 3.
fn check_nothing(world: World) {
    let tally = nothing(world, Order::Coin, 1..=60);
    assert!(tally.reverts <= 3, "{}: {tally:?}", world.name);
    assert!(tally.keeps <= 5 && tally.interval_holds >= 54, "{}: {tally:?}", world.name);
}

#[test]
fn a_change_that_does_nothing_is_left_alone_on_an_ordinary_server() {
    check_nothing(ORDINARY);
}

#[test]
fn a_job_with_the_period_of_a_pair_is_not_taken_for_the_change() {
    check_nothing(PERIODIC_JOB);
}

#[test]
fn plans_that_flip_by_themselves_are_not_taken_for_the_change() {
    check_nothing(TWO_PLANS);
}

#[test]
fn five_statements_that_do_not_level_out_are_not_taken_for_the_change() {
    check_nothing(FIVE_STATEMENTS);
}

#[test]
fn without_the_coin_the_job_would_be_taken_for_the_change() {
    let tally = nothing(PERIODIC_JOB, Order::AlwaysABeforeB, 1..=20);
    assert!(tally.reverts >= 19, "{tally:?}");
}

fn found(effect: Effect, minutes: u64, runs: u64) -> usize {
    (1..=runs).filter(|seed| minutes_to_verdict(ORDINARY, effect, minutes, *seed).is_some()).count()
}

#[test]
fn harm_is_found_the_sooner_the_larger_it_is() {
    for (factor, minutes, least) in [(1.1, 360, 54), (1.3, 120, 57), (2.0, 90, 57)] {
        let found = found(Effect::All(factor), minutes, 60);
        assert!(found >= least, "{factor}: {found} of 60 in {minutes} min");
    }
}

#[test]
fn a_tenth_less_is_kept_and_one_slow_statement_is_found() {
    assert!(found(Effect::All(0.9), 720, 20) >= 19);
    assert!(found(Effect::OneOfATenth(2.0), 720, 20) >= 19);
}

#[test]
fn three_times_slower_is_caught_within_five_minutes() {
    let caught = |seed: &u64| minutes_to_alarm(ORDINARY, Effect::All(3.0), 240, 5, *seed).is_some();
    let count = (1..=100).filter(caught).count();
    assert!(count >= 97, "{count} of 100");
}

#[test]
fn checkpoints_that_are_told_of_cost_fewer_pairs() {
    let pairs = |covariates| -> u32 {
        let setup = Setup {
            world: World { checkpoints: true, ..ORDINARY },
            effect: Effect::All(1.1),
            order: Order::Coin,
            guardrail: false,
            covariates,
            thresholds: SwitchbackThresholds::default(),
        };
        (1..=30).map(|seed| run(&setup, seed).pairs).sum()
    };
    let (with, without) = (pairs(true), pairs(false));
    assert!(with * 10 < without * 9, "{with} pairs with, {without} without");
}
