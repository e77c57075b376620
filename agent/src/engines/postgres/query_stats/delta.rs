//! What statements did between two readings of counters that only grow, except when they don't: they are reset,
//! evicted and return, and are lost in a crash. Nothing here reads a clock or a database.

#[cfg(test)]
mod tests;

use querysmith_shared::observation::query_stats::Coverage;
use querysmith_shared::timestamp::Timestamp;

/// What makes an entry unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) query_id: i64,
    pub(crate) database: u32,
    pub(crate) user: u32,
    pub(crate) top_level: bool,
}

/// The counters of one entry, cumulative or of a window.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Counters {
    pub(crate) calls: u64,
    pub(crate) rows: u64,
    pub(crate) total_ms: f64,
    pub(crate) sum_squares: f64,
    pub(crate) blocks_hit: u64,
    pub(crate) blocks_read: u64,
    pub(crate) blocks_dirtied: u64,
    pub(crate) blocks_written: u64,
    pub(crate) temp_read: u64,
    pub(crate) temp_written: u64,
    pub(crate) io_ms: f64,
    pub(crate) wal_bytes: u64,
}

/// One entry of a reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) counters: Counters,
    /// Since when the entry counts, where the server says (extension 1.11).
    pub(crate) since: Option<Timestamp>,
}

/// One reading of all entries. Times are the server's.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Reading {
    /// Before the entries were read.
    pub(crate) begun: Option<Timestamp>,
    /// After the last one was read.
    pub(crate) ended: Option<Timestamp>,
    /// When everything was last reset.
    pub(crate) reset: Option<Timestamp>,
    /// How often entries were evicted, since the last reset.
    pub(crate) evictions: u64,
    /// Entries that are there but may not be seen.
    pub(crate) hidden: u32,
    /// Most entries the server keeps; 0 where it is not known.
    pub(crate) capacity: u32,
    /// The entries, sorted by key.
    pub(crate) entries: Vec<Entry>,
}

impl Reading {
    /// Sorts the entries, as every function here expects them.
    pub(crate) fn sorted(mut self) -> Self {
        self.entries.sort_unstable_by_key(|entry| entry.key);
        self.entries.dedup_by_key(|entry| entry.key);
        self
    }

    fn entry(&self, key: Key) -> Option<&Entry> {
        self.entries.binary_search_by_key(&key, |entry| entry.key).ok().map(|index| &self.entries[index])
    }

    /// Whether the reading holds `key`.
    pub(crate) fn contains(&self, key: Key) -> bool {
        self.entry(key).is_some()
    }
}

/// What happened in a window.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Delta {
    /// The statements that were called, with their counters of the window.
    pub(crate) rows: Vec<(Key, Counters)>,
    /// How complete that is.
    pub(crate) coverage: Coverage,
}

/// What the statements did from `earlier` to `later`.
pub(crate) fn delta(earlier: &Reading, later: &Reading) -> Delta {
    let everything_restarted = was_reset_between(earlier, later);
    // Entries that could not be seen before did not begin now.
    let new_ones_began_in_window = earlier.hidden == 0;
    let mut rows = Vec::new();
    let mut appeared = 0;
    let mut restarted = 0;
    for entry in &later.entries {
        let before = earlier.entry(entry.key);
        let window = match before {
            _ if everything_restarted => Some(entry.counters),
            Some(before) if is_restarted(before, entry) => {
                restarted += 1;
                Some(entry.counters)
            }
            Some(before) => Some(entry.counters.minus(&before.counters)),
            None if new_ones_began_in_window || began_after(entry, earlier) => {
                appeared += u32::from(entry.counters.calls > 0);
                Some(entry.counters)
            }
            None => None,
        };
        if let Some(window) = window
            && window.calls > 0
        {
            rows.push((entry.key, window.plausible()));
        }
    }
    let evictions = match later.evictions.checked_sub(earlier.evictions) {
        Some(more) if !everything_restarted => more,
        _ => later.evictions,
    };
    let coverage = Coverage {
        tracked: u32::try_from(later.entries.len()).unwrap_or(u32::MAX).saturating_add(later.hidden),
        capacity: later.capacity,
        evictions,
        // Without evictions, an entry begins again only if somebody reset it or the server lost it.
        reset: everything_restarted || (restarted > 0 && evictions == 0),
        appeared,
    };
    Delta { rows, coverage }
}

