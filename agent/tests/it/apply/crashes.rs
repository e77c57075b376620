//! The agent is killed at every point between two things, and started again.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use agent::apply::context::{ApplyConfig, ApplyInstance};
use agent::apply::fault::{FaultPoint, Faults};
use agent::apply::journal::Journal;
use agent::engines::postgres::change::ChangeTarget;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::id::InstanceId;
use querysmith_shared::wire::codec::{decode_body, encode_body};
use querysmith_shared::wire::order::{Answer, Apply, Order, Pause};

use tokio::process::{Child, Command};

use super::stage::{Engine, Stage};

const CHILD: &str = "apply::crashes::child";

/// Points of a change that is made, in their order.
pub(super) const MAKING: [&str; 10] = [
    "before received",
    "after received",
    "before armed",
    "after armed",
    "before intent",
    "after intent",
    "running",
    "after statement",
    "before applied",
    "after applied",
];
/// Points of a change that is taken back, in their order.
pub(super) const TAKING_BACK: [&str; 7] = [
    "before revert_intent",
    "after revert_intent",
    "before removal_intent",
    "after removal_intent",
    "after removal",
    "before reverted",
    "after reverted",
];
/// Points of a trial by switchback, each with what is asked for on the way there.
pub(super) const SWITCHING: [(&str, &[&str]); 11] = [
    ("before switch_intent", &["apply"]),
    ("after switch_intent", &["apply"]),
    ("after switch", &["apply"]),
    ("before switched", &["apply"]),
    ("after switched", &["apply"]),
    ("before paused", &["apply", "trial", "pause"]),
    ("after paused", &["apply", "trial", "pause"]),
    ("before keep_intent", &["apply", "trial", "keep"]),
    ("after keep_intent", &["apply", "trial", "keep"]),
    ("before confirmed", &["apply", "trial", "keep"]),
    ("after confirmed", &["apply", "trial", "keep"]),
];
/// Points of a change that fails, in their order.
pub(super) const FAILING: [&str; 7] = [
    "before failed",
    "after failed",
    "before removal_intent",
    "after removal_intent",
    "after removal",
    "before aborted",
    "after aborted",
];

fn name(point: FaultPoint) -> String {
    match point {
        FaultPoint::BeforeLine(line) => format!("before {line}"),
        FaultPoint::AfterLine(line) => format!("after {line}"),
        FaultPoint::Running => "running".to_owned(),
        FaultPoint::AfterStatement => "after statement".to_owned(),
        FaultPoint::AfterSwitch => "after switch".to_owned(),
        FaultPoint::AfterRemoval => "after removal".to_owned(),
    }
}

/// Runs the engine in a process of its own, has it carry out `actions` on the order, and returns when that
/// process has killed itself at `point`.
pub(super) async fn die_in_child(stage: &Stage, order: &Apply, point: &str, actions: &[&str]) {
    let output = start_child(stage, order, point, actions).wait_with_output();
    let output = tokio::time::timeout(super::stage::LIMIT, output).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.signal(), Some(Signal::SIGKILL as i32), "{point}: {text}");
}

