//! The loop once around: finding, question, draft, measurement, outcome, better model, next prediction.

use std::time::Duration;

use querysmith_advice::detect::detect;
use querysmith_advice::evidence::{Evidence, WindowSum};
use querysmith_advice::learn::accuracy::{accuracy, covered, of_one};
use querysmith_advice::learn::model::update;
use querysmith_advice::learn::outcome::Outcome;
use querysmith_advice::measure::effect::Verdict;
use querysmith_advice::measure::next_step::{TrialDecision, next_step};
use querysmith_advice::measure::{StatementSeries, TrialSamples, measure};
use querysmith_advice::propose::draft::ProposalDraft;
use querysmith_advice::propose::{ask, decide};
use querysmith_shared::change::ChangeKind::{Analyze, CreateIndex};
use querysmith_shared::id::ChangeId;
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use crate::planner::answer;
use crate::shop::{NOW, Run, add, add_fast, id, shop, windows};

const HOT: &[&str] = &["customer_orders_by_status", "customer_totals"];

fn hot() -> Evidence {
    let mut evidence = shop();
    add_fast(&mut evidence);
    add(&mut evidence, HOT[0], Run::new(4.0, 60.0, 13_200.0, 2.0), &["generic"]);
    add(&mut evidence, HOT[1], Run::new(0.5, 55.0, 13_200.0, 1.0), &["generic"]);
    evidence
}

fn draft(evidence: &Evidence) -> ProposalDraft {
    let findings = detect(evidence);
    let question = ask(evidence, &findings).remove(0);
    let answer = answer(evidence, &question, HOT);
    decide(evidence, &findings, &[(question, Some(answer))], &mut || ChangeId(Uuid::from_u128(1))).remove(0)
}

#[test]
fn predicted_measured_and_learnt() {
    let mut evidence = hot();
    let draft = draft(&evidence);
    let predicted = draft.predicted.unwrap();

    // Applied three minutes ago; since then both take a thousandth.
    let series = |name: &str, run: Run| StatementSeries { id: id(name), windows: windows(run, name) };
    let after = |run: Run| Run { since: Some((180.0, run.mean_ms / 800.0, 6.0)), ..run };
    let samples = TrialSamples {
        kind: draft.kind,
        touched: vec![
            series(HOT[0], after(Run::new(4.0, 60.0, 13_200.0, 2.0))),
            series(HOT[1], after(Run::new(0.5, 55.0, 13_200.0, 1.0))),
        ],
        controls: vec![
            series("product_by_sku", Run { per_second: 20.0, ..Run::FAST }),
            series("order_head", Run { per_second: 10.0, ..Run::FAST }),
        ],
        began_at: NOW.before(Duration::from_secs(185)),
        applied_at: NOW.before(Duration::from_secs(180)),
        now: NOW,
        thresholds: evidence.thresholds.measure.clone(),
    };
    let effect = measure(&samples);
    assert_eq!(effect.verdict, Verdict::Helped, "{effect:#?}");
    assert!(effect.estimate < -0.99, "{effect:?}");
    assert!(effect.blocks.unwrap().estimate < -0.99);
    let step = next_step(&effect, draft.kind, Duration::from_secs(180), &samples.thresholds);
    assert!(matches!(step, TrialDecision::Confirm(_)), "{step:?}");

    let outcome = Outcome {
        change_id: draft.change_id,
        kind: draft.kind,
        predicted: draft.predicted,
        cost_log_ratio: draft.cost_log_ratio,
        simulated: draft.simulated,
        realised: effect.interval(),
        verdict: effect.verdict,
        measured_at: effect.measured_at,
        model_version: draft.model_version,
    };
    let before = of_one(predicted.estimate, effect.estimate);
    assert!(before > 0.85 && covered(&predicted, &effect.interval()), "{predicted:?} {effect:?}");
    let score = accuracy(std::slice::from_ref(&outcome));
    assert_eq!((score.outcomes, score.accuracy, score.interval_coverage), (1, Some(before), Some(1.0)));

    evidence.model = update(&evidence.model, &outcome, 1.0);
    assert_eq!((evidence.model.version, evidence.model.trained_on), (2, 1));
    let next = self::draft(&evidence);
    assert_eq!(next.model_version, 2);
    assert!(of_one(next.predicted.unwrap().estimate, effect.estimate) > before, "{:?}", next.predicted);
}

