//! The rules of a trial, on windows made by hand.

mod fixture;
mod live;

use proptest::prelude::*;
use querysmith_shared::change::coins::Arm;
use querysmith_shared::id::StatementId;
use querysmith_shared::timestamp::Timestamp;

use fixture::{MINUTE_US, effect_of, minute, noise, pair, plan, stopped, until_stop};

use super::decision::{Decision, PauseReason, StopReason, Toggle, Verdict};
use super::guardrail::Alarm;
use super::plan::{DailyPeak, NotTestable, Plan};
use super::trial::Trial;
use super::window::{Fault, Minute, Pair, Reading, StatementSums, StatementWindow};
use crate::measure::cell::Metric;

#[test]
fn large_harm_is_reverted_after_the_fewest_pairs_that_can_prove_it() {
    let mut trial = Trial::begin(plan()).unwrap();
    assert_eq!(until_stop(&mut trial, [2.0; 3]), 7);
    assert_eq!(trial.decision(), stopped(Verdict::Revert, Arm::A, StopReason::Harmed(Metric::Time)));
    let assessment = trial.assessment();
    assert!((effect_of(&assessment) - 1.0).abs() < 0.1, "{assessment:?}");
    assert!((assessment.cost.unwrap() - 1.0).abs() < 0.1, "{assessment:?}");
    assert!(assessment.metrics[0].effect.unwrap().contains(1.0));
}

#[test]
fn large_benefit_is_kept_after_the_fewest_pairs_that_can_prove_it() {
    let mut trial = Trial::begin(plan()).unwrap();
    assert_eq!(until_stop(&mut trial, [0.5; 3]), 5);
    assert_eq!(trial.decision(), stopped(Verdict::Keep, Arm::B, StopReason::Helped));
    assert!((effect_of(&trial.assessment()) + 0.5).abs() < 0.05);
}

#[test]
fn a_stopped_trial_stays_stopped() {
    let mut trial = Trial::begin(plan()).unwrap();
    until_stop(&mut trial, [2.0; 3]);
    let (decision, assessment) = (trial.decision(), trial.assessment());
    assert_eq!(trial.pair(&pair(60, [1.0; 3], [0.1; 3])), decision);
    assert_eq!(trial.minute(&minute(800, Arm::B, 9.0)), None);
    assert_eq!((trial.decision(), trial.assessment()), (decision, assessment));
}

#[test]
fn no_effect_ends_with_the_last_pair_and_the_default_of_the_kind() {
    for (toggle, stay) in [(Toggle::Setting, Arm::A), (Toggle::Index, Arm::A), (Toggle::Statistics, Arm::B)] {
        let mut trial = Trial::begin(Plan { toggle, ..plan() }).unwrap();
        assert_eq!(until_stop(&mut trial, [1.0; 3]), 60);
        assert_eq!(trial.decision(), stopped(Verdict::Inconclusive, stay, StopReason::PairsUsedUp));
    }
}

#[test]
fn harm_to_one_statement_is_found_where_the_whole_gains() {
    let mut trial = Trial::begin(plan()).unwrap();
    until_stop(&mut trial, [0.93, 0.93, 1.6]);
    let reason = StopReason::StatementHarmed(StatementId(2), Metric::Time);
    assert_eq!(trial.decision(), stopped(Verdict::Revert, Arm::A, reason));
}

#[test]
fn a_benefit_is_kept_only_after_the_busiest_hour() {
    // The trial begins at midnight; the busiest hour begins at nine.
    let mut trial = Trial::begin(Plan { peak: DailyPeak::Hour(9), ..plan() }).unwrap();
    for number in 0..4 {
        let decision = trial.pair(&pair(number, [1.0; 3], [0.5; 3]));
        assert!(matches!(decision, Decision::Measure { .. }), "{decision:?}");
    }
    let nine = Timestamp(9 * 60 * MINUTE_US);
    let paused = trial.pair(&pair(4, [1.0; 3], [0.5; 3]));
    let Decision::Pause { until, why, pair: next, .. } = paused else { panic!("{paused:?}") };
    assert_eq!((until, why, next), (nine, PauseReason::DailyPeak, 5));
    let kept = trial.pair(&pair(45, [1.0; 3], [0.5; 3]));
    assert_eq!(kept, stopped(Verdict::Keep, Arm::B, StopReason::Helped));
}

