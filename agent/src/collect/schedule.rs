//! When each collector runs. Pure: the time, the spread and the outcome of each run are arguments.

use std::time::{Duration, Instant};

use super::collector::Collector;

/// A woken collector still waits so long after its last start.
const WAKE_SPACING: Duration = Duration::from_secs(5);
/// First pause after a failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Longest pause after a failure.
const LONGEST_RETRY: Duration = Duration::from_secs(60);
/// Runs are spread by this share of their interval, so that many agents don't ask at the same moment.
const SPREAD: f64 = 0.05;

/// The collectors of one server.
#[derive(Debug)]
pub struct Schedule {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    collector: Collector,
    interval: Duration,
    /// What the interval must be at least, by the time that the server takes.
    least: Duration,
    next: Instant,
    started: Option<Instant>,
    running: bool,
    woken: bool,
    failures: u32,
}

/// Share of the time that the server may spend on one collector whose work grows with the database: beyond that, its
/// interval grows instead.
const SERVER_SHARE: f64 = 0.005;

/// How a run ended, as far as the schedule cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It brought what it could, for which the server took this time.
    Well(Duration),
    /// It did, and wants to run again soon.
    AgainIn(Duration),
    /// It brought nothing.
    Badly,
}

impl Schedule {
    /// Every collector is due at once.
    pub fn new(now: Instant, intervals: impl IntoIterator<Item = (Collector, Duration)>) -> Self {
        let entries = intervals.into_iter().map(|(collector, interval)| Entry {
            collector,
            interval,
            least: Duration::ZERO,
            next: now,
            started: None,
            running: false,
            woken: false,
            failures: 0,
        });
        Self { entries: entries.collect() }
    }

    /// Takes the collectors that are due: they count as running until [`Schedule::ended`]. Before the server
    /// is known, only the collector that gets to know it is due.
    pub fn take_due(&mut self, now: Instant, server_is_known: bool) -> Vec<Collector> {
        let due = self.entries.iter_mut().filter(|entry| entry.may_run(server_is_known) && entry.next <= now);
        due.map(|entry| {
            entry.running = true;
            entry.woken = false;
            entry.started = Some(now);
            entry.collector
        })
        .collect()
    }

    /// The time of the next run, if nothing else happens.
    pub fn next(&self, server_is_known: bool) -> Option<Instant> {
        self.entries.iter().filter(|entry| entry.may_run(server_is_known)).map(|entry| entry.next).min()
    }

    /// A run has ended: the next is one interval after its start, stretched by `stretch` to save cost and spread
    /// by `random` (0 to 1); sooner after a failure. Returns the interval that holds now.
    pub fn ended(
        &mut self,
        collector: Collector,
        now: Instant,
        ended: Ended,
        stretch: f64,
        random: f64,
    ) -> Duration {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.collector == collector) else {
            return Duration::ZERO;
        };
        entry.running = false;
        let started = entry.started.unwrap_or(now);
        if let Ended::Well(server_time) = ended {
            entry.least = server_time.div_f64(SERVER_SHARE);
        }
        let interval = entry.interval.mul_f64(stretch.max(1.0)).max(entry.least);
        let spread = interval.mul_f64(1.0 + SPREAD * (random - 0.5));
        entry.failures = if ended == Ended::Badly { entry.failures.saturating_add(1) } else { 0 };
        entry.next = match ended {
            Ended::Badly => now + retry(entry.failures).mul_f64(0.75 + 0.5 * random),
            Ended::AgainIn(pause) => now + pause.min(spread),
            Ended::Well(_) => started + spread,
        };
        if entry.woken {
            entry.next = entry.next.min((started + WAKE_SPACING).max(now));
        }
        interval
    }

    /// Lets a collector run now, or as soon as its last start is long enough ago. One that keeps failing keeps
    /// its pause.
    pub fn wake(&mut self, collector: Collector, now: Instant) {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.collector == collector) else { return };
        if entry.running {
            entry.woken = true;
        } else if entry.failures == 0 {
            let earliest = entry.started.map_or(now, |started| started + WAKE_SPACING);
            entry.next = entry.next.min(earliest.max(now));
        }
    }

    /// The server has answered, or answers again: what failed may be tried at once.
    pub fn server_answers(&mut self, now: Instant) {
        for entry in self.entries.iter_mut().filter(|entry| entry.failures > 0 && !entry.running) {
            entry.failures = 0;
            entry.next = now;
        }
    }
}

