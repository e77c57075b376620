//! The last steady stretch before the change: what "after" is compared with.
//!
//! A statement that became slow minutes ago and is repaired now must be compared with its slow time, not
//! with its better days.

use super::statistics::{autocorrelation, deviation, long_run_factor, median};

/// A shift of level is one if it is at least this factor …
const LEAST_SHIFT: f64 = 2.0;
/// … and this many deviations of the windows.
const LEAST_DEVIATIONS: f64 = 6.0;
/// Most shifts that are looked for.
const MOST_SHIFTS: usize = 3;
/// Windows before the change that are looked at: an hour of 15 s. What was earlier tells little of now.
const LONGEST: usize = 240;
/// Deviations below this are not believed: two windows are never that much alike.
const LEAST_DEVIATION: f64 = 0.02;
/// What windows of 15 s may well differ by, where few are known: two may be alike by chance.
const USUAL_DEVIATION: f64 = 0.3;
/// Deviations of the centre that are given away: one in two hundred is farther out.
const CENTRE_CAUTION: f64 = 2.6;

/// The steady stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Baseline {
    /// Its level.
    pub(super) centre: f64,
    /// Deviation of its windows.
    pub(super) deviation: f64,
    /// Correlation of neighbouring windows.
    pub(super) autocorrelation: f64,
    /// What has to be given away because the centre itself is an estimate.
    pub(super) centre_slack: f64,
    /// Its windows.
    pub(super) windows: usize,
}

/// The baseline of a series; `None` without any window. A single one will do: its deviation is then the usual one,
/// so that only an effect beyond any doubt is seen.
pub(super) fn baseline(before: &[f64]) -> Option<Baseline> {
    if before.is_empty() {
        return None;
    }
    let before = &before[before.len().saturating_sub(LONGEST)..];
    let mut start = 0;
    let mut residuals: Vec<f64> = Vec::new();
    for _ in 0..MOST_SHIFTS {
        let Some(shift) = shift(&before[start..]) else { break };
        let level = median(&before[start..start + shift]);
        residuals.extend(before[start..start + shift].iter().map(|value| value - level));
        start += shift;
    }
    let steady = &before[start..];
    let centre = median(steady);
    residuals.extend(steady.iter().map(|value| value - centre));
    // The earlier stretches know the noise as well as the last one does.
    let count = residuals.len() as f64;
    let small_sample = 1.0 + 2.0 / count;
    let least = (USUAL_DEVIATION * (2.0 / (count + 1.0)).sqrt()).max(LEAST_DEVIATION);
    let deviation = (deviation(&residuals, 0.0) * small_sample).max(least);
    let autocorrelation = autocorrelation(&residuals);
    let windows = steady.len() as f64;
    // A median is a quarter less exact than a mean.
    let error = 1.25 * deviation * (long_run_factor(autocorrelation).min(windows) / windows).sqrt();
    Some(Baseline {
        centre,
        deviation,
        autocorrelation,
        centre_slack: CENTRE_CAUTION * error,
        windows: steady.len(),
    })
}

/// Where the level shifts, if it does: the start of the later stretch.
fn shift(values: &[f64]) -> Option<usize> {
    let count = values.len();
    let mut best: Option<(f64, usize)> = None;
    for split in 2..count.saturating_sub(1) {
        let (older, later) = values.split_at(split);
        let left = distance(older) + distance(later);
        if best.is_none_or(|(least, _)| left < least) {
            best = Some((left, split));
        }
    }
    let (_, split) = best?;
    let (older, later) = values.split_at(split);
    let (from, to) = (median(older), median(later));
    let mut residuals: Vec<f64> = older.iter().map(|value| value - from).collect();
    residuals.extend(later.iter().map(|value| value - to));
    let noise = deviation(&residuals, 0.0).max(LEAST_DEVIATION);
    let shifted = (to - from).abs();
    (shifted >= LEAST_SHIFT.ln() && shifted >= LEAST_DEVIATIONS * noise).then_some(split)
}

/// Sum of the distances from the median.
fn distance(values: &[f64]) -> f64 {
    let centre = median(values);
    values.iter().map(|value| (value - centre).abs()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_is_what_was_last() {
        let mut values = vec![0.0, 0.05, -0.05, 0.02, -0.02, 0.0, 0.03, -0.03, 0.01, 0.0];
        let steady = baseline(&values).unwrap();
        assert!(steady.centre.abs() < 0.05 && steady.windows == 10, "{steady:?}");
        values.extend([6.0, 6.1, 5.95, 6.02]);
        let broken = baseline(&values).unwrap();
        assert!((broken.centre - 6.0).abs() < 0.1 && broken.windows == 4, "{broken:?}");
        assert!(broken.deviation < 0.2);
        let single = baseline(&[1.5]).unwrap();
        assert!((single.centre - 1.5).abs() < 1e-9 && single.deviation >= USUAL_DEVIATION, "{single:?}");
        assert!(baseline(&[1.5, 1.5]).unwrap().deviation > 0.2, "alike by chance");
        assert_eq!(baseline(&[]), None);
    }

    #[test]
    fn one_spike_is_no_shift() {
        let values = [0.0, 0.1, -0.1, 0.0, 3.0, 0.1, -0.1, 0.0, 0.1, 0.0];
        assert_eq!(baseline(&values).unwrap().windows, 10);
    }
}
