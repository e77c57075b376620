//! Stretches of time, as a request asks for them. Pure.

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

use super::problem::Problem;

/// Without a start, this much before the end.
const DEFAULT_LENGTH: TimeDelta = TimeDelta::hours(1);
/// Longest stretch that is answered; telemetry is kept for about as long.
const MAX_LENGTH: TimeDelta = TimeDelta::days(35);
/// Statistics are summed by the minute.
const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 3_600;
/// Steps of a chart unless asked otherwise, and at most.
const DEFAULT_STEPS: i64 = 60;
const MAX_STEPS: i64 = 1_500;

/// From a full minute to a moment, `from < to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Start, a full minute.
    pub from: DateTime<Utc>,
    /// End, not included.
    pub to: DateTime<Utc>,
}

impl Stretch {
    /// What is asked for, or why it is refused.
    pub fn of(
        from: Option<DateTime<Utc>>,
        to: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Self, Problem> {
        let to = to.unwrap_or(now);
        let from = match from {
            Some(from) => from,
            None => to
                .checked_sub_signed(DEFAULT_LENGTH)
                .ok_or_else(|| Problem::bad_field("to", "to is out of range"))?,
        };
        if from >= to {
            return Err(Problem::bad_field("from", "from must be before to"));
        }
        if to - from > MAX_LENGTH {
            let detail = format!("a stretch is at most {} days long", MAX_LENGTH.num_days());
            return Err(Problem::bad_field("from", detail));
        }
        let from = from
            .duration_trunc(TimeDelta::seconds(MINUTE_S))
            .map_err(|_| Problem::bad_field("from", "from is out of range"))?;
        Ok(Self { from, to })
    }

    /// Length in seconds.
    pub fn seconds(&self) -> i64 {
        (self.to - self.from).num_seconds().max(1)
    }

    /// A step of full minutes, or of full hours, that makes at most `steps` of the stretch.
    pub fn step_for(&self, steps: i64) -> i64 {
        let at_least = self.seconds() / steps;
        // Long steps are of full hours, because long stretches are summed by the hour.
        let unit = if at_least > HOUR_S / 2 { HOUR_S } else { MINUTE_S };
        ((self.seconds() + steps * unit - 1) / (steps * unit)).max(1) * unit
    }

    /// The step that is asked for, in full minutes, or why it is refused.
    pub fn step(&self, asked_s: Option<f64>) -> Result<i64, Problem> {
        let Some(asked_s) = asked_s else { return Ok(self.step_for(DEFAULT_STEPS)) };
        if !asked_s.is_finite() || !(1.0..=1e9).contains(&asked_s) {
            return Err(Problem::bad_field("step_s", "step_s must be a number of seconds, at least 1"));
        }
        let step_s = ((asked_s / MINUTE_S as f64).ceil() as i64).max(1) * MINUTE_S;
        if self.seconds() / step_s > MAX_STEPS {
            return Err(Problem::bad_field("step_s", format!("that would be more than {MAX_STEPS} steps")));
        }
        Ok(step_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn the_last_hour_from_a_full_minute() {
        let stretch = Stretch::of(None, None, at(7)).unwrap();
        assert_eq!(stretch.to, at(7));
        assert_eq!(stretch.from.timestamp() % 60, 0);
        assert!((3_600..3_660).contains(&stretch.seconds()));
        assert_eq!(stretch.step_for(30), 180);
        assert_eq!(stretch.step(None).unwrap() % 60, 0);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_field() {
        let field = |from, to| Stretch::of(from, to, at(0)).unwrap_err().field;
        assert_eq!(field(Some(at(5)), Some(at(5))).as_deref(), Some("from"));
        assert_eq!(field(Some(at(-40 * 86_400)), None).as_deref(), Some("from"));
        assert_eq!(field(None, Some(DateTime::<Utc>::MIN_UTC)).as_deref(), Some("to"));
        assert_eq!(
            field(Some(DateTime::<Utc>::MIN_UTC), Some(DateTime::<Utc>::MAX_UTC)).as_deref(),
            Some("from")
        );
        let day = Stretch::of(Some(at(-86_400)), None, at(0)).unwrap();
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(day.step(Some(bad)).is_err(), "{bad}");
        }
        assert_eq!(day.step(Some(61.0)).unwrap(), 120);
        let month = Stretch::of(Some(at(-30 * 86_400)), None, at(0)).unwrap();
        assert!(month.step(Some(60.0)).is_err());
        assert!(month.seconds() / month.step(None).unwrap() <= DEFAULT_STEPS);
    }
}
