//! What a look at a database showed of one change.

use querysmith_shared::change::coins::Arm;

use super::ground::PreImage;

/// What a change can wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitFor {
    /// A database that answers and can be written.
    Database,
    /// A session of an earlier run.
    EarlierSession,
    /// Somebody else's work on the table or the settings.
    Scope,
    /// Transactions that the statement would have to wait for.
    Transactions,
    /// Another try at a removal.
    Removal,
    /// A quieter hour.
    Load,
}

/// What the database showed.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// It doesn't answer.
    Unreachable {
        /// Why, in the driver's words.
        why: String,
    },
    /// It doesn't let the agent in.
    NoEntry {
        /// Why, in the server's words.
        why: String,
    },
    /// It isn't the server that the change was approved for.
    OtherServer {
        /// What it is instead.
        what: String,
    },
    /// It is a standby now, and can't be changed.
    InRecovery,
    /// A session that works for this very change holds the table's lock: one of an earlier run.
    Adoptable {
        /// Its process on the server.
        pid: i32,
        /// It does nothing.
        is_idle: bool,
        /// It takes the change back.
        undoes: bool,
    },
    /// Somebody else holds the table's lock.
    Occupied {
        /// Who.
        holder: String,
    },
    /// We hold the table's lock, and this is what is there.
    Ours(Box<Sight>),
}

/// The things of a change, seen while no other agent may touch them.
#[derive(Debug, Clone, PartialEq)]
pub struct Sight {
    /// What there is of the change.
    pub object: Object,
    /// Whether the ground is fit to begin on; looked at only while that matters.
    pub ground: Result<PreImage, String>,
    /// Transactions that the statement would have to wait for.
    pub stalled: Option<String>,
    /// Why the server is too busy for the change to begin.
    pub busy: Option<String>,
    /// The server replays as a standby. Only a parameter is looked at there: its file is this server's own.
    pub in_recovery: bool,
    /// Who has the table's lock in our place without being an agent. Anybody who may connect can take it, so it
    /// keeps nothing from being taken back.
    pub intruder: Option<String>,
}

impl Sight {
    /// A sight with nothing in the way.
    pub fn new(object: Object, ground: Result<PreImage, String>) -> Self {
        Self { object, ground, stalled: None, busy: None, in_recovery: false, intruder: None }
    }
}

/// What there is of a change in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// Nothing: as before.
    Before,
    /// A part of it, of no use and not harmless: an INVALID index, a parameter in the file that isn't in force.
    Partial,
    /// All of it, as intended; what was read back.
    After(String),
    /// Something that is none of these, in words.
    Foreign(String),
}

impl Object {
    /// Whether this is what an arm of a trial by switchback looks like.
    pub fn is_of(&self, arm: Arm) -> bool {
        match arm {
            Arm::A => *self == Self::Before,
            Arm::B => matches!(self, Self::After(_)),
        }
    }
}