#[test]
fn three_missing_windows_are_borne_and_a_fourth_ends_the_trial() {
    let mut trial = Trial::begin(plan()).unwrap();
    let lost = |fault| Reading::Lost(fault);
    for fault in [Fault::Missing, Fault::StatisticsReset, Fault::VersionChanged] {
        let whole = pair(0, [1.0; 3], [0.5; 3]);
        let decision = trial.pair(&Pair { b: lost(fault), ..whole });
        assert!(matches!(decision, Decision::Measure { .. }), "{decision:?}");
    }
    assert_eq!((trial.assessment().counted, trial.assessment().missing_windows), (0, 3));
    let mut other = trial.clone();
    assert_eq!(until_stop(&mut other, [0.5; 3]), 5);
    assert_eq!(other.decision(), stopped(Verdict::Keep, Arm::B, StopReason::Helped));
    let both = Pair { a: lost(Fault::RoleChanged), b: lost(Fault::RoleChanged) };
    let reason = StopReason::WindowsMissing(5);
    assert_eq!(trial.pair(&both), stopped(Verdict::Inconclusive, Arm::A, reason));
}

#[test]
fn what_covers_too_little_of_the_time_is_never_kept_but_may_be_reverted() {
    let unlisted = |number: i64, effect: f64| {
        let mut pair = pair(number, [1.0; 3], [effect; 3]);
        for reading in [&mut pair.a, &mut pair.b] {
            if let Reading::Whole(window) = reading {
                window.sums.db_time_ms *= 2.0;
            }
        }
        pair
    };
    let run = |effect| {
        let mut trial = Trial::begin(plan()).unwrap();
        for number in 0..60 {
            trial.pair(&unlisted(number, effect));
        }
        trial.decision()
    };
    let Decision::Stop { verdict, reason: StopReason::TooLittleCoverage(share), .. } = run(0.5) else {
        panic!("{:?}", run(0.5))
    };
    assert!(verdict == Verdict::Inconclusive && (share - 0.5).abs() < 0.01, "{share}");
    assert_eq!(run(2.0), stopped(Verdict::Revert, Arm::A, StopReason::Harmed(Metric::Time)));
}

#[test]
fn calls_that_never_finish_are_counted() {
    // With the change a tenth of the calls hang; those that finish are the quick ones.
    let hanging = |number: i64, counted: bool| {
        let mut pair = pair(number, [1.0; 3], [0.6; 3]);
        if let (Reading::Whole(window), true) = (&mut pair.b, counted) {
            let mut statements = window.sums.statements().to_vec();
            for statement in &mut statements {
                statement.unfinished = 100;
                statement.unfinished_ms = 100.0 * 60_000.0;
            }
            let time = statements.iter().map(StatementWindow::spent_ms).sum();
            window.sums = StatementSums::new(time, statements);
            window.parts.clear();
        }
        pair
    };
    let run = |counted| {
        let mut trial = Trial::begin(plan()).unwrap();
        for number in 0..60 {
            trial.pair(&hanging(number, counted));
        }
        trial.decision()
    };
    assert_eq!(run(true), stopped(Verdict::Revert, Arm::A, StopReason::Harmed(Metric::Time)));
    assert_eq!(run(false), stopped(Verdict::Keep, Arm::B, StopReason::Helped));
}

#[test]
fn more_blocks_end_the_trial_of_an_index_even_where_the_time_does_not_tell() {
    let mut trial = Trial::begin(Plan { toggle: Toggle::Index, ..plan() }).unwrap();
    for number in 0..8 {
        let mut pair = pair(number, [1.0; 3], [noise(number); 3]);
        if let Reading::Whole(window) = &mut pair.b {
            let mut statements = window.sums.statements().to_vec();
            statements.iter_mut().for_each(|statement| statement.blocks *= 3);
            window.sums = StatementSums::new(window.sums.db_time_ms, statements);
        }
        trial.pair(&pair);
    }
    assert_eq!(trial.decision(), stopped(Verdict::Revert, Arm::A, StopReason::Harmed(Metric::Blocks)));
}

