//! One connection with one agent: from its certificate to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use querysmith_link::certificates::{AgentCertificate, agent_certificate};
use querysmith_link::frames::{Frame, FrameError, message, read_frame, write_message};
use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::enrol::{Certificate, RenewRequest};
use querysmith_shared::wire::envelope::Kind;
use querysmith_shared::wire::link::{Hello, Refusal, RefusalCode, Welcome};
use querysmith_shared::wire::report::Lane;
use quinn::{Connection, RecvStream, SendStream};
use rustls::pki_types::CertificateDer;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::authority::IssueError;
use super::lane;
use super::listener::{Context, now};
use super::roster::{ConnectedAgent, FleetEvent, close};
use super::store::{AgentStatus, StoreAway};
use super::tls::widen;

/// An agent must say hello within this time.
const HELLO_TIME: Duration = Duration::from_secs(10);
/// Longest wait for a peer to take in a short answer.
pub(super) const WRITE_TIME: Duration = Duration::from_secs(10);
/// Reports in memory for one agent, in units of [`super::pace::UNIT`]: 8 MiB.
const MEMORY_UNITS: usize = 8 << 10;
/// Frames that can't be read, after which the agent is sent away.
const MAX_BAD_FRAMES: u32 = 1_000;

/// A connection that has finished its handshake.
pub(super) struct Session<'a> {
    pub(super) context: &'a Arc<Context>,
    pub(super) connection: &'a Connection,
}

/// What the streams of one connection share.
pub(super) struct Conversation {
    pub(super) context: Arc<Context>,
    pub(super) connection: Connection,
    pub(super) agent: AgentId,
    pub(super) incarnation: u64,
    pub(super) memory: Arc<Semaphore>,
    bad_frames: AtomicU32,
    busy: [AtomicBool; 2],
}

/// Converses until the connection ends.
pub(super) async fn run(session: Session<'_>) {
    let address = session.connection.remote_address();
    match session.begin().await {
        Ok((conversation, until)) => {
            let agent = conversation.agent;
            let conversation = Arc::new(conversation);
            let reason = converse(&conversation, until).await;
            if session.context.fleet.dismiss(agent, session.connection) {
                session.context.fleet.tell(FleetEvent::Disconnected(agent));
                tracing::info!(%agent, %address, reason, "agent disconnected");
                if let Err(error) = session.context.store.record_seen(agent, now()).await {
                    tracing::warn!(%agent, %error, "failed to note that an agent was seen");
                }
            } else {
                tracing::info!(%agent, %address, reason, "an older connection of an agent ended");
            }
        }
        Err(refusal) => {
            tracing::warn!(%address, code = ?refusal.code, reason = refusal.reason, "agent refused");
            close(session.connection, refusal.code, &refusal.reason);
        }
    }
}

