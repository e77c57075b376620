//! Every threshold, in one place, each with where it comes from. The defaults suit a production server; the
//! controller may set others from its configuration.

pub mod switchback;

use switchback::SwitchbackThresholds;

/// All thresholds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thresholds {
    /// When something counts as seen at all, and when as gone.
    pub sight: SightThresholds,
    /// Missing indexes.
    pub missing_index: MissingIndexThresholds,
    /// Unused and duplicate indexes.
    pub unused_index: UnusedIndexThresholds,
    /// Stale statistics.
    pub statistics: StatisticsThresholds,
    /// Regressions.
    pub regression: RegressionThresholds,
    /// Proposals.
    pub propose: ProposeThresholds,
    /// Measuring.
    pub measure: MeasureThresholds,
    /// Trials of what can be toggled.
    pub switchback: SwitchbackThresholds,
}

/// When something counts as seen at all, and when as gone.
#[derive(Debug, Clone, PartialEq)]
pub struct SightThresholds {
    /// The recent past that shares and rates are taken over, s. A quarter of an hour: long enough to level out
    /// single windows, short enough that what was fixed stops counting soon.
    pub recent_s: f64,
    /// Least time watched before rates are believed, s: two windows of 15 s.
    pub least_watched_s: f64,
    /// Newest window may be this old for the statistics to count as present, s: eight windows of 15 s.
    pub present_s: f64,
    /// A finding is resolved after it was absent this long, s: several runs of the detectors, so that one
    /// odd plan does not close and reopen it.
    pub resolve_after_s: f64,
    /// A finding about a statement that is not called any more is resolved after this, s: a week, so
    /// that a weekly job does not close it.
    pub forget_after_s: f64,
    /// From this share of the time on a statement is a top consumer. A tenth: at most ten can be.
    pub top_consumer_share: f64,
    /// Less of an hour than this is not worth a finding, ms per hour. 0.1 % of one core.
    pub least_ms_per_hour: f64,
}

impl Default for SightThresholds {
    fn default() -> Self {
        Self {
            recent_s: 900.0,
            least_watched_s: 25.0,
            present_s: 120.0,
            resolve_after_s: 180.0,
            forget_after_s: 7.0 * 86_400.0,
            top_consumer_share: 0.10,
            least_ms_per_hour: 3_600.0,
        }
    }
}

/// Missing indexes.
#[derive(Debug, Clone, PartialEq)]
pub struct MissingIndexThresholds {
    /// Least share of the instance's statement time. One in a hundred: below it no index pays for its writes.
    pub least_time_share: f64,
    /// Least calls in the recent past.
    pub least_calls: u64,
    /// Least pages of a table: 1 MiB is read from the cache in less time than an index saves a planner.
    pub least_pages: u64,
    /// Largest share of the rows a filter may keep: PostgreSQL's own bitmap scans lose to sequential ones at
    /// about a fifth on ordinary tables; half of that leaves room for a wrong estimate.
    pub most_kept: f64,
    /// Least rows thrown away per call.
    pub least_removed: f64,
    /// Measured blocks of one call, as a share of what the scan would read, that confirm the scan. Half:
    /// caches don't hide blocks (hits count), but other executions of the same text may use another plan.
    pub blocks_confirm: f64,
}

impl Default for MissingIndexThresholds {
    fn default() -> Self {
        Self {
            least_time_share: 0.01,
            least_calls: 5,
            least_pages: 128,
            most_kept: 0.10,
            least_removed: 1_000.0,
            blocks_confirm: 0.5,
        }
    }
}

/// Unused and duplicate indexes.
#[derive(Debug, Clone, PartialEq)]
pub struct UnusedIndexThresholds {
    /// Least age of the counters and of the index, s: a week, the commonest long period of jobs.
    pub least_age_s: f64,
    /// Smaller indexes are not worth a DBA's look, bytes.
    pub least_bytes: u64,
    /// Not scanned for this long counts as unused, where the server says when it was, s: thirty days.
    pub not_scanned_s: f64,
}

impl Default for UnusedIndexThresholds {
    fn default() -> Self {
        Self { least_age_s: 7.0 * 86_400.0, least_bytes: 1 << 20, not_scanned_s: 30.0 * 86_400.0 }
    }
}

/// Stale statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct StatisticsThresholds {
    /// Least rows of a table.
    pub least_rows: f64,
    /// Share of the rows changed since statistics were gathered, where the server does not look after the table
    /// itself: twice the server's own autovacuum_analyze_scale_factor of 0.1.
    pub changed_share: f64,
    /// The same where autovacuum is on: it should have come at 0.1, so much more means it did not.
    pub changed_share_auto: f64,
    /// How long autovacuum is waited for after the last sight of it, s: ten of its rounds of a minute.
    pub auto_grace_s: f64,
    /// The planner's rows and the real ones differ by this factor. Below two, plans hardly change.
    pub rows_factor: f64,
    /// Least share of the time of the statements that read the table for a proposal.
    pub least_reader_share: f64,
}

impl Default for StatisticsThresholds {
    fn default() -> Self {
        Self {
            least_rows: 10_000.0,
            changed_share: 0.2,
            changed_share_auto: 0.5,
            auto_grace_s: 600.0,
            rows_factor: 2.0,
            least_reader_share: 0.001,
        }
    }
}