#[test]
fn the_second_strike_that_going_back_mends_ends_the_trial() {
    let mut trial = Trial::begin(plan()).unwrap();
    let struck = |trial: &mut Trial, from: i64| -> Vec<Option<Decision>> {
        let with = (0..3).map(|each| minute(from + each, Arm::B, 3.0));
        let without = (3..6).map(|each| minute(from + each, Arm::A, 1.0));
        with.chain(without).map(|minute| trial.minute(&minute)).collect()
    };
    let first = struck(&mut trial, 7);
    let Some(Decision::GoBack { alarm: Alarm::Slow(factor), .. }) = first[2] else { panic!("{first:?}") };
    assert!((factor - 3.0).abs() < 0.01 && first.iter().flatten().count() == 1, "{first:?}");
    assert_eq!(trial.assessment().strikes, 1);
    let Decision::Pause { until, why, .. } = trial.pair(&pair(0, [1.0; 3], [3.0; 3])) else { panic!() };
    assert_eq!((until, why), (Timestamp(69 * MINUTE_US), PauseReason::Strike));
    let second = struck(&mut trial, 80);
    assert!(matches!(second[2], Some(Decision::GoBack { .. })), "{second:?}");
    let Some(Decision::Stop { verdict, stay, reason }) = second[5] else { panic!("{second:?}") };
    assert_eq!((verdict, stay), (Verdict::Revert, Arm::A));
    assert!(matches!(reason, StopReason::Guardrail(Alarm::Slow(_))), "{reason:?}");
}

#[test]
fn a_strike_that_going_back_does_not_mend_is_not_the_changes_doing() {
    let mut trial = Trial::begin(plan()).unwrap();
    for end in 0..3 {
        trial.minute(&minute(end, Arm::B, 3.0));
    }
    assert!(matches!(trial.decision(), Decision::GoBack { .. }));
    for end in 3..9 {
        assert_eq!(trial.minute(&minute(end, Arm::A, 3.0)), None);
    }
    assert_eq!(trial.assessment().strikes, 0);
}

#[test]
fn a_replica_that_is_late_on_purpose_is_not_the_change() {
    let late = |minute: Minute, lag| Minute { replication_lag_s: Some(lag), ..minute };
    let minutes = plan().minutes.into_iter().map(|minute| late(minute, 600.0)).collect();
    let mut trial = Trial::begin(Plan { minutes, ..plan() }).unwrap();
    assert_eq!(trial.minute(&late(minute(0, Arm::B, 1.0), 1_100.0)), None);
    let reason = StopReason::Guardrail(Alarm::ReplicationLag(1_300.0));
    let decision = trial.minute(&late(minute(1, Arm::B, 1.0), 1_300.0));
    assert_eq!(decision, Some(stopped(Verdict::Revert, Arm::A, reason)));
}

#[test]
fn what_is_worse_than_slow_ends_the_trial_at_once() {
    type Harm = (fn(&mut Minute), Alarm);
    let harms: [Harm; 5] = [
        (|minute| minute.errors = 30, Alarm::Errors(30)),
        (|minute| minute.deadlocks = 5, Alarm::Deadlocks(5)),
        (|minute| minute.refused = 1, Alarm::Refused(1)),
        (|minute| minute.replication_lag_s = Some(60.0), Alarm::ReplicationLag(60.0)),
        (|minute| minute.free_disk = Some(0.05), Alarm::DiskFull(0.05)),
    ];
    for (harm, alarm) in harms {
        let mut trial = Trial::begin(plan()).unwrap();
        let mut bad = minute(0, Arm::B, 1.0);
        harm(&mut bad);
        let decision = stopped(Verdict::Revert, Arm::A, StopReason::Guardrail(alarm));
        assert_eq!(trial.minute(&bad), Some(decision));
        // Without the change it is not the change.
        let mut trial = Trial::begin(plan()).unwrap();
        assert_eq!(trial.minute(&Minute { arm: Arm::A, ..bad }), None);
    }
}

#[test]
fn silence_is_a_strike_where_there_was_always_something() {
    let mut trial = Trial::begin(plan()).unwrap();
    let silent = |end| Minute { sums: None, ..minute(end, Arm::B, 1.0) };
    let last = (0..3).map(|end| trial.minute(&silent(end))).last().unwrap();
    assert!(matches!(last, Some(Decision::GoBack { alarm: Alarm::Silent, .. })), "{last:?}");
}

