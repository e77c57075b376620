//! A model of a trial by switchback: an agent that dies anywhere, orders that come at any time, hands from outside.

use std::time::Duration;

use proptest::prelude::*;
use querysmith_shared::change::coins::CoinSeed;
use querysmith_shared::change::limits::Limits as ChangeLimits;
use querysmith_shared::change::parameter::SetParameter;
use querysmith_shared::change::switchback::{Switchback, Turn};
use querysmith_shared::change::trial::TrialTerms;
use querysmith_shared::dialect::postgres::render;
use querysmith_shared::wire::order::Apply;

use super::choices::Choices;
use super::fixture::{CHANGE, order, pre_image};
use super::*;
use crate::apply::accept::{self, Acceptance};
use crate::apply::journal::entry::Entry;

/// All the pairs of a trial are alike.
const PLAN: Switchback = Switchback { window_s: 300, washout_s: 60, most_pairs: 2, seed: CoinSeed([5; 32]) };
/// More looks than any run needs.
const MOST_LOOKS: u32 = 2_000;
/// What makes a run end: by then every pause is over, and every pair gone through.
const CALM_AFTER: u32 = 300;

fn tried_order() -> Apply {
    let set =
        SetParameter { name: "work_mem".into(), value: "64MB".into(), replaces: "4MB".into(), before: None };
    let trial = TrialTerms { switchback: Some(PLAN), ..ChangeLimits::PARAMETER.trial };
    let limits = ChangeLimits { trial, ..ChangeLimits::PARAMETER };
    let what = Change::SetParameter(set);
    let digest = render(&what, limits).unwrap().digest(what.database());
    Apply { what, limits, digest, ..order() }
}

struct Crash;

/// How much of each misfortune a run may have.
#[derive(Clone, Copy, Default)]
struct Limits {
    crashes: u32,
    orders: u32,
    failures: u32,
    /// Looks that find the server too busy for a pair to begin.
    busy: u32,
    /// Hands from outside.
    hands: u32,
}

struct World<'a> {
    choices: &'a mut Choices,
    left: Limits,
    journal: Vec<Entry>,
    /// The arm that the server really has.
    thing: Arm,
    was_disturbed: bool,
    undo_was_asked: bool,
    keep_was_asked: bool,
    now: Timestamp,
    /// Since when this run of the agent has had an arm in place.
    since: Option<Timestamp>,
}

