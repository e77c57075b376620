//! Measure: did a change help?
//!
//! The touched statements are followed window by window, as the log of their mean time (weighed by the time
//! they took before), less what untouched statements of the same server did meanwhile, against their last steady
//! stretch before the change. Whether that is below or above zero is decided by betting (`betting.rs`), so one may
//! look after every window. Two gamblers share the money: a patient one bets on blocks of windows
//! long enough to be independent and finds small effects; a hasty one bets on every window, but only on effects
//! so large that no correlated noise of this statement reaches them.

mod baseline;
mod betting;
pub mod cell;
mod chance;
pub mod effect;
mod judge;
pub mod next_step;
mod per_statement;
mod series;
pub mod shortage;
#[cfg(test)]
mod simulation;
pub(crate) mod statistics;
pub mod switchback;

use querysmith_shared::change::ChangeKind;
use querysmith_shared::id::StatementId;
use querysmith_shared::timestamp::Timestamp;

use crate::evidence::WindowSum;
use crate::interval::Interval;
use crate::thresholds::MeasureThresholds;
use cell::Metric;
use effect::{Effect, Verdict};
use judge::Judged;
use series::{Grid, Series};
use shortage::Shortage;

/// Everything that was seen of a change's statements.
#[derive(Debug, Clone)]
pub struct TrialSamples {
    /// What kind of change it is.
    pub kind: ChangeKind,
    /// The statements whose plan it was to change.
    pub touched: Vec<StatementSeries>,
    /// Statements of the same instance that it can't change, busiest first.
    pub controls: Vec<StatementSeries>,
    /// When work on the database began: windows that end later are not "before".
    pub began_at: Timestamp,
    /// When it was verified in place: windows that start earlier are not "after".
    pub applied_at: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// Thresholds.
    pub thresholds: MeasureThresholds,
}

/// One statement's windows, ascending, on the instance's common grid (as collected, about 15 s each),
/// from half an hour or more before the change. Windows without calls may be left out.
#[derive(Debug, Clone)]
pub struct StatementSeries {
    /// Which.
    pub id: StatementId,
    /// Its windows.
    pub windows: Vec<WindowSum>,
}

/// A factor beyond which nothing is shown: ten times as much.
const MOST: f64 = 9.0;

/// The effect so far. May be asked at any time and any number of times: the error rates hold over all looks.
pub fn measure(samples: &TrialSamples) -> Effect {
    let thresholds = &samples.thresholds;
    let grid = Grid::of(samples);
    let signs = Signs::of(&grid, thresholds);
    let elapsed = samples.now.since(samples.applied_at).as_secs_f64();
    let shown = |judged: &Judged| shown(judged, thresholds);
    let time = signs.time.as_ref();
    let alone = if samples.kind == ChangeKind::SetParameter { ALONE } else { "" };
    let interval = time.map_or(Interval { estimate: 0.0, low: -1.0, high: MOST }, shown);
    let controls = judge::judge(&grid.controls(Metric::Time, thresholds.least_calls).finite(), thresholds);
    let verdict = verdict(&signs, interval, elapsed, thresholds);
    let missing = || shortage::shortage(samples, signs.has_past);
    let shortage = (verdict == Verdict::TooLittleData).then(missing);
    Effect {
        estimate: interval.estimate,
        low: interval.low,
        high: interval.high,
        blocks: signs.blocks.as_ref().map(shown),
        controls: controls.as_ref().map(shown),
        verdict,
        windows_before: time.map_or(0, Judged::windows_before),
        windows_after: time.map_or(0, Judged::windows_after),
        statements: per_statement::all(samples, &grid),
        method: format!("{}{alone}", method(&grid, &signs, shortage.as_ref(), thresholds)),
        shortage,
        early_harm: signs.early_harm,
        measured_at: samples.now,
    }
}

/// Added to the method where every statement is touched.
const ALONE: &str = " No statement is untouched by it, so what the hour of the day does is in these figures.";

