//! An agent's real link and outbox towards a controller's process.

use std::fs;
use std::time::Duration;

use agent::link::connection::{self, LinkConfig};
use agent::link::enrolment::{Enrolment, enrol};
use agent::link::outbox::{Outbox, SpoolConfig};
use querysmith_controller::api::secret;
use querysmith_controller::store::Store;
use querysmith_shared::id::{AgentId, InstanceId};
use querysmith_shared::observation::instance::Instance;
use querysmith_shared::wire::report::Lane;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::api_ground::Client;
use crate::ground::{delta, now, stats};
use crate::program::{Controller, Directory, command};

/// How long tests wait for what should be.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const WINDOW: Duration = Duration::from_secs(15);

/// The link of an agent, with the real outbox.
pub(crate) struct Speaker {
    pub(crate) outbox: Outbox,
    task: JoinHandle<()>,
    _roster: watch::Sender<Vec<Instance>>,
    _stop: watch::Sender<bool>,
}

impl Speaker {
    pub(crate) fn run(state: &Directory, of: &Instance, link: &str) -> Self {
        let outbox = Outbox::open(&state.0, SpoolConfig::default()).unwrap();
        let config = LinkConfig {
            controller: link.to_owned(),
            state_dir: state.0.clone(),
            host_name: "host".to_owned(),
            agent_version: "1".to_owned(),
            run: rand::random(),
            obeyed: watch::channel(None).1,
        };
        let (roster, watched) = watch::channel(vec![of.clone()]);
        let (orders, _) = mpsc::channel(8);
        let (stop, stopping) = watch::channel(false);
        let link = connection::run(config, outbox.clone(), watched, orders, stopping);
        let task = tokio::spawn(async move { link.await.unwrap() });
        Self { outbox, task, _roster: roster, _stop: stop }
    }

    /// One window with one call.
    pub(crate) async fn speak(&self, instance: InstanceId) {
        let end = now();
        let body = stats(end.before(WINDOW), end, vec![delta(7, 1, 2.0)]);
        self.outbox.append(Lane::Telemetry, end, Some(instance), body).await.unwrap();
    }

    /// Ends in the middle of whatever it does.
    pub(crate) async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
        self.outbox.close().await;
    }
}

/// Where the controller of a directory listens for agents.
pub(crate) fn link_of(directory: &Directory) -> String {
    let published = fs::read_to_string(directory.0.join("run/controller.json")).unwrap();
    let published: Value = serde_json::from_str(&published).unwrap();
    published["link"].as_str().unwrap().to_owned()
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("waited for: {what}"));
}

/// A program's client, good for every controller on the store.
pub(crate) async fn client(store: &Store, controller: &Controller) -> Client {
    let token = secret::api_token();
    sqlx::query(
        "INSERT INTO api_token (token_id, token_hash, name, role, created_by, created_at)
         VALUES ($1, $2, $3, 'admin', 'test', now())",
    )
    .bind(Uuid::now_v7())
    .bind(secret::hash(&token).as_slice())
    .bind(controller.http())
    .execute(&store.pool)
    .await
    .unwrap();
    Client {
        http: reqwest::Client::new(),
        address: controller.http().unwrap(),
        token: Some(token),
        headers: Vec::new(),
    }
}

/// An agent enrolled by a token of the command line; its identity is in `state`.
pub(crate) async fn enrolled(first: &Directory, url: &str, state: &Directory) -> AgentId {
    let token = command(&first.0, &["token", "create", "--quiet"]).env("DATABASE_URL", url).output().unwrap();
    assert!(token.status.success(), "{token:?}");
    let token = String::from_utf8(token.stdout).unwrap();
    let enrolment = Enrolment {
        token: token.trim(),
        controller: &link_of(first),
        state_dir: &state.0,
        host_name: "host",
        agent_version: "1",
        force: false,
    };
    enrol(enrolment).await.unwrap()
}
