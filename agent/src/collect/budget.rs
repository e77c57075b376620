//! How far the agent backs off when it costs too much. Pure.

use crate::config::Budget;

/// Intervals are stretched at most so much: an agent that reports hourly is of no use.
const MAX_FACTOR: f64 = 16.0;
/// Below this share of the budget the agent speeds up again.
const COMFORTABLE: f64 = 0.6;

/// What was used over one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// CPU time as a share of one core.
    pub cpu_fraction: f64,
    /// Time on the databases as a share of one core.
    pub database_fraction: f64,
    /// Bytes sent per second.
    pub sent_bytes_per_s: f64,
}

/// The next factor by which intervals are stretched, from the present one and what was used under it.
pub fn next_factor(factor: f64, used: Usage, budget: &Budget) -> f64 {
    let share = |used: f64, allowed: f64| if allowed > 0.0 { used / allowed } else { 0.0 };
    let load = share(used.cpu_fraction, budget.cpu_fraction)
        .max(share(used.database_fraction, budget.database_fraction))
        .max(share(used.sent_bytes_per_s, budget.sent_bytes_per_s));
    let next = if load > 1.0 {
        factor * load.min(2.0)
    } else if load < COMFORTABLE {
        factor * 0.75
    } else {
        factor
    };
    next.clamp(1.0, MAX_FACTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(factor: f64, cpu_fraction: f64, expected: f64) {
        let used = Usage { cpu_fraction, ..Usage::default() };
        let next = next_factor(factor, used, &Budget { cpu_fraction: 0.01, ..Budget::default() });
        assert!((next - expected).abs() < 1e-9, "{factor} at {cpu_fraction}: {next}");
    }

    #[test]
    fn over_budget_it_slows_down_and_below_it_comes_back() {
        check(1.0, 0.005, 1.0);
        check(1.0, 0.015, 1.5);
        check(1.0, 0.5, 2.0);
        check(8.0, 0.5, 16.0);
        check(16.0, 0.5, 16.0);
        check(4.0, 0.008, 4.0);
        check(4.0, 0.001, 3.0);
        check(1.2, 0.001, 1.0);
    }

    #[test]
    fn any_of_the_limits_counts() {
        let budget = Budget::default();
        let over = |used| next_factor(1.0, used, &budget) > 1.0;
        assert!(over(Usage { database_fraction: budget.database_fraction * 1.1, ..Usage::default() }));
        assert!(over(Usage { sent_bytes_per_s: budget.sent_bytes_per_s * 1.1, ..Usage::default() }));
        // A limit of zero is no limit.
        let free = Budget { cpu_fraction: 0.0, ..budget };
        assert!(next_factor(1.0, Usage { cpu_fraction: 1.0, ..Usage::default() }, &free) <= 1.0);
    }
}
