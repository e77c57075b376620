//! Tests by betting: evidence that may be looked at after every value without losing its meaning.
//!
//! A gambler starts with 1 and bets on each value being above a bound. If the values are symmetric about
//! something no higher than the bound, the expected wealth never exceeds 1, so wealth of 1 / α is reached with
//! probability α at most, however often one looks (Ville's inequality). Wealth is the mean over five stakes.

/// Stakes: timid ones find small effects in many values, bold ones large effects in few.
const STAKES: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
/// Wealth is not counted beyond this: every threshold is far below.
const RICHEST: f64 = 1e100;

/// A value with the typical size of its noise, which was known before the value was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Noisy {
    pub(super) value: f64,
    pub(super) deviation: f64,
}

/// Evidence so far, now and at its highest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Wealth {
    pub(super) now: f64,
    pub(super) highest: f64,
}

impl Wealth {
    /// The wealth of two who have half the money each. The highest is taken for each by itself, which can
    /// only be too high by what one has lost since: at most by half.
    pub(super) fn with(self, other: Self) -> Self {
        Self { now: f64::midpoint(self.now, other.now), highest: f64::midpoint(self.highest, other.highest) }
    }
}

/// Somebody who bets, value after value, on distances being positive.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gambler {
    stakes: [f64; STAKES.len()],
    highest: f64,
}

impl Gambler {
    pub(super) fn new() -> Self {
        Self { stakes: [1.0; STAKES.len()], highest: 1.0 }
    }

    /// One bet; the distance is in deviations. 1 + tanh x has mean 1 where x is symmetric about 0.
    pub(super) fn bet(&mut self, distance: f64) {
        for (wealth, stake) in self.stakes.iter_mut().zip(STAKES) {
            *wealth = (*wealth * (1.0 + (stake * distance).tanh())).min(RICHEST);
        }
        self.highest = self.highest.max(self.now());
    }

    fn now(&self) -> f64 {
        self.stakes.iter().sum::<f64>() / STAKES.len() as f64
    }

    pub(super) fn wealth(&self) -> Wealth {
        Wealth { now: self.now(), highest: self.highest }
    }
}

/// Wealth from betting that the values lie above `bound`.
pub(super) fn above(values: &[Noisy], bound: f64) -> Wealth {
    let mut gambler = Gambler::new();
    for noisy in values {
        gambler.bet((noisy.value - bound) / noisy.deviation);
    }
    gambler.wealth()
}

/// Wealth from betting that the values lie below `bound`.
pub(super) fn below(values: &[Noisy], bound: f64) -> Wealth {
    let mut gambler = Gambler::new();
    for noisy in values {
        gambler.bet((bound - noisy.value) / noisy.deviation);
    }
    gambler.wealth()
}

/// The lower end of what no gambler has refuted, where both ends together fail with probability `alpha`; infinite
/// where there are too few values to refute anything.
pub(super) fn lower_bound(values: &[Noisy], alpha: f64) -> f64 {
    highest_refuted(|bound| above(values, bound).highest >= 2.0 / alpha)
}

/// The upper end of what no gambler has refuted; see [`lower_bound`].
pub(super) fn upper_bound(values: &[Noisy], alpha: f64) -> f64 {
    -highest_refuted(|bound| below(values, -bound).highest >= 2.0 / alpha)
}

/// The highest bound that is refuted, where all lower ones are as well.
fn highest_refuted(refuted: impl Fn(f64) -> bool) -> f64 {
    /// Logarithms beyond this are further than any ratio that can be measured.
    const FAR: f64 = 20.0;
    const STEPS: usize = 24;
    if !refuted(-FAR) {
        return f64::NEG_INFINITY;
    }
    let (mut refuted_at, mut open_at) = (-FAR, FAR);
    for _ in 0..STEPS {
        let middle = f64::midpoint(refuted_at, open_at);
        if refuted(middle) {
            refuted_at = middle;
        } else {
            open_at = middle;
        }
    }
    refuted_at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(values: impl IntoIterator<Item = f64>) -> Vec<Noisy> {
        values.into_iter().map(|value| Noisy { value, deviation: 0.1 }).collect()
    }

    #[test]
    fn a_large_effect_doubles_the_wealth_with_every_value() {
        for count in 1..10 {
            let wealth = above(&noisy(vec![5.0; count]), 0.0).now;
            assert!((wealth / 2_f64.powi(i32::try_from(count).unwrap()) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn values_on_both_sides_leave_the_gambler_poor() {
        let values = noisy((0..200).map(|i| if i % 2 == 0 { 0.1 } else { -0.1 }));
        assert!(above(&values, 0.0).highest < 2.0);
        assert!(below(&values, 0.0).highest < 2.0);
    }

    #[test]
    fn the_interval_holds_the_truth_and_narrows() {
        let values = noisy((0..100).map(|i| 1.0 + 0.1 * f64::from(i % 5 - 2)));
        let interval = |values: &[Noisy]| (lower_bound(values, 0.1), upper_bound(values, 0.1));
        let (low, high) = interval(&values);
        assert!(low > 0.8 && low < 1.0 && high > 1.0 && high < 1.2, "{low} {high}");
        let (low, high) = interval(&values[..3]);
        assert!(low.is_infinite() && high.is_infinite());
    }
}
