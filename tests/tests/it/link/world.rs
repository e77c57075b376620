//! A controller and agents in one process, each with a directory of its own.

use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use agent::link::connection::{self, IncomingOrder, LinkConfig};
use agent::link::enrolment::{EnrolError, Enrolment, enrol};
use agent::link::outbox::{Outbox, SpoolConfig};
use querysmith_controller::fleet::authority::Authority;
use querysmith_controller::fleet::listener::{self, FleetConfig};
use querysmith_controller::fleet::roster::Fleet;
use querysmith_controller::fleet::tokens;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::{AgentId, ChangeId};
use querysmith_shared::observation::host::Host;
use querysmith_shared::observation::instance::Instance;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::{ChangeReport, Lane, ReportBody};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::log;
use super::memory::Memory;

/// Longest wait for anything in these tests, unless it says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// A directory that is removed with its value.
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("querysmith-link-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// Waits for a condition.
pub(super) async fn until(what: &str, condition: impl FnMut() -> bool) {
    within(PATIENCE, what, condition).await;
}

pub(super) async fn within(patience: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < patience, "waited {patience:?} for: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for something that must happen.
pub(super) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for: {what}"),
    }
}

pub(super) struct Controller {
    pub(super) fleet: Fleet,
    pub(super) memory: Arc<Memory>,
    pub(super) data: Place,
    pub(super) address: SocketAddr,
    pub(super) pin: [u8; 32],
}

impl Controller {
    pub(super) async fn start() -> Self {
        Self::start_for(100).await
    }

    /// With room for so many connections.
    pub(super) async fn start_for(most: usize) -> Self {
        log::keep();
        let (data, memory) = (Place::new(), Arc::new(Memory::default()));
        let (fleet, address) = listen(&data, &memory, most).await;
        let pin = Authority::open(data.path(), now()).unwrap().pin();
        Self { fleet, memory, data, address, pin }
    }

    /// Ends the listener and begins another one at another port: what is left of the former one's
    /// connections keeps its port for a while, as long as they share one process.
    pub(super) async fn restart(&mut self) {
        self.fleet.shutdown().await;
        (self.fleet, self.address) = listen(&self.data, &self.memory, 100).await;
    }

    pub(super) fn authority(&self) -> Authority {
        Authority::open(self.data.path(), now()).unwrap()
    }

    /// A join token, as `token create` makes it.
    pub(super) fn token(&self, ttl: Duration) -> String {
        let new = tokens::create(ttl, now(), rand::random(), self.pin);
        self.memory.add_token(new.secret_hash, new.expires_at);
        new.text
    }

    pub(super) async fn enrol(&self, token: &str, state: &Place) -> Result<AgentId, EnrolError> {
        let controller = self.address.to_string();
        soon(
            "enrolment",
            enrol(Enrolment {
                token,
                controller: &controller,
                state_dir: state.path(),
                host_name: "loopback",
                agent_version: "0.1.0",
                force: false,
            }),
        )
        .await
    }

    /// An enrolled agent that runs.
    pub(super) async fn agent(&self) -> Agent {
        let state = Place::new();
        let id = self.enrol(&self.token(Duration::from_secs(60)), &state).await.unwrap();
        let agent = Agent::run(id, state, self.address);
        self.connected(id).await;
        agent
    }

    pub(super) async fn connected(&self, agent: AgentId) {
        until("the agent is connected", || self.fleet.is_connected(agent)).await;
    }
}

async fn listen(data: &Place, memory: &Arc<Memory>, max_connections: usize) -> (Fleet, SocketAddr) {
    let authority = Authority::open(data.path(), now()).unwrap();
    let listen = "127.0.0.1:0".parse().unwrap();
    let config = FleetConfig { listen, max_connections, controller_version: "0.1.0".to_owned() };
    let fleet = listener::start(config, authority, memory.clone(), memory.clone()).await.unwrap();
    let address = fleet.local_address().unwrap();
    (fleet, address)
}

pub(super) struct Agent {
    pub(super) id: AgentId,
    pub(super) state: Place,
    pub(super) outbox: Outbox,
    pub(super) orders: mpsc::Receiver<IncomingOrder>,
    pub(super) roster: watch::Sender<Vec<Instance>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Agent {
    /// Runs an agent on an identity that is there.
    pub(super) fn run(id: AgentId, state: Place, controller: SocketAddr) -> Self {
        let outbox = Outbox::open(state.path(), SpoolConfig::default()).unwrap();
        Self::run_with(id, state, controller, outbox)
    }

    pub(super) fn run_with(id: AgentId, state: Place, controller: SocketAddr, outbox: Outbox) -> Self {
        let config = LinkConfig {
            controller: controller.to_string(),
            state_dir: state.path().to_owned(),
            host_name: "loopback".to_owned(),
            agent_version: "0.1.0".to_owned(),
            run: rand::random(),
            obeyed: watch::channel(None).1,
        };
        let (roster, watched) = watch::channel(Vec::new());
        let (orders_in, orders) = mpsc::channel(8);
        let (stop, stopping) = watch::channel(false);
        let link = connection::run(config, outbox.clone(), watched, orders_in, stopping);
        let task = tokio::spawn(async move {
            if let Err(error) = link.await {
                panic!("the link ended: {error}");
            }
        });
        Self { id, state, outbox, orders, roster, stop, task }
    }

    pub(super) async fn telemetry(&self) -> u64 {
        let at = now();
        self.outbox.append(Lane::Telemetry, at, None, ReportBody::Host(host(at))).await.unwrap()
    }

    pub(super) async fn change(&self) -> u64 {
        let body = ReportBody::Change(ChangeReport {
            change: ChangeId(Uuid::now_v7()),
            state: ChangeState::Received,
            at: now(),
            detail: "journalled".to_owned(),
            sql: None,
            duration_ms: None,
            observed: None,
            trial_step: None,
        });
        self.outbox.append(Lane::Changes, now(), None, body).await.unwrap()
    }

    /// Ends the agent in order; its directory stays.
    pub(super) async fn stop(self) -> Place {
        self.stop.send_replace(true);
        soon("the link stops", self.task).await.unwrap();
        self.outbox.close().await;
        self.state
    }

    /// Ends the agent in the middle of whatever it does; its directory stays.
    pub(super) async fn kill(self) -> Place {
        self.task.abort();
        let _ = self.task.await;
        self.outbox.close().await;
        self.state
    }
}

pub(super) fn host(read_at: Timestamp) -> Host {
    Host {
        read_at,
        cpu_fraction: 0.5,
        cpu_count: 2,
        load1: 1.0,
        memory_total_bytes: 8 << 30,
        memory_available_bytes: 4 << 30,
        disk_total_bytes: 100 << 30,
        disk_free_bytes: 50 << 30,
    }
}

/// A new key and a request to sign it that asks for nothing else.
pub(super) fn key_and_request() -> (rcgen::KeyPair, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let request = params.serialize_request(&key).unwrap().pem().unwrap();
    (key, request)
}

/// Writes an identity that `signer` signed at `issued_at`, and that trusts `trusted`.
pub(super) fn write_identity(
    state: &Place,
    agent: AgentId,
    signer: &Authority,
    trusted: &Authority,
    issued_at: Timestamp,
) {
    let (key, request) = key_and_request();
    let (certificate, _) =
        signer.issue_agent_certificate(&request, agent, issued_at, rand::random()).unwrap();
    let directory = state.path().join("identity");
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("identity.pem");
    let text = format!("{}{certificate}{}", key.serialize_pem(), trusted.certificate_pem());
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
}
