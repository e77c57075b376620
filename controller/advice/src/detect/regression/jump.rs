//! Whether and when a statement became slower.

use querysmith_shared::timestamp::Timestamp;

use super::pace::Pace;
use crate::evidence::WindowSum;
use crate::measure::statistics::{autocorrelation, deviation, long_run_factor, median};
use crate::overview::{Overview, StatementView, seconds};

/// Numbers of newest windows that are compared with all earlier ones: few for sudden jumps, many for small ones.
const SPANS: [usize; 5] = [4, 8, 16, 32, 64];
/// Windows of a sudden jump.
const SUDDEN: usize = 2;
/// Newest windows an open regression is judged by: about two minutes.
const OPEN_SPAN: usize = 8;
/// A finding is made up to this long after its cause, s; the baseline of an open one ends so much earlier.
const NOTICED_WITHIN_S: f64 = 90.0;
/// Blocks of a call grew by this factor: the statement does more work, whatever else is going on.
const MORE_WORK: f64 = 1.5;
/// Of a slow-down, as a logarithm, at least this part must be more work to count while the whole server is slow.
const WORK_PART: f64 = 0.5;
/// Least deviation that is believed.
const LEAST_DEVIATION: f64 = 0.05;
/// Most of them that are asked: a median needs no more.
const MOST_OTHERS: usize = 50;
/// Least other statements for a common slow-down.
const LEAST_OTHERS: usize = 3;

/// A statement became slower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Jump {
    /// Start of the first slower window.
    pub(super) at: Timestamp,
    /// How many times slower, without what all others slowed down by.
    pub(super) factor: f64,
    pub(super) mean_before: f64,
    pub(super) mean_after: f64,
    pub(super) blocks_before: f64,
    pub(super) blocks_after: f64,
    pub(super) windows_before: usize,
    pub(super) windows_after: usize,
    /// Natural log of what the others' time changed by; `None` with too few of them.
    pub(super) others: Option<f64>,
}

/// One window, ready to compare.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    start: Timestamp,
    pub(super) end: Timestamp,
    /// Natural log of the mean time.
    pub(super) time: f64,
    blocks: f64,
}

/// The jump of a statement, if there is one. With `open_since` the finding is open: it stays as long as the
/// statement has not come back to its baseline of before.
pub(super) fn find(
    overview: &Overview<'_>,
    pace: &Pace,
    statement: &StatementView<'_>,
    open_since: Option<Timestamp>,
) -> Option<Jump> {
    let limits = &overview.evidence.thresholds.regression;
    let mut points = points(&statement.evidence.windows, limits.least_calls);
    let newest = points.last()?;
    let fresh = seconds(overview.evidence.thresholds.sight.present_s);
    if overview.evidence.now.since(newest.end) > fresh {
        return None;
    }
    // An open finding keeps the baseline of before it, for as long as that is remembered and means something.
    let accepted = seconds(limits.accept_after_s);
    if let Some(since) = open_since.filter(|since| overview.evidence.now.since(*since) <= accepted) {
        let begun = since.before(seconds(NOTICED_WITHIN_S));
        let split = points.iter().position(|point| point.end > begun).unwrap_or(points.len());
        if split >= limits.least_baseline {
            return still_open(overview, &points, split);
        }
    }
    leave_out_slow(&mut points, pace);
    if let Some(jump) = sudden(overview, statement, &points) {
        return Some(jump);
    }
    SPANS.iter().find_map(|span| gradual(overview, statement, &points, *span))
}

/// Leaves out the windows in which the whole server was slow, but for those in which the statement did more work:
/// it may be what slows the others down.
fn leave_out_slow(points: &mut Vec<Point>, pace: &Pace) {
    let level = median(&times(points));
    let usual = median(&points.iter().map(|point| point.blocks).collect::<Vec<_>>());
    let worked = |point: &Point| work(usual, point.blocks) >= WORK_PART * (point.time - level);
    points.retain(|point| {
        !pace.is_slow(point.end) || (point.blocks >= MORE_WORK * usual.max(1.0) && worked(point))
    });
}

/// Natural log of how much the blocks of a call grew; 0 where they did not.
fn work(before: f64, after: f64) -> f64 {
    (after.max(1.0) / before.max(1.0)).ln().max(0.0)
}

pub(super) fn points(windows: &[WindowSum], least_calls: u64) -> Vec<Point> {
    let enough = windows.iter().filter(|window| window.calls >= least_calls.max(1) && window.total_ms > 0.0);
    enough
        .map(|window| Point {
            start: window.start,
            end: window.end,
            time: (window.total_ms / window.calls as f64).ln(),
            blocks: (window.blocks_hit + window.blocks_read) as f64 / window.calls as f64,
        })
        .collect()
}

fn still_open(overview: &Overview<'_>, points: &[Point], split: usize) -> Option<Jump> {
    let limits = &overview.evidence.thresholds.regression;
    let (before, after) = points.split_at(split);
    let recent = &after[after.len().saturating_sub(OPEN_SPAN)..];
    let level = median(&times(before));
    let slow = |point: &Point| point.time > level + limits.over_factor.ln();
    // Since when: back to the last two windows in a row that were fast.
    let mut first = after.len().checked_sub(1)?;
    while first > 0 && (slow(&after[first - 1]) || (first > 1 && slow(&after[first - 2]))) {
        first -= 1;
    }
    let jump = compare(overview, before, recent, after[first].start, None);
    (jump.factor >= limits.over_factor).then_some(jump)
}