/// Whether everything was reset after the earlier reading had ended and before the later one began. A reset in
/// the middle of a reading is left to the entries themselves: counting everything would count some of it twice.
fn was_reset_between(earlier: &Reading, later: &Reading) -> bool {
    match (earlier.ended, earlier.reset, later.reset) {
        (Some(ended), before, Some(reset)) => before != Some(reset) && reset > ended,
        _ => false,
    }
}

fn is_restarted(before: &Entry, now: &Entry) -> bool {
    if let (Some(before), Some(now)) = (before.since, now.since)
        && before != now
    {
        return true;
    }
    let (a, b) = (&before.counters, &now.counters);
    b.calls < a.calls
        || b.rows < a.rows
        || b.blocks_hit < a.blocks_hit
        || b.blocks_read < a.blocks_read
        || b.blocks_written < a.blocks_written
        || b.temp_read < a.temp_read
        || b.wal_bytes < a.wal_bytes
        // Sums of floating-point numbers never fall by more than their rounding.
        || b.total_ms < a.total_ms * (1.0 - 1e-9) - 1e-6
}

fn began_after(entry: &Entry, earlier: &Reading) -> bool {
    matches!((entry.since, earlier.ended), (Some(since), Some(ended)) if since > ended)
}

impl Counters {
    fn minus(&self, before: &Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(before.calls),
            rows: self.rows.saturating_sub(before.rows),
            total_ms: self.total_ms - before.total_ms,
            sum_squares: self.sum_squares - before.sum_squares,
            blocks_hit: self.blocks_hit.saturating_sub(before.blocks_hit),
            blocks_read: self.blocks_read.saturating_sub(before.blocks_read),
            blocks_dirtied: self.blocks_dirtied.saturating_sub(before.blocks_dirtied),
            blocks_written: self.blocks_written.saturating_sub(before.blocks_written),
            temp_read: self.temp_read.saturating_sub(before.temp_read),
            temp_written: self.temp_written.saturating_sub(before.temp_written),
            io_ms: self.io_ms - before.io_ms,
            wal_bytes: self.wal_bytes.saturating_sub(before.wal_bytes),
        }
    }

    /// Repairs what subtracting rounded sums can bring: nothing is negative, and squares add up to no less than
    /// they must for this total.
    fn plausible(mut self) -> Self {
        let finite = |value: f64| if value.is_finite() { value.max(0.0) } else { 0.0 };
        self.total_ms = finite(self.total_ms);
        self.io_ms = finite(self.io_ms);
        #[allow(clippy::cast_precision_loss)]
        let least = self.total_ms * self.total_ms / self.calls.max(1) as f64;
        self.sum_squares = finite(self.sum_squares).max(least);
        self
    }
}

/// The start of a window that ended at `end` by the agent's clock and lasted `elapsed` by a clock that never
/// jumps. Windows join each other unless the clock was stepped in between.
pub(crate) fn window_start(
    previous_end: Timestamp,
    end: Timestamp,
    elapsed: std::time::Duration,
) -> Timestamp {
    /// Clocks that are slewed drift by less within a window; more is a step.
    const STEP: std::time::Duration = std::time::Duration::from_secs(1);
    let by_monotonic_clock = end.before(elapsed);
    let apart = by_monotonic_clock.since(previous_end).max(previous_end.since(by_monotonic_clock));
    if apart > STEP || previous_end >= end { by_monotonic_clock } else { previous_end }
}
