//! Parameters set on a real server: in force, taken back, and never what the host didn't name.

use std::time::Duration;

use agent::apply::allow_list::AllowList;
use agent::apply::context::{ApplyConfig, ApplyInstance};
use agent::config::Instance;
use agent::engines::grants;
use agent::engines::postgres::change::{ChangeTarget, scope_key};
use querysmith_shared::change::Change;
use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::wire::order::{Answer, Apply};
use sqlx::{Connection, Row};

use super::crashes::{MAKING, TAKING_BACK, die_in_child};
use super::stage::{Engine, Stage, approved, refused};

pub(super) const ALLOWED: &str = "
    [[allow]]
    [[allow]]
    kinds = ['set_parameter']
    [allow.parameters]
    work_mem = { min = '1MB', max = '256MB' }
    random_page_cost = { min = 1.0, max = 4.0 }
    jit = { values = ['on', 'off'] }
    autovacuum_vacuum_cost_delay = { min = '1ms', max = '10ms' }
    max_connections = { min = 10, max = 1000 }
    lock_timeout = { min = '1s', max = '10s' }
";

/// A stage whose role may set some parameters.
pub(super) async fn stage() -> Stage {
    let stage = Stage::set().await;
    permit(&stage).await;
    stage
}

async fn permit(stage: &Stage) {
    stage.allow(ALLOWED);
    let list = AllowList::load(&stage.directory.path().join("allow.toml")).unwrap();
    let names: Vec<String> = list.parameters("main").into_iter().map(str::to_owned).collect();
    // As a newcomer does: what the agent prints for this list, as it is.
    let sql = grants(&Instance::default(), Some("qs_read"), Some("qs_apply"), &names).unwrap();
    stage.cluster.execute("postgres", &sql).await.unwrap();
}

/// A parameter is set and taken back by the role that may on this version, and refused to the one that may not.
pub(super) async fn check_version(stage: &Stage, major: u16) {
    permit(stage).await;
    let by_grant = stage.instances();
    let engine = Engine::start(stage.config(), if major < 15 { as_superuser(stage) } else { by_grant });
    let order = stage.setting("work_mem", "4MB", "64MB");
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let end = engine.settles(&order).await;
    assert_eq!(
        (end.state, end.observed.as_deref()),
        (S::Trial, Some("work_mem = 64MB (configuration file)")),
        "{end:?}"
    );
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Reverted).await;
    assert_eq!(
        (stage.shows("work_mem").await.as_str(), stage.alter_system_has("work_mem").await),
        ("4MB", None)
    );
    engine.stop().await;
    if major < 15 {
        let engine = stage.engine();
        let order = stage.setting("work_mem", "4MB", "64MB");
        assert_eq!(engine.apply(&order).await, Answer::Accepted);
        let end = engine.settles(&order).await;
        assert!(end.detail.contains("before PostgreSQL 15 only a superuser"), "{end:?}");
        engine.stop().await;
    }
}

fn as_superuser(stage: &Stage) -> Vec<ApplyInstance> {
    let target = ChangeTarget::from_url(&stage.cluster.url("postgres")).unwrap();
    vec![ApplyInstance { id: stage.instance, name: "main".into(), target }]
}

impl Stage {
    /// The value of a parameter in a new session, and the file it is from.
    pub(super) async fn shows(&self, name: &str) -> String {
        let mut connection = self.cluster.connect("postgres").await.unwrap();
        let query = sqlx::query("SELECT current_setting($1)").bind(name);
        let value = query.fetch_one(&mut connection).await.unwrap().get(0);
        connection.close().await.unwrap();
        value
    }

    /// The line that ALTER SYSTEM wrote for a parameter.
    pub(super) async fn alter_system_has(&self, name: &str) -> Option<String> {
        let mut connection = self.cluster.connect("postgres").await.unwrap();
        let sql = "SELECT setting FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf' AND name = $1";
        let row = sqlx::query(sql).bind(name).fetch_optional(&mut connection).await.unwrap();
        row.map(|row| row.get(0))
    }

    pub(super) async fn alter_system(&self, sql: &str) {
        self.cluster.execute("postgres", sql).await.unwrap();
        self.cluster.execute("postgres", "SELECT pg_reload_conf()").await.unwrap();
    }
}

