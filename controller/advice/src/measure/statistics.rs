//! Robust statistics of short series.

/// The median; 0 for none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    let length = values.len();
    if length == 0 {
        return 0.0;
    }
    let (below, middle, _) = values.select_nth_unstable_by(length / 2, f64::total_cmp);
    let middle = *middle;
    if length % 2 == 1 {
        return middle;
    }
    below.iter().copied().max_by(f64::total_cmp).map_or(middle, |before| f64::midpoint(before, middle))
}

/// The smallest value that at least the share `of` of the values does not exceed; `None` for none.
pub(crate) fn quantile(values: &[f64], of: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let position = ((values.len() as f64 * of).ceil() as usize).saturating_sub(1).min(last);
    let mut values = values.to_vec();
    let (_, value, _) = values.select_nth_unstable_by(position, f64::total_cmp);
    Some(*value)
}

/// Standard deviation by the median distance from `centre`, which single spikes can't move.
pub(crate) fn deviation(values: &[f64], centre: f64) -> f64 {
    let distances: Vec<f64> = values.iter().map(|value| (value - centre).abs()).collect();
    1.4826 * median(&distances)
}

/// The median of all pairwise means (Hodges and Lehmann): as good as the mean without noise, as good as the
/// median with it. Long series take the median, which is cheaper and by then as good.
pub(crate) fn location(values: &[f64]) -> f64 {
    const LONGEST: usize = 200;
    if values.len() > LONGEST {
        return median(values);
    }
    let mut means = Vec::with_capacity(values.len() * (values.len() + 1) / 2);
    for (position, first) in values.iter().enumerate() {
        for second in &values[position..] {
            means.push(f64::midpoint(*first, *second));
        }
    }
    median(&means)
}

/// Correlation of each value with the next, from 0 to 0.95, corrected for the bias of short series.
pub(crate) fn autocorrelation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    if count < 4.0 {
        return DEFAULT_AUTOCORRELATION;
    }
    let centre = values.iter().sum::<f64>() / count;
    let square: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    if square <= 0.0 {
        return 0.0;
    }
    let product: f64 = values.windows(2).map(|pair| (pair[0] - centre) * (pair[1] - centre)).sum();
    let raw = product / square;
    // Kendall's correction; a short series is drawn towards the default besides.
    let corrected = raw + (1.0 + 3.0 * raw) / count;
    let trust = count / (count + 20.0);
    (trust * corrected + (1.0 - trust) * DEFAULT_AUTOCORRELATION).clamp(0.0, 0.95)
}

/// What neighbouring windows of 15 s have in common where nothing is known: half.
const DEFAULT_AUTOCORRELATION: f64 = 0.5;

/// By how much autocorrelation widens the variance of a mean.
pub(crate) fn long_run_factor(autocorrelation: f64) -> f64 {
    (1.0 + autocorrelation) / (1.0 - autocorrelation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_spikes_move_nothing() {
        let calm = [1.0, 1.1, 0.9, 1.0, 1.05, 0.95];
        let spiky = [1.0, 1.1, 0.9, 1.0, 1.05, 50.0];
        assert!((median(&calm) - median(&spiky)).abs() < 0.1);
        assert!(deviation(&spiky, median(&spiky)) < 0.2);
        assert!((location(&spiky) - 1.0).abs() < 0.2);
    }

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let values: Vec<f64> = (1..=1_000).rev().map(f64::from).collect();
        assert_eq!(quantile(&values, 0.999), Some(999.0));
        assert_eq!(quantile(&values, 0.5), Some(500.0));
        assert_eq!((quantile(&[3.0, 1.0], 0.999), quantile(&[], 0.5)), (Some(3.0), None));
        assert_eq!(
            (median(&[]), median(&[3.0]), median(&[4.0, 1.0]), median(&[9.0, 1.0, 2.0])),
            (0.0, 3.0, 2.5, 2.0)
        );
    }

    #[test]
    fn a_drifting_series_is_correlated_and_an_alternating_one_is_not() {
        let drifting: Vec<f64> = (0..50).map(f64::from).collect();
        let alternating: Vec<f64> = (0..50).map(|i| f64::from(i % 2)).collect();
        assert!(autocorrelation(&drifting) > 0.7);
        assert!(autocorrelation(&alternating) < 0.01);
    }
}
