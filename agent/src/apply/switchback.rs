//! What to do next in a trial by switchback: pure arithmetic on the journal and on how long something has been in place.
//!
//! The agent goes through the pairs by itself, in the order of the coins that were approved; the controller only looks
//! on, asks for pauses, and ends it. Whether a pair is used must not depend on what was seen in it: a pair that has begun
//! is gone through, unless the agent died in it, the host forbids the change, or a pause comes before its second window.

use std::time::Duration;

use querysmith_shared::change::coins::Arm;
use querysmith_shared::change::switchback::{Switchback, Turn};
use querysmith_shared::id::ChangeId;
use querysmith_shared::timestamp::Timestamp;

use super::journal::entry::Event;

/// How far a trial by switchback has come, as its lines in the journal add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What was read back last.
    pub in_place: Turn,
    /// What is about to be put in place.
    pub going_to: Option<Turn>,
    /// The pair that comes next.
    pub next_pair: u32,
    /// No pair is begun before this.
    pub paused_until: Option<Timestamp>,
    /// Why it is to be kept, once it is.
    pub keep: Option<String>,
}

impl Default for Progress {
    /// A trial begins with the change in place.
    fn default() -> Self {
        Self {
            in_place: Turn { arm: Arm::B, pair: None },
            going_to: None,
            next_pair: 0,
            paused_until: None,
            keep: None,
        }
    }
}

impl Progress {
    /// Adds the next line.
    pub fn add(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::SwitchIntent { to } => {
                self.going_to = Some(*to);
                // A coin is used once, whatever becomes of its pair.
                self.next_pair = self.next_pair.max(to.pair.map_or(0, |pair| pair + 1));
            }
            Event::Switched { to, .. } => {
                self.in_place = *to;
                self.going_to = None;
            }
            Event::PairVoid { .. } => self.in_place.pair = None,
            Event::Paused { for_s, .. } => {
                self.paused_until = Some(at.after(Duration::from_secs((*for_s).into())));
            }
            Event::KeepIntent { reason } => self.keep = Some(reason.clone()),
            _ => {}
        }
    }
}

/// What the next move depends on besides the journal.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The agent's clock.
    pub now: Timestamp,
    /// How long what is in place has been, by a clock that can't be set; `None`: an earlier run of the agent put it
    /// there, so nobody knows what happened since.
    pub in_place_for: Option<Duration>,
    /// Why the host lets no change be made.
    pub forbidden: Option<&'a str>,
    /// Why the server is too busy for a pair to begin.
    pub busy: Option<&'a str>,
}

/// The next move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// What is in place stays for now.
    Stay,
    /// This is to be put in place.
    Switch(Turn),
    /// The pair under way is of no use.
    Void {
        /// Which.
        pair: u32,
        /// Why.
        reason: String,
    },
}

/// The next move of the trial of `change` by `plan`.
pub fn next(plan: &Switchback, change: ChangeId, progress: &Progress, moment: &Moment<'_>) -> Move {
    let Turn { arm, pair } = progress.in_place;
    if progress.keep.is_some() {
        return match arm == Arm::B || moment.forbidden.is_some() {
            true => Move::Stay,
            false => Move::Switch(Turn { arm: Arm::B, pair: None }),
        };
    }
    let is_paused = progress.paused_until.is_some_and(|until| moment.now < until);
    if let Some(pair) = pair {
        let void = |reason: &str| Move::Void { pair, reason: reason.to_owned() };
        let Some(in_place_for) = moment.in_place_for else {
            return void("the agent began anew in it");
        };
        let is_over = in_place_for >= Duration::from_secs(plan.half_s().into());
        let is_first = arm == plan.first_arm(change, pair);
        match (is_first, arm) {
            // What was seen of it counts, so the other window is seen as well.
            (true, Arm::B) if is_paused => return Move::Switch(Turn { arm: Arm::A, pair: Some(pair) }),
            (true, Arm::A) if is_paused => return void("a pause came before its window with the change"),
            (false, Arm::B) if is_paused => {}
            _ if !is_over => return Move::Stay,
            (true, _) => {
                return match moment.forbidden {
                    Some(why) if arm == Arm::A => void(why),
                    _ => Move::Switch(Turn { arm: arm.other(), pair: Some(pair) }),
                };
            }
            (false, _) => {}
        }
    }
    let begins = progress.next_pair < plan.most_pairs
        && !is_paused
        && moment.busy.is_none()
        && moment.forbidden.is_none();
    if begins {
        let pair = progress.next_pair;
        return Move::Switch(Turn { arm: plan.first_arm(change, pair), pair: Some(pair) });
    }
    if progress.in_place == Turn::REST { Move::Stay } else { Move::Switch(Turn::REST) }
}

#[cfg(test)]
mod tests {
    use querysmith_shared::change::coins::CoinSeed;
    use uuid::Uuid;

    use super::*;

    const CHANGE: ChangeId = ChangeId(Uuid::from_u128(1));
    const PLAN: Switchback =
        Switchback { window_s: 300, washout_s: 60, most_pairs: 8, seed: CoinSeed([7; 32]) };

