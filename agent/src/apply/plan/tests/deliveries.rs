//! Orders that reach the world's agent: repeated, out of order, from more than one controller.

use std::collections::VecDeque;

use querysmith_shared::wire::fence::Fence;

use super::choices::Choices;
use super::fixture::order;
use super::world::{Limits, World};
use crate::apply::accept::{self, Acceptance};

/// An order of a controller, as it arrives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message {
    fence: Fence,
    what: What,
}

/// What is ordered.
#[derive(Debug, Clone, Copy)]
enum What {
    Apply,
    Undo,
    Keep,
}

impl<'a> World<'a> {
    /// Runs what comes of messages that arrive in this order at any moment, and checks the same. True if the change
    /// was ever begun.
    fn run_inbox(choices: &'a mut Choices, left: Limits, inbox: VecDeque<Message>) -> bool {
        let mut world = Self::new(choices, left, inbox);
        loop {
            if !world.journal.is_empty() {
                world.rest();
            }
            if world.inbox.is_empty() {
                break;
            }
            world.deliver();
        }
        if !world.journal.is_empty() {
            world.check_end();
        }
        world.statements > 0
    }

    /// The next message arrives, and is taken as the agent takes it.
    pub(super) fn deliver(&mut self) {
        let Some(Message { fence, what }) = self.inbox.pop_front() else { return };
        if self.obeyed.is_some_and(|obeyed| fence.is_refused_after(&obeyed)) {
            return;
        }
        assert!(self.obeyed.is_none_or(|obeyed| fence.epoch >= obeyed.epoch), "the epoch never decreases");
        self.obeyed = Some(fence);
        let is_known = !self.journal.is_empty();
        let acceptance = match what {
            What::Apply if is_known => accept::again(&self.record(), &order()),
            What::Apply if self.is_withdrawn => return,
            What::Apply => return self.receive(),
            What::Undo if is_known => {
                self.undo_was_asked = true;
                accept::undo(&self.record(), "asked for")
            }
            What::Undo => {
                self.is_withdrawn = true;
                return;
            }
            What::Keep if is_known => accept::confirm(&self.record(), "asked for"),
            What::Keep => return,
        };
        if let Acceptance::Write(event) = acceptance {
            self.write(event);
        }
    }
}

/// Orders of two controllers, the second of which has begun a new epoch: each from one to five times, in any order.
fn inbox(luck: &[u8]) -> VecDeque<Message> {
    let fence = |epoch, position| Fence { epoch, position, hash: [epoch as u8; 32] };
    let mut drawn = luck.iter().copied().chain(std::iter::repeat(0));
    let mut draw = |of: usize| usize::from(drawn.next().unwrap_or(0)) % of;
    let mut inbox = Vec::new();
    for (epoch, first) in [(1, 5), (2, 3)] {
        for (at, what) in [What::Apply, What::Keep, What::Undo].into_iter().enumerate() {
            // Not every controller says everything.
            let times = if draw(4) == 0 { 0 } else { 1 + draw(5) };
            let message = Message { fence: fence(epoch, first + at as u64), what };
            inbox.extend(std::iter::repeat_n(message, times));
        }
    }
    for at in (1..inbox.len()).rev() {
        let other = draw(at + 1);
        inbox.swap(at, other);
    }
    inbox.into()
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
        begun += u32::from(World::run_inbox(&mut Choices::random(fate.to_vec()), limits, inbox(letters)));
    }
    println!("{begun} of them were begun");
    assert!((2_000..10_000).contains(&begun), "{begun}: neither all nor few reach the database");
}
