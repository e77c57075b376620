//! `make chaos`: the agent is killed at every point of every kind of change, over and over, on a server under load; then
//! its controller stays away for hours. Counts what went wrong and prints it, with what it did, as JSON.

mod load;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent::apply::clock::Clock;
use agent::apply::context::ApplyConfig;
use agent::apply::journal::Journal;
use querysmith_shared::change::Change;
use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::change::trial::OnPartition;
use querysmith_shared::wire::order::{Answer, Apply};
use serde_json::json;
use sqlx::{PgConnection, Row};

use super::crashes::{FAILING, MAKING, SWITCHING, TAKING_BACK, die_in_child};
use super::drops::{EVERYTHING, TWINS, spare};
use super::leases::{self, TurnedClock};
use super::settings::{self, ALLOWED};
use super::stage::{Engine, Stage};
use super::statistics;
use super::switchbacks::{QUICK, tried};
use load::{Load, prove_watch};

/// Rounds over all points, unless QUERYSMITH_CHAOS_ROUNDS says otherwise.
const ROUNDS: u32 = 8;
/// Trials of each kind that a controller leaves alone.
const PARTITIONS: u32 = 5;
/// From the end of a lease to the database as it was before.
const MOST_AFTER_LAPSE: Duration = Duration::from_secs(60);
/// For which a foreign statement may wait for a lock of ours.
const MOST_LOCK_WAIT_MS: f64 = 2_000.0;

/// A change and how far it gets, from anywhere in which it is to be recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    what: What,
    end: End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Build,
    Drop,
    Analyze,
    Statistics,
    Target,
    Parameter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    Made,
    TakenBack,
    Failing,
    /// Put in place and taken back in turns.
    Switched,
}

impl Way {
    const MADE_BUILD: Self = Self { what: What::Build, end: End::Made };
    const MADE_PARAMETER: Self = Self { what: What::Parameter, end: End::Made };

    fn all() -> Vec<Self> {
        let undoable = [What::Build, What::Drop, What::Statistics, What::Target, What::Parameter];
        let ends = [End::Made, End::TakenBack];
        let mut all: Vec<Self> =
            undoable.into_iter().flat_map(|what| ends.map(|end| Self { what, end })).collect();
        all.push(Self { what: What::Analyze, end: End::Made });
        all.push(Self { what: What::Build, end: End::Failing });
        all.push(Self { what: What::Parameter, end: End::Switched });
        all
    }

    fn points(self) -> Vec<&'static str> {
        match (self.end, self.what) {
            (End::TakenBack, _) => TAKING_BACK.to_vec(),
            (End::Failing, _) => FAILING.to_vec(),
            (End::Switched, _) => SWITCHING.map(|(point, _)| point).to_vec(),
            (End::Made, What::Build | What::Drop) => MAKING.to_vec(),
            // Their statements are over too soon to be killed in.
            (End::Made, _) => MAKING.into_iter().filter(|point| *point != "running").collect(),
        }
    }

    /// What is asked for on the way to `point`.
    fn actions(self, point: &str) -> &'static [&'static str] {
        match self.end {
            End::Made => &["apply", "trial"],
            End::TakenBack => &["apply", "trial", "undo"],
            End::Failing => &["apply"],
            End::Switched => {
                SWITCHING.iter().find(|(name, _)| *name == point).map_or(&[], |(_, actions)| actions)
            }
        }
    }

    fn order(self, stage: &Stage) -> Apply {
        match (self.what, self.end) {
            (What::Build, End::Failing) => stage.index(&["note"]),
            (What::Build, _) => stage.index(&["created_at", "id"]),
            (What::Drop, _) => spare(stage),
            (What::Analyze, _) => stage.analyze(),
            (What::Statistics, _) => stage.together(&["customer_id", "note"]),
            (What::Target, _) => stage.target("customer_id", None, 400),
            (What::Parameter, End::Switched) => tried(stage.setting("work_mem", "4MB", "64MB"), QUICK),
            (What::Parameter, _) => stage.setting("work_mem", "4MB", "64MB"),
        }
    }

    /// Whether the server is as it must be once the change has come to rest in this state.
    async fn agrees(self, stage: &Stage, order: &Apply, state: S) -> bool {
        let made = state == S::Trial;
        match self.what {
            What::Analyze => true,
            What::Build => stage.index_is_valid(order).await == made.then_some(true),
            What::Drop => stage.index_is_valid(order).await == (!made).then_some(true),
            What::Statistics => stage.extended().await.0.is_empty() != made,
            What::Target => stage.target_of_customer().await.0.is_some() == made,
            What::Parameter => {
                let in_file = stage.alter_system_has("work_mem").await;
                let seen = (stage.shows("work_mem").await, in_file.as_deref() == Some("64MB"));
                let wanted = if made { ("64MB", true) } else { ("4MB", false) };
                (seen.0.as_str(), seen.1) == wanted
            }
        }
    }

    /// Makes the server as it was, where the change stands.
    async fn clean(self, stage: &Stage, order: &Apply) {
        let shop = async |sql: &str| stage.cluster.execute("shop", sql).await.unwrap();
        match self.what {
            What::Build => stage.drop_index(order).await,
            What::Drop | What::Analyze => {}
            What::Statistics => {
                let Change::CreateStatistics(create) = &order.what else { panic!("{order:?}") };
                shop(&format!("DROP STATISTICS \"{}\"", create.name)).await;
            }
            What::Target => shop("ALTER TABLE orders ALTER COLUMN customer_id SET STATISTICS -1").await,
            What::Parameter => {
                stage.alter_system("ALTER SYSTEM RESET work_mem").await;
                stage.eventually("SELECT current_setting('work_mem') = '4MB'").await;
            }
        }
    }
}

