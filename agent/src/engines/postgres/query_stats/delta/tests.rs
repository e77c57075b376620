use super::*;
use std::time::Duration;

fn key(query_id: i64) -> Key {
    Key { query_id, database: 1, user: 10, top_level: true }
}

fn entry(query_id: i64, calls: u64, total_ms: f64) -> Entry {
    let counters =
        Counters { calls, total_ms, sum_squares: total_ms * total_ms, rows: calls, ..Counters::default() };
    Entry { key: key(query_id), counters, since: None }
}

fn since(entry: Entry, at: i64) -> Entry {
    Entry { since: Some(Timestamp(at)), ..entry }
}

/// A reading that took from `at` to `at + 1`.
fn reading(at: i64, entries: &[Entry]) -> Reading {
    Reading {
        begun: Some(Timestamp(at)),
        ended: Some(Timestamp(at + 1)),
        capacity: 5_000,
        entries: entries.to_vec(),
        ..Reading::default()
    }
    .sorted()
}

/// Calls and time of each statement in the window, and what is said of coverage.
fn check(earlier: &Reading, later: &Reading, rows: &[(i64, u64, f64)], coverage: Coverage) {
    let found = delta(earlier, later);
    let found_rows: Vec<_> =
        found.rows.iter().map(|(key, window)| (key.query_id, window.calls, window.total_ms)).collect();
    assert_eq!(found_rows, rows);
    assert_eq!(found.coverage, Coverage { tracked: later.entries.len() as u32, capacity: 5_000, ..coverage });
}

#[test]
fn counters_are_subtracted_and_idle_statements_left_out() {
    let earlier = reading(0, &[entry(1, 10, 100.0), entry(2, 5, 5.0)]);
    let later = reading(10, &[entry(2, 5, 5.0), entry(1, 13, 160.0)]);
    check(&earlier, &later, &[(1, 3, 60.0)], Coverage::default());
}

#[test]
fn a_new_statement_counts_from_its_start() {
    let earlier = reading(0, &[entry(1, 10, 100.0)]);
    let later = reading(10, &[entry(1, 10, 100.0), entry(2, 4, 8.0)]);
    check(&earlier, &later, &[(2, 4, 8.0)], Coverage { appeared: 1, ..Coverage::default() });
}

#[test]
fn a_full_reset_is_seen_and_what_came_after_it_counted() {
    let earlier =
        Reading { reset: Some(Timestamp(-100)), ..reading(0, &[entry(1, 10, 100.0), entry(2, 5, 5.0)]) };
    // Statement 1 has already passed its old count: only the time of the reset tells.
    let later = Reading { reset: Some(Timestamp(5)), ..reading(10, &[entry(1, 12, 120.0)]) };
    check(&earlier, &later, &[(1, 12, 120.0)], Coverage { reset: true, ..Coverage::default() });
}

#[test]
fn a_reset_in_the_middle_of_the_earlier_reading_is_not_counted_twice() {
    // The earlier reading saw the entries after the reset, but had asked for the time of the reset before it.
    let earlier = Reading {
        ended: Some(Timestamp(8)),
        reset: Some(Timestamp(-100)),
        ..reading(0, &[entry(1, 3, 3.0)])
    };
    let later = Reading { reset: Some(Timestamp(5)), ..reading(10, &[entry(1, 4, 4.0)]) };
    check(&earlier, &later, &[(1, 1, 1.0)], Coverage::default());
}

#[test]
fn a_reset_of_one_entry_is_seen_by_falling_counters() {
    let earlier = reading(0, &[entry(1, 10, 100.0), entry(2, 5, 5.0)]);
    let later = reading(10, &[entry(1, 2, 20.0), entry(2, 6, 6.0)]);
    check(&earlier, &later, &[(1, 2, 20.0), (2, 1, 1.0)], Coverage { reset: true, ..Coverage::default() });
}

#[test]
fn eviction_and_return_is_neither_negative_nor_double() {
    let earlier = Reading { evictions: 7, ..reading(0, &[entry(1, 10, 100.0), entry(2, 5, 5.0)]) };
    // 1 was evicted and is back; 2 was evicted; 3 is new.
    let later = Reading { evictions: 9, ..reading(10, &[entry(1, 1, 9.0), entry(3, 1, 1.0)]) };
    let coverage = Coverage { evictions: 2, appeared: 1, ..Coverage::default() };
    check(&earlier, &later, &[(1, 1, 9.0), (3, 1, 1.0)], coverage);
    // And when 2 comes back later, it counts from its return.
    let last =
        Reading { evictions: 9, ..reading(20, &[entry(1, 1, 9.0), entry(2, 3, 3.0), entry(3, 1, 1.0)]) };
    check(&later, &last, &[(2, 3, 3.0)], Coverage { appeared: 1, ..Coverage::default() });
}