#[test]
fn the_coins_are_the_ones_of_the_change() {
    let mut trial = Trial::begin(plan()).unwrap();
    let plan = plan();
    for number in 0..30 {
        let first = querysmith_shared::change::coins::first_arm(plan.seed, plan.change, number);
        assert_eq!(trial.decision(), Decision::Measure { pair: number, first });
        trial.pair(&pair(i64::from(number), [1.0; 3], [noise(i64::from(number)); 3]));
    }
}

#[test]
fn what_cannot_be_tried_says_why() {
    let mut few = plan();
    few.quiet.truncate(19);
    assert_eq!(
        Trial::begin(few).unwrap_err(),
        NotTestable::TooFewQuietPairs { have: 19, need: 20, pair_s: 720 }
    );
    let mut rare = plan();
    rare.usual.watched_s = 300.0 * 1_000.0;
    assert_eq!(Trial::begin(rare).unwrap_err(), NotTestable::TooLittleCoverage { have: 0.0, need: 0.8 });
    let mut senseless = plan();
    senseless.thresholds.harm_alpha = 1.5;
    let text = Trial::begin(senseless).unwrap_err().to_string();
    assert_eq!(text, "harm_alpha is 1.5: a chance lies between 0 and 1");
}

/// Factors of the three statements, between a third and three times.
fn factors() -> impl Strategy<Value = [f64; 3]> {
    proptest::array::uniform3(-1.09..1.09_f64).prop_map(|logs| logs.map(f64::exp))
}

proptest! {
    #[test]
    fn equal_arms_score_no_effect(windows in proptest::collection::vec(factors(), 1..60)) {
        let mut trial = Trial::begin(plan()).unwrap();
        for (number, factors) in (0..).zip(&windows) {
            trial.pair(&pair(number, *factors, *factors));
        }
        let assessment = trial.assessment();
        prop_assert_eq!(assessment.metrics[0].harm, 1.0);
        prop_assert!(assessment.metrics[0].benefit <= 1.0);
        prop_assert!(effect_of(&assessment).abs() < 1e-9);
        prop_assert!(assessment.metrics[0].statements.iter().all(|each| each.harm <= 1.0));
        let goes_on = matches!(trial.decision(), Decision::Measure { .. });
        prop_assert!(goes_on);
    }

    #[test]
    fn swapped_arms_mirror_harm_and_benefit(pairs in proptest::collection::vec((factors(), factors()), 1..30)) {
        let mut plan = plan();
        plan.thresholds.benefit_margin = plan.thresholds.harm_margin;
        // Nothing is decided, so that both see all pairs.
        plan.thresholds.harm_alpha = 1e-60;
        plan.thresholds.benefit_alpha = 1e-60;
        let (mut trial, mut mirrored) = (Trial::begin(plan.clone()).unwrap(), Trial::begin(plan).unwrap());
        for (number, (a, b)) in (0..).zip(pairs) {
            let pair = pair(number, a, b);
            mirrored.pair(&Pair { a: pair.b.clone(), b: pair.a.clone() });
            trial.pair(&pair);
        }
        let (one, other) = (trial.assessment(), mirrored.assessment());
        let (one_time, other_time) = (&one.metrics[0], &other.metrics[0]);
        let close = |one: f64, other: f64| (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0);
        prop_assert!(close(one_time.harm, other_time.benefit), "{} {}", one_time.harm, other_time.benefit);
        prop_assert!(close(one_time.benefit, other_time.harm));
        prop_assert!(((1.0 + effect_of(&one)) * (1.0 + effect_of(&other)) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn told_the_same_a_trial_decides_the_same(effects in proptest::collection::vec(factors(), 1..20)) {
        let run = || {
            let mut trial = Trial::begin(plan()).unwrap();
            let decisions: Vec<Decision> =
                (0..).zip(&effects).map(|(number, effect)| trial.pair(&pair(number, [1.0; 3], *effect))).collect();
            (decisions, trial)
        };
        prop_assert_eq!(run(), run());
    }
}
