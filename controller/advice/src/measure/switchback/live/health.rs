//! What the guardrail looks at besides time: counts of what went wrong, and how far the replicas lag.

use querysmith_shared::timestamp::Timestamp;

/// One reading of a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Health {
    /// When.
    pub at: Timestamp,
    /// Transactions rolled back since the server's statistics were reset: failed and timed-out statements are among
    /// them.
    pub rollbacks: u64,
    /// Deadlocks since then.
    pub deadlocks: u64,
    /// Lag of the slowest replica, s; `None` where there is none, or none tells.
    pub replication_lag_s: Option<f64>,
}

/// What went wrong in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Wrongs {
    /// Transactions rolled back.
    pub rollbacks: u64,
    /// Deadlocks.
    pub deadlocks: u64,
    /// Longest lag of the slowest replica, s.
    pub replication_lag_s: Option<f64>,
}

/// What went wrong from `start` to `end`, from readings in their order. Counters that fell were reset: what was before is
/// lost then, and not made up.
pub fn wrongs<'a>(
    readings: impl IntoIterator<Item = &'a Health>,
    start: Timestamp,
    end: Timestamp,
) -> Wrongs {
    let mut wrongs = Wrongs::default();
    let mut before: Option<&Health> = None;
    for reading in readings.into_iter().take_while(|reading| reading.at <= end) {
        if let Some(before) = before.filter(|_| reading.at > start) {
            wrongs.rollbacks += reading.rollbacks.saturating_sub(before.rollbacks);
            wrongs.deadlocks += reading.deadlocks.saturating_sub(before.deadlocks);
        }
        if reading.at > start
            && let Some(lag) = reading.replication_lag_s
        {
            wrongs.replication_lag_s = Some(wrongs.replication_lag_s.map_or(lag, |most| most.max(lag)));
        }
        before = Some(reading);
    }
    wrongs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at: i64, rollbacks: u64, lag: Option<f64>) -> Health {
        Health { at: Timestamp(at), rollbacks, deadlocks: rollbacks / 10, replication_lag_s: lag }
    }

    #[test]
    fn counts_are_of_the_stretch_and_a_reset_makes_nothing_up() {
        let readings = [
            reading(0, 100, Some(9.0)),
            reading(10, 105, None),
            reading(20, 130, Some(2.0)),
            reading(30, 5, Some(1.0)),
        ];
        let of = |start, end| wrongs(&readings, Timestamp(start), Timestamp(end));
        assert_eq!(of(5, 20), Wrongs { rollbacks: 30, deadlocks: 3, replication_lag_s: Some(2.0) });
        assert_eq!(of(10, 30).rollbacks, 25);
        assert_eq!(of(20, 30), Wrongs { rollbacks: 0, deadlocks: 0, replication_lag_s: Some(1.0) });
        assert_eq!(of(40, 50), Wrongs::default());
        assert_eq!(wrongs(&[], Timestamp(0), Timestamp(9)), Wrongs::default());
    }
}
