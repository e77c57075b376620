//! From windows of statements to one series: how far the touched statements are from their usual, against
//! the controls.

use std::collections::BTreeMap;

use querysmith_shared::timestamp::Timestamp;

use super::cell::{Cell, Metric};
use super::statistics::median;
use super::{StatementSeries, TrialSamples};
use crate::overview::seconds;

/// The statements of a trial on a common grid, before and after.
pub(super) struct Grid {
    pub(super) touched: Vec<Line>,
    pub(super) controls: Vec<Line>,
    /// Of each window after the change, how long after it began it ended, hours.
    pub(super) hours: Vec<f64>,
    /// Windows as collected that make one of the grid.
    pub(super) merged: usize,
}

/// One statement on the grid.
pub(super) struct Line {
    pub(super) before: Vec<Cell>,
    pub(super) after: Vec<Cell>,
}

/// Most collected windows that are merged into one: fifty minutes of 15 s, of which the longest trial has seven.
const MOST_MERGED: usize = 200;

impl Grid {
    pub(super) fn of(samples: &TrialSamples) -> Self {
        let began = samples.began_at;
        let settled = samples.applied_at.after(seconds(samples.thresholds.washout_s));
        let mut before: BTreeMap<(Timestamp, Timestamp), usize> = BTreeMap::new();
        let mut after = before.clone();
        for series in samples.touched.iter().chain(&samples.controls) {
            for window in &series.windows {
                if window.end <= began {
                    before.insert((window.end, window.start), 0);
                } else if window.start >= settled && window.end <= samples.now {
                    after.insert((window.end, window.start), 0);
                }
            }
        }
        let merged = merge_factor(samples, before.keys().chain(after.keys()));
        // Whole groups only: before the change counted back from it, after it counted on from it. A past that is
        // shorter than a group is one.
        let skip = if before.len() < merged { 0 } else { before.len() % merged };
        let before_groups = (before.len() / merged).max(before.len().min(1));
        let after_groups = after.len() / merged;
        for (position, group) in before.values_mut().enumerate() {
            *group = if position < skip { usize::MAX } else { (position - skip) / merged };
        }
        for (position, group) in after.values_mut().enumerate() {
            *group = position / merged;
        }
        let mut hours = vec![0.0; after_groups];
        for ((end, _), group) in &after {
            if let Some(hours) = hours.get_mut(*group) {
                *hours = end.since(began).as_secs_f64() / 3_600.0;
            }
        }
        let line = |series: &StatementSeries| {
            let mut line = Line {
                before: vec![Cell::default(); before_groups],
                after: vec![Cell::default(); after_groups],
            };
            for window in &series.windows {
                let key = (window.end, window.start);
                let cell = match (before.get(&key), after.get(&key)) {
                    (Some(group), _) => line.before.get_mut(*group),
                    (_, Some(group)) => line.after.get_mut(*group),
                    _ => None,
                };
                if let Some(cell) = cell {
                    cell.add(&Cell {
                        calls: window.calls,
                        total_ms: window.total_ms,
                        blocks: (window.blocks_hit + window.blocks_read) as f64,
                    });
                }
            }
            line
        };
        Self {
            touched: samples.touched.iter().map(line).collect(),
            controls: samples.controls.iter().map(line).collect(),
            hours,
            merged,
        }
    }
}

/// So many windows make one that the busiest touched statement has enough calls in most of them, of those since it
/// was first seen: one that is new is not rare.
fn merge_factor<'w>(
    samples: &TrialSamples,
    windows: impl Iterator<Item = &'w (Timestamp, Timestamp)>,
) -> usize {
    let calls = |series: &&StatementSeries| series.windows.iter().map(|window| window.calls).sum::<u64>();
    let Some(busiest) = samples.touched.iter().max_by_key(calls) else { return 1 };
    let first = busiest.windows.iter().find(|window| window.calls > 0);
    let Some(first) = first.map(|window| window.start) else { return 1 };
    let watched = windows.filter(|(end, _)| *end > first).count();
    let per_window = calls(&busiest) as f64 / watched.max(1) as f64;
    // Half as many again, so that an unlucky window still has enough.
    let wanted = 1.5 * samples.thresholds.least_calls as f64 / per_window;
    (wanted.ceil() as usize).clamp(1, MOST_MERGED)
}

/// A series in logarithms: 0 is the statements' own median before the change.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Series {
    pub(super) before: Vec<f64>,
    pub(super) after: Vec<f64>,
    /// Of each value after the change, how long after it, hours.
    pub(super) hours: Vec<f64>,
}

impl Grid {
    /// The touched statements' series.
    pub(super) fn touched(&self, metric: Metric, least_calls: u64) -> Series {
        self.combine(&self.touched, metric, least_calls, mean)
    }

    /// The controls' series.
    pub(super) fn controls(&self, metric: Metric, least_calls: u64) -> Series {
        self.combine(&self.controls, metric, least_calls, weighted_median)
    }

    fn combine(
        &self,
        lines: &[Line],
        metric: Metric,
        least_calls: u64,
        join: fn(&mut [Weighted]) -> f64,
    ) -> Series {
        let (before, after) = combine(lines, metric, least_calls, join);
        let hours = self.hours[..after.len()].to_vec();
        Series { before, after, hours }
    }
}

