//! What the link needs of the store.

use futures_util::future::BoxFuture;
use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::link::Hello;
use querysmith_shared::wire::report::{Lane, Report};

/// The store can't be reached, or refused for a reason of its own; trying again later may help.
#[derive(Debug, thiserror::Error)]
#[error("the store can't be reached")]
pub struct StoreAway(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Last moment of its validity.
    pub not_after: Timestamp,
}

/// An agent that asks to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAgent {
    /// The id it gets.
    pub agent: AgentId,
    /// Name of its host, for people; unchecked text of at most 255 characters.
    pub host_name: String,
    /// Its version; unchecked text of at most 64 characters.
    pub version: String,
    /// The certificate it gets.
    pub certificate: IssuedCertificate,
}

/// What a join token is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenVerdict {
    /// It was good, is used up now, and the agent is enrolled.
    Redeemed,
    /// There is no such token.
    Unknown,
    /// It was used before.
    Used,
    /// It has expired.
    Expired,
}

/// Whether an agent may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentStatus {
    /// It may.
    Active,
    /// It was revoked.
    Revoked,
    /// It was never enrolled here, or was forgotten.
    Unknown,
}

/// What is stored of an agent's reports; 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// Highest telemetry report.
    pub telemetry: u64,
    /// Highest change report.
    pub changes: u64,
}

/// The fleet's tables.
pub trait FleetStore: Send + Sync + 'static {
    /// In one transaction: checks the token, marks it used by `agent`, and creates the agent. Of two
    /// calls with one token, at most one is [`TokenVerdict::Redeemed`]; with any other verdict nothing
    /// was written.
    fn redeem_token<'a>(
        &'a self,
        secret_hash: [u8; 32],
        agent: &'a NewAgent,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<TokenVerdict, StoreAway>>;

    /// Whether this agent may speak.
    fn agent_status(&self, agent: AgentId) -> BoxFuture<'_, Result<AgentStatus, StoreAway>>;

    /// Those of `agents` that are revoked or unknown; asked every few seconds with every connected agent.
    fn not_active<'a>(&'a self, agents: &'a [AgentId]) -> BoxFuture<'a, Result<Vec<AgentId>, StoreAway>>;

    /// Notes the agent's newest certificate.
    fn record_certificate<'a>(
        &'a self,
        agent: AgentId,
        certificate: &'a IssuedCertificate,
    ) -> BoxFuture<'a, Result<(), StoreAway>>;

    /// Stores who the agent is and which instances it watches, and that it was seen. An instance that is
    /// already stored under another agent must not be taken over: it is left alone.
    fn record_hello<'a>(
        &'a self,
        agent: AgentId,
        hello: &'a Hello,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(), StoreAway>>;

    /// Notes that the agent was there until `now`: its connection ended, or is alive.
    fn record_seen(&self, agent: AgentId, now: Timestamp) -> BoxFuture<'_, Result<(), StoreAway>>;

    /// What is stored of one incarnation of the agent's spool.
    fn watermarks(&self, agent: AgentId, incarnation: u64) -> BoxFuture<'_, Result<Watermarks, StoreAway>>;
}

/// Why reports were not stored.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The store is away. The same reports are offered again until it is back.
    #[error("the reports can't be stored now")]
    Away(#[source] StoreAway),
    /// This one report can't be stored, ever; those before it in the batch were not stored either, and
    /// are offered again without it.
    #[error("report {sequence} can't be stored: {reason}")]
    Malformed {
        /// Its number.
        sequence: u64,
        /// Why, for both logs.
        reason: String,
    },
}

/// What turns reports into rows.
pub trait Ingest: Send + Sync + 'static {
    /// Stores `reports`, which are all of `lane` and in rising order, and returns the watermark of the
    /// lane after the COMMIT.
    ///
    /// Exactly once, however often they arrive: in one transaction it locks the watermark of (agent,
    /// incarnation, lane), passes over reports whose number is not above it, stores the others, and
    /// raises it to the last number. Numbers may be missing (merged or dropped by the agent).
    fn ingest(
        &self,
        agent: AgentId,
        incarnation: u64,
        lane: Lane,
        reports: Vec<Report>,
    ) -> BoxFuture<'_, Result<u64, IngestError>>;
}
