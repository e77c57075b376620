//! Random sequences of appends, acknowledgements, restarts and crashes, against a model.

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};
use proptest::strategy::Just;
use proptest::test_runner::{Config, TestRunner};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Append(Lane),
    /// Several at once, which share a commit.
    AppendMany(u8),
    HandOut(Lane),
    /// A share of what was handed out, in percent.
    Acknowledge(Lane, u8),
    Restart,
    Crash,
}

fn lane() -> impl Strategy<Value = Lane> {
    prop_oneof![3 => Just(Lane::Telemetry), 1 => Just(Lane::Changes)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => lane().prop_map(Step::Append),
        2 => (2..12_u8).prop_map(Step::AppendMany),
        3 => lane().prop_map(Step::HandOut),
        3 => (lane(), 0..=100_u8).prop_map(|(lane, share)| Step::Acknowledge(lane, share)),
        1 => Just(Step::Restart),
        2 => Just(Step::Crash),
    ]
}

/// What is known from outside: numbers that were given, and up to where was acknowledged.
#[derive(Debug, Default, Clone)]
struct Model {
    given: Vec<u64>,
    acknowledged: u64,
    handed_out: u64,
}

impl Model {
    fn of(models: &mut [Self; 2], lane: Lane) -> &mut Self {
        &mut models[place(lane)]
    }
}

async fn check_waiting(outbox: &Outbox, models: &[Model; 2]) {
    for lane in [Lane::Telemetry, Lane::Changes] {
        let model = &models[place(lane)];
        let numbers = numbers(&waiting(outbox, lane).await);
        assert!(numbers.is_sorted() && numbers.iter().all(|number| model.given.contains(number)));
        // An acknowledged report may come back after a crash, an unacknowledged one must.
        for number in model.given.iter().filter(|number| **number > model.acknowledged) {
            assert!(numbers.contains(number), "{number} of {lane:?} is lost: {numbers:?}");
        }
    }
}

async fn run(steps: Vec<Step>) {
    let mut place = Place::new();
    let mut outbox = place.open();
    let incarnation = outbox.incarnation();
    let mut models = [Model::default(), Model::default()];
    for step in steps {
        match step {
            Step::Append(lane) => {
                let body = if lane == Lane::Changes { change() } else { sample() };
                Model::of(&mut models, lane).given.push(append(&outbox, body).await.unwrap());
            }
            Step::AppendMany(count) => {
                let mut open = tokio::task::JoinSet::new();
                for _ in 0..count {
                    let outbox = outbox.clone();
                    open.spawn(async move { append(&outbox, sample()).await.unwrap() });
                }
                let mut numbers = open.join_all().await;
                numbers.sort_unstable();
                models[0].given.extend(numbers);
            }
            Step::HandOut(lane) => {
                let model = Model::of(&mut models, lane);
                let some = outbox.next(lane, model.handed_out, 5).await.unwrap();
                model.handed_out = some.last().map_or(model.handed_out, |(sequence, _)| *sequence);
            }
            Step::Acknowledge(lane, share) => {
                let model = Model::of(&mut models, lane);
                let up_to = model.handed_out * u64::from(share) / 100;
                outbox.acknowledge(lane, up_to).await;
                model.acknowledged = model.acknowledged.max(up_to);
            }
            Step::Restart => {
                outbox.close().await;
                outbox = place.open();
            }
            Step::Crash => {
                let left = place.crashed();
                outbox.close().await;
                place = left;
                outbox = place.open();
            }
        }
        for model in &models {
            assert!(
                model.given.is_sorted_by(|one, two| one < two),
                "a number was given twice: {:?}",
                model.given
            );
        }
    }
    check_waiting(&outbox, &models).await;
    assert_eq!(outbox.incarnation(), incarnation);
    outbox.close().await;
}

#[test]
fn nothing_that_was_appended_is_lost_and_no_number_is_given_twice() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&vec(step(), 1..50), |steps| {
            runtime.block_on(run(steps));
            Ok(())
        })
        .unwrap();
}

/// A spool so small that it merges all the time, and a controller that stores what is above its
/// watermark: every call is counted once, through crashes in the middle of merging.
async fn count_calls(steps: Vec<u8>) {
    let mut place = Place::new();
    let mut outbox = place.open_small(6_000);
    let (mut watermark, mut sent, mut counted, mut made) = (0, 0, 0, 0_i64);
    let mut told = false;
    let mut take = |batch: Vec<(u64, Vec<u8>)>, watermark: &mut u64| {
        for (sequence, body) in batch {
            let report: Report = decode_body(&body).unwrap();
            if sequence > *watermark {
                *watermark = sequence;
                match report.body {
                    ReportBody::QueryStats(stats) => {
                        counted += stats.rows.iter().map(|row| row.calls).sum::<u64>();
                    }
                    ReportBody::Gap(_) => told = true,
                    body => panic!("{body:?}"),
                }
            }
        }
        (counted, told)
    };
    for step in steps {
        match step {
            0..8 => {
                append(&outbox, window(made, 10)).await.unwrap();
                made += 1;
            }
            8 => {
                let batch = outbox.next(Lane::Telemetry, sent, 2).await.unwrap();
                sent = batch.last().map_or(sent, |(sequence, _)| *sequence);
                take(batch, &mut watermark);
            }
            9 => outbox.acknowledge(Lane::Telemetry, watermark).await,
            _ => {
                let left = place.crashed();
                outbox.close().await;
                place = left;
                outbox = place.open_small(6_000);
                // A new connection begins behind the watermark.
                outbox.acknowledge(Lane::Telemetry, watermark).await;
                sent = watermark;
            }
        }
    }
    let dropped = outbox.stats().dropped_reports > 0;
    let rest = outbox.next(Lane::Telemetry, watermark, 10_000).await.unwrap();
    let (counted, told) = take(rest, &mut watermark);
    let made = u64::try_from(made).unwrap() * 10;
    assert!(counted <= made, "{counted} of {made} calls were counted: some twice");
    assert!(told || !dropped, "reports were dropped and no gap tells of it");
    if !told {
        assert_eq!(counted, made, "calls are missing and no gap tells of it");
    }
    outbox.close().await;
}

#[test]
fn merging_counts_every_call_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&vec(0..11_u8, 1..120), |steps| {
            runtime.block_on(count_calls(steps));
            Ok(())
        })
        .unwrap();
}
