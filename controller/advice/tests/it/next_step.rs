//! The promise: what did not help is taken back. Every verdict, of every kind of change.

use std::time::Duration;

use querysmith_advice::measure::effect::{Effect, Verdict};
use querysmith_advice::measure::next_step::{TrialDecision, next_step};
use querysmith_advice::measure::shortage::Shortage;
use querysmith_advice::thresholds::MeasureThresholds;
use querysmith_shared::change::ChangeKind::{self, Analyze, CreateIndex, DropIndex};

use crate::shop::NOW;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Wait,
    Keep,
    TakeBack,
    /// It can't be taken back, so only the measuring ends.
    Stop,
}

fn effect(verdict: Verdict, hopeless: bool) -> Effect {
    let shortage = Shortage { what: "two windows".to_owned(), hopeless };
    Effect {
        estimate: 0.1,
        low: 0.05,
        high: 0.2,
        blocks: None,
        controls: None,
        verdict,
        windows_before: 4,
        windows_after: 4,
        statements: Vec::new(),
        method: String::new(),
        shortage: (verdict == Verdict::TooLittleData).then_some(shortage),
        early_harm: false,
        measured_at: NOW,
    }
}

fn step(effect: &Effect, kind: ChangeKind, elapsed: Duration) -> Step {
    match next_step(effect, kind, elapsed, &MeasureThresholds::default()) {
        TrialDecision::KeepWatching => Step::Wait,
        TrialDecision::Confirm(_) => Step::Keep,
        TrialDecision::Undo(_) => Step::TakeBack,
        TrialDecision::End(_) => Step::Stop,
    }
}

#[test]
fn only_what_helped_is_kept_and_what_can_be_taken_back_is() {
    let thresholds = MeasureThresholds::default();
    let early = Duration::from_secs(60);
    let hopeless = Duration::from_secs_f64(thresholds.hopeless_after_s);
    let longest = Duration::from_secs_f64(thresholds.longest_s);
    assert!(early < hopeless && hopeless < longest);
    let table = [
        (effect(Verdict::Helped, false), early, Step::Keep, Step::Keep),
        (effect(Verdict::Harmed, false), early, Step::TakeBack, Step::Stop),
        (Effect { early_harm: true, ..effect(Verdict::Harmed, false) }, early, Step::TakeBack, Step::Stop),
        (effect(Verdict::NoEffect, false), early, Step::TakeBack, Step::Stop),
        (effect(Verdict::TooLittleData, false), early, Step::Wait, Step::Wait),
        (effect(Verdict::TooLittleData, false), hopeless, Step::Wait, Step::Wait),
        (effect(Verdict::TooLittleData, false), longest, Step::TakeBack, Step::Stop),
        (effect(Verdict::TooLittleData, true), early, Step::Wait, Step::Wait),
        (effect(Verdict::TooLittleData, true), hopeless, Step::TakeBack, Step::Stop),
    ];
    for verdict in Verdict::ALL {
        assert!(
            table.iter().any(|(effect, ..)| effect.verdict == verdict),
            "{verdict:?} is not in the table"
        );
    }
    for (effect, elapsed, index, analyze) in table {
        assert_eq!(step(&effect, CreateIndex, elapsed), index, "{effect:?} after {elapsed:?}");
        assert_eq!(step(&effect, Analyze, elapsed), analyze, "{effect:?} after {elapsed:?}");
    }
}

#[test]
fn what_was_dropped_stays_dropped_once_a_loss_is_ruled_out() {
    let thresholds = MeasureThresholds::default();
    let early = Duration::from_secs(60);
    let longest = Duration::from_secs_f64(thresholds.longest_s);
    let none = |high| Effect { low: -0.05, high, ..effect(Verdict::NoEffect, false) };
    for (effect, elapsed, expected) in [
        (effect(Verdict::Helped, false), early, Step::Keep),
        (effect(Verdict::Harmed, false), early, Step::TakeBack),
        (none(thresholds.most_loss), early, Step::Keep),
        (none(thresholds.most_loss + 0.01), early, Step::Wait),
        (none(thresholds.most_loss + 0.01), longest, Step::TakeBack),
        (effect(Verdict::TooLittleData, false), early, Step::Wait),
        (effect(Verdict::TooLittleData, false), longest, Step::TakeBack),
    ] {
        assert_eq!(step(&effect, DropIndex, elapsed), expected, "{effect:?} after {elapsed:?}");
    }
}

#[test]
fn the_reason_has_the_figures_a_person_needs() {
    let thresholds = MeasureThresholds::default();
    let TrialDecision::Undo(reason) =
        next_step(&effect(Verdict::Harmed, false), CreateIndex, Duration::ZERO, &thresholds)
    else {
        panic!("what harms is kept");
    };
    assert_eq!(
        reason,
        "harmed: 10 % more time for the touched statements (between 5.0 % more and 20 % more) over 4 windows"
    );
}

#[test]
fn a_parameter_is_kept_by_nobody_but_a_person_and_harm_takes_it_back() {
    let longest = Duration::from_secs_f64(MeasureThresholds::default().longest_s);
    for elapsed in [Duration::from_secs(60), longest * 2] {
        for verdict in [Verdict::Helped, Verdict::NoEffect, Verdict::TooLittleData] {
            assert_eq!(
                step(&effect(verdict, true), ChangeKind::SetParameter, elapsed),
                Step::Wait,
                "{verdict:?}"
            );
        }
        assert_eq!(step(&effect(Verdict::Harmed, false), ChangeKind::SetParameter, elapsed), Step::TakeBack);
    }
}