impl Session<'_> {
    /// Certificate, status, hello, welcome.
    async fn begin(&self) -> Result<(Conversation, Timestamp), Refusal> {
        let AgentCertificate { agent, not_after: until, .. } = self.identity()?;
        self.check_status(agent).await?;
        let malformed = |reason: String| Refusal { code: RefusalCode::Malformed, reason };
        let (mut send, mut receive) = timeout(HELLO_TIME, self.connection.accept_bi())
            .await
            .map_err(|_| malformed("no hello in time".to_owned()))?
            .map_err(|error| malformed(format!("the connection ended before a hello: {error}")))?;
        let frame = timeout(HELLO_TIME, read_frame(&mut receive, Kind::Hello)).await;
        let frame = frame.unwrap_or(Err(FrameError::TooSlow)).map_err(|error| error.refusal())?;
        let frame = frame.ok_or_else(|| malformed("the first stream is empty".to_owned()))?;
        let hello: Hello = message(&frame).map_err(|error| error.refusal())?;

        let described = ConnectedAgent {
            agent,
            address: self.connection.remote_address(),
            since: now(),
            version: hello.agent_version.chars().take(64).collect(),
            duplicate_refused_at: None,
        };
        let fleet = &self.context.fleet;
        fleet.admit(self.connection, hello.run, described, now()).await?;
        widen(self.connection);
        let conversation = Conversation {
            context: Arc::clone(self.context),
            connection: self.connection.clone(),
            agent,
            incarnation: hello.incarnation,
            memory: Arc::new(Semaphore::new(MEMORY_UNITS)),
            bad_frames: AtomicU32::new(0),
            busy: [AtomicBool::new(false), AtomicBool::new(false)],
        };
        if let Err(refusal) = conversation.welcome(&mut send, &hello).await {
            fleet.dismiss(agent, self.connection);
            return Err(refusal);
        }
        fleet.tell(FleetEvent::Connected(agent));
        let address = self.connection.remote_address();
        tracing::info!(%agent, %address, host_name = hello.host_name, instances = hello.instances.len(), "agent connected");
        Ok((conversation, until))
    }

    /// Who the verified client certificate says this is.
    fn identity(&self) -> Result<AgentCertificate, Refusal> {
        let unknown = |reason: &str| Refusal { code: RefusalCode::UnknownAgent, reason: reason.to_owned() };
        let chain = self
            .connection
            .peer_identity()
            .and_then(|chain| chain.downcast::<Vec<CertificateDer<'_>>>().ok());
        let chain = chain.ok_or_else(|| unknown("the link needs an agent's certificate: enrol first"))?;
        let first = chain.first().and_then(agent_certificate);
        first.ok_or_else(|| unknown("the certificate is not an agent's"))
    }

    async fn check_status(&self, agent: AgentId) -> Result<(), Refusal> {
        let refuse = |code, reason: String| Err(Refusal { code, reason });
        match self.context.store.agent_status(agent).await {
            Ok(AgentStatus::Active) => Ok(()),
            Ok(AgentStatus::Revoked) => refuse(RefusalCode::Revoked, format!("agent {agent} was revoked")),
            Ok(AgentStatus::Unknown) => {
                refuse(RefusalCode::UnknownAgent, format!("agent {agent} is not enrolled here"))
            }
            Err(error) => Err(store_away(agent, &error)),
        }
    }
}

impl Conversation {
    /// Stores a hello and answers it.
    async fn welcome(&self, send: &mut SendStream, hello: &Hello) -> Result<(), Refusal> {
        let away = |error: StoreAway| store_away(self.agent, &error);
        let store = &self.context.store;
        store.record_hello(self.agent, hello, now()).await.map_err(away)?;
        let stored = store.watermarks(self.agent, self.incarnation).await.map_err(away)?;
        let welcome = Welcome {
            controller_version: self.context.controller_version.clone(),
            telemetry_stored: stored.telemetry,
            changes_stored: stored.changes,
        };
        let written = timeout(WRITE_TIME, write_message(send, &welcome, 0)).await;
        let _ = send.finish();
        match written {
            Ok(Ok(())) => Ok(()),
            _ => {
                Err(Refusal { code: RefusalCode::Malformed, reason: "the welcome was not taken".to_owned() })
            }
        }
    }

    /// Counts a frame that can't be read; closes the connection when there are too many.
    pub(super) fn bad_frame(&self, refusal: &Refusal) {
        tracing::warn!(agent = %self.agent, reason = %refusal, "a frame can't be read");
        if self.bad_frames.fetch_add(1, Ordering::Relaxed) >= MAX_BAD_FRAMES {
            close(&self.connection, RefusalCode::TooMany, "too many frames that can't be read");
        }
    }
}

/// Serves streams until the connection ends; says why it did.
async fn converse(conversation: &Arc<Conversation>, until: Timestamp) -> String {
    let mut stop = conversation.context.fleet.stopping();
    let mut streams = JoinSet::new();
    let reason = loop {
        tokio::select! {
            stream = conversation.connection.accept_bi() => match stream {
                Ok((send, receive)) => {
                    streams.spawn(serve(Arc::clone(conversation), send, receive));
                }
                Err(error) => break error.to_string(),
            },
            Some(_) = streams.join_next() => {}
            () = expiry(until) => {
                close(&conversation.connection, RefusalCode::Expired, "this agent's certificate has expired");
                break "its certificate has expired".to_owned();
            }
            _ = stop.wait_for(|stop| *stop) => break "the controller is stopping".to_owned(),
        }
    };
    // Lanes see the stop or the broken stream, store what they have, and end.
    while streams.join_next().await.is_some() {}
    close(&conversation.connection, RefusalCode::Stopping, "the controller is stopping");
    reason
}

