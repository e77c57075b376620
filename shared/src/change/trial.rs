//! How long a change may stand on trial, and what becomes of it when nobody says.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::switchback::Switchback;

/// What becomes of a change whose agent no longer hears from the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnPartition {
    /// It is taken back when the lease ends.
    Revert,
    /// It stays until the trial's longest time is over.
    Hold,
}

/// The terms of a trial, part of what is approved. The agent keeps them by a clock that can't be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TrialTerms {
    /// Longest time on trial, s; a change that nobody kept by then is taken back.
    pub longest_s: u32,
    /// How long the agent waits for word from the controller, s.
    pub lease_s: u32,
    /// What happens when it waited for nothing.
    pub on_partition: OnPartition,
    /// How it is tried, where it is put in place and taken back in turns; `None`: it stands there, and what was before
    /// is compared with what comes after.
    #[serde(default)]
    pub switchback: Option<Switchback>,
}

impl TrialTerms {
    /// A quarter of an hour without a controller is no accident of the network; eight hours are two more than a
    /// measurement takes at most. An index holds: to build it twice costs more than to have it for a while.
    pub const DEFAULT: Self =
        Self { longest_s: 8 * 3_600, lease_s: 15 * 60, on_partition: OnPartition::Hold, switchback: None };
}

impl Default for TrialTerms {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for TrialTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (lease, longest) = (span(self.lease_s), span(self.longest_s));
        match self.on_partition {
            OnPartition::Revert => {
                write!(
                    f,
                    "On trial for {longest} at most, and no longer than {lease} without word from the controller; \
                           then the agent takes it back."
                )
            }
            OnPartition::Hold => {
                write!(
                    f,
                    "On trial for {longest} at most, with or without word from the controller; then the agent \
                           takes it back."
                )
            }
        }?;
        self.switchback.iter().try_for_each(|switchback| write!(f, " {switchback}"))
    }
}

/// Seconds in the largest unit that divides them.
pub fn span(seconds: u32) -> String {
    match seconds {
        s if s > 0 && s.is_multiple_of(3_600) => format!("{} h", s / 3_600),
        s if s > 0 && s.is_multiple_of(60) => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terms_read_as_they_are() {
        let revert = TrialTerms { on_partition: OnPartition::Revert, lease_s: 90, ..TrialTerms::DEFAULT };
        assert_eq!(
            revert.to_string(),
            "On trial for 8 h at most, and no longer than 90 s without word from the controller; then the agent takes \
             it back."
        );
        let hold = TrialTerms::DEFAULT.to_string();
        assert!(hold.contains("8 h at most, with or without word"), "{hold}");
    }
}
