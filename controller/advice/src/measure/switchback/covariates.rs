//! What else explains a difference: taken off with slopes from before the trial (CUPED).
//!
//! Three things are declared beforehand: calls per second, checkpoints, backups. Their slopes come from A/A pairs
//! and are frozen. None is allowed below zero: load, checkpoints and backups slow a server down. A
//! negative slope for the calls means that clients wait for answers before they ask again, so that calls follow
//! time; with such a slope a change that doubles the time would explain its own harm away.

use super::window::Window;

/// Number of covariates.
const COUNT: usize = 3;
/// Differences and covariates are cut off at a factor of two: one spike would decide a slope alone.
const CUT: f64 = 0.7;
/// A slope from this many pairs is believed by half.
const HALF_BELIEVED: f64 = 10.0;

/// Differences of the covariates in a pair, b less a.
pub(super) type Difference = [f64; COUNT];

/// The covariates' difference between two windows.
pub(super) fn difference(a: &Window, b: &Window) -> Difference {
    [log_calls_per_s(b) - log_calls_per_s(a), b.checkpoint - a.checkpoint, b.backup - a.backup]
}

fn log_calls_per_s(window: &Window) -> f64 {
    let calls: u64 = window.sums.statements().iter().map(|each| each.calls + each.unfinished).sum();
    let length = window.end.since(window.start).as_secs_f64().max(1.0);
    // Half a call more keeps a silent window countable.
    ((calls as f64 + 0.5) / length).ln()
}

/// Frozen slopes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slopes([f64; COUNT]);

impl Slopes {
    /// Least squares through the origin over A/A pairs, drawn towards zero while pairs are few.
    pub(super) fn freeze(pairs: &[(f64, Difference)]) -> Self {
        let cut = |value: f64| value.clamp(-CUT, CUT);
        let mut squares = [[0.0; COUNT]; COUNT];
        let mut products = [0.0; COUNT];
        for (value, covariates) in pairs {
            for (row, of_row) in covariates.iter().enumerate() {
                products[row] += cut(*of_row) * cut(*value);
                for (column, of_column) in covariates.iter().enumerate() {
                    squares[row][column] += cut(*of_row) * cut(*of_column);
                }
            }
        }
        let ridge = 1.0 + HALF_BELIEVED / pairs.len().max(1) as f64;
        let mut used: Vec<usize> = (0..COUNT).filter(|of| squares[*of][*of] > 1e-9).collect();
        for of in &used {
            squares[*of][*of] *= ridge;
        }
        // The most negative slope is left out until none is negative.
        loop {
            let slopes = solve(&squares, &products, &used);
            let worst = used.iter().copied().min_by(|one, other| slopes[*one].total_cmp(&slopes[*other]));
            match worst {
                Some(worst) if slopes[worst] < 0.0 => used.retain(|of| *of != worst),
                _ => return Self(slopes),
            }
        }
    }

    /// How much of a difference the covariates explain.
    pub(super) fn explained(&self, covariates: &Difference) -> f64 {
        self.0.iter().zip(covariates).map(|(slope, covariate)| slope * covariate).sum()
    }
}

/// Solves the normal equations for the `used` unknowns by elimination; the others are zero. The ridge on the
/// diagonal keeps every pivot positive.
fn solve(squares: &[[f64; COUNT]; COUNT], products: &[f64; COUNT], used: &[usize]) -> [f64; COUNT] {
    let mut squares = *squares;
    let mut right = *products;
    for (position, pivot) in used.iter().enumerate() {
        for row in &used[position + 1..] {
            let factor = squares[*row][*pivot] / squares[*pivot][*pivot];
            for column in used {
                squares[*row][*column] -= factor * squares[*pivot][*column];
            }
            right[*row] -= factor * right[*pivot];
        }
    }
    let mut slopes = [0.0; COUNT];
    for (position, pivot) in used.iter().enumerate().rev() {
        let known: f64 = used[position + 1..].iter().map(|of| squares[*pivot][*of] * slopes[*of]).sum();
        slopes[*pivot] = (right[*pivot] - known) / squares[*pivot][*pivot];
    }
    slopes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(slopes: [f64; 3], count: u32) -> Vec<(f64, Difference)> {
        let pair = |number: u32| {
            let covariates = [
                f64::from(number % 5) * 0.1 - 0.2,
                f64::from(number % 3) * 0.3 - 0.3,
                f64::from(number % 7 % 2) * 0.5,
            ];
            let value = covariates.iter().zip(slopes).map(|(covariate, slope)| covariate * slope).sum();
            (value, covariates)
        };
        (0..count).map(pair).collect()
    }

    #[test]
    fn slopes_are_found_and_believed_the_more_the_more_pairs_there_are() {
        let many = Slopes::freeze(&pairs([0.5, 0.3, 0.2], 2_000)).0;
        for (found, expected) in many.iter().zip([0.5, 0.3, 0.2]) {
            assert!((found - expected).abs() < 0.01, "{many:?}");
        }
        let few = Slopes::freeze(&pairs([0.5, 0.3, 0.2], 20)).0;
        assert!(few.iter().zip(many).all(|(few, many)| *few > 0.3 * many && *few < many), "{few:?}");
    }

    #[test]
    fn calls_that_follow_the_time_explain_nothing() {
        let slopes = Slopes::freeze(&pairs([-1.0, 0.3, 0.0], 200)).0;
        assert!(slopes[0] == 0.0 && slopes[1] > 0.0, "{slopes:?}");
    }

    #[test]
    fn what_never_happened_explains_nothing() {
        let quiet: Vec<(f64, Difference)> =
            (0..40).map(|number| (f64::from(number) * 0.01, [0.0; 3])).collect();
        assert_eq!(Slopes::freeze(&quiet).0, [0.0; 3]);
        assert_eq!(Slopes::freeze(&[]).0, [0.0; 3]);
    }
}
