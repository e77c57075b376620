//! Listens for agents: who comes in, how many, and how fast. What is said then is in the session.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::link::RefusalCode;
use querysmith_shared::wire::{ALPN_ENROL, ALPN_LINK};
use quinn::crypto::rustls::HandshakeData;
use quinn::{Connection, Endpoint, Incoming, TokioRuntime};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::authority::Authority;
use super::limits::{Attempts, Places};
use super::pace::Pace;
use super::reset::endpoint;
use super::roster::{Fleet, close};
use super::session::Session;
use super::store::{FleetStore, Ingest};
use super::tls::{OwnCertificate, TlsError, server};
use super::{enrol, session};

/// Longest handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Handshakes at a time above which a newcomer must first show that its address is real.
const UNPROVED_HANDSHAKES: usize = 64;
/// Handshakes at a time above which nobody is let in.
const MAX_HANDSHAKES: usize = 512;
/// How often the store is asked who was revoked; with the time of the question below 5 s.
const REVOCATION_POLL: Duration = Duration::from_secs(2);
/// How often the age of the controller's own certificate is looked at.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(3_600);
/// Time for sessions to store what they have received, and for farewells to be heard.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Where and how to listen.
#[derive(Debug, Clone)]
pub struct FleetConfig {
    /// UDP address.
    pub listen: SocketAddr,
    /// Most connections at a time.
    pub max_connections: usize,
    /// Version of the controller, told to agents.
    pub controller_version: String,
}

/// Why the listener can't start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address can't be bound.
    #[error("failed to listen on {address}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// TLS can't be set up.
    #[error("failed to set up the listener")]
    Tls(#[source] TlsError),
}

/// What every connection needs.
pub(super) struct Context {
    pub(super) fleet: Fleet,
    pub(super) authority: Authority,
    pub(super) store: Arc<dyn FleetStore>,
    pub(super) ingest: Arc<dyn Ingest>,
    pub(super) controller_version: String,
    pub(super) pace: Pace,
    attempts: Mutex<Attempts>,
    places: Places,
    handshakes: AtomicUsize,
}

impl Context {
    fn may_enrol(&self, address: SocketAddr) -> bool {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.allow(address.ip(), Instant::now())
    }
}

/// Starts to listen. The tasks it starts belong to the returned handle; end them with
/// [`Fleet::shutdown`].
pub async fn start(
    config: FleetConfig,
    authority: Authority,
    store: Arc<dyn FleetStore>,
    ingest: Arc<dyn Ingest>,
) -> Result<Fleet, ListenError> {
    let own = Arc::new(OwnCertificate::new(&authority, now()).map_err(ListenError::Tls)?);
    let settings = server(&authority, Arc::clone(&own)).map_err(ListenError::Tls)?;
    let bind = |source| ListenError::Bind { address: config.listen, source };
    let socket = UdpSocket::bind(config.listen).map_err(bind)?;
    let endpoint =
        Endpoint::new(endpoint(&authority), Some(settings), socket, Arc::new(TokioRuntime)).map_err(bind)?;
    let address = endpoint.local_addr().map_err(bind)?;
    let fleet = Fleet::new(Some(address));
    let context = Arc::new(Context {
        fleet: fleet.clone(),
        authority,
        store,
        ingest,
        controller_version: config.controller_version,
        pace: Pace::default(),
        attempts: Mutex::new(Attempts::default()),
        places: Places::default(),
        handshakes: AtomicUsize::new(0),
    });
    tracing::info!(%address, "listening for agents");
    fleet.keep(tokio::spawn(listen(endpoint, context, own, config.max_connections)));
    Ok(fleet)
}