#[test]
fn a_return_that_has_passed_its_old_count_is_told_by_its_start() {
    let earlier = reading(0, &[since(entry(1, 2, 2.0), -50)]);
    let later = Reading { evictions: 1, ..reading(10, &[since(entry(1, 9, 9.0), 5)]) };
    check(&earlier, &later, &[(1, 9, 9.0)], Coverage { evictions: 1, ..Coverage::default() });
}

#[test]
fn a_counter_that_wraps_or_falls_alone_begins_again() {
    let mut before = entry(1, 10, 100.0);
    before.counters.blocks_hit = u64::MAX;
    let mut after = entry(1, 11, 110.0);
    after.counters.blocks_hit = 3;
    let found = delta(&reading(0, &[before]), &reading(10, &[after]));
    assert_eq!(found.rows[0].1.blocks_hit, 3);
    assert_eq!(found.rows[0].1.calls, 11);
}

#[test]
fn statements_that_become_visible_are_not_taken_for_new() {
    let earlier = Reading { hidden: 4, ..reading(0, &[]) };
    let later =
        reading(10, &[entry(1, 1_000_000, 1e9), since(entry(2, 3, 3.0), 5), since(entry(3, 9, 9.0), -5)]);
    check(&earlier, &later, &[(2, 3, 3.0)], Coverage { appeared: 1, ..Coverage::default() });
}

#[test]
fn a_crash_of_the_server_loses_the_counters_but_not_the_count() {
    // The file of the statistics is gone: no entry is as before, and the time of the reset is the restart's.
    let earlier =
        Reading { reset: Some(Timestamp(-100)), evictions: 50, ..reading(0, &[entry(1, 10, 100.0)]) };
    let later = Reading { reset: Some(Timestamp(7)), evictions: 0, ..reading(10, &[entry(1, 2, 3.0)]) };
    check(&earlier, &later, &[(1, 2, 3.0)], Coverage { reset: true, ..Coverage::default() });
}

#[test]
fn rounding_never_makes_impossible_sums() {
    let mut before = entry(1, 1_000_000, 1e9);
    before.counters.sum_squares = 1e15;
    let mut after = entry(1, 1_000_001, 1e9 + 10.0);
    after.counters.sum_squares = 1e15 - 5.0;
    let (_, window) = delta(&reading(0, &[before]), &reading(10, &[after])).rows[0];
    assert!((window.sum_squares - 100.0).abs() < 1.0, "{window:?}");
    let mut odd = entry(1, 2, f64::NAN);
    odd.counters.io_ms = f64::INFINITY;
    let (_, window) = delta(&reading(0, &[entry(1, 1, 1.0)]), &reading(10, &[odd])).rows[0];
    assert!(window.total_ms == 0.0 && window.io_ms == 0.0, "{window:?}");
}

#[test]
fn the_sum_of_windows_is_the_whole() {
    // Ten readings of a statement that grows, with one eviction in the middle.
    let counts = [5_u64, 8, 8, 20, 3, 4, 9, 9, 9, 12];
    let readings: Vec<Reading> = counts
        .iter()
        .zip(0..)
        .map(|(calls, at)| reading(at * 10, &[entry(1, *calls, *calls as f64)]))
        .collect();
    let windows = readings.windows(2).flat_map(|pair| delta(&pair[0], &pair[1]).rows);
    let total: u64 = windows.map(|(_, window)| window.calls).sum();
    assert_eq!(total, (20 - 5) + 12);
}

#[test]
fn windows_join_unless_the_clock_was_stepped() {
    let second = Duration::from_secs(1);
    let at = |seconds: i64| Timestamp(seconds * 1_000_000);
    for (previous_end, end, elapsed, expected) in [
        (at(100), at(115), 15 * second, at(100)),
        // Slewed a little.
        (at(100), at(115), Duration::from_millis(14_990), at(100)),
        // Stepped back an hour, and forth a day.
        (at(3_700), at(115), 15 * second, at(100)),
        (at(100), at(86_515), 15 * second, at(86_500)),
        // Stepped back by less than the window.
        (at(100), at(105), 15 * second, at(90)),
    ] {
        assert_eq!(window_start(previous_end, end, elapsed), expected);
    }
}