fn start_child(stage: &Stage, order: &Apply, point: &str, actions: &[&str]) -> Child {
    let path = stage.directory.path();
    fs::write(path.join("order"), encode_body(order).unwrap()).unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args([CHILD, "--exact", "--ignored", "--nocapture"])
        .env("QUERYSMITH_TEST_STATE", path)
        .env("QUERYSMITH_TEST_URL", stage.cluster.url_as("qs_apply", "postgres"))
        .env("QUERYSMITH_TEST_POINT", point)
        .env("QUERYSMITH_TEST_ACTIONS", actions.join(","))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// What the child process does; not a test of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by other tests as a process of its own"]
async fn child() {
    let variable = |name: &str| std::env::var(name).unwrap();
    let state = std::path::PathBuf::from(variable("QUERYSMITH_TEST_STATE"));
    let order: Apply = decode_body(&fs::read(state.join("order")).unwrap()).unwrap();
    let fatal = variable("QUERYSMITH_TEST_POINT");
    let mut config = ApplyConfig::new(state.clone());
    config.allow_list = state.join("allow.toml");
    config.pressure = || None;
    config.lease_tick = Duration::from_millis(20);
    config.faults = Faults::new(move |point| {
        if name(point) == fatal {
            kill(Pid::this(), Signal::SIGKILL).unwrap();
        }
        false
    });
    let target = ChangeTarget::from_url(&variable("QUERYSMITH_TEST_URL")).unwrap();
    let instance: InstanceId = order.instance;
    let engine = Engine::start(config, vec![ApplyInstance { id: instance, name: "main".into(), target }]);
    for action in variable("QUERYSMITH_TEST_ACTIONS").split(',') {
        match action {
            "apply" => assert_eq!(engine.apply(&order).await, Answer::Accepted),
            "undo" => assert_eq!(engine.undo(&order).await, Answer::Accepted),
            "keep" => assert_eq!(engine.confirm(&order).await, Answer::Accepted),
            "pause" => {
                let pause =
                    Pause { change: order.change, reason: "slow".into(), for_s: 1, fence: order.fence };
                assert_eq!(engine.applier.handle(Order::Pause(pause)).await, Answer::Accepted);
            }
            "trial" => drop(engine.reaches(&order, S::Trial).await),
            other => panic!("{other}"),
        }
    }
    engine.reports_that(&order, |report| report.state.is_final()).await;
    // The end may be known here before the last point is passed.
    std::future::pending::<()>().await;
}

/// Starts the engine again, has it handle what wasn't acknowledged, waits for the end, and checks that the
/// journal and the database agree on it.
async fn recovered(stage: &Stage, order: &Apply, unacknowledged: &str, end: &[S]) -> S {
    let engine = stage.engine();
    match unacknowledged {
        "apply" => assert_eq!(engine.apply(order).await, Answer::Accepted),
        "undo" => assert_eq!(engine.undo(order).await, Answer::Accepted),
        _ => {}
    }
    let state = engine.reports_that(order, |report| end.contains(&report.state)).await.state;
    engine.stop().await;
    let journal = Journal::open(stage.directory.path()).unwrap();
    assert_eq!(journal.state(order.change), Some(state));
    let record = journal.change(order.change).unwrap().unwrap();
    assert!(record.attempts <= 2);
    let valid = stage.index_is_valid(order).await;
    assert_eq!(valid, (state == S::Trial).then_some(true), "{state}: {record:#?}");
    stage.nothing_is_left_over().await;
    state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_being_made_survives_every_crash() {
    let mut stage = Stage::set().await;
    for point in MAKING {
        stage.move_to_another_directory();
        let order = stage.index(&["customer_id"]);
        // Only a build that has to wait takes long enough to be killed in.
        let mut old = if point == "running" { Some(stage.old_snapshot().await) } else { None };
        die_in_child(&stage, &order, point, &["apply", "trial"]).await;
        if let Some(old) = &mut old {
            sqlx::raw_sql("COMMIT").execute(old).await.unwrap();
        }
        let unacknowledged = if point == "before received" { "apply" } else { "" };
        let end = recovered(&stage, &order, unacknowledged, &[S::Trial, S::Aborted]).await;
        println!("killed {point}: {end}");
        assert!(end == S::Trial || point == "running");
        stage.drop_index(&order).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_build_whose_client_died_is_given_up_by_the_server_and_removed_by_the_agent() {
    let stage = Stage::set().await;
    let order = stage.index(&["customer_id"]);
    let mut old = stage.old_snapshot().await;
    die_in_child(&stage, &order, "running", &["apply"]).await;
    stage.eventually("SELECT count(*) = 0 FROM pg_stat_progress_create_index").await;
    assert_eq!(stage.index_is_valid(&order).await, Some(false));
    sqlx::raw_sql("COMMIT").execute(&mut old).await.unwrap();
    recovered(&stage, &order, "", &[S::Aborted]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_killed_at_any_moment_leaves_no_doubt() {
    let mut stage = Stage::set().await;
    // Odd steps of time, so that the moments differ from run to run of the engine's own steps.
    for moment in (0..20).map(|n| n * 17) {
        stage.move_to_another_directory();
        let order = stage.index(&["customer_id"]);
        let mut child = start_child(&stage, &order, "never", &["apply", "trial", "undo"]);
        tokio::time::sleep(std::time::Duration::from_millis(moment)).await;
        child.kill().await.unwrap();
        let engine = stage.engine();
        assert_eq!(engine.apply(&order).await, Answer::Accepted);
        assert_eq!(engine.undo(&order).await, Answer::Accepted);
        let end = engine.reports_that(&order, |report| report.state.is_final()).await.state;
        engine.stop().await;
        assert!(matches!(end, S::Reverted | S::Aborted), "{end}");
        assert_eq!(stage.index_is_valid(&order).await, None);
        stage.nothing_is_left_over().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_being_taken_back_survives_every_crash() {
    let mut stage = Stage::set().await;
    for point in TAKING_BACK {
        stage.move_to_another_directory();
        let order = stage.index(&["customer_id"]);
        die_in_child(&stage, &order, point, &["apply", "trial", "undo"]).await;
        let unacknowledged = if point == "before revert_intent" { "undo" } else { "" };
        recovered(&stage, &order, unacknowledged, &[S::Reverted]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_fails_survives_every_crash() {
    let mut stage = Stage::set().await;
    stage.make_notes_too_long().await;
    for point in FAILING {
        stage.move_to_another_directory();
        let order = stage.index(&["note"]);
        die_in_child(&stage, &order, point, &["apply"]).await;
        recovered(&stage, &order, "", &[S::Aborted]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_analyze_survives_every_crash() {
    let mut stage = Stage::set().await;
    for point in MAKING.into_iter().filter(|point| *point != "running") {
        stage.move_to_another_directory();
        let order = stage.analyze();
        die_in_child(&stage, &order, point, &["apply", "trial"]).await;
        let engine = stage.engine();
        if point == "before received" {
            assert_eq!(engine.apply(&order).await, Answer::Accepted);
        }
        engine.reaches(&order, S::Trial).await;
        engine.stop().await;
    }
}
