//! The connection to the controller: dials, says hello, sends reports, takes orders, and begins again
//! when it breaks.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use querysmith_shared::observation::instance::Instance;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::fence::Fence;
use querysmith_shared::wire::link::RefusalCode;
use querysmith_shared::wire::order::{Answer, Order};
use quinn::ClientConfig;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::backoff::{delay, delay_after_refusal};
use super::dial::{DialError, dial};
use super::identity::{Credentials, IdentityError, Slot, discard_renewed, load, promote};
use super::outbox::Outbox;
use super::session::{self, End};
use super::tls::link_client;

/// A connection that lived this long was a good one, also if there was nothing to store: the next dial hardly waits.
const GOOD_AFTER: Duration = Duration::from_secs(10);
/// Wait before an identity that can't be read is tried again.
const IDENTITY_PAUSE: Duration = Duration::from_secs(30);
/// Time for the last packets at the end.
const CLOSING_TIME: Duration = Duration::from_secs(1);

/// What the link needs to know.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// Where the controller listens, `host:port`; a host name is looked up again at every dial.
    pub controller: String,
    /// The agent's state directory; the identity is below it.
    pub state_dir: PathBuf,
    /// Name of this host, for people.
    pub host_name: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Random number of this run of the process.
    pub run: u64,
    /// The newest record of a controller that was obeyed; `None` before the first.
    pub obeyed: watch::Receiver<Option<Fence>>,
}

/// An order that arrived, and where its answer goes. Dropping `reply` refuses the order.
#[derive(Debug)]
pub struct IncomingOrder {
    /// What is asked.
    pub order: Order,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Answer>,
}

/// Why the link can't work at all. Everything else is retried without end.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// There is no usable identity in the state directory.
    #[error("this agent has no usable identity")]
    Identity(#[source] IdentityError),
    /// The identity can't be used for TLS.
    #[error("failed to set up TLS with this agent's identity")]
    Tls(#[source] rustls::Error),
}

/// Keeps the link up until `stop` becomes true: returns an error only when there is no usable identity at
/// the start. One that can't be read later is waited for, because collecting and undoing go on without
/// the link.
pub async fn run(
    config: LinkConfig,
    outbox: Outbox,
    roster: watch::Receiver<Vec<Instance>>,
    orders: mpsc::Sender<IncomingOrder>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), LinkError> {
    let mut failures: u32 = 0;
    let mut usable = identify(&config).map(Some)?;
    while !*stop.borrow() {
        let Some((slot, credentials, tls)) = usable.take().or_else(|| identify_again(&config)) else {
            tokio::select! {
                () = tokio::time::sleep(IDENTITY_PAUSE) => continue,
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            }
        };
        warn_if_expired(&credentials);
        let dialled = tokio::select! {
            dialled = dial(&config.controller, &tls) => dialled,
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        };
        let (begun, acknowledged) = (Instant::now(), outbox.stats().acknowledged);
        let end = match dialled {
            Ok((endpoint, connection)) => {
                let welcomed = || prove(&config, slot);
                let session = session::Session {
                    config: &config,
                    outbox: &outbox,
                    orders: &orders,
                    credentials: &credentials,
                };
                let end = session.run(&connection, roster.clone(), stop.clone(), welcomed).await;
                connection.close(0_u8.into(), b"done");
                let _ = timeout(CLOSING_TIME, endpoint.wait_idle()).await;
                end
            }
            Err(error) => End::Failed(error),
        };
        let pause = match end {
            End::Stopped => return Ok(()),
            End::Renewed => continue,
            End::Failed(error) => {
                let was_good = begun.elapsed() >= GOOD_AFTER || outbox.stats().acknowledged > acknowledged;
                failures = if was_good { 0 } else { failures };
                after_failure(&config, slot, &error, failures)
            }
        };
        failures = failures.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
    Ok(())
}

/// Who this agent is now, ready for a handshake.
fn identify(config: &LinkConfig) -> Result<(Slot, Credentials, ClientConfig), LinkError> {
    let (slot, credentials) = credentials(config)?;
    let tls = link_client(&credentials).map_err(LinkError::Tls)?;
    Ok((slot, credentials, tls))
}

fn identify_again(config: &LinkConfig) -> Option<(Slot, Credentials, ClientConfig)> {
    identify(config)
        .inspect_err(|error| {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(%error, cause, "this agent's identity can't be used any more");
        })
        .ok()
}

/// A renewed identity is tried first: only a handshake proves it.
fn credentials(config: &LinkConfig) -> Result<(Slot, Credentials), LinkError> {
    match load(&config.state_dir, Slot::Renewed) {
        Ok(Some(credentials)) => return Ok((Slot::Renewed, credentials)),
        Ok(None) => {}
        Err(error) => {
            tracing::error!(%error, "the renewed identity can't be used");
            discard_renewed(&config.state_dir);
        }
    }
    let current = load(&config.state_dir, Slot::Current).map_err(LinkError::Identity)?;
    Ok((Slot::Current, current.ok_or(LinkError::Identity(IdentityError::Missing))?))
}

/// Called when the controller has welcomed these credentials.
fn prove(config: &LinkConfig, slot: Slot) {
    if slot == Slot::Renewed {
        match promote(&config.state_dir) {
            Ok(()) => tracing::info!("the renewed certificate is in use"),
            Err(error) => tracing::error!(%error, "failed to keep the renewed certificate"),
        }
    }
}

/// Says why, and how long to wait.
fn after_failure(config: &LinkConfig, slot: Slot, error: &DialError, failures: u32) -> Duration {
    let fraction = rand::random();
    let DialError::Refused(refusal) = error else {
        if slot == Slot::Renewed && matches!(error, DialError::Untrusted(_)) {
            tracing::error!(%error, "the renewed identity does not trust the controller; the former one is used on");
            discard_renewed(&config.state_dir);
        }
        let pause = delay(failures, fraction);
        tracing::warn!(controller = %config.controller, error = %error, cause = cause(error), retry_ms = pause.as_millis(), "no link to the controller");
        return pause;
    };
    let for_a_person = match refusal.code {
        RefusalCode::Revoked
        | RefusalCode::UnknownAgent
        | RefusalCode::DuplicateIdentity
        | RefusalCode::Expired
        | RefusalCode::Unsupported
        | RefusalCode::Malformed
        | RefusalCode::TokenUnknown
        | RefusalCode::TokenExpired
        | RefusalCode::BadSigningRequest => true,
        RefusalCode::StoreAway | RefusalCode::TooMany | RefusalCode::Stopping | RefusalCode::Replaced => {
            false
        }
    };
    if slot == Slot::Renewed && for_a_person {
        tracing::error!(reason = %refusal, "the renewed certificate was refused; the former one is used on");
        discard_renewed(&config.state_dir);
        return Duration::ZERO;
    }
    let pause = if for_a_person { delay_after_refusal(fraction) } else { delay(failures, fraction) };
    tracing::error!(controller = %config.controller, code = ?refusal.code, reason = %refusal.reason, retry_ms = pause.as_millis(), "the controller refused this agent");
    pause
}

fn warn_if_expired(credentials: &Credentials) {
    if credentials.not_after < Timestamp::from(SystemTime::now()) {
        tracing::error!(agent = %credentials.agent, "this agent's certificate has expired by this host's clock: enrol it again with --force");
    }
}

fn cause(error: &DialError) -> String {
    std::error::Error::source(error).map_or_else(String::new, ToString::to_string)
}