/// What the series say, before anything is made of it.
struct Signs {
    time: Option<Judged>,
    blocks: Option<Judged>,
    early_harm: bool,
    /// There is something to compare the time with.
    has_past: bool,
    /// How much of what the controls did is taken off.
    slope: f64,
}

impl Signs {
    fn of(grid: &Grid, thresholds: &MeasureThresholds) -> Self {
        let (time, slope) = against_controls(grid, Metric::Time, thresholds.least_calls);
        let (blocks, _) = against_controls(grid, Metric::Blocks, thresholds.least_calls);
        Self {
            time: judge::judge(&time, thresholds),
            blocks: judge::judge(&blocks, thresholds),
            early_harm: judge::early_harm(grid, thresholds),
            has_past: !time.before.is_empty(),
            slope,
        }
    }

    fn harmed(&self, thresholds: &MeasureThresholds) -> bool {
        let Some(time) = &self.time else { return false };
        let more_blocks = || self.blocks.as_ref().is_some_and(|blocks| blocks.harmful(thresholds));
        self.early_harm || time.harmful(thresholds) || (more_blocks() && time.estimate() > 0.0)
    }
}

fn against_controls(grid: &Grid, metric: Metric, least_calls: u64) -> (Series, f64) {
    series::against(&grid.touched(metric, least_calls), &grid.controls(metric, least_calls))
}

fn shown(judged: &Judged, thresholds: &MeasureThresholds) -> Interval {
    let (low, high) = judged.bounds(thresholds);
    shown_interval(judged.estimate(), low, high)
}

/// As fractions, from logarithms that may be infinite.
fn shown_interval(estimate: f64, low: f64, high: f64) -> Interval {
    let fraction = |log: f64| log.exp_m1().clamp(-1.0, MOST);
    Interval { estimate: fraction(estimate), low: fraction(low), high: fraction(high) }
}

fn verdict(signs: &Signs, interval: Interval, elapsed_s: f64, thresholds: &MeasureThresholds) -> Verdict {
    let Some(time) = &signs.time else { return Verdict::TooLittleData };
    if signs.harmed(thresholds) {
        return Verdict::Harmed;
    }
    // Fewer blocks alone are no help to anybody; with less time as well they confirm it sooner.
    let fewer_blocks = signs.blocks.as_ref().is_some_and(|blocks| blocks.helpful(thresholds));
    if time.helpful(thresholds) || (fewer_blocks && interval.high < 0.0) {
        return Verdict::Helped;
    }
    let little_at_best = interval.low > -thresholds.least_gain;
    let waited = elapsed_s >= thresholds.least_no_effect_s;
    let decidable = interval.low > -1.0 && interval.high < MOST;
    if (waited && little_at_best) || (elapsed_s >= thresholds.longest_s && decidable) {
        return Verdict::NoEffect;
    }
    Verdict::TooLittleData
}

fn method(grid: &Grid, signs: &Signs, shortage: Option<&Shortage>, thresholds: &MeasureThresholds) -> String {
    let missing = match shortage {
        Some(Shortage { what, hopeless: true }) => {
            format!("Too little data, and waiting won't help: {what}.")
        }
        Some(Shortage { what, hopeless: false }) => format!("Too little data yet: {what}."),
        None => String::new(),
    };
    let Some(time) = &signs.time else { return missing };
    let how = format!(
        "Log of the mean time of a call, weighed by time before the change, in {} windows after against the last {} \
         steady windows before ({} collected windows each), less {:.2} of what {} untouched statements did. Decided \
         by betting, valid at every look: wrongly called helpful at most {} of the time, harmful {}; the interval \
         holds in {}. Correlation of neighbouring windows {:.2}, patient blocks of {} windows.",
        time.windows_after(),
        time.windows_before(),
        grid.merged,
        signs.slope,
        grid.controls.len(),
        crate::words::percent(thresholds.benefit_alpha),
        crate::words::percent(thresholds.harm_alpha),
        crate::words::percent(1.0 - thresholds.interval_alpha),
        time.base.autocorrelation,
        time.block,
    );
    format!("{how} {missing}").trim_end().to_owned()
}
