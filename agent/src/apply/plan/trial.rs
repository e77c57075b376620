//! What to do next about a change on trial.

use querysmith_shared::change::ChangeKind;
use querysmith_shared::change::coins::Arm;
use querysmith_shared::change::switchback::{Switchback, Turn};

use super::{Step, View, is_of_statistics, kind, ours_or_step, stuck};
use crate::apply::journal::entry::Event;
use crate::apply::seen::{Object, Seen, Sight};
use crate::apply::switchback::{self, Moment, Move};

/// Said where somebody else took a change back.
const TAKEN_BACK: &str = "the database is as it was before the change: somebody else took it back";
/// Said of a parameter that is set and not in force.
const NOT_IN_FORCE: &str = "the value is in the server's file, and another one in force";

pub(super) fn on_trial(view: View<'_>) -> Step {
    // What can't be taken back can't be missing either: later statistics replace earlier ones.
    if !kind(view.record).can_be_undone() {
        return Step::Rest;
    }
    let sight = match view.seen {
        // That may take long, and it is looked at again anyway.
        Seen::Occupied { .. } | Seen::Unreachable { .. } | Seen::NoEntry { .. } | Seen::InRecovery => {
            return Step::Rest;
        }
        seen => match ours_or_step(view, seen) {
            Ok(sight) => sight,
            Err(step) => return step,
        },
    };
    // Its settings are its own, and what was measured was the primary.
    if sight.in_recovery {
        return revert("the server became a standby while the change was on trial");
    }
    if let Some(plan) = &view.record.order.limits.trial.switchback {
        return switching(view, sight, plan);
    }
    match &sight.object {
        Object::After(_) => Step::Rest,
        Object::Before => revert(TAKEN_BACK),
        Object::Partial if kind(view.record) == ChangeKind::SetParameter => revert(NOT_IN_FORCE),
        Object::Partial if is_of_statistics(view.record) => revert("it is there, and nothing was gathered"),
        Object::Partial => {
            stuck("the index has become INVALID: look at it, then drop or rebuild it".to_owned())
        }
        Object::Foreign(what) => odd(what),
    }
}

/// Now with the change, now without it.
fn switching(view: View<'_>, sight: &Sight, plan: &Switchback) -> Step {
    let (record, progress) = (view.record, &view.record.progress);
    let observed = match &sight.object {
        Object::Foreign(what) => return odd(what),
        Object::After(observed) => Some(observed.clone()),
        Object::Before | Object::Partial => None,
    };
    if let Some(to) = progress.going_to {
        return match sight.object.is_of(to.arm) {
            true => Step::Record(Event::Switched { to, observed }),
            // The host has forbidden it since.
            false if to.arm == Arm::B && view.permission.refusal().is_some() => {
                Step::Record(Event::SwitchIntent { to: Turn::REST })
            }
            false => Step::Switch { arm: to.arm },
        };
    }
    match (progress.in_place.arm, &sight.object) {
        (_, Object::Partial) => return revert(NOT_IN_FORCE),
        (Arm::B, Object::Before) => return revert(TAKEN_BACK),
        (Arm::A, Object::After(_)) => {
            return revert("somebody else made the change while the trial was without it");
        }
        (Arm::A | Arm::B, _) => {}
    }
    let moment = Moment {
        now: view.now,
        in_place_for: view.in_place_for,
        forbidden: view.permission.refusal(),
        busy: sight.busy.as_deref(),
    };
    match switchback::next(plan, record.change, progress, &moment) {
        Move::Switch(to) => Step::Record(Event::SwitchIntent { to }),
        Move::Void { pair, reason } => Step::Record(Event::PairVoid { pair, reason }),
        Move::Stay => match &progress.keep {
            Some(reason) if progress.in_place.arm == Arm::B => {
                Step::Record(Event::Confirmed { reason: reason.clone() })
            }
            Some(_) | None => Step::Rest,
        },
    }
}

fn revert(reason: &str) -> Step {
    Step::Record(Event::RevertIntent { reason: reason.to_owned() })
}

fn odd(what: &str) -> Step {
    stuck(format!("instead of what the change made there is {what}"))
}
