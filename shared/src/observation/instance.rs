//! What a server is.

use serde::{Deserialize, Serialize};

use crate::approval::{Approver, MAX_APPROVERS};
use crate::engine::{Engine, Version};
use crate::id::InstanceId;
use crate::timestamp::Timestamp;
use crate::wire::bounded;

/// Most databases of one server that an agent watches.
pub const MAX_DATABASES: usize = 1_000;

/// One watched server, as far as it is known now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its name in the agent's configuration.
    pub name: String,
    /// Its environment label: `production`, `staging` …
    pub environment: String,
    /// Its engine.
    pub engine: Engine,
    /// What could be read from it; `None` until it answered for the first time.
    pub server: Option<Server>,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// Version.
    pub version: Version,
    /// Identity of its data directory, which survives restarts and names: PostgreSQL's system identifier.
    pub system_identifier: String,
    /// When it started.
    pub started_at: Timestamp,
    /// It is a standby that replays.
    pub in_recovery: bool,
    /// Databases that are watched.
    #[serde(deserialize_with = "bounded::vec::<MAX_DATABASES, _, _>")]
    pub databases: Vec<String>,
    /// What-if indexes can be simulated, in at least one database.
    pub what_if: bool,
    /// The agent may apply changes here, by its own allow-list.
    pub may_apply: bool,
    /// Whose signatures changes need here; empty where the controller's word is enough.
    #[serde(deserialize_with = "bounded::vec::<MAX_APPROVERS, _, _>")]
    pub approvers: Vec<Approver>,
}
