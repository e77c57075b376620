//! Each statement of a trial by itself, for display.

use super::cell::{Cell, Metric};
use super::effect::{MeasuredStatement, Role, Sample};
use super::series::Grid;
use super::statistics::{deviation, location, median};
use super::{StatementSeries, TrialSamples};
use crate::interval::Interval;

/// Deviations of an interval that holds nine times in ten.
const NINE_IN_TEN: f64 = 1.645;
/// Longest stretch before the change that is shown, windows of the grid: what was long ago is another story.
const LONGEST_BEFORE: usize = 240;

/// Every statement before and after.
pub(super) fn all(samples: &TrialSamples, grid: &Grid) -> Vec<MeasuredStatement> {
    let least_calls = samples.thresholds.least_calls;
    let of = |series: &StatementSeries, line: &super::series::Line, role: Role| {
        let before = &line.before[steady_from(&line.before, least_calls)..];
        MeasuredStatement {
            statement_id: series.id,
            role,
            before: sample(before),
            after: sample(&line.after),
            effect: effect(before, &line.after, least_calls),
        }
    };
    let touched =
        samples.touched.iter().zip(&grid.touched).map(|(series, line)| of(series, line, Role::Touched));
    let controls = samples.controls.iter().zip(&grid.controls);
    touched.chain(controls.map(|(series, line)| of(series, line, Role::Control))).collect()
}

/// Where the last steady stretch begins.
fn steady_from(cells: &[Cell], least_calls: u64) -> usize {
    let logs = logs(cells, least_calls);
    let windows = super::baseline::baseline(&logs).map_or(cells.len(), |base| base.windows);
    // Windows without a value are not in the baseline; counted from the end, so many are at least.
    cells.len().saturating_sub(windows.min(LONGEST_BEFORE))
}

fn sample(cells: &[Cell]) -> Option<Sample> {
    let mut sum = Cell::default();
    for cell in cells {
        sum.add(cell);
    }
    let calls = sum.calls as f64;
    (sum.calls > 0).then(|| Sample {
        calls: sum.calls,
        mean_ms: sum.total_ms / calls,
        blocks_per_call: sum.blocks / calls,
    })
}

fn effect(before: &[Cell], after: &[Cell], least_calls: u64) -> Option<Interval> {
    let (before, after) = (logs(before, least_calls), logs(after, least_calls));
    if before.len() < 2 || after.len() < 2 {
        return None;
    }
    let (from, to) = (median(&before), location(&after));
    let variance = |values: &[f64], centre: f64| deviation(values, centre).powi(2) / values.len() as f64;
    let error = (variance(&before, from) + variance(&after, to)).sqrt() * NINE_IN_TEN;
    Some(Interval::from_log(to - from, to - from - error, to - from + error))
}

fn logs(cells: &[Cell], least_calls: u64) -> Vec<f64> {
    cells.iter().filter_map(|cell| cell.log(Metric::Time, least_calls)).collect()
}
