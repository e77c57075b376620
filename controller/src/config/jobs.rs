//! When the jobs run.

use serde::{Deserialize, Serialize};

/// Cron expressions with seconds, in UTC. Most jobs also run at once when something happens that concerns them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedules {
    /// Sums statement statistics by minute.
    pub roll_up: String,
    /// Looks for problems.
    pub detect: String,
    /// Proposes fixes.
    pub propose: String,
    /// Tells agents what is wanted of them.
    pub offer: String,
    /// Gives agents word about their changes on trial.
    pub renew: String,
    /// Measures changes on trial.
    pub measure: String,
    /// Records outcomes and learns from them.
    pub learn: String,
    /// Seals the audit.
    pub seal: String,
    /// Makes partitions ahead of time.
    pub partitions: String,
    /// Deletes what is old.
    pub retention: String,
}

impl Default for Schedules {
    fn default() -> Self {
        Self {
            roll_up: "*/10 * * * * *".to_owned(),
            detect: "*/15 * * * * *".to_owned(),
            propose: "5/30 * * * * *".to_owned(),
            offer: "*/5 * * * * *".to_owned(),
            renew: "*/30 * * * * *".to_owned(),
            measure: "*/15 * * * * *".to_owned(),
            learn: "*/30 * * * * *".to_owned(),
            seal: "*/10 * * * * *".to_owned(),
            partitions: "0 */15 * * * *".to_owned(),
            retention: "30 7 * * * *".to_owned(),
        }
    }
}

impl Schedules {
    /// Every expression.
    pub fn all(&self) -> [&str; 10] {
        [
            &self.roll_up,
            &self.detect,
            &self.propose,
            &self.offer,
            &self.renew,
            &self.measure,
            &self.learn,
            &self.seal,
            &self.partitions,
            &self.retention,
        ]
    }
}
