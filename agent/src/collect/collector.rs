//! The collectors: their names and defaults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One kind of observation, with an interval, a time limit and a status of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collector {
    /// What the server is: version, role, databases, what the agent may do there.
    Server,
    /// Statement statistics and texts.
    QueryStats,
    /// Plans of the statements that matter.
    Plans,
    /// Tables, columns, constraints, indexes.
    Schema,
    /// Sizes and use of tables and indexes.
    Usage,
    /// Settings.
    Settings,
    /// The machine.
    Host,
    /// Connections, waits, locks.
    Activity,
}

impl Collector {
    /// Every collector, in the order in which they start.
    pub const ALL: [Self; 8] = [
        Self::Server,
        Self::QueryStats,
        Self::Host,
        Self::Activity,
        Self::Settings,
        Self::Schema,
        Self::Usage,
        Self::Plans,
    ];

    /// Its name in the configuration and in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::QueryStats => "query_stats",
            Self::Plans => "plans",
            Self::Schema => "schema",
            Self::Usage => "usage",
            Self::Settings => "settings",
            Self::Host => "host",
            Self::Activity => "activity",
        }
    }

    /// Time from one run to the next.
    pub fn default_interval(self) -> Duration {
        Duration::from_secs(match self {
            Self::Activity => 10,
            Self::QueryStats | Self::Host => 15,
            Self::Server => 30,
            Self::Plans | Self::Schema | Self::Usage => 60,
            Self::Settings => 300,
        })
    }

    /// Longest run of one of its statements.
    pub fn default_timeout(self) -> Duration {
        Duration::from_secs(match self {
            Self::Activity | Self::Host | Self::Server | Self::Plans => 5,
            Self::QueryStats | Self::Settings => 10,
            Self::Schema | Self::Usage => 20,
        })
    }
}
