//! What all detectors say about a statement in the same way.

use crate::finding::Severity;
use crate::overview::StatementView;

/// Time that is lost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Loss {
    /// Share of the instance's statement time.
    pub(super) time_share: f64,
    /// ms per hour.
    pub(super) ms_per_hour: f64,
    /// Calls per hour, for people.
    pub(super) calls_per_hour: f64,
}

impl Loss {
    /// `share` of a statement's time.
    pub(super) fn of(statement: &StatementView<'_>, share: f64) -> Self {
        let calls_per_hour = statement.ms_per_hour / statement.recent.mean_ms().max(1e-9);
        Self {
            time_share: statement.time_share * share,
            ms_per_hour: statement.ms_per_hour * share,
            calls_per_hour,
        }
    }

    /// By the share of the time that is lost, and by how much of a core it is: a large share of nothing is
    /// not urgent.
    pub(super) fn severity(&self) -> Severity {
        let core = self.ms_per_hour / 3_600_000.0;
        match (self.time_share, core) {
            (share, core) if share >= 0.5 && core >= 0.10 => Severity::Critical,
            (share, core) if share >= 0.2 && core >= 0.02 => Severity::High,
            (share, core) if share >= 0.05 && core >= 0.002 => Severity::Medium,
            _ => Severity::Low,
        }
    }
}

/// Figures as a text in which only large changes show: each is rounded to a power of two.
pub(super) fn digest(figures: &[(&str, f64)]) -> String {
    let parts: Vec<String> =
        figures.iter().map(|(name, value)| format!("{name}~2^{:.0}", value.max(1.0).log2())).collect();
    parts.join(" ")
}
