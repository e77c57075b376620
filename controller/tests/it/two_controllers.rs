//! Two controllers on one store: both serve, a job is one controller's at a time, and one goes on without the other.

use std::fs;

use nix::sys::signal::Signal;
use querysmith_controller::store::{Store, StoreOptions};
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use serde_json::Value;

use crate::api_ground::install_provider;
use crate::ground::instance;
use crate::program::{Controller, Directory, wait_for};
use crate::speaker::{PATIENCE, Speaker, client, enrolled, link_of, until};

/// Notes of each run whether its job was claimed, as only one can.
const SEE_RUNS: &str = "
    CREATE TABLE seen_run (name text NOT NULL, is_claimed boolean NOT NULL);
    CREATE FUNCTION see_run() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO seen_run (name, is_claimed)
        SELECT NEW.name, EXISTS (
            SELECT FROM pg_locks
            WHERE locktype = 'advisory'
              AND granted
              AND mode = 'ExclusiveLock'
              AND (classid::bigint << 32 | objid::bigint) = hashtextextended('querysmith job ' || NEW.name, 0)
        );
        RETURN NEW;
    END $$;
    CREATE TRIGGER see_run AFTER INSERT OR UPDATE OF last_started_at ON job FOR EACH ROW EXECUTE FUNCTION see_run();";

async fn count(store: &Store, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&store.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_controllers_share_a_store_and_one_goes_on_when_the_other_is_killed() {
    install_provider();
    let cluster = Cluster::start(Options { preload: Vec::new(), ..Options::default() }).unwrap();
    cluster.create_database("store").await.unwrap();
    let url = cluster.url("store");
    let (first, second, state) = (Directory::new(), Directory::new(), Directory::new());
    let store = Store::connect(&url, StoreOptions::default()).unwrap();
    // At the same time, on an empty store: either may bring up the schema.
    let mut one = Controller::spawn(&first.0, &[("DATABASE_URL", &url)]);
    // They have the authority in common: an agent trusts one.
    wait_for(PATIENCE, || first.0.join("ca").exists().then_some(()));
    one.wait();
    fs::create_dir(second.0.join("ca")).unwrap();
    for file in fs::read_dir(first.0.join("ca")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), second.0.join("ca").join(file.file_name())).unwrap();
    }
    sqlx::raw_sql(SEE_RUNS).execute(&store.pool).await.unwrap();
    let mut two = Controller::spawn(&second.0, &[("DATABASE_URL", &url)]);
    two.wait();

    let clients = [client(&store, &one).await, client(&store, &two).await];
    let agent = enrolled(&first, &url, &state).await;
    let instance = instance(agent, "main");
    let speaker = Speaker::run(&state, &instance, &link_of(&first));
    for _ in 0..40 {
        speaker.speak(instance.id).await;
        for client in &clients {
            client.post("/api/v1/jobs/roll_up/run", &Value::Null).await.good();
        }
    }
    let summed =
        async || count(&store, "SELECT COALESCE(sum(calls), 0)::bigint FROM query_stats_minute").await;
    until("40 calls are summed", async || summed().await == 40).await;
    for client in &clients {
        let page = client.get("/api/v1/queries").await.good();
        assert_eq!(page["items"][0]["calls"], 40, "{page}");
        assert_eq!(client.get("/api/v1/instances").await.good()["total"], 1);
    }

    // Killed while reports come; the agent turns to the other, and sends again what it has no answer for.
    for _ in 0..40 {
        speaker.speak(instance.id).await;
    }
    one.signal(Signal::SIGKILL);
    for _ in 0..20 {
        speaker.speak(instance.id).await;
    }
    speaker.kill().await;
    let speaker = Speaker::run(&state, &instance, &link_of(&second));
    until("the spool is empty", async || speaker.outbox.stats().reports == 0).await;
    let runs = "SELECT runs FROM job WHERE name = 'roll_up'";
    let before = count(&store, runs).await;
    until("100 calls are summed", async || summed().await == 100).await;
    clients[1].post("/api/v1/jobs/roll_up/run", &Value::Null).await.good();
    until("the other runs the jobs", async || count(&store, runs).await > before).await;
    assert_eq!(clients[1].get("/api/v1/queries").await.good()["items"][0]["calls"], 100);
    // What each controller does for the agents connected to it, nobody claims.
    for (expected, sql) in [
        (100, "SELECT sum(calls)::bigint FROM query_stats"),
        (100, "SELECT sum(reports)::bigint FROM ingest_watermark"),
        (0, "SELECT count(*) FROM telemetry_gap"),
        (
            0,
            "SELECT count(*) FROM seen_run WHERE NOT is_claimed AND name NOT IN ('propose', 'offer', 'renew')",
        ),
        (0, "SELECT sum(failures)::bigint FROM job"),
    ] {
        assert_eq!(count(&store, sql).await, expected, "{sql}");
    }
    assert!(count(&store, "SELECT count(*) FROM seen_run WHERE name = 'roll_up'").await > 1);
    let ended = two.signal(Signal::SIGTERM);
    assert!(ended.success(), "{ended}: {}", two.log());
    speaker.kill().await;
}
