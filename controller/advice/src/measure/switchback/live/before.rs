//! What is made of the time before a trial: quiet pairs, and the busiest hour.

use std::collections::BTreeMap;
use std::time::Duration;

use querysmith_shared::change::switchback::Switchback;
use querysmith_shared::timestamp::Timestamp;

use super::counters::{Counters, read};
use crate::measure::switchback::plan::DailyPeak;
use crate::measure::switchback::window::Pair;
use crate::overview::seconds;

const HOUR_US: i64 = 3_600_000_000;
const HOURS: usize = 24;
/// An hour is a peak if it is this many times as busy as the median one: below that, any hour will do.
const PEAK_FACTOR: f64 = 1.2;

/// How far back `pairs` quiet pairs reach.
pub fn span(terms: &Switchback, pairs: usize) -> Duration {
    Duration::from_secs(u64::from(terms.half_s()) * 2 * pairs as u64)
}

/// A/A pairs of the last `pairs` that ended by `before`, as the trial's own will be, oldest first.
pub fn quiet_pairs(counters: &[Counters], terms: &Switchback, before: Timestamp, pairs: usize) -> Vec<Pair> {
    let half = Duration::from_secs(terms.half_s().into());
    let window = Duration::from_secs(terms.window_s.into());
    let part = seconds(f64::from(terms.window_s) / 5.0);
    let mut from = before.before(span(terms, pairs));
    let mut quiet = Vec::with_capacity(pairs);
    for _ in 0..pairs {
        let mut next = || {
            from = from.after(half);
            read(counters, from.before(window), from, part)
        };
        quiet.push(Pair { a: next(), b: next() });
    }
    quiet
}

/// The busiest hour of the day, from the time of all statements in each hour; none where not every hour of the day was
/// watched, or where they are alike.
pub fn daily_peak(hours: &[(Timestamp, f64)]) -> DailyPeak {
    let mut by_hour: BTreeMap<u8, Vec<f64>> = BTreeMap::new();
    for (start, time) in hours {
        let hour = start.0.div_euclid(HOUR_US).rem_euclid(HOURS as i64);
        by_hour.entry(u8::try_from(hour).unwrap_or(0)).or_default().push(*time);
    }
    if by_hour.len() < HOURS {
        return DailyPeak::None;
    }
    let mut means: Vec<(u8, f64)> = by_hour
        .into_iter()
        .map(|(hour, times)| (hour, times.iter().sum::<f64>() / times.len() as f64))
        .collect();
    means.sort_by(|one, other| one.1.total_cmp(&other.1));
    let (median, (hour, most)) = (means[HOURS / 2].1, means[HOURS - 1]);
    if most > PEAK_FACTOR * median { DailyPeak::Hour(hour) } else { DailyPeak::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(time_of: impl Fn(i64) -> f64, count: i64) -> Vec<(Timestamp, f64)> {
        (0..count).map(|hour| (Timestamp(hour * HOUR_US), time_of(hour % 24))).collect()
    }

    #[test]
    fn the_busiest_hour_is_known_after_a_day_and_only_where_there_is_one() {
        let at_nine = |hour| if hour == 9 { 200.0 } else { 100.0 };
        assert_eq!(daily_peak(&hours(at_nine, 48)), DailyPeak::Hour(9));
        assert_eq!(daily_peak(&hours(at_nine, 23)), DailyPeak::None);
        assert_eq!(daily_peak(&hours(|_| 100.0, 168)), DailyPeak::None);
        assert_eq!(daily_peak(&[]), DailyPeak::None);
    }
}