    fn moment(in_place_s: u64) -> Moment<'static> {
        Moment {
            now: Timestamp(0),
            in_place_for: Some(Duration::from_secs(in_place_s)),
            forbidden: None,
            busy: None,
        }
    }

    fn at(turn: Turn) -> Progress {
        Progress { in_place: turn, next_pair: turn.pair.map_or(0, |pair| pair + 1), ..Progress::default() }
    }

    /// A pair whose first window is of this arm.
    fn pair(first: Arm) -> u32 {
        (0..PLAN.most_pairs).find(|pair| PLAN.first_arm(CHANGE, *pair) == first).unwrap()
    }

    fn decide(progress: &Progress, moment: &Moment<'_>) -> Move {
        next(&PLAN, CHANGE, progress, moment)
    }

    #[test]
    fn all_pairs_are_gone_through_in_the_order_of_the_coins_and_then_it_rests_without_the_change() {
        let mut progress = Progress::default();
        let mut seen = Vec::new();
        loop {
            match decide(&progress, &moment(360)) {
                Move::Switch(to) => {
                    seen.push(to);
                    progress.add(&Event::SwitchIntent { to }, Timestamp(0));
                    progress.add(&Event::Switched { to, observed: None }, Timestamp(0));
                }
                Move::Stay => break,
                odd @ Move::Void { .. } => panic!("{odd:?}"),
            }
        }
        let mut expected = Vec::new();
        for pair in 0..PLAN.most_pairs {
            let first = PLAN.first_arm(CHANGE, pair);
            expected.extend([first, first.other()].map(|arm| Turn { arm, pair: Some(pair) }));
        }
        expected.push(Turn::REST);
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_window_has_its_time_and_one_of_an_earlier_run_is_void() {
        for first in [Arm::A, Arm::B] {
            let turn = Turn { arm: first, pair: Some(pair(first)) };
            assert_eq!(decide(&at(turn), &moment(359)), Move::Stay);
            assert_eq!(decide(&at(turn), &moment(360)), Move::Switch(Turn { arm: first.other(), ..turn }));
            let anew = Moment { in_place_for: None, ..moment(0) };
            assert!(matches!(decide(&at(turn), &anew), Move::Void { pair, .. } if Some(pair) == turn.pair));
        }
    }

    #[test]
    fn a_pause_takes_the_change_back_at_once_and_what_was_seen_of_it_counts() {
        let paused = |turn| Progress { paused_until: Some(Timestamp(10)), ..at(turn) };
        let (a_first, b_first) = (Some(pair(Arm::A)), Some(pair(Arm::B)));
        let (a, b) = (Arm::A, Arm::B);
        for (turn, expected) in [
            (Turn { arm: b, pair: b_first }, Move::Switch(Turn { arm: a, pair: b_first })),
            (Turn { arm: a, pair: b_first }, Move::Stay),
            (Turn { arm: b, pair: a_first }, Move::Switch(Turn::REST)),
            (Turn { arm: b, pair: None }, Move::Switch(Turn::REST)),
            (Turn::REST, Move::Stay),
        ] {
            assert_eq!(decide(&paused(turn), &moment(100)), expected, "{turn}");
        }
        let first_of_two = paused(Turn { arm: a, pair: a_first });
        assert!(matches!(decide(&first_of_two, &moment(100)), Move::Void { .. }));
        // Its last window is seen to its end, and the next pair waits.
        assert_eq!(decide(&paused(Turn { arm: a, pair: b_first }), &moment(360)), Move::Switch(Turn::REST));
        let later = Moment { now: Timestamp(10), ..moment(0) };
        let resting = Progress { next_pair: 2, ..paused(Turn::REST) };
        assert!(matches!(decide(&resting, &later), Move::Switch(Turn { pair: Some(2), .. })));
    }

    #[test]
    fn no_pair_begins_on_a_busy_server_and_one_that_has_begun_ends() {
        let busy = |in_place_s| Moment { busy: Some("full"), ..moment(in_place_s) };
        assert_eq!(decide(&Progress::default(), &busy(0)), Move::Switch(Turn::REST));
        assert_eq!(decide(&at(Turn::REST), &busy(0)), Move::Stay);
        let first = Turn { arm: Arm::A, pair: Some(pair(Arm::A)) };
        assert_eq!(decide(&at(first), &busy(360)), Move::Switch(Turn { arm: Arm::B, ..first }));
    }

    #[test]
    fn what_the_host_forbids_is_not_put_in_place_not_even_to_be_kept() {
        let forbidden = |in_place_s| Moment { forbidden: Some("stopped"), ..moment(in_place_s) };
        let first = Turn { arm: Arm::A, pair: Some(pair(Arm::A)) };
        assert!(matches!(decide(&at(first), &forbidden(360)), Move::Void { .. }));
        assert_eq!(decide(&Progress::default(), &forbidden(0)), Move::Switch(Turn::REST));
        let kept = |turn| Progress { keep: Some("helped".into()), ..at(turn) };
        assert_eq!(decide(&kept(Turn::REST), &forbidden(0)), Move::Stay);
        let with = Turn { arm: Arm::B, pair: None };
        assert_eq!(decide(&kept(Turn::REST), &moment(0)), Move::Switch(with));
        assert_eq!(decide(&kept(with), &moment(0)), Move::Stay);
    }
}
