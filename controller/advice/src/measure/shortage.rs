//! What is missing for a verdict, and whether waiting can still bring it.

use serde::{Deserialize, Serialize};

use super::TrialSamples;
use crate::evidence::WindowSum;
use crate::overview::seconds;
use crate::words;

/// Windows that a verdict takes at least: each doubles a gambler's money at best, and one of two who share it needs
/// 1 / 0.02 twice over.
const DECISIVE_WINDOWS: u64 = 7;

/// What is missing for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// In a few words, for people; no sentence.
    pub what: String,
    /// Waiting will not bring it before the trial has to end.
    pub hopeless: bool,
}

/// What is missing, where no verdict was reached. `has_past` tells whether there is anything to compare with.
pub(super) fn shortage(samples: &TrialSamples, has_past: bool) -> Shortage {
    let thresholds = &samples.thresholds;
    let settled = samples.applied_at.after(seconds(thresholds.washout_s));
    let before = calls(samples, |window| window.end <= samples.began_at);
    let after = calls(samples, |window| window.start >= settled && window.end <= samples.now);
    if !has_past {
        let what = match before {
            0 => "no call of the touched statements was seen before the change".to_owned(),
            _ => format!(
                "{} of the touched statements seen before the change, too few to compare with",
                words::count(before, "call")
            ),
        };
        return Shortage { what, hopeless: true };
    }
    let needed = thresholds.least_calls * DECISIVE_WINDOWS;
    if after >= needed {
        return Shortage { what: "the interval is still too wide".to_owned(), hopeless: false };
    }
    let windows = samples.touched.iter().flat_map(|series| &series.windows);
    let first = windows.map(|window| window.start).min().unwrap_or(samples.began_at);
    let per_s = |calls: u64, time: std::time::Duration| calls as f64 / time.as_secs_f64().max(1.0);
    // The better of the two rates: who was called before may be called again.
    let rate = per_s(before, samples.began_at.since(first)).max(per_s(after, samples.now.since(settled)));
    let hopeless = rate * thresholds.longest_s < needed as f64;
    let so_far = format!(
        "{} of the touched statements seen since the change, and about {needed} are needed",
        words::count(after, "call")
    );
    let longest = words::duration(thresholds.longest_s * 1_000.0);
    let what = if hopeless { format!("{so_far}, which takes longer than {longest}") } else { so_far };
    Shortage { what, hopeless }
}

fn calls(samples: &TrialSamples, counts: impl Fn(&WindowSum) -> bool) -> u64 {
    let windows = samples.touched.iter().flat_map(|series| &series.windows);
    windows.filter(|window| counts(window)).map(|window| window.calls).sum()
}