#[test]
fn a_statement_that_broke_just_before_is_compared_with_its_broken_time() {
    // Broken eight minutes ago, repaired three minutes ago.
    let run = Run::new(3.0, 0.2, 16.0, 3.0);
    let mut broken = windows(Run { since: Some((480.0, 150.0, 25_010.0)), ..run }, "order_lines");
    let repaired = NOW.before(Duration::from_secs(180));
    for window in broken.iter_mut().filter(|window| window.start >= repaired) {
        window.total_ms = window.calls as f64 * 0.2;
        window.blocks_hit = window.calls * 16;
    }
    let samples = TrialSamples {
        kind: querysmith_shared::change::ChangeKind::CreateIndex,
        touched: vec![StatementSeries { id: id("order_lines"), windows: broken }],
        controls: Vec::new(),
        began_at: NOW.before(Duration::from_secs(185)),
        applied_at: repaired,
        now: NOW,
        thresholds: querysmith_advice::thresholds::MeasureThresholds::default(),
    };
    let effect = measure(&samples);
    assert_eq!(effect.verdict, Verdict::Helped, "{effect:#?}");
    assert!(effect.estimate < -0.99, "{effect:?}");
    let before = effect.statements[0].before.unwrap();
    assert!(before.mean_ms > 100.0, "{before:?}");
}

#[test]
fn without_calls_nothing_is_told_and_soon_it_is_taken_back() {
    let samples = TrialSamples {
        kind: querysmith_shared::change::ChangeKind::CreateIndex,
        touched: vec![StatementSeries { id: id("order_lines"), windows: Vec::new() }],
        controls: Vec::new(),
        began_at: NOW.before(Duration::from_secs(185)),
        applied_at: NOW.before(Duration::from_secs(180)),
        now: NOW,
        thresholds: querysmith_advice::thresholds::MeasureThresholds::default(),
    };
    let effect = measure(&samples);
    assert_eq!(effect.verdict, Verdict::TooLittleData);
    let missing = "no call of the touched statements was seen before the change";
    assert_eq!(effect.method, format!("Too little data, and waiting won't help: {missing}."));
    let step =
        |kind, minutes: u64| next_step(&effect, kind, Duration::from_secs(minutes * 60), &samples.thresholds);
    assert_eq!(step(CreateIndex, 29), TrialDecision::KeepWatching);
    let undone = format!("too little data: {missing}; taken back, for nothing shows that it helps");
    assert_eq!(step(CreateIndex, 30), TrialDecision::Undo(undone));
    assert_eq!(step(Analyze, 30), TrialDecision::End(format!("too little data: {missing}; it stays")));
}

/// A trial of a statement that was called `per_hour` times an hour for so many minutes before and after, each call
/// of 13,000 blocks before the change and of 6 since.
fn rare(per_hour: u64, before_minutes: u64, after_minutes: u64) -> TrialSamples {
    let began = NOW.before(Duration::from_secs(after_minutes * 60));
    let every = Duration::from_secs(3_600 / per_hour);
    let mut busy = Vec::new();
    let mut windows = Vec::new();
    let mut end = began.before(Duration::from_secs(before_minutes * 60)).after(every / 2);
    while end <= NOW {
        let (total_ms, blocks_hit) = if end <= began { (60.0, 13_000) } else { (0.1, 6) };
        windows.push(window(end, 1, total_ms, blocks_hit));
        end = end.after(every);
    }
    // Others are called in every window, and of the two hours before as well.
    for n in 0..(after_minutes + 120) * 4 {
        let end = NOW.before(Duration::from_secs(15 * n));
        busy.insert(0, window(end, 300, 0.05 + 0.001 * (n % 7) as f64, 4));
    }
    TrialSamples {
        kind: CreateIndex,
        touched: vec![StatementSeries { id: id("order_lines"), windows }],
        controls: vec![StatementSeries { id: id("order_head"), windows: busy }],
        began_at: began,
        applied_at: began,
        now: NOW,
        thresholds: querysmith_advice::thresholds::MeasureThresholds::default(),
    }
}

