//! When a job is due. Pure.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// The text is no cron expression.
#[derive(Debug, thiserror::Error)]
#[error("{expression:?} is no cron expression with seconds")]
pub struct BadSchedule {
    /// The text.
    pub expression: String,
    /// What is wrong with it.
    #[source]
    pub source: cron::error::Error,
}

/// A cron expression with seconds: second, minute, hour, day of month, month, day of week. UTC.
#[derive(Debug, Clone)]
pub struct Schedule {
    expression: String,
    schedule: cron::Schedule,
}

impl Schedule {
    /// Reads a cron expression.
    pub fn parse(expression: &str) -> Result<Self, BadSchedule> {
        let schedule = cron::Schedule::from_str(expression)
            .map_err(|source| BadSchedule { expression: expression.to_owned(), source })?;
        Ok(Self { expression: expression.to_owned(), schedule })
    }

    /// The text it was read from.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The first moment after `now` at which it is due; `None` if there is none any more.
    pub fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.schedule.after(&now).next()
    }

    /// How long it is from `now` to the next time. What is never due again is looked at once a day.
    pub fn wait_from(&self, now: DateTime<Utc>) -> Duration {
        const DAY: Duration = Duration::from_secs(86_400);
        self.next_after(now).and_then(|next| (next - now).to_std().ok()).unwrap_or(DAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_at_the_next_matching_second() {
        let now = DateTime::from_timestamp(1_700_000_003, 250_000_000).unwrap();
        for (expression, expected_ms) in
            [("*/10 * * * * *", 6_750), ("* * * * * *", 750), ("0 0 * * * *", 2_796_750)]
        {
            let schedule = Schedule::parse(expression).unwrap();
            assert_eq!(schedule.wait_from(now), Duration::from_millis(expected_ms), "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for expression in ["", "every minute", "* * * * *", "61 * * * * *"] {
            assert!(Schedule::parse(expression).is_err(), "{expression}");
        }
    }
}
