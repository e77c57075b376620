//! Thresholds of trials by switchback, each with where it comes from.

/// A trial of a change that can be toggled.
#[derive(Debug, Clone, PartialEq)]
pub struct SwitchbackThresholds {
    /// Length of one window, s. With the washout it makes pairs of 12 minutes: in the simulated worlds +10 % was
    /// found in 6 h and +100 % in the seven pairs that 1 % asks for at least.
    pub window_s: f64,
    /// Time after each toggle that is not looked at, s: sessions take a reloaded setting with their next statement.
    pub washout_s: f64,
    /// Least calls of a statement, in both windows, for it to count in a pair: below ten, the log of a mean of
    /// heavy-tailed times is mostly noise.
    pub least_calls: u64,
    /// Least share of the database time that the counted statements make up. Four fifths: nobody knows
    /// of the rest, so it must not be what matters.
    pub least_coverage: f64,
    /// Noise of a statement's log mean at which its weight is halved: the tenth that statements move by themselves.
    pub halving_noise: f64,
    /// Least A/A pairs before the change, for the size of the noise: the median of twenty is within a quarter of the
    /// truth two times in three, and each pair of the trial makes it better.
    pub quiet_pairs: usize,
    /// Chance of calling a harmless change harmful, over all looks at one metric. The statements one by one share
    /// as much again.
    pub harm_alpha: f64,
    /// Harm smaller than this factor is not harm. 1: any.
    pub harm_margin: f64,
    /// Chance of calling a useless change helpful, over all looks. Larger than for harm: keeping what does
    /// nothing costs less than breaking something.
    pub benefit_alpha: f64,
    /// Benefit smaller than this factor is not benefit: 3 % is about what a DBA would toggle a setting for.
    pub benefit_margin: f64,
    /// One statement's harm smaller than this factor is not harm.
    pub statement_margin: f64,
    /// The change is not kept while evidence of harm is above this share of what would prove it.
    pub veto_share: f64,
    /// The interval holds with one minus this, over all looks.
    pub interval_alpha: f64,
    /// Most pairs of a trial: twelve hours of 12 minutes.
    pub most_pairs: u32,
    /// Most windows that may be missing: three in a row are an agent's restart, more is not knowing.
    pub most_missing: u32,
    /// After the guardrail's first strike the old setting stays in place for this long, s: the time the
    /// guardrail looks back, so that one spike is not counted twice.
    pub pause_s: f64,
    /// The guardrail.
    pub guardrail: GuardrailThresholds,
}

impl Default for SwitchbackThresholds {
    fn default() -> Self {
        Self {
            window_s: 300.0,
            washout_s: 60.0,
            least_calls: 10,
            least_coverage: 0.80,
            halving_noise: 0.1,
            quiet_pairs: 20,
            harm_alpha: 0.01,
            harm_margin: 1.0,
            benefit_alpha: 0.05,
            benefit_margin: 1.03,
            statement_margin: 1.10,
            veto_share: 0.5,
            interval_alpha: 0.05,
            most_pairs: 60,
            most_missing: 3,
            pause_s: 3_600.0,
            guardrail: GuardrailThresholds::default(),
        }
    }
}

impl SwitchbackThresholds {
    /// Windows of two minutes, for servers with calls enough: half the time to a verdict.
    pub fn fast() -> Self {
        Self { window_s: 120.0, ..Self::default() }
    }

    /// For settings whose effect needs the cache to fill again, such as the size of a memory area.
    pub fn slow_to_settle() -> Self {
        Self { window_s: 1_800.0, washout_s: 600.0, ..Self::default() }
    }
}

/// What is not waited out: minutes, not statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardrailThresholds {
    /// This many times slower than the last hour without the change is a strike, if going back mends it. With three minutes it catches
    /// three times slower always, and fires in about one quiet stretch of six hours in fourteen: hence two strikes.
    pub slow_factor: f64,
    /// The factor is raised to what a server does by itself, but not above this: three times slower must be
    /// caught within five minutes everywhere.
    pub most_slow_factor: f64,
    /// Quantile of the server's own history that a limit is raised to: once in a thousand minutes.
    pub quantile: f64,
    /// Minutes in a row.
    pub minutes: usize,
    /// Minutes without the change that are looked back to.
    pub reference_minutes: usize,
    /// Least of them for a comparison: half.
    pub least_reference_minutes: usize,
    /// Strikes that end the trial when only time is lost. What is worse than slow needs one.
    pub strikes: u32,
    /// Failed and timed-out statements, against the reference.
    pub errors_factor: f64,
    /// Fewer than these in [`Self::minutes`] are not looked at.
    pub least_errors: u64,
    /// Deadlocks, against the reference.
    pub deadlocks_factor: f64,
    /// Fewer than these in [`Self::minutes`] are not looked at.
    pub least_deadlocks: u64,
    /// Refused connections, against the reference. Not one is usual.
    pub refused_factor: f64,
    /// Fewer than these in [`Self::minutes`] are not looked at.
    pub least_refused: u64,
    /// Longest replication lag, s: ten times what tools for online schema changes pause at.
    pub most_replication_lag_s: f64,
    /// Least share of the disk that is free: below a tenth Azure SQL's automatic tuning starts nothing either.
    pub least_free_disk: f64,
}

impl Default for GuardrailThresholds {
    fn default() -> Self {
        Self {
            slow_factor: 2.0,
            most_slow_factor: 2.2,
            quantile: 0.999,
            minutes: 3,
            reference_minutes: 60,
            least_reference_minutes: 30,
            strikes: 2,
            errors_factor: 3.0,
            least_errors: 10,
            deadlocks_factor: 5.0,
            least_deadlocks: 5,
            refused_factor: 3.0,
            least_refused: 1,
            most_replication_lag_s: 10.0,
            least_free_disk: 0.10,
        }
    }
}
