//! A trial as its agent reports it and its server's counters show it.

use std::time::Duration;

use querysmith_shared::change::coins::Arm;
use querysmith_shared::change::switchback::{Switchback, TrialStep, Turn};
use querysmith_shared::timestamp::Timestamp;

use super::fixture::{noise, plan, stopped, sums};
use crate::measure::cell::Metric;
use crate::measure::effect::Verdict as EffectVerdict;
use crate::measure::switchback::decision::{Decision, StopReason, Verdict};
use crate::measure::switchback::guardrail::Alarm;
use crate::measure::switchback::live::counters::{Counters, read};
use crate::measure::switchback::live::health::Health;
use crate::measure::switchback::live::timeline::{Reported, Timeline};
use crate::measure::switchback::live::{LiveTrial, Seen};
use crate::measure::switchback::window::{Fault, Reading};

const READING_S: i64 = 15;

fn at(seconds: i64) -> Timestamp {
    Timestamp(seconds * 1_000_000)
}

fn terms() -> Switchback {
    Switchback { window_s: 300, washout_s: 60, most_pairs: 60, seed: plan().seed }
}

fn live() -> LiveTrial {
    LiveTrial::begin(plan(), terms(), at(0)).unwrap()
}

fn seen(counters: Vec<Counters>) -> Seen {
    Seen { counters, ..Seen::default() }
}

fn switched(seconds: i64, arm: Arm, pair: Option<u32>) -> Reported {
    Reported { at: at(seconds), step: TrialStep::Switched(Turn { arm, pair }) }
}

/// What an agent reports that runs so many pairs without a hitch from the start, and then rests.
fn reports(pairs: u32) -> Vec<Reported> {
    let mut reports = Vec::new();
    for pair in 0..pairs {
        let first = terms().first_arm(plan().change, pair);
        for (half, arm) in [first, first.other()].into_iter().enumerate() {
            reports.push(switched(i64::from(pair) * 720 + half as i64 * 360, arm, Some(pair)));
        }
    }
    reports.push(switched(i64::from(pairs) * 720, Arm::A, None));
    reports
}

/// What the counters show of these reports, where arm B takes `effect` times as long.
fn counters(reports: &[Reported], to_s: i64, effect: f64) -> Vec<Counters> {
    let arm_at = |seconds: i64| {
        let before = reports.iter().rev().find(|report| report.at <= at(seconds));
        match before.map(|report| report.step) {
            Some(TrialStep::Switched(turn)) => (turn.arm, turn.pair.unwrap_or(0)),
            _ => (Arm::B, 0),
        }
    };
    // Not one reading is taken at the moment of a switch.
    let starts = (0..).map(|number| number * READING_S + 4).take_while(|start| start + READING_S <= to_s);
    starts
        .map(|start| {
            let (arm, pair) = arm_at(start);
            let factor = if arm == Arm::B { effect * noise(i64::from(pair)) } else { 1.0 };
            Counters {
                start: at(start),
                end: at(start + READING_S),
                was_reset: false,
                sums: sums(50, [factor; 3]),
            }
        })
        .collect()
}

#[test]
fn what_a_server_shows_leads_to_the_verdict_of_the_same_windows() {
    for (effect, pairs, expected, verdict) in [
        (2.0, 7, stopped(Verdict::Revert, Arm::A, StopReason::Harmed(Metric::Time)), EffectVerdict::Harmed),
        (0.5, 5, stopped(Verdict::Keep, Arm::B, StopReason::Helped), EffectVerdict::Helped),
        (1.0, 60, stopped(Verdict::Inconclusive, Arm::A, StopReason::PairsUsedUp), EffectVerdict::NoEffect),
    ] {
        let reports = reports(60);
        let end = 60 * 720 + 60;
        // Twice as slow for three minutes would be for the guardrail.
        let all = counters(&reports, end, effect);
        let mut live = live();
        let decision = live.tell(&reports, seen(all), at(end));
        if effect == 2.0 {
            assert!(
                matches!(
                    decision,
                    Decision::Stop {
                        verdict: Verdict::Revert,
                        reason: StopReason::Guardrail(Alarm::Slow(_)),
                        ..
                    }
                ),
                "{decision:?}"
            );
        } else {
            assert_eq!((decision, live.assessment().pairs), (expected, pairs), "{effect}");
        }
        let measured = live.effect(at(end));
        assert_eq!(measured.verdict, verdict);
        assert!(measured.interval().contains(effect - 1.0) || effect == 2.0, "{measured:?}");
    }
}