#[derive(Debug, Default)]
struct Faults {
    /// Indexes of ours that no change on trial accounts for.
    orphans: i64,
    /// INVALID indexes.
    invalid: i64,
    /// Changes whose state isn't that of the database, or of the journal.
    mismatches: u32,
    /// Changes that were begun more than twice.
    double_effects: u32,
}

async fn count(stage: &Stage, sql: &'static str) -> i64 {
    let mut connection = stage.cluster.connect("shop").await.unwrap();
    sqlx::query(sql).fetch_one(&mut connection).await.unwrap().get(0)
}

async fn reader(stage: &Stage) -> PgConnection {
    let mut connection = stage.cluster.connect("shop").await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM orders").execute(&mut connection).await.unwrap();
    connection
}

/// Kills the agent at `point` of a change, starts it again, and counts what isn't as it should be.
async fn kill_once(stage: &mut Stage, way: Way, point: &str, faults: &mut Faults) {
    stage.move_to_another_directory();
    stage.allow(&format!("{EVERYTHING}{}{ALLOWED}", statistics::ALLOWED));
    let again = "CREATE INDEX IF NOT EXISTS spare ON orders (customer_id)";
    stage.cluster.execute("shop", again).await.unwrap();
    let order = way.order(stage);
    // Only what has to wait takes long enough to be killed in: a build for old snapshots, a drop for readers.
    let holder = match (point, way) {
        ("running", Way { what: What::Drop, .. }) => Some(reader(stage).await),
        ("running", _) => Some(stage.old_snapshot().await),
        _ => None,
    };
    die_in_child(stage, &order, point, way.actions(point)).await;
    drop(holder);

    let engine = stage.engine();
    match point {
        "before received" => assert_eq!(engine.apply(&order).await, Answer::Accepted),
        "before revert_intent" => assert_eq!(engine.undo(&order).await, Answer::Accepted),
        _ => {}
    }
    if way.end == End::Switched {
        assert_eq!(engine.undo(&order).await, Answer::Accepted, "{point}");
    }
    let is_end = |state: S| match way.end {
        End::TakenBack | End::Switched => state == S::Reverted,
        End::Made | End::Failing => state == S::Trial || state.is_final(),
    };
    let state = engine.reports_that(&order, |report| is_end(report.state)).await.state;
    engine.stop().await;

    let journal = Journal::open(stage.directory.path()).unwrap();
    let record = journal.change(order.change).unwrap().unwrap();
    let agrees = way.agrees(stage, &order, state).await;
    if record.state != state || !agrees {
        println!("killed {point} of {way:?}: {state}, the journal says {}, agrees {agrees}", record.state);
        faults.mismatches += 1;
    }
    faults.double_effects += u32::from(record.attempts > 2);
    faults.invalid +=
        count(stage, "SELECT count(*) FROM pg_index WHERE NOT indisvalid OR NOT indisready").await;
    if state == S::Trial {
        way.clean(stage, &order).await;
    }
    let ours = "SELECT count(*) FROM pg_class WHERE relkind = 'i' AND relname LIKE 'qs\\_%'";
    faults.orphans += count(stage, ours).await;
}