/// Returns when the wall clock, which may be stepped, has passed `until`.
async fn expiry(until: Timestamp) {
    const STEP: Duration = Duration::from_secs(60);
    while now() < until {
        tokio::time::sleep(until.since(now()).min(STEP)).await;
    }
}

async fn serve(conversation: Arc<Conversation>, mut send: SendStream, mut receive: RecvStream) {
    let mut stop = conversation.context.fleet.stopping();
    let first = tokio::select! {
        frame = timeout(HELLO_TIME, read_frame(&mut receive, Kind::Report)) => frame,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    let outcome = match first.unwrap_or(Err(FrameError::TooSlow)) {
        Ok(Some(frame)) => dispatch(&conversation, frame, &mut send, &mut receive).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error.refusal()),
    };
    if let Err(refusal) = outcome
        && conversation.connection.close_reason().is_none()
    {
        conversation.bad_frame(&refusal);
        let _ = timeout(WRITE_TIME, write_message(&mut send, &refusal, 0)).await;
        let _ = receive.stop(refusal.code.close_code().into());
    }
    let _ = send.finish();
}

async fn dispatch(
    conversation: &Arc<Conversation>,
    frame: Frame,
    send: &mut SendStream,
    receive: &mut RecvStream,
) -> Result<(), Refusal> {
    match frame.envelope.kind {
        Kind::Hello => {
            let hello: Hello = message(&frame).map_err(|error| error.refusal())?;
            if hello.incarnation != conversation.incarnation {
                let reason = "a new spool needs a new connection".to_owned();
                return Err(Refusal { code: RefusalCode::Malformed, reason });
            }
            conversation.welcome(send, &hello).await?;
            conversation.context.fleet.tell(FleetEvent::Greeted(conversation.agent));
            Ok(())
        }
        Kind::Report => {
            let lane = lane::of(&frame)?;
            let place = match lane {
                Lane::Telemetry => 0,
                Lane::Changes => 1,
            };
            if conversation.busy[place].swap(true, Ordering::AcqRel) {
                let reason = format!("the lane {lane:?} has a stream already");
                return Err(Refusal { code: RefusalCode::TooMany, reason });
            }
            let outcome = lane::run(conversation, lane, frame, send, receive).await;
            conversation.busy[place].store(false, Ordering::Release);
            outcome
        }
        Kind::RenewRequest => {
            let request: RenewRequest = message(&frame).map_err(|error| error.refusal())?;
            let certificate = renew(conversation, &request).await?;
            let _ = timeout(WRITE_TIME, write_message(send, &certificate, 0)).await;
            Ok(())
        }
        Kind::Welcome
        | Kind::Refusal
        | Kind::Certificate
        | Kind::EnrolRequest
        | Kind::Stored
        | Kind::Order
        | Kind::Answer => {
            let reason = format!("a {:?} is not expected here", frame.envelope.kind);
            Err(Refusal { code: RefusalCode::Unsupported, reason })
        }
    }
}

/// Signs the next certificate of the identity that asks: never of another one.
async fn renew(conversation: &Conversation, request: &RenewRequest) -> Result<Certificate, Refusal> {
    let Conversation { context, agent, .. } = conversation;
    let issued =
        context.authority.issue_agent_certificate(&request.signing_request, *agent, now(), rand::random());
    let (certificate, issued) = issued.map_err(|error| {
        let reason = match error {
            IssueError::BadRequest(error) => error.to_string(),
            IssueError::Signing(error) => error.to_string(),
        };
        Refusal { code: RefusalCode::BadSigningRequest, reason }
    })?;
    context.store.record_certificate(*agent, &issued).await.map_err(|error| store_away(*agent, &error))?;
    tracing::info!(%agent, serial = issued.serial, "agent's certificate renewed");
    Ok(Certificate { certificate, authorities: context.authority.certificate_pem().to_owned() })
}

fn store_away(agent: AgentId, error: &StoreAway) -> Refusal {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%agent, %error, cause, "the store is away");
    let reason = "the controller can't reach its store now; try again later".to_owned();
    Refusal { code: RefusalCode::StoreAway, reason }
}
