//! Identifiers, each its own type, parsed once at the edge.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// One enrolled agent; stands in its certificate as `spiffe://querysmith/agent/<uuid>`.
    AgentId
);
uuid_id!(
    /// One watched database server.
    InstanceId
);
uuid_id!(
    /// One finding, stable over every run that sees the same problem.
    FindingId
);
uuid_id!(
    /// One proposal.
    ProposalId
);
uuid_id!(
    /// One change to a database: the idempotency key of everything done for it.
    ChangeId
);
uuid_id!(
    /// One what-if question.
    QuestionId
);

impl InstanceId {
    /// The instance that `agent` calls `name` in its configuration: the same id after every restart.
    pub fn derive(agent: AgentId, name: &str) -> Self {
        Self(Uuid::new_v5(&agent.0, name.as_bytes()))
    }
}

impl ChangeId {
    /// Eight characters that name this change in object names and `application_name`s.
    pub fn short(&self) -> String {
        // The tail of a version 7 id is random; its head is the clock and nearly equal for neighbours.
        let text = self.0.simple().to_string();
        text[text.len() - 8..].to_owned()
    }
}

/// One statement of one instance: a 64-bit hash of database, user, level and the server's own query
/// id. Written as 16 hexadecimal digits, because JSON numbers lose the last bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatementId(pub i64);

impl StatementId {
    /// Derives the id from what makes a row of the server's statement statistics unique.
    pub fn derive(database: &str, user: &str, top_level: bool, query_id: i64) -> Self {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        for part in [database, user] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.update([u8::from(top_level)]);
        hash.update(query_id.to_le_bytes());
        let digest = hash.finalize();
        let mut head = [0; 8];
        head.copy_from_slice(&digest[..8]);
        Self(i64::from_le_bytes(head))
    }
}

impl fmt::Display for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for StatementId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatementId({self})")
    }
}

/// The text is not 16 hexadecimal digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a statement id is 16 hexadecimal digits")]
pub struct NotAStatementId;

impl FromStr for StatementId {
    type Err = NotAStatementId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAStatementId);
        }
        u64::from_str_radix(text, 16).map(|bits| Self(bits.cast_signed())).map_err(|_| NotAStatementId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_id_survives_its_text() {
        for id in [0, 1, -1, i64::MIN, i64::MAX] {
            let text = StatementId(id).to_string();
            assert_eq!(text.parse(), Ok(StatementId(id)), "{text}");
        }
        assert_eq!("12".parse::<StatementId>(), Err(NotAStatementId));
        assert_eq!("zzzzzzzzzzzzzzzz".parse::<StatementId>(), Err(NotAStatementId));
    }

    #[test]
    fn database_and_user_cannot_be_confused() {
        assert_ne!(StatementId::derive("ab", "c", true, 7), StatementId::derive("a", "bc", true, 7));
    }

    #[test]
    fn an_instance_keeps_its_id() {
        let agent = AgentId(Uuid::from_u128(5));
        assert_eq!(InstanceId::derive(agent, "main"), InstanceId::derive(agent, "main"));
        assert_ne!(InstanceId::derive(agent, "main"), InstanceId::derive(agent, "other"));
    }
}
