//! The difference at the toggle itself, with jumps elsewhere taken out.
//!
//! A job that starts in the middle of a window raises the rest of it, and with ten pairs a single window like that
//! undoes nine good ones. But it starts at a minute of its own, while the change starts at the toggle. So jumps from
//! part to part within a window are taken out, and what is left is the step at the toggle. Where the jumps are does
//! not depend on the coin, so this difference is as fair a bet as the plain one. It is blind to a change that takes
//! effect only minutes after its toggle: hence the plain difference keeps a part of the money.

use super::mix::Mix;
use super::window::{Pair, Window};
use crate::measure::statistics::deviation;

/// Least parts of a window.
const LEAST_PARTS: usize = 3;
/// A step from part to part is a jump from this many of its usual sizes on: four noises of a normal distribution …
const JUMP_DEVIATIONS: f64 = 4.0;
/// … and at least a tenth.
const LEAST_JUMP: f64 = 1.1;

/// How large a step from part to part must be to be a jump, as a logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Jumps {
    limit: f64,
}

impl Jumps {
    /// From A/A pairs.
    pub(super) fn freeze(mix: &Mix, quiet: &[Pair]) -> Self {
        let readings = quiet.iter().flat_map(|pair| [&pair.a, &pair.b]);
        let windows = readings.filter_map(|reading| indexes(mix, reading.whole()?));
        let steps: Vec<f64> = windows
            .flat_map(|parts| parts.windows(2).map(|two| two[1] - two[0]).collect::<Vec<_>>())
            .collect();
        Self { limit: (JUMP_DEVIATIONS * deviation(&steps, 0.0)).max(LEAST_JUMP.ln()) }
    }

    /// Log of b / a at the toggle; `None` where the windows have no parts to tell it from.
    pub(super) fn difference(&self, mix: &Mix, a: &Window, b: &Window) -> Option<f64> {
        let (mut in_a, mut in_b) = (indexes(mix, a)?, indexes(mix, b)?);
        // Both are read away from the toggle between them.
        let earlier = if a.start < b.start { &mut in_a } else { &mut in_b };
        earlier.reverse();
        Some(self.level(&in_b) - self.level(&in_a))
    }

    /// The mean of the parts, each brought to the level of the first.
    fn level(&self, parts: &[f64]) -> f64 {
        let mut off = 0.0;
        let mut sum = parts.first().copied().unwrap_or(0.0);
        for two in parts.windows(2) {
            let step = two[1] - two[0];
            if step.abs() > self.limit {
                off += step;
            }
            sum += two[1] - off;
        }
        sum / parts.len().max(1) as f64
    }
}

/// Each part's index; `None` where there are too few, or one has none.
fn indexes(mix: &Mix, window: &Window) -> Option<Vec<f64>> {
    if window.parts.len() < LEAST_PARTS {
        return None;
    }
    window.parts.iter().map(|part| mix.index(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUMPS: Jumps = Jumps { limit: 0.1 };

    #[test]
    fn a_jump_in_a_window_does_not_move_its_level() {
        assert!((JUMPS.level(&[0.0, 0.02, 0.9, 0.91, 0.9]) - 0.01).abs() < 0.02);
        assert!((JUMPS.level(&[0.5, 0.48, 0.5, 0.1, 0.1]) - 0.5).abs() < 0.03);
    }

    #[test]
    fn small_steps_are_left_as_they_are() {
        assert!((JUMPS.level(&[0.0, 0.05, 0.1, 0.15, 0.2]) - 0.1).abs() < 1e-12);
    }
}