#[test]
fn in_whatever_portions_it_is_told_it_comes_to_the_same() {
    let reports = reports(20);
    let all = counters(&reports, 20 * 720 + 60, 1.1);
    let mut at_once = live();
    at_once.tell(&reports, seen(all.clone()), at(20 * 720 + 60));
    let mut bit_by_bit = live();
    let mut now = 0;
    while now < 20 * 720 + 60 {
        now += 37;
        let known: Vec<Reported> = reports.iter().copied().filter(|report| report.at <= at(now)).collect();
        let from = bit_by_bit.known_to();
        let new = all.iter().filter(|each| each.end > from && each.end <= at(now)).cloned().collect();
        bit_by_bit.tell(&known, seen(new), at(now));
    }
    assert_eq!(bit_by_bit.assessment(), at_once.assessment());
    assert_eq!(at_once.assessment().counted, 8, "a tenth is found by then");
}

#[test]
fn a_pair_waits_for_its_counters_and_not_for_ever() {
    let reports = reports(1);
    let all = counters(&reports, 720 + 60, 1.0);
    let (early, late): (Vec<Counters>, Vec<Counters>) = all.into_iter().partition(|each| each.end <= at(700));
    let mut live = live();
    live.tell(&reports, seen(early.clone()), at(730));
    assert_eq!(live.assessment().pairs, 0);
    let mut patient = live.clone();
    patient.tell(&reports, seen(late), at(800));
    assert_eq!((patient.assessment().pairs, patient.assessment().counted), (1, 1));
    // Most of the window is there already.
    live.tell(&reports, Seen::default(), at(720 + 600));
    assert_eq!((live.assessment().pairs, live.assessment().counted), (1, 1));
    let mut blind = self::live();
    let first = early.into_iter().filter(|each| each.end < at(200)).collect();
    blind.tell(&reports, seen(first), at(720 + 600));
    assert_eq!((blind.assessment().counted, blind.assessment().missing_windows), (0, 2));
}

#[test]
fn a_minute_waits_for_the_report_that_says_which_arm_it_was() {
    let reports = [switched(0, Arm::B, Some(0)), switched(360, Arm::A, Some(0))];
    let timeline = Timeline::new(&reports[..1], at(0));
    assert!(timeline.tells(at(420), &terms()) && !timeline.tells(at(480), &terms()));
    assert!(Timeline::new(&[switched(0, Arm::A, None)], at(0)).tells(at(9_999), &terms()));
    // Everything is slow once the change has given way, of which the report comes later than the counters.
    let slow = |each: Counters| match each.start >= at(420) {
        true => Counters { sums: sums(50, [4.0; 3]), ..each },
        false => each,
    };
    let all = counters(&reports, 1_000, 1.0).into_iter().map(slow).collect();
    let mut live = live();
    let decision = live.tell(&reports[..1], seen(all), at(1_000));
    assert!(matches!(decision, Decision::Measure { .. }), "{decision:?}");
    let decision = live.tell(&reports, Seen::default(), at(1_010));
    assert!(matches!(decision, Decision::Measure { .. }), "{decision:?}");
}

#[test]
fn what_the_agent_calls_void_is_and_what_never_ran_is_not_missing() {
    let first = terms().first_arm(plan().change, 0);
    let void = |seconds, pair| Reported { at: at(seconds), step: TrialStep::Void { pair } };
    let reports = [
        switched(0, first, Some(0)),
        // The agent died in it, and in the next one.
        void(200, 0),
        switched(300, Arm::A, Some(1)),
        switched(660, Arm::B, Some(1)),
        void(800, 1),
        // This one's switch never came to pass.
        switched(900, Arm::A, Some(3)),
        switched(1_260, Arm::B, Some(3)),
        switched(1_620, Arm::A, None),
    ];
    let timeline = Timeline::new(&reports, at(0));
    let runs = timeline.pairs(&terms());
    let halves: Vec<_> = runs.iter().map(|run| (run.pair, run.a.is_ok(), run.b.is_ok())).collect();
    assert_eq!(halves, [(0, false, false), (1, true, false), (2, false, false), (3, true, true)]);
    let mut live = live();
    live.tell(&reports, seen(counters(&reports, 1_700, 1.0)), at(1_700));
    let assessment = live.assessment();
    assert_eq!((assessment.pairs, assessment.counted, assessment.missing_windows), (4, 1, 2));
}

