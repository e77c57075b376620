//! Who is connected, and how the rest of the controller reaches them.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::link::{Refusal, RefusalCode};
use querysmith_shared::wire::order::{Answer, Order};
use quinn::Connection;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::orders;

/// Events that wait for a slow subscriber; the oldest are lost beyond that, and events are only hints.
const EVENTS: usize = 256;
/// Time in which a connection that is alive answers a probe; a round trip, with one loss.
const PROBE_TIME: Duration = Duration::from_secs(2);
/// How often the answer is looked for.
const PROBE_STEP: Duration = Duration::from_millis(50);

/// One live connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedAgent {
    /// Who.
    pub agent: AgentId,
    /// From where.
    pub address: SocketAddr,
    /// Since when.
    pub since: Timestamp,
    /// Its version.
    pub version: String,
    /// When another agent with the same identity was last refused, if ever during this connection.
    pub duplicate_refused_at: Option<Timestamp>,
}

/// Something that happened to the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FleetEvent {
    /// An agent said hello and was welcomed.
    Connected(AgentId),
    /// A connected agent said hello again: its instances changed.
    Greeted(AgentId),
    /// An agent's connection ended.
    Disconnected(AgentId),
    /// A second live agent with this identity was refused.
    DuplicateIdentity(AgentId),
}

/// Why an order has no answer.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The agent is not connected. The order was not sent.
    #[error("the agent is not connected")]
    NotConnected,
    /// No answer in time, or the connection broke: the agent may or may not have the order.
    #[error("the agent did not answer")]
    Timeout,
    /// The agent does not know this order, or could not read it.
    #[error("the agent refused the order: {0}")]
    Refused(Refusal),
}

/// The fleet as the rest of the controller sees it. A cheap handle.
#[derive(Clone)]
pub struct Fleet {
    inner: Arc<Inner>,
}

struct Inner {
    live: Mutex<HashMap<AgentId, Live>>,
    events: broadcast::Sender<FleetEvent>,
    stop: watch::Sender<bool>,
    address: Option<SocketAddr>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

struct Live {
    connection: Connection,
    run: u64,
    described: ConnectedAgent,
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("connected", &self.inner.live().len()).finish()
    }
}

impl Fleet {
    /// A fleet without a listener: nobody is connected, ever.
    pub fn idle() -> Self {
        Self::new(None)
    }

    pub(super) fn new(address: Option<SocketAddr>) -> Self {
        Self {
            inner: Arc::new(Inner {
                live: Mutex::new(HashMap::new()),
                events: broadcast::Sender::new(EVENTS),
                stop: watch::Sender::new(false),
                address,
                listener: Mutex::new(None),
            }),
        }
    }

    /// The address that is listened on; `None` without a listener.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.inner.address
    }

    /// Everyone who is connected to this controller now.
    pub fn connected(&self) -> Vec<ConnectedAgent> {
        self.inner.live().values().map(|live| live.described.clone()).collect()
    }

    /// Whether this agent is connected to this controller now.
    pub fn is_connected(&self, agent: AgentId) -> bool {
        self.inner.live().contains_key(&agent)
    }

    /// Sends an order and waits for its answer.
    pub async fn order(
        &self,
        agent: AgentId,
        order: Order,
        patience: Duration,
    ) -> Result<Answer, OrderError> {
        let connection = self.inner.live().get(&agent).map(|live| live.connection.clone());
        let connection = connection.ok_or(OrderError::NotConnected)?;
        timeout(patience, orders::send(&connection, &order)).await.unwrap_or(Err(OrderError::Timeout))
    }

    /// What happens from now on. A receiver that falls behind by more than 256 events loses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<FleetEvent> {
        self.inner.events.subscribe()
    }

    /// Closes the agent's connection at once; call it after the store says that the agent is revoked.
    pub fn revoke(&self, agent: AgentId) {
        if let Some(live) = self.inner.live().get(&agent) {
            tracing::warn!(%agent, address = %live.described.address, "agent revoked; its connection is closed");
            close(&live.connection, RefusalCode::Revoked, "this agent was revoked");
        }
    }

    /// Stops listening, lets batches that were received be stored, and closes every connection.
    pub async fn shutdown(&self) {
        self.inner.stop.send_replace(true);
        let listener = self.inner.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listener) = listener {
            // Its only failure is a panic, which was logged when it happened.
            let _ = listener.await;
        }
    }

    pub(super) fn stopping(&self) -> watch::Receiver<bool> {
        self.inner.stop.subscribe()
    }

    pub(super) fn keep(&self, listener: JoinHandle<()>) {
        *self.inner.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    pub(super) fn tell(&self, event: FleetEvent) {
        // Nobody listening is fine.
        let _ = self.inner.events.send(event);
    }

    /// Takes a connection in, or says why not. The same run of the same agent replaces its older
    /// connection; another run does so only if the older connection is dead: an agent that was killed
    /// comes back before its old connection times out, a copy of an agent finds the original alive.
    pub(super) async fn admit(
        &self,
        connection: &Connection,
        run: u64,
        described: ConnectedAgent,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let agent = described.agent;
        let rival = {
            let live = self.inner.live();
            live.get(&agent)
                .filter(|known| known.run != run)
                .map(|known| (known.connection.clone(), known.run))
        };
        if let Some((rival, rival_run)) = rival
            && answers(&rival).await
        {
            let mut live = self.inner.live();
            if let Some(known) = live.get_mut(&agent).filter(|known| known.run == rival_run) {
                known.described.duplicate_refused_at = Some(now);
                let reason = format!(
                    "another live agent at {} has the identity {agent}: enrol one of the two again",
                    known.described.address
                );
                drop(live);
                self.tell(FleetEvent::DuplicateIdentity(agent));
                return Err(Refusal { code: RefusalCode::DuplicateIdentity, reason });
            }
        }
        let newcomer = Live { connection: connection.clone(), run, described };
        if let Some(former) = self.inner.live().insert(agent, newcomer) {
            close(
                &former.connection,
                RefusalCode::Replaced,
                "the same agent came back on a newer connection",
            );
        }
        Ok(())
    }

    /// Takes a connection out again; false if another has taken its place.
    pub(super) fn dismiss(&self, agent: AgentId, connection: &Connection) -> bool {
        let mut live = self.inner.live();
        match live.get(&agent) {
            Some(known) if known.connection.stable_id() == connection.stable_id() => {
                live.remove(&agent).is_some()
            }
            _ => false,
        }
    }
}

impl Inner {
    fn live(&self) -> MutexGuard<'_, HashMap<AgentId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the other end of a connection is still there: sends a datagram, which every QUIC peer must
/// acknowledge without its program's help, and watches for packets.
async fn answers(connection: &Connection) -> bool {
    let before = connection.stats().udp_rx.datagrams;
    if connection.close_reason().is_some() || connection.send_datagram(vec![0].into()).is_err() {
        return false;
    }
    let heard = async {
        while connection.stats().udp_rx.datagrams == before {
            tokio::time::sleep(PROBE_STEP).await;
        }
    };
    tokio::select! {
        heard = timeout(PROBE_TIME, heard) => heard.is_ok(),
        _ = connection.closed() => false,
    }
}

/// Closes a connection with a reason that the other side can log.
pub(super) fn close(connection: &Connection, code: RefusalCode, reason: &str) {
    connection.close(code.close_code().into(), reason.as_bytes());
}