fn before(order: Apply, value: &str) -> Apply {
    let mut order = order;
    if let Change::SetParameter(set) = &mut order.what {
        set.before = Some(value.into());
    }
    approved(order)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_is_set_and_the_file_is_as_before_after_the_undo() {
    let stage = stage().await;
    let engine = stage.engine();
    // A session that was open before the change gets it too.
    let mut session = stage.cluster.connect("shop").await.unwrap();
    let order = stage.setting("work_mem", "4MB", "64MB");
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let report = engine.reaches(&order, S::Trial).await;
    assert_eq!(report.observed.as_deref(), Some("work_mem = 64MB (configuration file)"));
    assert_eq!(stage.shows("work_mem").await, "64MB");
    let shown = sqlx::query("SHOW work_mem").fetch_one(&mut session).await.unwrap().get::<String, _>(0);
    assert_eq!(shown, "64MB");
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Reverted).await;
    assert_eq!(
        (stage.shows("work_mem").await.as_str(), stage.alter_system_has("work_mem").await),
        ("4MB", None)
    );

    // What an earlier ALTER SYSTEM had set comes back, not the default.
    stage.alter_system("ALTER SYSTEM SET work_mem = '8MB'").await;
    stage.eventually("SELECT current_setting('work_mem') = '8MB'").await;
    let order = before(stage.setting("work_mem", "8MB", "32MB"), "8MB");
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Trial).await;
    assert_eq!(engine.confirm(&order).await, Answer::Accepted);
    assert_eq!(stage.shows("work_mem").await, "32MB");
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Reverted).await;
    assert_eq!(stage.shows("work_mem").await, "8MB");
    assert_eq!(stage.alter_system_has("work_mem").await.as_deref(), Some("8MB"));

    for (name, replaces, value, shown) in [
        ("random_page_cost", "4", "1.1", "1.1"),
        ("jit", "on", "off", "off"),
        ("autovacuum_vacuum_cost_delay", "2ms", "5ms", "5ms"),
    ] {
        let order = stage.setting(name, replaces, value);
        assert_eq!(engine.apply(&order).await, Answer::Accepted, "{name}");
        assert_eq!(engine.settles(&order).await.state, S::Trial, "{name}: {:?}", engine.reports.of(&order));
        assert_eq!(stage.shows(name).await, shown);
        assert_eq!(engine.undo(&order).await, Answer::Accepted);
        engine.reaches(&order, S::Reverted).await;
        assert_eq!(stage.alter_system_has(name).await, None);
    }
    stage.nothing_is_left_over().await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_host_did_not_name_or_the_server_would_not_take_is_refused() {
    let stage = stage().await;
    let engine = stage.engine();
    for (order, reason) in [
        (stage.setting("work_mem", "4MB", "512MB"), "lets it be 1MB to 256MB"),
        (stage.setting("maintenance_work_mem", "64MB", "128MB"), "no rule of this host's allow-list"),
        (stage.setting("archive_command", "x", "true"), "lets the server load or run code"),
        (stage.setting("work_mem", "4MB", "64MB'; --"), "neither a number nor a word"),
    ] {
        refused(engine.apply(&order).await, reason);
        assert_eq!(engine.reaches(&order, S::Rejected).await.sql, None);
    }
    let rejected = async |order: &Apply, reason: &str| {
        assert_eq!(engine.apply(order).await, Answer::Accepted);
        let report = engine.settles(order).await;
        assert_eq!(report.state, S::Rejected, "{report:?}");
        assert!(report.detail.contains(reason), "{}", report.detail);
    };
    rejected(&stage.setting("work_mem", "8MB", "64MB"), "is 4MB by now, and was 8MB").await;
    rejected(&stage.setting("work_mem", "64MB", "4096kB"), "is 4MB already").await;
    rejected(&stage.setting("max_connections", "100", "200"), "at a restart only").await;
    rejected(&stage.setting("lock_timeout", "0", "5s"), "the agent's own session").await;
    rejected(&before(stage.setting("work_mem", "4MB", "64MB"), "4MB"), "does not set it by now").await;

    // Somebody edited the file, and did not reload: ours would bring that into force too.
    let conf = stage.cluster.data_dir().join("postgresql.conf");
    let text = std::fs::read_to_string(&conf).unwrap();
    std::fs::write(&conf, format!("{text}\nenable_seqscan = off\n")).unwrap();
    rejected(&stage.setting("work_mem", "4MB", "64MB"), "waits in the server's files: enable_seqscan").await;
    std::fs::write(&conf, format!("{text}\nenable_seqscan = perhaps\n")).unwrap();
    rejected(&stage.setting("work_mem", "4MB", "64MB"), "have an error at postgresql.conf:").await;
    std::fs::write(&conf, &text).unwrap();

    stage
        .cluster
        .execute("postgres", "REVOKE ALTER SYSTEM ON PARAMETER work_mem FROM qs_apply")
        .await
        .unwrap();
    rejected(
        &stage.setting("work_mem", "4MB", "64MB"),
        "GRANT ALTER SYSTEM ON PARAMETER work_mem TO qs_apply",
    )
    .await;
    stage.cluster.execute("postgres", "REVOKE SELECT ON pg_file_settings FROM qs_apply").await.unwrap();
    rejected(&stage.setting("jit", "on", "off"), "GRANT SELECT ON pg_catalog.pg_file_settings").await;
    assert_eq!(stage.alter_system_has("work_mem").await, None);
    stage.nothing_is_left_over().await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_changes_of_a_parameter_don_t_run_into_each_other() {
    let stage = stage().await;
    let engine = stage.engine();
    let first = stage.setting("work_mem", "4MB", "64MB");
    assert_eq!(engine.apply(&first).await, Answer::Accepted);
    engine.reaches(&first, S::Trial).await;
    let second = before(stage.setting("work_mem", "64MB", "128MB"), "64MB");
    assert_eq!(engine.apply(&second).await, Answer::Accepted);
    let report = engine.reaches(&second, S::Rejected).await;
    assert!(report.detail.contains("isn't finished: wait for its end"), "{}", report.detail);
    // Another parameter may be on trial at the same time.
    let other = stage.setting("jit", "on", "off");
    assert_eq!(engine.apply(&other).await, Answer::Accepted);
    engine.reaches(&other, S::Trial).await;

    // Another agent has the server's settings in hand.
    let target = ChangeTarget::from_url(&stage.cluster.url_as("qs_apply", "postgres")).unwrap();
    let mut holder = target.open("postgres", second.change, "apply").await.unwrap();
    assert!(holder.lock_scope(scope_key("postgres", None)).await.unwrap());
    assert_eq!(engine.undo(&first).await, Answer::Accepted);
    let told = engine.reports_that(&first, |report| report.detail.contains("in use by")).await;
    assert_eq!(told.state, S::Reverting);
    assert_eq!(stage.shows("work_mem").await, "64MB");
    holder.close().await;
    engine.reaches(&first, S::Reverted).await;
    assert_eq!(stage.shows("work_mem").await, "4MB");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_do_to_the_parameter_ends_its_trial() {
    let stage = stage().await;
    // Somebody takes it out: the trial is over, and nothing is left to undo.
    let order = stage.setting("work_mem", "4MB", "64MB");
    let engine = stage.engine();
    engine.apply(&order).await;
    engine.reaches(&order, S::Trial).await;
    engine.stop().await;
    stage.alter_system("ALTER SYSTEM RESET work_mem").await;
    stage.eventually("SELECT current_setting('work_mem') = '4MB'").await;
    let engine = stage.engine();
    let report = engine.reaches(&order, S::Reverted).await;
    assert!(
        engine.reports.of(&order).iter().any(|report| report.detail.contains("somebody else took it back"))
    );
    assert_eq!(report.sql.as_deref().map(|sql| sql.contains("RESET")), Some(true));

    engine.stop().await;

    // The same without a restart: a change on trial is looked at now and then.
    let engine = Engine::start(
        ApplyConfig { lease_tick: Duration::from_millis(50), ..stage.config() },
        stage.instances(),
    );
    let order = stage.setting("work_mem", "4MB", "64MB");
    engine.apply(&order).await;
    engine.reaches(&order, S::Trial).await;
    stage.alter_system("ALTER SYSTEM RESET work_mem").await;
    engine.reaches(&order, S::Reverted).await;
    engine.stop().await;

    // Somebody sets another value: theirs stays, and a person is told.
    let engine = stage.engine();
    let order = stage.setting("work_mem", "4MB", "64MB");
    engine.apply(&order).await;
    engine.reaches(&order, S::Trial).await;
    stage.alter_system("ALTER SYSTEM SET work_mem = '16MB'").await;
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    let report = engine.reaches(&order, S::Stuck).await;
    assert!(report.detail.contains("work_mem = 16MB in postgresql.auto.conf"), "{}", report.detail);
    assert_eq!(stage.alter_system_has("work_mem").await.as_deref(), Some("16MB"));
    engine.stop().await;
}

/// A standby keeps its settings when it stops being the primary, and nothing it is measured by is its own any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_ends_where_the_server_becomes_a_standby() {
    let mut stage = stage().await;
    let order = stage.setting("work_mem", "4MB", "64MB");
    let engine = stage.engine();
    engine.apply(&order).await;
    engine.reaches(&order, S::Trial).await;
    engine.stop().await;
    stage.cluster.stop_fast().unwrap();
    std::fs::write(stage.cluster.data_dir().join("standby.signal"), "").unwrap();
    stage.cluster.start_again().unwrap();
    stage.eventually("SELECT pg_is_in_recovery()").await;
    let engine = stage.engine();
    engine.reaches(&order, S::Reverted).await;
    assert!(engine.reports.of(&order).iter().any(|report| report.detail.contains("became a standby")));
    assert_eq!(
        (stage.shows("work_mem").await.as_str(), stage.alter_system_has("work_mem").await),
        ("4MB", None)
    );
    // Nothing new begins there.
    let order = stage.setting("jit", "on", "off");
    engine.apply(&order).await;
    assert!(engine.reaches(&order, S::Rejected).await.detail.contains("standby"));
    engine.stop().await;
}

/// Killed at every point, and between the two statements of the change and of its undo.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parameter_is_as_the_journal_says_wherever_the_agent_dies() {
    let stage = stage().await;
    let making =
        MAKING.into_iter().filter(|point| *point != "running").map(|point| (point, &["apply", "trial"][..]));
    let taking_back = TAKING_BACK.into_iter().map(|point| (point, &["apply", "trial", "undo"][..]));
    for (point, actions) in making.chain(taking_back) {
        let order = stage.setting("work_mem", "4MB", "64MB");
        die_in_child(&stage, &order, point, actions).await;
        settle(&stage, &order, point).await;
    }
    // The first statement wrote the file, and nobody said that it is to be read.
    let order = stage.setting("work_mem", "4MB", "64MB");
    die_in_child(&stage, &order, "after intent", &["apply", "trial"]).await;
    stage.cluster.execute("postgres", "ALTER SYSTEM SET work_mem = '64MB'").await.unwrap();
    assert_eq!(settle(&stage, &order, "half made").await, S::Aborted);
    let order = stage.setting("work_mem", "4MB", "64MB");
    die_in_child(&stage, &order, "after removal_intent", &["apply", "trial", "undo"]).await;
    stage.cluster.execute("postgres", "ALTER SYSTEM RESET work_mem").await.unwrap();
    assert_eq!(settle(&stage, &order, "half undone").await, S::Reverted);
    stage.nothing_is_left_over().await;
}

/// Starts the agent again, and takes the change back once it stands still.
async fn settle(stage: &Stage, order: &Apply, point: &str) -> S {
    let engine = stage.engine();
    // Its order may have died with it.
    engine.apply(order).await;
    let state = engine.settles(order).await.state;
    match state {
        S::Trial => {
            assert_eq!(stage.shows("work_mem").await, "64MB", "{point}");
            engine.undo(order).await;
            engine.reaches(order, S::Reverted).await;
        }
        S::Reverted | S::Aborted => {}
        odd => panic!("{point}: {odd}: {:#?}", engine.reports.of(order)),
    }
    assert_eq!(
        (stage.shows("work_mem").await.as_str(), stage.alter_system_has("work_mem").await),
        ("4MB", None),
        "{point}"
    );
    engine.stop().await;
    state
}
