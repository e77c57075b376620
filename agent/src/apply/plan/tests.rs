//! The plan against a model of the world: every crash point, every way a statement can end.

mod cases;
mod choices;
mod fixture;
mod world;

use std::collections::VecDeque;

use proptest::prelude::*;
use querysmith_shared::wire::fence::Fence;

use super::*;
use choices::Choices;
use world::{Limits, Message, What, World};

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

/// Orders of two controllers, the second of which has begun a new epoch: each from one to five times, in any order.
fn post(luck: &[u8]) -> VecDeque<Message> {
    let fence = |epoch, position| Fence { epoch, position, hash: [epoch as u8; 32] };
    let mut drawn = luck.iter().copied().chain(std::iter::repeat(0));
    let mut draw = |of: usize| usize::from(drawn.next().unwrap_or(0)) % of;
    let mut post = Vec::new();
    for (epoch, first) in [(1, 5), (2, 3)] {
        for (at, what) in [What::Apply, What::Keep, What::Undo].into_iter().enumerate() {
            // Not every controller says everything.
            let times = if draw(4) == 0 { 0 } else { 1 + draw(5) };
            let message = Message { fence: fence(epoch, first + at as u64), what };
            post.extend(std::iter::repeat_n(message, times));
        }
    }
    for at in (1..post.len()).rev() {
        let other = draw(at + 1);
        post.swap(at, other);
    }
    post.into()
}

#[test]
fn ten_thousand_deliveries_have_one_effect_at_most() {
    // A linear congruential generator: the same ten thousand in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let mut begun = 0;
    for seed in 0..10_000 {
        let luck: Vec<u8> = (0..300).map(|_| next()).collect();
        let (letters, fate) = luck.split_at(64);
        let limits = Limits { crashes: seed % 3, undos: 0, failures: seed % 2, disturbances: 0 };
        begun += u32::from(World::run_post(&mut Choices::random(fate.to_vec()), limits, post(letters)));
    }
    println!("{begun} of them were begun");
    assert!((2_000..10_000).contains(&begun), "{begun}: neither all nor few reach the database");
}