/// Regressions.
#[derive(Debug, Clone, PartialEq)]
pub struct RegressionThresholds {
    /// Least factor of the mean time. Below 1.5 neighbours and caches are likelier causes than plans.
    pub least_factor: f64,
    /// From this factor on two windows are enough.
    pub sudden_factor: f64,
    /// Least calls of a window to be looked at.
    pub least_calls: u64,
    /// Least windows of the baseline.
    pub least_baseline: usize,
    /// Least distance from the baseline, in robust standard deviations of the difference.
    pub least_z: f64,
    /// Back within this factor of the baseline it counts as over.
    pub over_factor: f64,
    /// Least share of the instance's statement time that is lost by it. One in a hundred, as for a missing index.
    pub least_lost_share: f64,
    /// Least time lost, ms per hour. 1 % of one core: a cheap statement that became twice as cheap or half as cheap
    /// is no news below it.
    pub least_lost_ms_per_hour: f64,
    /// After this the new speed is the baseline, s: a week.
    pub accept_after_s: f64,
    /// A cause may lie this long before the jump, s: five minutes, the interval of the schema collector.
    pub cause_before_s: f64,
}

impl Default for RegressionThresholds {
    fn default() -> Self {
        Self {
            least_factor: 1.5,
            sudden_factor: 3.0,
            least_calls: 5,
            least_baseline: 8,
            least_z: 6.0,
            over_factor: 1.25,
            least_lost_share: 0.01,
            least_lost_ms_per_hour: 36_000.0,
            accept_after_s: 7.0 * 86_400.0,
            cause_before_s: 300.0,
        }
    }
}

/// Proposals.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposeThresholds {
    /// Least predicted gain of a finding's statement, as a fraction. A tenth: below it the measurement
    /// could not tell it from noise in reasonable time.
    pub least_gain: f64,
    /// Most key columns: beyond four, size and writes grow faster than the use.
    pub most_keys: usize,
    /// Most candidates of one question.
    pub most_candidates: usize,
    /// A nested loop over the new index with more outer rows than this is not believed: in the benchmark
    /// such plans were the promised gains that became losses.
    pub outer_rows: f64,
    /// A change that did not help is not proposed again for this long, s: thirty days.
    pub block_s: f64,
    /// A change that was taken back because nothing could be told of it is not proposed again for this long, s: a day.
    /// By then there is a past to compare with.
    pub block_unmeasured_s: f64,
    /// A refused proposal comes back when its rows or its lost time grew or shrank by this factor.
    pub evidence_factor: f64,
    /// CPU of one index entry, ms: insertion into a cached b-tree, with its log record.
    pub entry_ms: f64,
}

impl Default for ProposeThresholds {
    fn default() -> Self {
        Self {
            least_gain: 0.10,
            most_keys: 4,
            most_candidates: 40,
            outer_rows: 10_000.0,
            block_s: 30.0 * 86_400.0,
            block_unmeasured_s: 86_400.0,
            evidence_factor: 4.0,
            entry_ms: 0.01,
        }
    }
}

/// Measuring.
#[derive(Debug, Clone, PartialEq)]
pub struct MeasureThresholds {
    /// Least calls of a statement in a window.
    pub least_calls: u64,
    /// Chance of calling a harmless change harmful, over all looks.
    pub harm_alpha: f64,
    /// Chance of calling a useless change helpful, over all looks.
    pub benefit_alpha: f64,
    /// Harm smaller than this is not harm, as a factor.
    pub harm_margin: f64,
    /// Benefit smaller than this is not benefit, as a factor.
    pub benefit_margin: f64,
    /// The interval holds with one minus this, over all looks.
    pub interval_alpha: f64,
    /// This many times slower for [`Self::early_windows`] is harm at once.
    pub early_factor: f64,
    /// Windows of early harm in a row.
    pub early_windows: usize,
    /// Factor by which the time of day may move a statement in an hour against its controls, beyond the first three quarters. A day
    /// of ±35 % moves it by 9 % an hour where it is steepest.
    pub hourly_drift: f64,
    /// Time after the change that is not looked at, s: plans and caches settle.
    pub washout_s: f64,
    /// A trial that could tell nothing ends after this, s.
    pub longest_s: f64,
    /// A trial for which the past or the calls don't suffice ends after this, s: half an hour, like one without effect.
    pub hopeless_after_s: f64,
    /// A trial is not called ineffective before this, s.
    pub least_no_effect_s: f64,
    /// A gain that can't be larger than this, as a fraction, is none.
    pub least_gain: f64,
    /// A drop is kept once what its statements lose can't be more than this, as a fraction.
    pub most_loss: f64,
}

impl Default for MeasureThresholds {
    fn default() -> Self {
        Self {
            least_calls: 5,
            harm_alpha: 0.01,
            benefit_alpha: 0.02,
            harm_margin: 1.05,
            benefit_margin: 1.05,
            interval_alpha: 0.10,
            early_factor: 3.0,
            early_windows: 3,
            hourly_drift: 1.10,
            washout_s: 5.0,
            longest_s: 6.0 * 3_600.0,
            hopeless_after_s: 1_800.0,
            least_no_effect_s: 1_800.0,
            least_gain: 0.10,
            most_loss: 0.10,
        }
    }
}
