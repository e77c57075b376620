//! One connection's conversation, from hello to its end.

use std::time::{Duration, SystemTime};

use querysmith_link::frames::{FrameError, answer, read_frame, write_message};
use querysmith_shared::observation::instance::Instance;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::envelope::Kind;
use querysmith_shared::wire::link::{Hello, Welcome};
use querysmith_shared::wire::report::Lane;
use quinn::{Connection, ConnectionError};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::connection::{IncomingOrder, LinkConfig};
use super::dial::{DialError, ending};
use super::identity::Credentials;
use super::lane::{self, LaneError};
use super::orders;
use super::outbox::Outbox;
use super::renewal::{renew, renew_at};

/// Longest wait for the answer to a hello: the controller asks its store.
const WELCOME_TIME: Duration = Duration::from_secs(30);
/// How often sent bytes are counted, and the clock is compared with the time of renewal. Short enough
/// for a clock that was stepped.
const TICK: Duration = Duration::from_secs(5);
/// Wait before a renewal that failed is tried again.
const RENEW_PAUSE: Duration = Duration::from_secs(60);

/// A stream breaks before its connection says why it was closed; this long the reason is waited for.
const REASON_TIME: Duration = Duration::from_secs(1);

/// What every connection of this agent needs.
pub(super) struct Session<'a> {
    pub(super) config: &'a LinkConfig,
    pub(super) outbox: &'a Outbox,
    pub(super) orders: &'a mpsc::Sender<IncomingOrder>,
    pub(super) credentials: &'a Credentials,
}

/// Why a connection is over.
pub(super) enum End {
    /// The agent stops.
    Stopped,
    /// There is a new certificate to prove.
    Renewed,
    /// It was refused, or broke.
    Failed(DialError),
}

impl Session<'_> {
    /// Converses until the end. `welcomed` is called once, when the controller has taken this agent.
    pub(super) async fn run(
        &self,
        connection: &Connection,
        roster: watch::Receiver<Vec<Instance>>,
        mut stop: watch::Receiver<bool>,
        welcomed: impl FnOnce(),
    ) -> End {
        let mut counted = 0;
        let end = tokio::select! {
            end = self.converse(connection, roster, welcomed) => end,
            () = self.count(connection, &mut counted) => End::Stopped,
            _ = stop.wait_for(|stop| *stop) => End::Stopped,
        };
        self.count_once(connection, &mut counted);
        end
    }

    async fn converse(
        &self,
        connection: &Connection,
        mut roster: watch::Receiver<Vec<Instance>>,
        welcomed: impl FnOnce(),
    ) -> End {
        let incarnation = self.outbox.incarnation();
        let instances = roster.borrow_and_update().clone();
        let welcome = match self.greet(connection, incarnation, instances).await {
            Ok(welcome) => welcome,
            Err(error) => return End::Failed(error),
        };
        welcomed();
        tracing::info!(
            agent = %self.credentials.agent,
            controller = %self.config.controller,
            controller_version = welcome.controller_version,
            telemetry_stored = welcome.telemetry_stored,
            changes_stored = welcome.changes_stored,
            "connected to the controller"
        );
        let (telemetry, changes) = (welcome.telemetry_stored, welcome.changes_stored);
        self.outbox.acknowledge(Lane::Telemetry, telemetry).await;
        self.outbox.acknowledge(Lane::Changes, changes).await;
        let ended = tokio::select! {
            ended = lane::run(connection, self.outbox, incarnation, Lane::Changes, changes) => ended,
            ended = lane::run(connection, self.outbox, incarnation, Lane::Telemetry, telemetry) => ended,
            error = orders::take(connection, self.orders) => return End::Failed(ending(error)),
            error = self.greet_again(connection, incarnation, roster) => return End::Failed(error),
            end = self.renew_in_time(connection) => return end,
        };
        End::Failed(match ended {
            Err(LaneError::Refused(refusal)) => DialError::Refused(refusal),
            Err(LaneError::NewSpool) | Ok(()) => DialError::Broken(ConnectionError::LocallyClosed),
            Err(error @ (LaneError::Connection(_) | LaneError::Frame(_) | LaneError::Ended)) => {
                let reason = timeout(REASON_TIME, connection.closed()).await;
                reason.map_or_else(|_| DialError::Lane(error.to_string()), ending)
            }
        })
    }

    async fn greet(
        &self,
        connection: &Connection,
        incarnation: u64,
        instances: Vec<Instance>,
    ) -> Result<Welcome, DialError> {
        let hello = Hello {
            agent_version: self.config.agent_version.clone(),
            host_name: self.config.host_name.clone(),
            incarnation,
            run: self.config.run,
            obeyed: *self.config.obeyed.borrow(),
            instances,
        };
        let answer = timeout(WELCOME_TIME, ask(connection, &hello)).await;
        match answer {
            Ok(answer) => answer,
            Err(_) => Err(DialError::Silence(connection.remote_address())),
        }
    }

    /// Says hello again whenever the roster changes.
    async fn greet_again(
        &self,
        connection: &Connection,
        incarnation: u64,
        mut roster: watch::Receiver<Vec<Instance>>,
    ) -> DialError {
        loop {
            if roster.changed().await.is_err() {
                // Nobody can change it any more; the connection goes on.
                std::future::pending::<()>().await;
            }
            let instances = roster.borrow_and_update().clone();
            if let Err(error) = self.greet(connection, incarnation, instances).await {
                return error;
            }
        }
    }

    async fn renew_in_time(&self, connection: &Connection) -> End {
        let at = renew_at(self.credentials.not_before, self.credentials.not_after, rand::random());
        loop {
            if Timestamp::from(SystemTime::now()) < at {
                tokio::time::sleep(TICK).await;
                continue;
            }
            match renew(connection, &self.config.state_dir).await {
                Ok(()) => return End::Renewed,
                Err(error) => {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(%error, cause = source, "failed to renew this agent's certificate");
                    tokio::time::sleep(RENEW_PAUSE).await;
                }
            }
        }
    }

    async fn count(&self, connection: &Connection, counted: &mut u64) {
        loop {
            tokio::time::sleep(TICK).await;
            self.count_once(connection, counted);
        }
    }

    fn count_once(&self, connection: &Connection, counted: &mut u64) {
        let sent = connection.stats().udp_tx.bytes;
        self.outbox.count_sent(sent.saturating_sub(*counted));
        *counted = sent;
    }
}

/// One hello and its answer.
async fn ask(connection: &Connection, hello: &Hello) -> Result<Welcome, DialError> {
    let (mut send, mut receive) = connection.open_bi().await.map_err(ending)?;
    let broken = |error: FrameError| match connection.close_reason() {
        Some(reason) => ending(reason),
        None => DialError::Refused(error.refusal()),
    };
    if let Err(error) = write_message(&mut send, hello, 0).await {
        return Err(closed(connection, error).await);
    }
    let _ = send.finish();
    let frame = match read_frame(&mut receive, Kind::Welcome).await {
        Ok(Some(frame)) => frame,
        Ok(None) => return Err(DialError::Broken(ConnectionError::LocallyClosed)),
        Err(error) => return Err(closed(connection, error).await),
    };
    answer(&frame).map_err(broken)?.map_err(DialError::Refused)
}

/// Why a stream broke: the reason its connection was closed for, or else what was seen of it.
async fn closed(connection: &Connection, error: FrameError) -> DialError {
    match timeout(REASON_TIME, connection.closed()).await {
        Ok(reason) => ending(reason),
        Err(_) => DialError::Refused(error.refusal()),
    }
}