fn sudden(overview: &Overview<'_>, statement: &StatementView<'_>, points: &[Point]) -> Option<Jump> {
    let limits = &overview.evidence.thresholds.regression;
    let (before, after) = split(points, SUDDEN, limits.sudden_factor)?;
    if before.len() < limits.least_baseline {
        return None;
    }
    let jump = compare(overview, before, after, after.first()?.start, Some(statement));
    let earlier = times(before);
    let level = median(&earlier);
    let newest = &after[after.len() - SUDDEN..];
    let all_slow = newest.iter().all(|point| point.time > level + limits.sudden_factor.ln());
    let noise = deviation(&earlier, level).max(LEAST_DEVIATION);
    let far = jump.factor.ln() >= limits.least_z * noise;
    let more_work = jump.blocks_after >= MORE_WORK * jump.blocks_before.max(1.0);
    let large = jump.factor >= limits.sudden_factor;
    (all_slow && far && more_work && large && is_unusual(&earlier, level, jump.factor)).then_some(jump)
}

fn gradual(
    overview: &Overview<'_>,
    statement: &StatementView<'_>,
    points: &[Point],
    span: usize,
) -> Option<Jump> {
    let limits = &overview.evidence.thresholds.regression;
    let (before, after) = split(points, span, limits.least_factor)?;
    if before.len() < limits.least_baseline.max(span / 2) {
        return None;
    }
    let jump = compare(overview, before, after, after.first()?.start, Some(statement));
    let earlier = times(before);
    let level = median(&earlier);
    // A few slow windows among fast ones are spikes: three quarters must be clearly slower.
    let slower = after.iter().filter(|point| point.time > level + limits.least_factor.ln() / 2.0).count();
    let noise = deviation(&earlier, level).max(LEAST_DEVIATION);
    let correlated = long_run_factor(autocorrelation(&earlier));
    let parts = 1.0 / before.len() as f64 + correlated.min(after.len() as f64) / after.len() as f64;
    let far = jump.factor.ln() >= limits.least_z * noise * parts.sqrt();
    let large = jump.factor >= limits.least_factor;
    (large && slower * 4 >= after.len() * 3 && far && is_unusual(&earlier, level, jump.factor))
        .then_some(jump)
}

/// The newest `span` windows and all earlier ones; what is slow right before the newest belongs to them.
fn split(points: &[Point], span: usize, factor: f64) -> Option<(&[Point], &[Point])> {
    let mut split = points.len().checked_sub(span)?;
    let level = median(&times(&points[..split]));
    while split > 0 && points[split - 1].time > level + factor.ln() / 2.0 {
        split -= 1;
    }
    Some(points.split_at(split))
}

/// Its own history reaches that far one time in twenty at most: otherwise it is nothing new.
fn is_unusual(earlier: &[f64], level: f64, factor: f64) -> bool {
    let as_far = earlier.iter().filter(|time| **time >= level + factor.ln() * 0.8).count();
    as_far * 20 <= earlier.len()
}

fn times(points: &[Point]) -> Vec<f64> {
    points.iter().map(|point| point.time).collect()
}

fn compare(
    overview: &Overview<'_>,
    before: &[Point],
    after: &[Point],
    at: Timestamp,
    statement: Option<&StatementView<'_>>,
) -> Jump {
    let (from, to) = (median(&times(before)), median(&times(after)));
    let blocks = |points: &[Point]| median(&points.iter().map(|point| point.blocks).collect::<Vec<_>>());
    let (blocks_before, blocks_after) = (blocks(before), blocks(after));
    // Asked only where it matters: it means going through the windows of many statements.
    let slower = to - from >= overview.evidence.thresholds.regression.least_factor.ln();
    let others = statement.filter(|_| slower).and_then(|statement| others(overview, statement, at));
    // What does more work is slower by itself, even if it slows all others down as well: by as much as the work grew.
    let more_work = blocks_after >= MORE_WORK * blocks_before.max(1.0);
    let own = if more_work { work(blocks_before, blocks_after).min(to - from) } else { f64::NEG_INFINITY };
    let common = others.unwrap_or(0.0).max(0.0);
    Jump {
        at,
        factor: (to - from - common).max(own).exp(),
        mean_before: from.exp(),
        mean_after: to.exp(),
        blocks_before,
        blocks_after,
        windows_before: before.len(),
        windows_after: after.len(),
        others,
    }
}

/// What the other statements of the server changed by at that time: the median of them.
fn others(overview: &Overview<'_>, statement: &StatementView<'_>, at: Timestamp) -> Option<f64> {
    let least_calls = overview.evidence.thresholds.regression.least_calls;
    let mut changes = Vec::new();
    let others = overview.statements.iter().filter(|other| other.evidence.id != statement.evidence.id);
    for other in others.filter(|other| other.recent.calls > 0).take(MOST_OTHERS) {
        let points = points(&other.evidence.windows, least_calls);
        let split = points.iter().position(|point| point.start >= at).unwrap_or(points.len());
        let (before, after) = points.split_at(split);
        if before.len() >= 4 && !after.is_empty() {
            changes.push(median(&times(after)) - median(&times(before)));
        }
    }
    (changes.len() >= LEAST_OTHERS).then(|| median(&changes))
}
