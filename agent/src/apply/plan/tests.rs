//! The plan against a model of the world: every crash point, every way a statement can end.

mod cases;
mod choices;
mod deliveries;
mod fixture;
mod switching;
mod world;

use proptest::prelude::*;

use super::*;
use choices::Choices;
use world::{Limits, World};

/// Every run of a world with at most `crashes` crashes, `undos` undo orders and `failures` failed removals.
fn every_run(limits: Limits) -> u32 {
    let mut choices = Choices::first();
    let mut runs = 0;
    loop {
        World::run(&mut choices, limits);
        runs += 1;
        if !choices.advance() {
            return runs;
        }
    }
}

#[test]
fn every_run_with_a_crash_anywhere_ends_well() {
    let runs = every_run(Limits { crashes: 1, undos: 1, failures: 1, disturbances: 0 });
    println!("{runs} runs with a crash and an undo");
    let runs = every_run(Limits { crashes: 2, undos: 1, failures: 0, disturbances: 0 });
    println!("{runs} runs with two crashes and an undo");
}

#[test]
fn every_run_with_a_hand_from_outside_ends_well() {
    let runs = every_run(Limits { crashes: 1, undos: 0, failures: 0, disturbances: 1 });
    println!("{runs} runs with a crash and a disturbance");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn long_bad_luck_ends_well(
        luck in proptest::collection::vec(any::<u8>(), 0..400),
        crashes in 0..20_u32,
        failures in 0..400_u32,
        disturbances in 0..3_u32,
    ) {
        World::run(&mut Choices::random(luck), Limits { crashes, undos: 1, failures, disturbances });
    }
}
