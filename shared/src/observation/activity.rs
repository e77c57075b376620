//! What a server is doing at one moment: connections, waits, locks, long transactions.

use serde::{Deserialize, Serialize};

use crate::id::StatementId;
use crate::timestamp::Timestamp;
use crate::wire::bounded;

/// Most entries of each list of one sample.
pub const MAX_ENTRIES: usize = 500;

/// One sample of activity. The agent's own sessions are not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Activity {
    /// When it was read.
    pub read_at: Timestamp,
    /// Connections by state.
    #[serde(deserialize_with = "bounded::vec::<MAX_ENTRIES, _, _>")]
    pub connections: Vec<ConnectionCount>,
    /// The server's limit of connections.
    pub max_connections: u32,
    /// What active sessions wait for; `CPU` stands for not waiting.
    #[serde(deserialize_with = "bounded::vec::<MAX_ENTRIES, _, _>")]
    pub waits: Vec<WaitCount>,
    /// Sessions that wait for a lock another session holds.
    #[serde(deserialize_with = "bounded::vec::<MAX_ENTRIES, _, _>")]
    pub blocked: Vec<Blocked>,
    /// Transactions older than the agent's threshold.
    #[serde(deserialize_with = "bounded::vec::<MAX_ENTRIES, _, _>")]
    pub long_transactions: Vec<LongTransaction>,
    /// Replicas that are connected, by their lag in bytes.
    #[serde(deserialize_with = "bounded::vec::<MAX_ENTRIES, _, _>")]
    pub replica_lag_bytes: Vec<u64>,
    /// The time by which each of them lags in replaying, ms, of those that tell.
    #[serde(default, deserialize_with = "bounded::vec::<MAX_ENTRIES, _, _>")]
    pub replica_lag_ms: Vec<u64>,
    /// Transactions that were rolled back in all databases, since the server's statistics were reset: statements that
    /// failed or ran into a timeout are among them.
    #[serde(default)]
    pub rollbacks: u64,
    /// Deadlocks in all databases, since then.
    #[serde(default)]
    pub deadlocks: u64,
}

/// Connections in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionCount {
    /// `active`, `idle`, `idle in transaction` …
    pub state: String,
    /// How many.
    pub count: u32,
}

/// Active sessions that wait for the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitCount {
    /// Class: `Lock`, `IO`, `LWLock`, `CPU` …
    pub class: String,
    /// Event within the class.
    pub event: String,
    /// How many.
    pub count: u32,
}

/// One session that waits for others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blocked {
    /// Its process id.
    pub pid: i32,
    /// Who holds it up.
    #[serde(deserialize_with = "bounded::vec::<MAX_ENTRIES, _, _>")]
    pub blocked_by: Vec<i32>,
    /// Since when, ms.
    pub waiting_ms: u64,
    /// What it runs, where the server says (PostgreSQL 14 and later).
    pub statement: Option<StatementId>,
}

/// One long transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LongTransaction {
    /// Its process id.
    pub pid: i32,
    /// Its age, ms.
    pub age_ms: u64,
    /// Its session's state.
    pub state: String,
    /// Its user.
    pub user: String,
    /// What it runs, where the server says.
    pub statement: Option<StatementId>,
}