/// Takes connections until the fleet stops, then sees the sessions off.
async fn listen(endpoint: Endpoint, context: Arc<Context>, own: Arc<OwnCertificate>, max_connections: usize) {
    let mut stop = context.fleet.stopping();
    let mut sessions = JoinSet::new();
    tokio::select! {
        () = accept(&endpoint, &context, max_connections, &mut sessions) => {}
        () = watch_revocations(&context) => {}
        () = renew_own_certificate(&context, &own) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    endpoint.set_server_config(None);
    let drained = timeout(DRAIN_TIME, async { while sessions.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!(left = sessions.len(), "sessions with agents did not end in time");
    }
    sessions.shutdown().await;
    endpoint.close(RefusalCode::Stopping.close_code().into(), b"the controller is stopping");
    let _ = timeout(Duration::from_secs(1), endpoint.wait_idle()).await;
}

async fn accept(
    endpoint: &Endpoint,
    context: &Arc<Context>,
    max_connections: usize,
    sessions: &mut JoinSet<()>,
) {
    loop {
        tokio::select! {
            incoming = endpoint.accept() => {
                let Some(incoming) = incoming else { return };
                let handshakes = context.handshakes.load(Ordering::Relaxed);
                if endpoint.open_connections() >= max_connections || handshakes >= MAX_HANDSHAKES {
                    tracing::warn!(address = %incoming.remote_address(), "too many connections; a newcomer is refused");
                    incoming.refuse();
                } else if handshakes >= UNPROVED_HANDSHAKES && !incoming.remote_address_validated() {
                    // Fails only for an address that was validated.
                    let _ = incoming.retry();
                } else {
                    context.handshakes.fetch_add(1, Ordering::Relaxed);
                    sessions.spawn(welcome(incoming, Arc::clone(context)));
                }
            }
            Some(_) = sessions.join_next() => {}
        }
    }
}

async fn welcome(incoming: Incoming, context: Arc<Context>) {
    let address = incoming.remote_address();
    let handshake = async { incoming.accept()?.await };
    let outcome = timeout(HANDSHAKE_TIME, handshake).await;
    context.handshakes.fetch_sub(1, Ordering::Relaxed);
    let connection = match outcome {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            tracing::warn!(%address, reason = %error, "handshake refused");
            return;
        }
        Err(_) => {
            tracing::warn!(%address, "handshake took too long");
            return;
        }
    };
    match protocol(&connection).as_deref() {
        Some(ALPN_LINK) => session::run(Session { context: &context, connection: &connection }).await,
        Some(ALPN_ENROL) => {
            if !context.may_enrol(address) {
                tracing::warn!(%address, "too many attempts to enrol");
                close(&connection, RefusalCode::TooMany, "too many attempts to enrol from this address");
            } else if let Some(_place) = context.places.take(address.ip()) {
                enrol::serve(&connection, &context.authority, context.store.as_ref()).await;
            } else {
                tracing::warn!(%address, "too many enrolments at a time");
                close(
                    &connection,
                    RefusalCode::TooMany,
                    "too many enrolments at a time; try again in a minute",
                );
            }
        }
        _ => close(&connection, RefusalCode::Unsupported, "the protocol is not known here"),
    }
}

fn protocol(connection: &Connection) -> Option<Vec<u8>> {
    connection.handshake_data()?.downcast::<HandshakeData>().ok()?.protocol
}

/// Closes the connections of agents that were revoked, by whichever process.
async fn watch_revocations(context: &Context) {
    loop {
        tokio::time::sleep(REVOCATION_POLL).await;
        let connected: Vec<AgentId> =
            context.fleet.connected().into_iter().map(|agent| agent.agent).collect();
        if connected.is_empty() {
            continue;
        }
        match context.store.not_active(&connected).await {
            Ok(gone) => gone.into_iter().for_each(|agent| context.fleet.revoke(agent)),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "failed to ask the store who was revoked");
            }
        }
    }
}

async fn renew_own_certificate(context: &Context, own: &OwnCertificate) {
    loop {
        tokio::time::sleep(CERTIFICATE_CHECK).await;
        match own.renew_if_due(&context.authority, now()) {
            Ok(true) => tracing::info!("the controller's own certificate was renewed"),
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "failed to renew the controller's own certificate"),
        }
    }
}

pub(super) fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}