/// A controller that says nothing for four hours, on a clock that is turned: how long after the end of the lease the
/// database is as it was before.
async fn partition(stage: &mut Stage, way: Way) -> Duration {
    stage.move_to_another_directory();
    stage.allow(&format!("{EVERYTHING}{}{ALLOWED}", statistics::ALLOWED));
    let clock = Arc::new(TurnedClock::default());
    // Looked at as often as a real agent does.
    let turned: Arc<dyn Clock> = clock.clone();
    let engine = Engine::start(ApplyConfig { clock: turned, ..stage.config() }, stage.instances());
    let order = match way {
        Way::MADE_BUILD => leases::order(stage, OnPartition::Revert),
        _ => way.order(stage),
    };
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Trial).await;
    clock.turn(Duration::from_secs(15 * 60 - 5));
    assert_eq!(engine.reports.states(&order).last(), Some(&S::Trial), "the lease has five seconds left");
    let lapsed = Instant::now();
    clock.turn(Duration::from_secs(4 * 3_600));
    engine.reaches(&order, S::Reverted).await;
    assert!(way.agrees(stage, &order, S::Reverted).await, "{way:?}");
    let took = lapsed.elapsed();
    engine.stop().await;
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes some minutes: make chaos"]
async fn chaos() {
    let rounds = std::env::var("QUERYSMITH_CHAOS_ROUNDS").ok().and_then(|text| text.parse().ok());
    let began = Instant::now();
    let mut stage = settings::stage().await;
    stage.cluster.execute("shop", TWINS).await.unwrap();
    stage.make_notes_too_long().await;
    let load = Load::start(&stage.cluster).await;
    prove_watch(&stage, &load).await;
    let (mut faults, mut runs, mut points) = (Faults::default(), 0_u32, BTreeSet::new());
    for round in 1..=rounds.unwrap_or(ROUNDS) {
        for way in Way::all() {
            for point in way.points() {
                kill_once(&mut stage, way, point, &mut faults).await;
                points.insert((way, point));
                runs += 1;
            }
        }
        eprintln!("round {round}: {runs} runs, {} s, {faults:?}", began.elapsed().as_secs());
    }
    // The build of a partition needs their columns.
    stage.cluster.execute("shop", "DROP INDEX kept; DROP INDEX spare").await.unwrap();
    let mut after_lapse = Duration::ZERO;
    for _ in 0..PARTITIONS {
        for way in [Way::MADE_BUILD, Way::MADE_PARAMETER] {
            after_lapse = after_lapse.max(partition(&mut stage, way).await);
        }
    }
    let (statements, longest_wait_ms) = load.end().await;
    let figures = json!({
        "fail_points": points.len(),
        "kills": runs,
        "orphans": faults.orphans,
        "invalid_indexes": faults.invalid,
        "states_that_differ": faults.mismatches,
        "double_effects": faults.double_effects,
        "partitions": 2 * PARTITIONS,
        "lapse_to_reverted_s": after_lapse.as_secs_f64(),
        "statements_of_the_load": statements,
        "longest_wait_for_our_locks_ms": longest_wait_ms,
        "seconds": began.elapsed().as_secs(),
    });
    println!("{figures:#}");
    assert_eq!((faults.orphans, faults.invalid, faults.mismatches, faults.double_effects), (0, 0, 0, 0));
    assert!(after_lapse <= MOST_AFTER_LAPSE, "{after_lapse:?}");
    assert!(longest_wait_ms <= MOST_LOCK_WAIT_MS, "{longest_wait_ms} ms");
}
