//! How long to wait before the next dial. Pure.

use std::time::Duration;

/// Longest wait. A minute: a controller that is back is found soon, and a fleet of ten thousand agents
/// is still spread to fewer than two hundred dials a second.
const CAP: Duration = Duration::from_secs(60);
/// Longest wait before the first repetition.
const FIRST: Duration = Duration::from_secs(1);

/// Full jitter: a share `fraction`, between 0 and 1, of a ceiling that doubles from [`FIRST`] to [`CAP`]
/// with each failed attempt.
pub(super) fn delay(failures: u32, fraction: f64) -> Duration {
    ceiling(failures).mul_f64(fraction.clamp(0.0, 1.0))
}

/// For refusals that only a person can mend: the later half of the longest wait.
pub(super) fn delay_after_refusal(fraction: f64) -> Duration {
    CAP.mul_f64(0.5 + 0.5 * fraction.clamp(0.0, 1.0))
}

fn ceiling(failures: u32) -> Duration {
    FIRST.saturating_mul(1 << failures.min(16)).min(CAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_a_minute() {
        let ceilings: Vec<_> = (0..8).map(|failures| delay(failures, 1.0).as_secs()).collect();
        assert_eq!(ceilings, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(delay(u32::MAX, 1.0), CAP);
        assert_eq!(delay(5, 0.0), Duration::ZERO);
        assert_eq!(delay(1, 0.5), Duration::from_secs(1));
        assert_eq!(delay_after_refusal(0.0), Duration::from_secs(30));
    }
}
