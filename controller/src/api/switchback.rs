//! A trial by switchback, as it goes.

use chrono::{DateTime, Utc};
use querysmith_advice::measure::switchback::live::standing::Standing;
use querysmith_advice::measure::switchback::live::timeline::Reported;
use querysmith_shared::change::coins::Arm;
use querysmith_shared::change::switchback::{Switchback, TrialStep, Turn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::value::moment;

/// A trial in which the change is put in place and taken back in turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SwitchbackTrial {
    /// Length of a window, seconds.
    pub window_s: i64,
    /// Time after each switch that is not looked at, seconds.
    pub washout_s: i64,
    /// Most pairs of windows.
    pub most_pairs: i64,
    /// What was in place when, in order; the last goes on.
    pub turns: Vec<TrialTurn>,
    /// No pair is begun before this.
    pub paused_until: Option<DateTime<Utc>>,
    /// What was found so far.
    pub found: Option<SwitchbackFindings>,
}

/// One arm's turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrialTurn {
    /// Since when, as read back from the database.
    pub at: DateTime<Utc>,
    /// Whether the change is in place.
    pub with_change: bool,
    /// For which pair, from 1; nothing between pairs.
    pub pair: Option<i64>,
    /// Its pair doesn't count: the agent died in it, or a pause came.
    pub is_void: bool,
}

/// What was found so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SwitchbackFindings {
    /// Pairs that were run.
    pub pairs: i64,
    /// Those of them that counted.
    pub counted: i64,
    /// Windows that could not be read.
    pub missing_windows: i64,
    /// Share of the database's time that the compared statements make up, 0 to 1.
    pub coverage: f64,
    /// Evidence of harm, from 1: what a bet of 1 on it has become.
    pub harm: f64,
    /// Evidence at which the change is taken back.
    pub harm_threshold: f64,
    /// Evidence of help.
    pub benefit: f64,
    /// Evidence at which the change is kept.
    pub benefit_threshold: f64,
}

/// The trial by these terms, from what its agent reported and what was measured.
pub(super) fn switchback_of(
    terms: Switchback,
    reported: &[Reported],
    standing: Option<&Standing>,
    now: DateTime<Utc>,
) -> SwitchbackTrial {
    let mut turns: Vec<TrialTurn> = Vec::new();
    let mut paused_until = None;
    for Reported { at, step } in reported {
        match step {
            TrialStep::Switched(Turn { arm, pair }) => turns.push(TrialTurn {
                at: moment(*at),
                with_change: *arm == Arm::B,
                pair: pair.map(|pair| i64::from(pair) + 1),
                is_void: false,
            }),
            TrialStep::Void { .. } => {
                if let Some(last) = turns.last_mut() {
                    last.is_void = true;
                }
            }
            TrialStep::Paused { until } => paused_until = Some(moment(*until)),
        }
    }
    SwitchbackTrial {
        window_s: terms.window_s.into(),
        washout_s: terms.washout_s.into(),
        most_pairs: terms.most_pairs.into(),
        turns,
        paused_until: paused_until.filter(|until| *until > now),
        found: standing.and_then(findings),
    }
}

fn findings(standing: &Standing) -> Option<SwitchbackFindings> {
    let assessment = &standing.assessment;
    let time = assessment.metrics.first()?;
    Some(SwitchbackFindings {
        pairs: assessment.pairs.into(),
        counted: assessment.counted.into(),
        missing_windows: assessment.missing_windows.into(),
        coverage: assessment.coverage,
        harm: time.harm,
        harm_threshold: standing.harm_threshold,
        benefit: time.benefit,
        benefit_threshold: standing.benefit_threshold,
    })
}