impl World<'_> {
    fn run(choices: &mut Choices, left: Limits) {
        let mut world = World {
            choices,
            left,
            journal: Vec::new(),
            thing: Arm::B,
            was_disturbed: false,
            undo_was_asked: false,
            keep_was_asked: false,
            now: Timestamp(0),
            since: None,
        };
        world.write(Event::Received { order: Box::new(tried_order()), signed_by: Vec::new() });
        let armed = arm(&world.record(), &pre_image()).unwrap();
        world.write(Event::Armed(Box::new(armed)));
        world.write(Event::Intent { attempt: 1 });
        world.write(Event::Applied { observed: "64MB".into(), duration_ms: None });
        for look in 0.. {
            assert!(look < MOST_LOOKS, "it never comes to rest: {:?}", world.story());
            if look >= CALM_AFTER {
                world.left = Limits::default();
            }
            match world.look_and_act() {
                Ok(true) => break,
                Ok(false) => {}
                // The next run of the agent knows of no arm when it was put there.
                Err(Crash) => world.since = None,
            }
        }
        world.check_end();
    }

    /// `true` when nothing comes any more.
    fn look_and_act(&mut self) -> Result<bool, Crash> {
        self.point()?;
        let record = self.record();
        let object = match self.thing {
            Arm::A => Object::Before,
            Arm::B => Object::After("64MB".into()),
        };
        let sight = Sight::new(object, Err("nothing is to begin".into()));
        let is_busy = self.left.busy > 0 && self.choices.of(2) == 1;
        self.left.busy -= u32::from(is_busy);
        let busy = is_busy.then(|| "full".to_owned());
        let seen = Seen::Ours(Box::new(Sight { busy, ..sight }));
        let permission = Permission::Granted { max_index_bytes: None, signed_by: Vec::new() };
        let in_place_for = self.since.map(|since| self.now.since(since));
        let step = plan(View {
            record: &record,
            seen: &seen,
            permission: &permission,
            waiting: None,
            in_place_for,
            now: self.now,
            latest: self.now,
        });
        match step {
            Step::Rest => {
                if record.state.is_final() {
                    return Ok(true);
                }
                let all_done = record.progress.next_pair == PLAN.most_pairs
                    && record.progress.in_place == Turn::REST
                    && self.left.orders == 0;
                self.now = self.now.after(Duration::from_secs(180));
                return Ok(all_done);
            }
            Step::Record(event) => {
                if matches!(event, Event::SwitchIntent { .. }) {
                    self.check_window(&record, in_place_for);
                }
                if self.write_if_unmoved(&record, event.clone()) && matches!(event, Event::Switched { .. }) {
                    self.since = Some(self.now);
                }
                self.point()?;
            }
            Step::Switch { arm } => self.switch(arm)?,
            Step::Remove(event) => {
                if self.write_if_unmoved(&record, event) {
                    self.point()?;
                    self.thing = Arm::A;
                    self.point()?;
                }
            }
            odd @ (Step::Begin(_) | Step::Cancel { .. } | Step::End { .. } | Step::Wait { .. }) => {
                panic!("{odd:?}: {:?}", self.story())
            }
        }
        Ok(false)
    }

    fn switch(&mut self, arm: Arm) -> Result<(), Crash> {
        let record = self.record();
        assert_eq!(record.progress.going_to.map(|to| to.arm), Some(arm), "{:?}", self.story());
        assert!(record.armed.as_ref().is_some_and(|armed| !armed.undo.is_empty()), "{:?}", self.story());
        let fate = if self.left.failures > 0 { self.choices.of(3) } else { 0 };
        self.left.failures -= u32::from(fate > 0);
        match fate {
            0 => self.thing = arm,
            // The server was told nothing.
            1 => {}
            _ => {
                self.point()?;
                let reason = "it can't be switched".to_owned();
                self.write_if_unmoved(&record, Event::RevertIntent { reason });
                self.undo_was_asked = true;
            }
        }
        self.point()
    }

    /// A window that counts was seen from its beginning to its end by one run of the agent, unless a pause ended it.
    fn check_window(&self, record: &Record, in_place_for: Option<Duration>) {
        let progress = &record.progress;
        if progress.in_place.pair.is_none() || progress.keep.is_some() {
            return;
        }
        let span = in_place_for.unwrap_or_else(|| panic!("nobody saw all of it: {:?}", self.story()));
        let was_paused = progress.paused_until.is_some_and(|until| self.now < until);
        assert!(was_paused || span >= Duration::from_secs(360), "{span:?}: {:?}", self.story());
    }

    /// Between any two things.
    fn point(&mut self) -> Result<(), Crash> {
        let mut options = vec![0];
        options.extend((self.left.crashes > 0).then_some(1));
        options.extend((self.left.orders > 0).then_some(2));
        options.extend((self.left.hands > 0).then_some(3));
        match options[self.choices.of(options.len())] {
            1 => {
                self.left.crashes -= 1;
                return Err(Crash);
            }
            2 => {
                self.left.orders -= 1;
                self.order();
            }
            3 => {
                self.left.hands -= 1;
                self.was_disturbed = true;
                self.thing = self.thing.other();
            }
            _ => {}
        }
        Ok(())
    }

    fn order(&mut self) {
        let record = self.record();
        let acceptance = match self.choices.of(4) {
            0 => {
                self.undo_was_asked = true;
                accept::undo(&record, "asked for")
            }
            1 => accept::confirm(&record, "it helps"),
            _ => accept::pause(&record, 900, "slow"),
        };
        if let Acceptance::Write(event) = acceptance {
            self.keep_was_asked |= matches!(event, Event::KeepIntent { .. });
            self.write(event);
        }
    }

    fn check_end(&self) {
        let (state, story) = (self.record().state, self.story());
        let begun = self.journal.iter().filter_map(|entry| match entry.event {
            Event::SwitchIntent { to: Turn { arm, pair: Some(pair) } } => Some((pair, arm)),
            _ => None,
        });
        let mut before = None;
        for (pair, arm) in begun {
            match before {
                Some((last, first)) if last == pair => assert_eq!(arm, Arm::other(first), "{story:?}"),
                _ => {
                    assert_eq!(arm, PLAN.first_arm(CHANGE, pair), "{story:?}");
                    assert!(pair < PLAN.most_pairs, "{story:?}");
                    assert!(before.is_none_or(|(last, _)| pair > last), "a coin is used twice: {story:?}");
                }
            }
            before = Some((pair, arm));
        }
        if self.was_disturbed {
            return;
        }
        match state {
            ChangeState::Confirmed => {
                assert!(self.keep_was_asked && self.thing == Arm::B, "{story:?}");
            }
            ChangeState::Reverted => {
                assert!(self.undo_was_asked && self.thing == Arm::A, "{story:?}");
            }
            // All pairs are run, and it waits for a verdict without the change.
            ChangeState::Trial => {
                assert!(!self.undo_was_asked && !self.keep_was_asked && self.thing == Arm::A, "{story:?}");
            }
            odd => panic!("it rests in {odd}: {story:?}"),
        }
    }

    fn record(&self) -> Record {
        Record::from_entries(&self.journal).unwrap()
    }

    fn story(&self) -> Vec<String> {
        self.journal.iter().map(|entry| format!("{} ({})", entry.event.name(), entry.event)).collect()
    }

    fn write_if_unmoved(&mut self, record: &Record, event: Event) -> bool {
        let is_unmoved = self.record().state == record.state;
        if is_unmoved {
            self.write(event);
        }
        is_unmoved
    }

    fn write(&mut self, event: Event) {
        let state = self.journal.last().map(|entry| entry.state);
        let state = event.lead(state).unwrap_or_else(|error| panic!("{error}: {:?}", self.story()));
        let sequence = self.journal.len() as u64 + 1;
        self.journal.push(Entry { sequence, change: CHANGE, at: self.now, state, event });
    }
}

#[test]
fn every_trial_with_a_crash_or_an_order_anywhere_ends_well() {
    for left in [
        Limits { orders: 1, ..Limits::default() },
        Limits { crashes: 1, ..Limits::default() },
        Limits { crashes: 1, failures: 1, busy: 1, ..Limits::default() },
        Limits { crashes: 1, hands: 1, ..Limits::default() },
    ] {
        let mut choices = Choices::first();
        let mut runs = 0;
        loop {
            World::run(&mut choices, left);
            runs += 1;
            if !choices.advance() {
                break;
            }
        }
        println!("{runs} runs");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_trial_with_any_luck_ends_well(
        luck in proptest::collection::vec(any::<u8>(), 0..600),
        crashes in 0..10_u32,
        orders in 0..6_u32,
        failures in 0..3_u32,
        busy in 0..20_u32,
        hands in 0..2_u32,
    ) {
        World::run(&mut Choices::random(luck), Limits { crashes, orders, failures, busy, hands });
    }
}
