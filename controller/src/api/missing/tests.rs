use querysmith_shared::observation::collector::Problem;
use uuid::Uuid;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn collector(name: &str, outcome: CollectorOutcome, problems: Vec<Problem>) -> CollectorStatus {
    CollectorStatus {
        name: name.into(),
        interval_ms: 15_000,
        timeout_ms: 10_000,
        last_run: None,
        last_success: None,
        last_duration_ms: 3,
        rows: 0,
        outcome,
        problems,
    }
}

fn no_extension() -> Problem {
    Problem {
        message: "pg_stat_statements is not installed in shop".into(),
        remedy: Some("CREATE EXTENSION pg_stat_statements".into()),
        database: Some("shop".into()),
    }
}

fn instance(last_report: Option<i64>, collectors: Vec<CollectorStatus>) -> InstanceRow {
    InstanceRow {
        id: Uuid::nil(),
        name: "main".into(),
        environment: String::new(),
        engine: "postgresql".into(),
        version: "15.4".into(),
        agent_id: Uuid::nil(),
        agent_revoked: false,
        in_recovery: false,
        first_seen_at: now() - TimeDelta::hours(5),
        last_report_at: last_report.map(|ago_s| now() - TimeDelta::seconds(ago_s)),
        collectors,
        system_identifier: None,
        databases: Vec::new(),
        may_apply: true,
        approvers: Vec::new(),
        open_findings: 0,
    }
}

#[test]
fn a_missing_extension_is_named_with_its_remedy() {
    let lacking = collector("query_stats", CollectorOutcome::Failed, vec![no_extension()]);
    let text = reason(&instance(Some(1), vec![lacking.clone()]), Wanting::Statements);
    assert_eq!(
        text,
        "pg_stat_statements is not installed in shop. To mend it: CREATE EXTENSION pg_stat_statements"
    );
    let (status, why) = standing(&instance(Some(1), vec![lacking]), true, now());
    assert_eq!(status, InstanceStatus::Degraded);
    assert!(
        why.is_some_and(|why| why.contains("Incomplete: query_stats.") && why.contains("CREATE EXTENSION"))
    );
}

#[test]
fn every_standing_has_its_reason() {
    let fine = collector("query_stats", CollectorOutcome::Complete, Vec::new());
    let check = |row: InstanceRow, connected, expected| {
        let (status, why) = standing(&row, connected, now());
        assert_eq!(status, expected, "{why:?}");
        assert_eq!(why.is_none(), expected == InstanceStatus::Ok, "{why:?}");
    };
    check(instance(Some(5), vec![fine.clone()]), true, InstanceStatus::Ok);
    check(instance(Some(600), vec![fine.clone()]), true, InstanceStatus::Silent);
    check(instance(Some(600), vec![fine.clone()]), false, InstanceStatus::Silent);
    check(instance(None, Vec::new()), true, InstanceStatus::Waiting);
    check(
        InstanceRow { agent_revoked: true, ..instance(Some(5), vec![fine]) },
        false,
        InstanceStatus::Silent,
    );
}

#[test]
fn only_what_could_have_come_is_missed() {
    let row = |first_seen_s: i64, covered_s: f64| CoverageRow {
        instance_id: Uuid::nil(),
        name: "main".into(),
        first_seen_at: now() - TimeDelta::seconds(first_seen_s),
        covered_s,
        evictions: 0,
        capacity: 5_000,
        was_reset: false,
    };
    let of = |row: CoverageRow| coverage(&[row], now() - TimeDelta::hours(1), now(), now());
    assert_eq!(of(row(86_400, 3_540.0)), (1.0, None));
    assert_eq!(of(row(660, 540.0)), (1.0, None));
    let (fraction, reason) = of(row(86_400, 1_770.0));
    assert!((fraction - 0.5).abs() < 1e-9);
    assert_eq!(reason.as_deref(), Some("main: no statistics for 30 min of this stretch."));
    let (_, reason) = of(CoverageRow { evictions: 7, was_reset: true, ..row(86_400, 3_540.0) });
    assert!(
        reason.is_some_and(|reason| reason.contains("pg_stat_statements.max") && reason.contains("reset"))
    );
    assert_eq!(coverage(&[], now(), now(), now()), (1.0, None));
}
