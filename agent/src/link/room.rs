//! What gives way when the spool is full. Pure: which reports are merged, which are dropped, and what
//! a merged report says. Nothing here reads the spool or a clock.

use std::collections::HashMap;
use std::time::Duration;

use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::gap::GapReason;
use querysmith_shared::observation::query_stats::{Coverage, MAX_ROWS, QueryStats, StatementDelta};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::ReportBody;
use serde::{Deserialize, Serialize};

/// Longest window that merging makes: coarser than the usual minute, fine enough to see an incident.
const MAX_MERGED_WINDOW: Duration = Duration::from_secs(600);

/// What a waiting report is, as far as making room goes. Stored beside the report; appended to, never
/// reordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Nature {
    /// Statement statistics: windows can be merged.
    QueryStats,
    /// A sample of a moment: the next one comes by itself.
    Sample,
    /// Said once, until it changes: texts, schema, settings, plans, the instance.
    Once,
    /// Says what was dropped: never dropped itself.
    Gap(GapReason),
    /// What happened to a change: never dropped.
    Change,
}

impl Nature {
    /// The nature of a report.
    pub(super) fn of(body: &ReportBody) -> Self {
        match body {
            ReportBody::QueryStats(_) => Self::QueryStats,
            ReportBody::Usage(_)
            | ReportBody::Host(_)
            | ReportBody::Activity(_)
            | ReportBody::Collectors(_)
            | ReportBody::Cost(_) => Self::Sample,
            ReportBody::StatementTexts(_)
            | ReportBody::Plans(_)
            | ReportBody::Schema(_)
            | ReportBody::Settings(_)
            | ReportBody::Instance(_) => Self::Once,
            ReportBody::Gap(gap) => Self::Gap(gap.reason),
            ReportBody::Change(_) => Self::Change,
        }
    }
}

/// The label of one waiting report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Label {
    /// What it is.
    pub(super) nature: Nature,
    /// The instance it is about.
    pub(super) instance: Option<InstanceId>,
    /// Start of what it covers.
    pub(super) from: Timestamp,
    /// End of what it covers.
    pub(super) to: Timestamp,
    /// Its size, bytes.
    pub(super) bytes: u32,
}

/// Groups of reports (their numbers, rising) that may become one report each, oldest first. Reports up
/// to `handed_out` may be stored already by the controller: they must stay as they are, or what they
/// say would be counted twice.
pub(super) fn merge_groups(waiting: &[(u64, Label)], handed_out: u64) -> Vec<Vec<u64>> {
    struct Open {
        from: Timestamp,
        to: Timestamp,
        members: Vec<u64>,
    }
    let mut open: HashMap<InstanceId, Open> = HashMap::new();
    let mut groups = Vec::new();
    for (sequence, label) in waiting.iter().filter(|(sequence, _)| *sequence > handed_out) {
        let (Nature::QueryStats, Some(instance)) = (label.nature, label.instance) else { continue };
        if let Some(group) = open.get_mut(&instance) {
            let adjacent = label.from <= group.to && label.from >= group.from;
            let short = label.to.since(group.from) <= MAX_MERGED_WINDOW;
            if adjacent && short {
                group.to = group.to.max(label.to);
                group.members.push(*sequence);
                continue;
            }
        }
        let fresh = Open { from: label.from, to: label.to, members: vec![*sequence] };
        groups.extend(open.insert(instance, fresh).map(|group| group.members));
    }
    groups.extend(open.into_values().map(|group| group.members));
    groups.retain(|group| group.len() > 1);
    groups.sort_unstable();
    groups
}

/// The reports to drop so that at least `bytes` become free, if there are as many: samples and windows
/// first, then what is said once; the oldest first within each.
pub(super) fn drops(waiting: &[(u64, Label)], bytes: u64) -> Vec<u64> {
    let passing = |label: &Label| matches!(label.nature, Nature::QueryStats | Nature::Sample);
    let once = |label: &Label| matches!(label.nature, Nature::Once);
    let first = waiting.iter().filter(|(_, label)| passing(label));
    let then = waiting.iter().filter(|(_, label)| once(label));
    let mut freed = 0;
    let mut dropped = Vec::new();
    for (sequence, label) in first.chain(then) {
        if freed >= bytes {
            break;
        }
        freed += u64::from(label.bytes);
        dropped.push(*sequence);
    }
    dropped
}

/// One window of two adjacent ones; `None` if it would have too many rows.
pub(super) fn merge(earlier: &QueryStats, later: &QueryStats) -> Option<QueryStats> {
    let mut rows: Vec<StatementDelta> = earlier.rows.clone();
    let mut places: HashMap<_, _> = rows.iter().enumerate().map(|(at, row)| (row.statement, at)).collect();
    for row in &later.rows {
        match places.get(&row.statement) {
            Some(at) => rows[*at].merge(row),
            None => {
                places.insert(row.statement, rows.len());
                rows.push(*row);
            }
        }
    }
    // Batches of one window repeat its coverage; windows that follow each other add up.
    let (one, two) = (earlier.coverage, later.coverage);
    let same_window = later.window_start < earlier.window_end;
    let (evictions, appeared) = match same_window {
        true => (one.evictions.max(two.evictions), one.appeared.max(two.appeared)),
        false => (one.evictions.saturating_add(two.evictions), one.appeared.saturating_add(two.appeared)),
    };
    let reset = one.reset || two.reset;
    let coverage = Coverage { evictions, reset, appeared, ..two };
    (rows.len() <= MAX_ROWS).then(|| QueryStats {
        window_start: earlier.window_start.min(later.window_start),
        window_end: earlier.window_end.max(later.window_end),
        rows,
        coverage,
    })
}

