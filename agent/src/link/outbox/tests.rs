mod crashes;
mod disk;

use std::path::{Path, PathBuf};
use std::time::Duration;

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::{ChangeId, StatementId};
use querysmith_shared::observation::gap::{Gap, GapReason};
use querysmith_shared::observation::query_stats::{
    Coverage, QueryStats, StatementDelta, StatementText, StatementTexts,
};
use querysmith_shared::observation::settings::SettingsChanges;
use querysmith_shared::wire::codec::decode_body;
use querysmith_shared::wire::report::{ChangeReport, Report};
use uuid::Uuid;

use super::*;

struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("querysmith-spool-{}", Uuid::new_v4()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE)
    }

    /// What a crash of the machine would leave of an open file, in a place of its own.
    fn crashed(&self) -> Self {
        let copy = Self::new();
        fs::copy(self.file(), copy.file()).unwrap();
        copy
    }

    fn open(&self) -> Outbox {
        Outbox::open(&self.0, SpoolConfig::default()).unwrap()
    }

    fn open_small(&self, max_bytes: u64) -> Outbox {
        Outbox::open(&self.0, SpoolConfig { max_bytes, max_change_bytes: 2_000 }).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const MINUTE: i64 = 60_000_000;

fn instance() -> Option<InstanceId> {
    Some(InstanceId(Uuid::from_u128(4)))
}

/// One window of `rows` statements, each called once.
fn window(minute: i64, rows: i64) -> ReportBody {
    let row = |statement| StatementDelta {
        statement: StatementId(statement),
        calls: 1,
        rows: 1,
        total_ms: 1.5,
        sum_squares_ms2: 2.5,
        blocks_hit: 3,
        blocks_read: 0,
        blocks_dirtied: 0,
        blocks_written: 0,
        temp_blocks_read: 0,
        temp_blocks_written: 0,
        io_ms: 0.0,
        wal_bytes: 0,
    };
    ReportBody::QueryStats(QueryStats {
        window_start: Timestamp(minute * MINUTE),
        window_end: Timestamp((minute + 1) * MINUTE),
        rows: (0..rows).map(row).collect(),
        coverage: Coverage::default(),
    })
}

fn sample() -> ReportBody {
    ReportBody::Settings(SettingsChanges { changed: Vec::new() })
}

/// A report of about `bytes` bytes that is sent only once.
fn text(bytes: usize) -> ReportBody {
    ReportBody::StatementTexts(StatementTexts {
        texts: vec![StatementText {
            statement: StatementId(1),
            query_id: 1,
            database: String::new(),
            user: String::new(),
            top_level: true,
            text: "x".repeat(bytes),
            truncated: false,
        }],
    })
}

fn change() -> ReportBody {
    ReportBody::Change(ChangeReport {
        change: ChangeId(Uuid::from_u128(9)),
        state: ChangeState::Trial,
        at: Timestamp(0),
        detail: "built".to_owned(),
        sql: None,
        duration_ms: Some(5),
        observed: None,
        trial_step: None,
    })
}

async fn append(outbox: &Outbox, body: ReportBody) -> Result<u64, OutboxError> {
    let lane = if matches!(body, ReportBody::Change(_)) { Lane::Changes } else { Lane::Telemetry };
    outbox.append(lane, Timestamp(7), instance(), body).await
}

async fn waiting(outbox: &Outbox, lane: Lane) -> Vec<Report> {
    let mut reports: Vec<Report> = Vec::new();
    loop {
        let after = reports.last().map_or(0, |report| report.sequence);
        let some = outbox.next(lane, after, 1_000).await.unwrap();
        if some.is_empty() {
            return reports;
        }
        for (sequence, body) in some {
            let report: Report = decode_body(&body).unwrap();
            assert_eq!((report.sequence, report.lane), (sequence, lane));
            reports.push(report);
        }
    }
}

fn numbers(reports: &[Report]) -> Vec<u64> {
    reports.iter().map(|report| report.sequence).collect()
}

fn gaps(reports: &[Report]) -> Vec<Gap> {
    reports
        .iter()
        .filter_map(|report| match &report.body {
            ReportBody::Gap(gap) => Some(gap.clone()),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn numbers_rise_in_each_lane_and_survive_a_restart() {
    let place = Place::new();
    let outbox = place.open();
    let incarnation = outbox.incarnation();
    for expected in 1..=3 {
        assert_eq!(append(&outbox, sample()).await.unwrap(), expected);
        assert_eq!(append(&outbox, change()).await.unwrap(), expected);
    }
    outbox.acknowledge(Lane::Telemetry, 3).await;
    outbox.acknowledge(Lane::Changes, 1).await;
    assert_eq!(outbox.stats().reports, 2);
    outbox.close().await;
    assert!(matches!(append(&outbox, sample()).await, Err(OutboxError::Closed)));

    let outbox = place.open();
    assert_eq!(outbox.incarnation(), incarnation);
    assert_eq!(append(&outbox, sample()).await.unwrap(), 4, "a number is given once, even if nothing waits");
    assert_eq!(numbers(&waiting(&outbox, Lane::Changes).await), [2, 3]);
    outbox.close().await;
}

#[tokio::test]
async fn two_agents_cannot_share_a_spool() {
    let place = Place::new();
    let outbox = place.open();
    let second = Outbox::open(&place.0, SpoolConfig::default());
    assert!(matches!(second, Err(OutboxError::InUse)), "{second:?}");
    append(&outbox, sample()).await.unwrap();
    outbox.close().await;
}

#[tokio::test]
async fn whoever_waits_is_told_of_new_numbers_and_of_a_new_file() {
    let place = Place::new();
    let outbox = place.open();
    let incarnation = outbox.incarnation();
    let waiter = outbox.wait_beyond(incarnation, Lane::Changes, 0);
    let (heard, _) = tokio::join!(waiter, append(&outbox, change()));
    assert_eq!(heard, Some(1));
    assert_eq!(outbox.wait_beyond(incarnation + 1, Lane::Changes, 1).await, None);
    outbox.close().await;
    assert_eq!(outbox.wait_beyond(incarnation, Lane::Changes, 1).await, None);
}

#[tokio::test]
async fn a_full_spool_merges_windows_before_it_drops_any() {
    let place = Place::new();
    let outbox = place.open_small(50_000);
    for minute in 0..100 {
        append(&outbox, window(minute, 100)).await.unwrap();
        assert!(outbox.stats().bytes <= 50_000, "{:?}", outbox.stats());
    }
    assert_eq!(outbox.stats().dropped_reports, 0);
    let reports = waiting(&outbox, Lane::Telemetry).await;
    let mut minutes = 0;
    for report in &reports {
        let ReportBody::QueryStats(stats) = &report.body else { panic!("{report:?}") };
        let length = (stats.window_end.0 - stats.window_start.0) / MINUTE;
        assert_eq!(stats.window_start, Timestamp(minutes * MINUTE), "windows follow each other");
        assert!(stats.rows.iter().all(|row| row.calls == u64::try_from(length).unwrap()));
        minutes += length;
    }
    assert_eq!(minutes, 100);
    outbox.close().await;
}

#[tokio::test]
async fn what_was_handed_out_is_never_merged() {
    let place = Place::new();
    let outbox = place.open_small(40_000);
    for minute in 0..5 {
        append(&outbox, window(minute, 100)).await.unwrap();
    }
    let handed_out = outbox.next(Lane::Telemetry, 0, 3).await.unwrap();
    for minute in 5..40 {
        append(&outbox, window(minute, 100)).await.unwrap();
    }
    assert_eq!(outbox.stats().dropped_reports, 0);
    let again = outbox.next(Lane::Telemetry, 0, 3).await.unwrap();
    assert!(handed_out == again, "a report was changed");
    outbox.close().await;
}

#[tokio::test]
async fn a_spool_that_cannot_merge_drops_the_oldest_and_says_so_in_one_gap() {
    let place = Place::new();
    let outbox = place.open_small(20_000);
    append(&outbox, change()).await.unwrap();
    for _ in 0..100 {
        append(&outbox, text(1_000)).await.unwrap();
        assert!(outbox.stats().bytes <= 20_100, "{:?}", outbox.stats());
    }
    let stats = outbox.stats();
    assert_eq!(stats.forgotten, stats.dropped_reports);
    let reports = waiting(&outbox, Lane::Telemetry).await;
    let gaps = gaps(&reports);
    assert_eq!(gaps.len(), 1, "one gap that grows");
    assert_eq!(gaps[0].dropped_reports, stats.dropped_reports);
    assert_eq!(gaps[0].reason, GapReason::SpoolFull);
    let numbers = numbers(&reports);
    assert_eq!(reports.len() as u64 - 1 + stats.dropped_reports, 100);
    assert_eq!(numbers.last(), Some(&101), "the newest is kept");
    assert_eq!(waiting(&outbox, Lane::Changes).await.len(), 1, "changes are never dropped");

    // A gap that may have left this host is not changed any more: the next one is another.
    for _ in 0..100 {
        append(&outbox, text(1_000)).await.unwrap();
    }
    let dropped: u64 =
        self::gaps(&waiting(&outbox, Lane::Telemetry).await).iter().map(|gap| gap.dropped_reports).sum();
    assert_eq!(dropped, outbox.stats().dropped_reports);
    outbox.close().await;
}

#[tokio::test]
async fn change_reports_have_their_own_room_and_fail_loudly_beyond_it() {
    let place = Place::new();
    let outbox = place.open_small(20_000);
    for _ in 0..40 {
        append(&outbox, text(1_000)).await.unwrap();
    }
    let mut taken = 0;
    let full = loop {
        match append(&outbox, change()).await {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, OutboxError::ChangesFull));
    assert!(taken > 20, "{taken}");
    assert_eq!(waiting(&outbox, Lane::Changes).await.len(), taken);
    outbox.acknowledge(Lane::Changes, 5).await;
    append(&outbox, change()).await.unwrap();
    outbox.close().await;
}

#[tokio::test]
async fn a_report_longer_than_a_frame_is_refused_and_the_others_of_its_commit_are_not() {
    let place = Place::new();
    let outbox = place.open();
    let (long, short) = tokio::join!(append(&outbox, text(5 << 20)), append(&outbox, sample()));
    assert!(matches!(long, Err(OutboxError::TooLong { .. })), "{long:?}");
    assert_eq!(short.unwrap(), 1);
    outbox.close().await;
}

#[tokio::test]
async fn a_report_that_was_set_aside_is_kept_and_not_sent() {
    let place = Place::new();
    let outbox = place.open();
    for _ in 0..3 {
        append(&outbox, sample()).await.unwrap();
    }
    outbox.set_aside(Lane::Telemetry, 2).await;
    outbox.set_aside(Lane::Telemetry, 77).await;
    assert_eq!(numbers(&waiting(&outbox, Lane::Telemetry).await), [1, 3]);
    assert_eq!(outbox.stats().reports, 2);
    outbox.close().await;
}

#[tokio::test]
async fn an_old_copy_of_the_state_gives_no_number_again() {
    let place = Place::new();
    let outbox = place.open();
    append(&outbox, sample()).await.unwrap();
    // The controller has nine of this incarnation: this file is older than they are.
    outbox.acknowledge(Lane::Telemetry, 9).await;
    assert_eq!(append(&outbox, sample()).await.unwrap(), 11, "10 is the gap");
    let reports = waiting(&outbox, Lane::Telemetry).await;
    assert_eq!(gaps(&reports)[0].reason, GapReason::SpoolDamaged);
    assert_eq!(gaps(&reports)[0].dropped_reports, 1);
    outbox.close().await;
}

#[tokio::test]
async fn an_emptied_file_shrinks_when_it_is_quiet() {
    let place = Place::new();
    let outbox = place.open();
    for _ in 0..40 {
        append(&outbox, text(500_000)).await.unwrap();
    }
    let full = fs::metadata(place.file()).unwrap().len();
    outbox.acknowledge(Lane::Telemetry, 40).await;
    let begun = std::time::Instant::now();
    while fs::metadata(place.file()).unwrap().len() > full / 4 {
        assert!(begun.elapsed() < Duration::from_secs(30), "the file stays at {full} bytes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(append(&outbox, sample()).await.unwrap(), 41);
    outbox.close().await;
}
