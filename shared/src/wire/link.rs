//! The first words of a connection, and refusals.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::bounded;
use super::codec::Message;
use super::envelope::Kind;
use super::fence::Fence;
use crate::observation::instance::Instance;

/// Most instances that one agent watches.
pub const MAX_INSTANCES: usize = 100;

/// The agent's first message, on a stream of its own; sent again when something in it changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the agent.
    pub agent_version: String,
    /// Name of its host, for people.
    pub host_name: String,
    /// Random number made with the spool: report numbers count within it.
    pub incarnation: u64,
    /// Random number of this run of the process: two live connections of one identity with different
    /// runs are two agents.
    pub run: u64,
    /// The newest record that it obeyed; `None` if it never obeyed an order.
    pub obeyed: Option<Fence>,
    /// The servers it watches.
    #[serde(deserialize_with = "bounded::vec::<MAX_INSTANCES, _, _>")]
    pub instances: Vec<Instance>,
}

impl Message for Hello {
    const KIND: Kind = Kind::Hello;
}

/// The controller's answer: what it has stored of this incarnation, so that the agent resumes behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// Version of the controller.
    pub controller_version: String,
    /// Highest telemetry report that is stored; 0 is none.
    pub telemetry_stored: u64,
    /// Highest change report that is stored; 0 is none.
    pub changes_stored: u64,
}

impl Message for Welcome {
    const KIND: Kind = Kind::Welcome;
}

/// Why the other side was refused. Appended to, never reordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalCode {
    /// The message is of a kind or schema that is not known here.
    Unsupported,
    /// The message can't be read.
    Malformed,
    /// The join token is unknown or was used.
    TokenUnknown,
    /// The join token has expired.
    TokenExpired,
    /// The signing request asks for a name or extension that it may not have.
    BadSigningRequest,
    /// The agent's certificate was revoked.
    Revoked,
    /// The certificate names no agent that is enrolled here.
    UnknownAgent,
    /// Another live agent has the same identity.
    DuplicateIdentity,
    /// The controller can't reach its store; try again later.
    StoreAway,
    /// Too much was asked in too short a time.
    TooMany,
    /// The controller, or the agent, is stopping.
    Stopping,
    /// The agent's certificate has expired.
    Expired,
    /// The same agent has come back on a newer connection.
    Replaced,
}

impl RefusalCode {
    /// Every code, in the order of the wire.
    pub const ALL: [Self; 13] = [
        Self::Unsupported,
        Self::Malformed,
        Self::TokenUnknown,
        Self::TokenExpired,
        Self::BadSigningRequest,
        Self::Revoked,
        Self::UnknownAgent,
        Self::DuplicateIdentity,
        Self::StoreAway,
        Self::TooMany,
        Self::Stopping,
        Self::Expired,
        Self::Replaced,
    ];

    /// The code with which a connection is closed for this reason. Zero is no refusal.
    pub fn close_code(self) -> u32 {
        self as u32 + 1
    }

    /// The reason that a close code stands for.
    pub fn from_close_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| u64::from(refusal.close_code()) == code)
    }
}

/// A refusal with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What kind of refusal.
    pub code: RefusalCode,
    /// The reason, for the log of the other side.
    pub reason: String,
}

impl Message for Refusal {
    const KIND: Kind = Kind::Refusal;
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.reason, self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_code_says_the_reason() {
        for code in RefusalCode::ALL {
            assert_eq!(RefusalCode::from_close_code(u64::from(code.close_code())), Some(code));
        }
        assert_eq!(RefusalCode::from_close_code(0), None);
        assert_eq!(RefusalCode::from_close_code(14), None);
        assert_eq!(RefusalCode::Unsupported.close_code(), 1);
        assert_eq!(RefusalCode::Expired.close_code(), 12);
    }
}