#[test]
fn a_window_cut_short_by_a_pause_counts_as_far_as_it_was_seen() {
    let reports = [
        switched(0, Arm::B, Some(0)),
        Reported { at: at(200), step: TrialStep::Paused { until: at(3_800) } },
        switched(200, Arm::A, Some(0)),
        switched(560, Arm::A, None),
        switched(3_800, Arm::B, Some(1)),
    ];
    let runs = Timeline::new(&reports, at(0)).pairs(&terms());
    assert_eq!(runs[0].b, Ok((at(60), at(200))));
    assert_eq!(runs[0].a, Ok((at(260), at(560))));
    assert_eq!(runs.len(), 1, "the second goes on");
}

#[test]
fn a_server_that_is_read_seldom_is_not_silent() {
    let reports = [switched(0, Arm::B, Some(0))];
    let every = |length: usize| -> Vec<Counters> {
        let all = counters(&reports, 360, 1.0);
        let merged = all.chunks_exact(length).map(|few| Counters {
            start: few[0].start,
            end: few[length - 1].end,
            was_reset: false,
            sums: sums(50 * length as u64, [1.0; 3]),
        });
        merged.collect()
    };
    for length in [2, 4, 5] {
        let decision = live().tell(&reports, seen(every(length)), at(359));
        assert!(matches!(decision, Decision::Measure { .. }), "{length}: {decision:?}");
    }
    // No reading at all is another matter.
    let decision = live().tell(&reports, seen(every(1).split_off(22)), at(359));
    assert!(matches!(decision, Decision::GoBack { alarm: Alarm::Silent, .. }), "{decision:?}");
}

#[test]
fn failures_and_lag_with_the_change_are_for_the_guardrail() {
    let reports = [switched(0, Arm::B, Some(0))];
    let ends_with = |health: Vec<Health>| {
        let mut live = live();
        let counters = counters(&reports, 300, 1.0);
        live.tell(&reports, Seen { health, ..seen(counters) }, at(300))
    };
    let reading = |seconds: i64, rollbacks, lag| Health {
        at: at(seconds),
        rollbacks,
        deadlocks: 0,
        replication_lag_s: lag,
    };
    let every_ten = |rollbacks: fn(i64) -> u64, lag: Option<f64>| {
        (0..30).map(|n| reading(n * 10, rollbacks(n), lag)).collect::<Vec<_>>()
    };
    assert!(matches!(ends_with(every_ten(|_| 9, Some(1.0))), Decision::Measure { .. }));
    let failing = ends_with(every_ten(|n| 9 + n.unsigned_abs(), None));
    assert!(
        matches!(failing, Decision::Stop { reason: StopReason::Guardrail(Alarm::Errors(_)), .. }),
        "{failing:?}"
    );
    let lagging = ends_with(every_ten(|_| 9, Some(40.0)));
    assert!(
        matches!(lagging, Decision::Stop { reason: StopReason::Guardrail(Alarm::ReplicationLag(_)), .. }),
        "{lagging:?}"
    );
}

#[test]
fn a_window_is_read_from_what_lies_in_it() {
    let all = counters(&reports(1), 720, 1.0);
    let part = Duration::from_secs(60);
    let Reading::Whole(window) = read(&all, at(60), at(360), part) else { panic!() };
    assert_eq!((window.start, window.end), (at(64), at(349)));
    assert_eq!(window.parts.len(), 4);
    let calls: u64 = window.parts.iter().map(|part| part.statements()[0].calls).sum();
    assert_eq!((calls, window.sums.statements()[0].calls), (19 * 50, 19 * 50));
    let reset: Vec<Counters> =
        all.iter().map(|each| Counters { was_reset: each.end == at(199), ..each.clone() }).collect();
    assert_eq!(read(&reset, at(60), at(360), part), Reading::Lost(Fault::StatisticsReset));
    assert!(matches!(read(&reset, at(210), at(360), part), Reading::Whole(_)));
    assert_eq!(read(&all[..8], at(60), at(360), part), Reading::Lost(Fault::Missing));
    assert_eq!(read(&[], at(60), at(360), part), Reading::Lost(Fault::Missing));
}
