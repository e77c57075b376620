//! Times that an agent reports, brought to what can be stored. Pure.
//!
//! An agent's clock may be wrong or be set while it runs. What it saw still counts: a time ahead of ours
//! becomes now. Only what is older than the series is kept can't be stored any more.

use std::time::Duration;

use querysmith_shared::timestamp::Timestamp;

/// Clocks of a fleet that are looked after differ less than this.
const SKEW: Duration = Duration::from_secs(60);
/// No window is longer: an agent that saw nothing for a week starts anew.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// What is kept, and what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// Now, by our clock.
    pub now: Timestamp,
    /// How long the series is kept.
    pub kept: Duration,
}

/// It is older than what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is older than what is kept")]
pub struct TooOld;

impl Horizon {
    /// A moment as it is stored.
    pub fn moment(&self, at: Timestamp) -> Result<Timestamp, TooOld> {
        if at < self.now.before(self.kept) {
            return Err(TooOld);
        }
        let is_ahead = at > self.now.after(SKEW);
        Ok(if is_ahead { self.now } else { at })
    }

    /// A window as it is stored: its end as [`Self::moment`], its length kept where it makes sense.
    pub fn window(&self, start: Timestamp, end: Timestamp) -> Result<(Timestamp, Timestamp), TooOld> {
        let length = end.since(start).min(LONGEST);
        let end = self.moment(end)?;
        Ok((end.before(length), end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn horizon() -> Horizon {
        Horizon { now: NOW, kept: 3 * DAY }
    }

    #[test]
    fn ordinary_times_stay() {
        let (start, end) = (NOW.before(DAY), NOW.before(DAY).after(Duration::from_secs(15)));
        assert_eq!(horizon().window(start, end), Ok((start, end)));
        assert_eq!(
            horizon().moment(NOW.after(Duration::from_secs(59))),
            Ok(NOW.after(Duration::from_secs(59)))
        );
    }

    #[test]
    fn a_clock_ahead_is_brought_back() {
        let start = NOW.after(DAY);
        let end = start.after(Duration::from_secs(15));
        assert_eq!(horizon().window(start, end), Ok((NOW.before(Duration::from_secs(15)), NOW)));
        assert_eq!(horizon().moment(Timestamp(i64::MAX)), Ok(NOW));
    }

    #[test]
    fn what_is_too_old_is_said_to_be() {
        assert_eq!(horizon().moment(NOW.before(4 * DAY)), Err(TooOld));
        assert_eq!(horizon().moment(Timestamp(i64::MIN)), Err(TooOld));
    }

    #[test]
    fn a_window_that_makes_no_sense_gets_a_length_that_does() {
        assert_eq!(horizon().window(NOW.after(DAY), NOW), Ok((NOW, NOW)));
        assert_eq!(horizon().window(Timestamp(0), NOW), Ok((NOW.before(LONGEST), NOW)));
    }
}
