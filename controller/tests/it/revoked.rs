//! An agent that is shut out by the command line while it is connected.

use std::time::{Duration, Instant};

use querysmith_controller::store::{Store, StoreOptions};
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;

use crate::api_ground::install_provider;
use crate::ground::instance;
use crate::program::{Controller, Directory, command, wait_for};
use crate::speaker::{PATIENCE, Speaker, client, enrolled, link_of, until};

/// Until when a live connection must have ended.
const LIMIT: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn agent_revoke_ends_the_live_connection_within_five_seconds_and_nothing_more_is_stored() {
    install_provider();
    let cluster = Cluster::start(Options { preload: Vec::new(), ..Options::default() }).unwrap();
    cluster.create_database("store").await.unwrap();
    let url = cluster.url("store");
    let (data, state) = (Directory::new(), Directory::new());
    let mut controller = Controller::spawn(&data.0, &[("DATABASE_URL", &url)]);
    controller.wait();
    let store = Store::connect(&url, StoreOptions::default()).unwrap();
    let client = client(&store, &controller).await;
    let agent = enrolled(&data, &url, &state).await;
    let watched = instance(agent, "main");
    let speaker = Speaker::run(&state, &watched, &link_of(&data));
    let is_connected =
        async || client.get("/api/v1/agents").await.good()["items"][0]["connected"].as_bool().unwrap();
    let stored = "SELECT count(*) FROM query_stats";
    let count =
        async |sql: &'static str| -> i64 { sqlx::query_scalar(sql).fetch_one(&store.pool).await.unwrap() };
    speaker.speak(watched.id).await;
    until("its report is stored", async || count(stored).await == 1).await;
    assert!(is_connected().await);

    let revoke = |id: &str| {
        let arguments = ["agent", "revoke", id, "--reason", "the host is gone"];
        command(&data.0, &arguments).env("DATABASE_URL", &url).output().unwrap()
    };
    let output = revoke(&agent.to_string());
    assert!(output.status.success(), "{output:?}");
    let since = Instant::now();
    until("the connection is gone", async || !is_connected().await).await;
    assert!(since.elapsed() <= LIMIT, "closed after {:?}", since.elapsed());

    // It tries again, and is told why it may not.
    speaker.speak(watched.id).await;
    let is_refused = |line: &str| line.contains("agent refused") && line.contains("was revoked");
    wait_for(PATIENCE, || controller.log().lines().any(is_refused).then_some(()));
    assert!(!is_connected().await);
    assert_eq!(count(stored).await, 1);
    assert_eq!(count("SELECT count(*) FROM audit WHERE action = 'agent.revoke'").await, 1);

    for (id, expected) in [
        (agent.to_string(), "was revoked before"),
        ("00000000-0000-7000-8000-000000000000".to_owned(), "querysmith-controller agent list"),
    ] {
        let output = revoke(&id);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{output:?}");
    }
    assert_eq!(count("SELECT count(*) FROM audit WHERE action = 'agent.revoke'").await, 1);
    speaker.kill().await;
}
