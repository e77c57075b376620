//! The database engines the product knows, and what one server of them can do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A database engine. Appended to, never reordered: the position is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// PostgreSQL 13 and later.
    PostgreSql,
}

impl Engine {
    /// The name used in the store, the API and the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A server's version, `major.minor` as its engine counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Major version, 15 for PostgreSQL 15.18.
    pub major: u16,
    /// Minor version, 18 for PostgreSQL 15.18.
    pub minor: u16,
}

impl Version {
    /// From PostgreSQL's `server_version_num`, 150018 for 15.18.
    pub fn from_postgres_number(number: u32) -> Self {
        Self {
            major: u16::try_from(number / 10_000).unwrap_or(u16::MAX),
            minor: u16::try_from(number % 10_000).unwrap_or(u16::MAX),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