#[cfg(test)]
mod tests {
    use querysmith_shared::id::StatementId;
    use uuid::Uuid;

    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn stats(instance: u128, from: i64, to: i64) -> Label {
        Label {
            nature: Nature::QueryStats,
            instance: Some(InstanceId(Uuid::from_u128(instance))),
            from: Timestamp(from * MINUTE),
            to: Timestamp(to * MINUTE),
            bytes: 100,
        }
    }

    fn of(nature: Nature) -> Label {
        Label { nature, instance: None, from: Timestamp(0), to: Timestamp(0), bytes: 100 }
    }

    fn check(labels: &[Label], handed_out: u64, expected: &[&[u64]]) {
        let waiting: Vec<_> = (1..).zip(labels.iter().copied()).collect();
        assert_eq!(merge_groups(&waiting, handed_out), expected);
    }

    #[test]
    fn only_adjacent_windows_of_one_instance_are_merged() {
        check(&[stats(1, 0, 1), stats(1, 1, 2), stats(1, 2, 3)], 0, &[&[1, 2, 3]]);
        check(&[stats(1, 0, 1), stats(2, 1, 2), stats(1, 1, 2)], 0, &[&[1, 3]]);
        check(&[stats(1, 0, 1), stats(1, 2, 3)], 0, &[]);
        check(&[stats(1, 0, 1), of(Nature::Sample), stats(1, 1, 2)], 0, &[&[1, 3]]);
        check(&[stats(1, 5, 6), stats(1, 1, 2)], 0, &[]);
    }

    #[test]
    fn the_batches_of_one_window_are_merged_with_it() {
        check(&[stats(1, 0, 1), stats(1, 0, 1), stats(1, 1, 2)], 0, &[&[1, 2, 3]]);
    }

    #[test]
    fn what_may_be_stored_already_is_not_merged() {
        check(&[stats(1, 0, 1), stats(1, 1, 2), stats(1, 2, 3)], 1, &[&[2, 3]]);
        check(&[stats(1, 0, 1), stats(1, 1, 2)], 2, &[]);
    }

    #[test]
    fn a_merged_window_is_ten_minutes_at_most() {
        let labels: Vec<_> = (0..25).map(|at| stats(1, at, at + 1)).collect();
        let waiting: Vec<_> = (1..).zip(labels).collect();
        let lengths: Vec<_> = merge_groups(&waiting, 0).iter().map(Vec::len).collect();
        assert_eq!(lengths, [10, 10, 5]);
    }

    #[test]
    fn what_is_said_once_goes_last_and_gaps_and_changes_never() {
        let gap = Nature::Gap(GapReason::SpoolFull);
        let labels = [of(Nature::Once), of(gap), of(Nature::Sample), of(Nature::Change), stats(1, 0, 1)];
        let waiting: Vec<_> = (1..).zip(labels).collect();
        assert!(drops(&waiting, 0).is_empty());
        assert_eq!(drops(&waiting, 150), [3, 5]);
        assert_eq!(drops(&waiting, 1_000), [3, 5, 1]);
    }

    #[test]
    fn merged_windows_add_up() {
        let row = |statement, calls| StatementDelta {
            statement: StatementId(statement),
            calls,
            rows: 1,
            total_ms: 2.0,
            sum_squares_ms2: 4.0,
            blocks_hit: 1,
            blocks_read: 1,
            blocks_dirtied: 1,
            blocks_written: 1,
            temp_blocks_read: 1,
            temp_blocks_written: 1,
            io_ms: 1.0,
            wal_bytes: 1,
        };
        let window = |from, to, rows, coverage| QueryStats {
            window_start: Timestamp(from),
            window_end: Timestamp(to),
            rows,
            coverage,
        };
        let one = Coverage { tracked: 5, capacity: 10, evictions: 1, reset: true, appeared: 2 };
        let two = Coverage { tracked: 6, capacity: 10, evictions: 2, reset: false, appeared: 1 };
        let merged =
            merge(&window(0, 10, vec![row(1, 3)], one), &window(10, 20, vec![row(2, 1), row(1, 4)], two))
                .unwrap();
        assert_eq!((merged.window_start, merged.window_end), (Timestamp(0), Timestamp(20)));
        let calls: Vec<_> = merged.rows.iter().map(|row| (row.statement.0, row.calls)).collect();
        assert_eq!(calls, [(1, 7), (2, 1)]);
        assert!((merged.rows[0].total_ms - 4.0).abs() < 1e-9);
        let expected = Coverage { tracked: 6, capacity: 10, evictions: 3, reset: true, appeared: 3 };
        assert_eq!(merged.coverage, expected);
    }

    #[test]
    fn too_many_rows_stay_apart() {
        let rows = |from: i64, count: i64| -> Vec<_> {
            let zero = StatementDelta {
                statement: StatementId(0),
                calls: 0,
                rows: 0,
                total_ms: 0.0,
                sum_squares_ms2: 0.0,
                blocks_hit: 0,
                blocks_read: 0,
                blocks_dirtied: 0,
                blocks_written: 0,
                temp_blocks_read: 0,
                temp_blocks_written: 0,
                io_ms: 0.0,
                wal_bytes: 0,
            };
            (from..from + count).map(|id| StatementDelta { statement: StatementId(id), ..zero }).collect()
        };
        let window = |rows| QueryStats {
            window_start: Timestamp(0),
            window_end: Timestamp(1),
            rows,
            coverage: Coverage::default(),
        };
        let full = i64::try_from(MAX_ROWS).unwrap();
        assert!(merge(&window(rows(0, full)), &window(rows(0, full))).is_some());
        assert!(merge(&window(rows(0, full)), &window(rows(1, full))).is_none());
    }
}