impl Entry {
    fn may_run(&self, server_is_known: bool) -> bool {
        // The host can be read without the server.
        let needs_server = !matches!(self.collector, Collector::Server | Collector::Host);
        !self.running && (server_is_known || !needs_server)
    }
}

fn retry(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(10);
    (FIRST_RETRY * 2_u32.pow(doublings)).min(LONGEST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn schedule(now: Instant) -> Schedule {
        Schedule::new(
            now,
            [
                (Collector::Server, 30 * SECOND),
                (Collector::QueryStats, 15 * SECOND),
                (Collector::Plans, 60 * SECOND),
            ],
        )
    }

    #[test]
    fn the_server_is_got_to_know_first() {
        let start = Instant::now();
        let mut schedule = schedule(start);
        assert_eq!(schedule.take_due(start, false), [Collector::Server]);
        assert_eq!(schedule.take_due(start, false), []);
        assert_eq!(schedule.take_due(start, true), [Collector::QueryStats, Collector::Plans]);
    }

    #[test]
    fn runs_follow_their_start_and_not_their_end() {
        let start = Instant::now();
        let mut schedule = schedule(start);
        schedule.take_due(start, true);
        schedule.ended(Collector::QueryStats, start + 4 * SECOND, Ended::Well(Duration::ZERO), 1.0, 0.5);
        assert_eq!(schedule.next(true), Some(start + 15 * SECOND));
        assert_eq!(schedule.take_due(start + 15 * SECOND, true), [Collector::QueryStats]);
    }

    #[test]
    fn what_takes_the_server_long_is_done_rarely() {
        let start = Instant::now();
        let mut schedule = schedule(start);
        schedule.take_due(start, true);
        schedule.ended(
            Collector::QueryStats,
            start + SECOND,
            Ended::Well(Duration::from_millis(500)),
            1.0,
            0.5,
        );
        assert_eq!(schedule.next(true), Some(start + 100 * SECOND));
    }

    #[test]
    fn over_budget_the_interval_is_stretched() {
        let start = Instant::now();
        let mut schedule = schedule(start);
        schedule.take_due(start, true);
        schedule.ended(Collector::QueryStats, start, Ended::Well(Duration::ZERO), 2.0, 0.5);
        assert_eq!(schedule.next(true), Some(start + 30 * SECOND));
    }

    #[test]
    fn failures_are_retried_ever_more_slowly_until_the_server_answers() {
        let start = Instant::now();
        let mut schedule = schedule(start);
        let mut pauses = Vec::new();
        let mut now = start;
        for _ in 0..9 {
            schedule.take_due(now, true);
            schedule.ended(Collector::QueryStats, now, Ended::Badly, 1.0, 0.5);
            let next = schedule.entries[1].next;
            pauses.push((next - now).as_secs());
            now = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        schedule.wake(Collector::QueryStats, now - 30 * SECOND);
        assert_eq!(schedule.entries[1].next, now);
        schedule.server_answers(now - 30 * SECOND);
        assert_eq!(schedule.entries[1].next, now - 30 * SECOND);
    }

    #[test]
    fn a_woken_collector_runs_soon_but_not_incessantly() {
        let start = Instant::now();
        let mut schedule = schedule(start);
        schedule.take_due(start, true);
        // Woken while it runs: it runs once more.
        schedule.wake(Collector::Plans, start + SECOND);
        schedule.ended(Collector::Plans, start + 2 * SECOND, Ended::Well(Duration::ZERO), 1.0, 0.5);
        assert_eq!(schedule.entries[2].next, start + 5 * SECOND);
        assert_eq!(schedule.take_due(start + 5 * SECOND, true), [Collector::Plans]);
        schedule.ended(Collector::Plans, start + 6 * SECOND, Ended::Well(Duration::ZERO), 1.0, 0.5);
        schedule.wake(Collector::Plans, start + 7 * SECOND);
        assert_eq!(schedule.entries[2].next, start + 10 * SECOND);
    }

    #[test]
    fn a_short_first_window_is_kept() {
        let start = Instant::now();
        let mut schedule = schedule(start);
        schedule.take_due(start, true);
        schedule.ended(Collector::QueryStats, start + SECOND, Ended::AgainIn(3 * SECOND), 1.0, 0.5);
        assert_eq!(schedule.next(true), Some(start + 4 * SECOND));
    }
}