/// One value and its weight.
type Weighted = (f64, f64);

/// Weighted together window by window. A window without enough of the weight is NaN, so that touched
/// and control windows stay side by side until [`against`] leaves it out.
fn combine(
    lines: &[Line],
    metric: Metric,
    least_calls: u64,
    join: fn(&mut [Weighted]) -> f64,
) -> (Vec<f64>, Vec<f64>) {
    let mut members: Vec<(&Line, f64, f64)> = Vec::new();
    for line in lines {
        let logs: Vec<f64> = line.before.iter().filter_map(|cell| cell.log(metric, least_calls)).collect();
        if !logs.is_empty() {
            // Frozen before the change: its share of the time then.
            let weight: f64 = line.before.iter().map(|cell| cell.total_ms).sum();
            members.push((line, median(&logs), weight));
        }
    }
    let whole: f64 = members.iter().map(|(_, _, weight)| weight).sum();
    let at = |cells: fn(&Line) -> &Vec<Cell>, position: usize| {
        let mut values: Vec<Weighted> = members
            .iter()
            .filter_map(|(line, usual, weight)| {
                let log = cells(line).get(position)?.log(metric, least_calls)?;
                Some((log - usual, *weight))
            })
            .collect();
        let present: f64 = values.iter().map(|(_, weight)| weight).sum();
        if values.is_empty() || present < 0.5 * whole { f64::NAN } else { join(&mut values) }
    };
    let length = |cells: fn(&Line) -> &Vec<Cell>| lines.first().map_or(0, |line| cells(line).len());
    let before = (0..length(cells_before)).map(|position| at(cells_before, position)).collect();
    let after = (0..length(cells_after)).map(|position| at(cells_after, position)).collect();
    (before, after)
}

fn cells_before(line: &Line) -> &Vec<Cell> {
    &line.before
}

fn cells_after(line: &Line) -> &Vec<Cell> {
    &line.after
}

fn mean(values: &mut [Weighted]) -> f64 {
    let whole: f64 = values.iter().map(|(_, weight)| weight).sum();
    values.iter().map(|(value, weight)| value * weight / whole.max(f64::MIN_POSITIVE)).sum()
}

/// One control that has troubles of its own must not move the rest.
fn weighted_median(values: &mut [Weighted]) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    // By the square root: many small controls together know more of the machine than one large one.
    let whole: f64 = values.iter().map(|(_, weight)| weight.sqrt()).sum();
    let mut sum = 0.0;
    for (value, weight) in values.iter() {
        sum += weight.sqrt();
        if sum * 2.0 >= whole {
            return *value;
        }
    }
    values.last().map_or(0.0, |(value, _)| *value)
}

/// The touched series less what the controls explain of it, in windows that have both; the second value is
/// how much of the controls is taken off.
pub(super) fn against(touched: &Series, controls: &Series) -> (Series, f64) {
    let pairs = |touched: &[f64], controls: &[f64]| -> Vec<(f64, f64)> {
        let both = touched.iter().copied().zip(controls.iter().copied());
        both.filter(|(a, b)| a.is_finite() && b.is_finite()).collect()
    };
    let (before, after) = (pairs(&touched.before, &controls.before), pairs(&touched.after, &controls.after));
    let enough =
        before.len() * 2 >= finite(&touched.before).len() && after.len() * 2 >= finite(&touched.after).len();
    if before.is_empty() || !enough {
        return (touched.finite(), 0.0);
    }
    let slope = slope(&before);
    // What one of the two does not have is NaN in the difference as well.
    let less = |touched: &[f64], controls: &[f64]| {
        touched.iter().zip(controls).map(|(touched, control)| touched - slope * control).collect()
    };
    let difference = Series {
        before: less(&touched.before, &controls.before),
        after: less(&touched.after, &controls.after),
        hours: touched.hours.clone(),
    };
    (difference.finite(), slope)
}

/// How much the touched statements move when the controls move, from before the change, between 0 and 1. Few
/// windows tell little, so they count for little.
fn slope(pairs: &[(f64, f64)]) -> f64 {
    let touched_usual = median(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let control_usual = median(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
    // Spikes are cut off at a factor of two: one of them would decide the slope alone.
    let cut = |value: f64| value.clamp(-0.7, 0.7);
    let (mut product, mut square) = (0.0, 0.0);
    for (touched, control) in pairs {
        let (touched, control) = (cut(touched - touched_usual), cut(control - control_usual));
        product += touched * control;
        square += control * control;
    }
    let count = pairs.len() as f64;
    let raw = if square > 1e-9 { product / square } else { 0.0 };
    (raw.clamp(0.0, 1.0) * count / (count + 10.0)).clamp(0.0, 1.0)
}

/// The values that are there.
pub(super) fn finite(values: &[f64]) -> Vec<f64> {
    values.iter().copied().filter(|value| value.is_finite()).collect()
}

impl Series {
    /// Without the windows that have no value.
    pub(super) fn finite(&self) -> Self {
        let with_time = self.after.iter().zip(&self.hours).filter(|(value, _)| value.is_finite());
        let (after, hours) = with_time.unzip();
        Self { before: finite(&self.before), after, hours }
    }
}
