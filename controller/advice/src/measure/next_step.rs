//! What to do with a trial, given what was measured.

use std::time::Duration;

use querysmith_shared::change::ChangeKind;
use serde::{Deserialize, Serialize};

use super::effect::{Effect, Verdict};
use crate::overview::seconds;
use crate::thresholds::MeasureThresholds;
use crate::words;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step", content = "reason")]
pub enum TrialDecision {
    /// Look again later.
    KeepWatching,
    /// Keep the change.
    Confirm(String),
    /// Take the change back.
    Undo(String),
    /// Stop measuring; the change stays, because it can't be taken back.
    End(String),
}

/// How long a verdict is waited for: not to the end where waiting brings nothing.
fn patience(effect: &Effect, thresholds: &MeasureThresholds) -> Duration {
    let hopeless = effect.shortage.as_ref().is_some_and(|shortage| shortage.hopeless);
    seconds(if hopeless { thresholds.hopeless_after_s } else { thresholds.longest_s })
}

/// The next step `elapsed` after the change was in place.
pub fn next_step(
    effect: &Effect,
    kind: ChangeKind,
    elapsed: Duration,
    thresholds: &MeasureThresholds,
) -> TrialDecision {
    let figures = format!(
        "{} time for the touched statements (between {} and {}) over {} windows",
        words::change(effect.estimate),
        words::change(effect.low),
        words::change(effect.high),
        effect.windows_after
    );
    let over = |reason: String| {
        if kind.can_be_undone() { TrialDecision::Undo(reason) } else { TrialDecision::End(reason) }
    };
    match effect.verdict {
        // Before and after are two hours of the day, and no statement is untouched that would tell them apart.
        Verdict::Helped | Verdict::NoEffect | Verdict::TooLittleData if kind == ChangeKind::SetParameter => {
            TrialDecision::KeepWatching
        }
        Verdict::Helped => TrialDecision::Confirm(format!("helped: {figures}")),
        Verdict::Harmed if effect.early_harm => over(format!(
            "harmed: a touched statement was {} times slower for {} windows in a row",
            words::number(thresholds.early_factor),
            thresholds.early_windows
        )),
        Verdict::Harmed => over(format!("harmed: {figures}")),
        Verdict::NoEffect if kind == ChangeKind::DropIndex => no_loss(effect, elapsed, thresholds, &figures),
        Verdict::NoEffect => over(format!("no effect: {figures}")),
        Verdict::TooLittleData if elapsed >= patience(effect, thresholds) => {
            let missing = effect.shortage.as_ref().map_or("nothing could be told", |shortage| &shortage.what);
            // The default of what can't be judged: every index costs its writers, so nobody keeps one on a promise.
            let fate =
                if kind.can_be_undone() { "taken back, for nothing shows that it helps" } else { "it stays" };
            over(format!("too little data: {missing}; {fate}"))
        }
        Verdict::TooLittleData => TrialDecision::KeepWatching,
    }
}

/// What was taken away for good reason need not help, but must not harm: it is kept once a loss that matters is
/// ruled out.
fn no_loss(
    effect: &Effect,
    elapsed: Duration,
    thresholds: &MeasureThresholds,
    figures: &str,
) -> TrialDecision {
    if effect.high <= thresholds.most_loss {
        TrialDecision::Confirm(format!("nothing became slower: {figures}"))
    } else if elapsed >= seconds(thresholds.longest_s) {
        TrialDecision::Undo(format!("harm can't be ruled out: {figures}"))
    } else {
        TrialDecision::KeepWatching
    }
}