fn window(end: Timestamp, calls: u64, mean_ms: f64, blocks: u64) -> WindowSum {
    WindowSum {
        start: end.before(Duration::from_secs(15)),
        end,
        calls,
        total_ms: mean_ms * calls as f64,
        sum_squares_ms2: mean_ms * mean_ms * calls as f64,
        blocks_hit: blocks * calls,
        blocks_read: 0,
        rows: 2 * calls,
        temp_blocks: 0,
        wal_bytes: 0,
    }
}

fn decided(samples: &TrialSamples) -> TrialDecision {
    let elapsed = samples.now.since(samples.applied_at);
    next_step(&measure(samples), samples.kind, elapsed, &samples.thresholds)
}

#[test]
fn what_is_called_too_rarely_to_tell_ends_after_half_an_hour_and_says_how_rarely() {
    // Twice an hour, but for a burst long ago.
    let seldom = |after_minutes| {
        let mut samples = rare(2, 90, after_minutes);
        samples.touched[0].windows[0].calls = 5;
        samples
    };
    assert_eq!(decided(&seldom(29)), TrialDecision::KeepWatching);
    let told = "too little data: 1 call of the touched statements seen since the change, and about 35 are needed, which \
                takes longer than 6.0 h; taken back, for nothing shows that it helps";
    assert_eq!(decided(&seldom(31)), TrialDecision::Undo(told.into()));
    // Ten calls an hour are enough in time.
    assert_eq!(decided(&rare(10, 90, 31)), TrialDecision::KeepWatching);
    assert!(
        matches!(decided(&rare(10, 90, 355)), TrialDecision::Confirm(_)),
        "{:#?}",
        measure(&rare(10, 90, 355))
    );
}

#[test]
fn a_statement_that_was_new_when_its_index_came_is_measured_all_the_same() {
    // Seen for half a minute, or for one window, among statements that were watched for two hours.
    for seen_s in [30, 15] {
        let began = NOW.before(Duration::from_secs(180));
        let run = Run { since: Some((180.0, 0.1, 6.0)), ..Run::new(4.0, 60.0, 13_200.0, 2.0) };
        let mut new = windows(run, "order_lines");
        new.retain(|window| window.end > began.before(Duration::from_secs(seen_s)));
        let mut samples = rare(10, 0, 3);
        samples.touched[0].windows = new;
        let effect = measure(&samples);
        assert_eq!(effect.verdict, Verdict::Helped, "{seen_s} s: {effect:#?}");
        assert_eq!(effect.shortage, None);
    }
}

#[test]
fn a_past_of_a_few_calls_ends_the_trial_and_says_so() {
    let mut samples = rare(10, 0, 40);
    let began = samples.began_at;
    samples.touched[0].windows = windows(Run::new(4.0, 60.0, 13_200.0, 2.0), "order_lines");
    samples.touched[0].windows.retain(|window| window.start >= began);
    let mut before = samples.touched[0].windows[0];
    (before.start, before.end, before.calls) = (began.before(Duration::from_secs(15)), began, 3);
    samples.touched[0].windows.insert(0, before);
    let step = decided(&samples);
    let TrialDecision::Undo(reason) = step else { panic!("{step:?}") };
    assert!(reason.contains("3 calls of the touched statements seen before the change"), "{reason}");
}
