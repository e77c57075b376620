//! One series judged: is it below zero, above zero, and how far?

use super::baseline::{self, Baseline};
use super::betting::{self, Noisy, Wealth};
use super::cell::{Cell, Metric};
use super::series::{Grid, Series, finite};
use super::statistics::{location, median};
use crate::thresholds::MeasureThresholds;

/// Correlation that may be left between blocks of windows.
const LEFT_CORRELATION: f64 = 0.1;
/// Longest block, windows.
const LONGEST_BLOCK: f64 = 20.0;
/// The hasty gambler gives away so many deviations: noise that strays so far does not stay there.
const HASTY_DEVIATIONS: f64 = 3.0;
/// So soon after the change it is the same time of day: the margins cover what little it moves; hours.
const NEAR_HOURS: f64 = 0.75;
/// Early harm is not called on a past of one window.
const LEAST_TO_ACT_ON: usize = 2;
/// And at least this factor.
const HASTY_FACTOR: f64 = 1.25;

/// A series with the evidence it gives. Figures are natural logarithms of after / before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    /// Wealth of those who bet on less.
    pub(super) help: Wealth,
    /// Wealth of those who bet on more.
    pub(super) hurt: Wealth,
    pub(super) base: Baseline,
    /// Windows of one block of the patient gambler.
    pub(super) block: usize,
    /// After the change, from the baseline.
    values: Vec<f64>,
    /// The same for those who bet on more and for those who bet on less: nearer by what the time of day may do.
    more: Bets,
    less: Bets,
    /// Distance that the hasty gambler gives away.
    hasty_slack: f64,
}

/// What one side bets on: every window, and blocks of them.
#[derive(Debug, Clone, PartialEq)]
struct Bets {
    values: Vec<Noisy>,
    blocks: Vec<Noisy>,
}

impl Bets {
    fn of(values: &[f64], block: usize, deviation: f64) -> Self {
        let noisy = |value| Noisy { value, deviation };
        Self {
            values: values.iter().copied().map(noisy).collect(),
            blocks: values.chunks_exact(block).map(median).map(noisy).collect(),
        }
    }
}

/// Judges a series; `None` where there is nothing before or nothing after.
pub(super) fn judge(series: &Series, thresholds: &MeasureThresholds) -> Option<Judged> {
    let base = baseline::baseline(&series.before)?;
    if series.after.is_empty() {
        return None;
    }
    let values: Vec<f64> = series.after.iter().map(|value| value - base.centre).collect();
    let block = block_length(base.autocorrelation);
    let shifted = |side: f64| -> Vec<f64> {
        let with_time = values.iter().zip(&series.hours);
        with_time.map(|(value, hours)| value + side * drift(*hours, thresholds)).collect()
    };
    let bets = |side| Bets::of(&shifted(side), block, base.deviation);
    let (more, less) = (bets(-1.0), bets(1.0));
    let patient_slack = base.centre_slack;
    let hasty_slack = base.centre_slack + (HASTY_DEVIATIONS * base.deviation).max(HASTY_FACTOR.ln());
    let benefit = thresholds.benefit_margin.ln();
    let harm = thresholds.harm_margin.ln();
    let help = betting::below(&less.blocks, -benefit - patient_slack)
        .with(betting::below(&less.values, -hasty_slack));
    let hurt =
        betting::above(&more.blocks, harm + patient_slack).with(betting::above(&more.values, hasty_slack));
    Some(Judged { help, hurt, base, block, values, more, less, hasty_slack })
}

/// How far the time of day may have moved a statement so long after the change, as a logarithm.
fn drift(hours: f64, thresholds: &MeasureThresholds) -> f64 {
    thresholds.hourly_drift.ln() * (hours - NEAR_HOURS).max(0.0)
}

impl Judged {
    /// Less, beyond doubt, and as of now: help should still be there.
    pub(super) fn helpful(&self, thresholds: &MeasureThresholds) -> bool {
        self.help.now >= 1.0 / thresholds.benefit_alpha
    }

    /// More, beyond doubt, at any time: once is enough.
    pub(super) fn harmful(&self, thresholds: &MeasureThresholds) -> bool {
        self.hurt.highest >= 1.0 / thresholds.harm_alpha
    }

    /// The best guess.
    pub(super) fn estimate(&self) -> f64 {
        location(&self.values)
    }

    /// What neither gambler could refute; infinite where there is too little to refute anything.
    pub(super) fn bounds(&self, thresholds: &MeasureThresholds) -> (f64, f64) {
        let alpha = thresholds.interval_alpha / 2.0;
        let (patient, hasty) = (self.base.centre_slack, self.hasty_slack);
        let low_patient = betting::lower_bound(&self.more.blocks, alpha) - patient;
        let low_hasty = betting::lower_bound(&self.more.values, alpha) - hasty;
        let high_patient = betting::upper_bound(&self.less.blocks, alpha) + patient;
        let high_hasty = betting::upper_bound(&self.less.values, alpha) + hasty;
        let estimate = self.estimate();
        (low_patient.max(low_hasty).min(estimate), high_patient.min(high_hasty).max(estimate))
    }

    pub(super) fn windows_after(&self) -> u32 {
        u32::try_from(self.values.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn windows_before(&self) -> u32 {
        u32::try_from(self.base.windows).unwrap_or(u32::MAX)
    }
}

/// Windows after which little of the correlation is left.
fn block_length(autocorrelation: f64) -> usize {
    if autocorrelation <= LEFT_CORRELATION {
        return 1;
    }
    (LEFT_CORRELATION.ln() / autocorrelation.ln()).ceil().clamp(1.0, LONGEST_BLOCK) as usize
}

/// A touched statement is several times slower than before, window after window, while the controls are not:
/// that is not waited out. A guardrail, not a statistic.
pub(super) fn early_harm(grid: &Grid, thresholds: &MeasureThresholds) -> bool {
    let factor = thresholds.early_factor.ln();
    let least_calls = thresholds.least_calls;
    let controls = finite(&grid.controls(Metric::Time, least_calls).after);
    let level_of_controls = if controls.is_empty() { 0.0 } else { median(&controls).max(0.0) };
    let whole: f64 = grid.touched.iter().flat_map(|line| &line.before).map(|cell| cell.total_ms).sum();
    grid.touched.iter().any(|line| {
        let logs = |cells: &[Cell]| -> Vec<f64> {
            cells.iter().filter_map(|cell| cell.log(Metric::Time, least_calls)).collect()
        };
        let base = baseline::baseline(&logs(&line.before)).filter(|base| base.windows >= LEAST_TO_ACT_ON);
        let Some(base) = base else { return false };
        let weight: f64 = line.before.iter().map(|cell| cell.total_ms).sum();
        let limit = base.centre + level_of_controls + factor.max(HASTY_DEVIATIONS * base.deviation);
        let mut run = 0;
        for value in logs(&line.after) {
            run = if value > limit { run + 1 } else { 0 };
            if run >= thresholds.early_windows && weight >= 0.05 * whole {
                return true;
            }
        }
        false
    })
}
