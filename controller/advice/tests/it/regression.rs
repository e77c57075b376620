//! Regressions: planted and look-alikes.

use std::time::Duration;

use querysmith_advice::detect::detect;
use querysmith_advice::evidence::{DroppedIndex, Evidence, KnownChange, OpenFinding};
use querysmith_advice::finding::{Finding, FindingKind};
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::{Change, CreateIndex, IndexKey};
use querysmith_shared::id::{ChangeId, StatementId};
use uuid::Uuid;

use crate::shop::{NOW, Run, add, add_fast, of_kind, shop, table};

const LINES: Run = Run { per_second: 3.0, mean_ms: 0.2, blocks: 16.0, rows: 3.0, since: None };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn slower_since(ago: f64, mean_ms: f64, blocks: f64) -> (Evidence, StatementId) {
    let mut evidence = shop();
    add_fast(&mut evidence);
    let id =
        add(&mut evidence, "order_lines", Run { since: Some((ago, mean_ms, blocks)), ..LINES }, &["generic"]);
    (evidence, id)
}

fn regressions(evidence: &Evidence) -> Vec<Finding> {
    of_kind(&detect(evidence), FindingKind::Regression).into_iter().cloned().collect()
}

fn drop_index(evidence: &mut Evidence, seen_until: u64, gone_at: u64) {
    let table = table(evidence, "order_items");
    let place = table.table.indexes.iter().position(|i| i.name == "order_items_order_id_idx").unwrap();
    let index = table.table.indexes.remove(place);
    let name = table.table.name.clone();
    evidence.dropped_indexes.push(DroppedIndex {
        database: "shop".into(),
        table: name,
        index,
        seen_until: NOW.before(seconds(seen_until)),
        gone_at: NOW.before(seconds(gone_at)),
    });
}

#[test]
fn planted_ones_are_found() {
    for (what, ago, mean, blocks) in [
        ("an index gone half a minute ago", 30.0, 150.0, 25_010.0),
        ("within a window", 37.0, 150.0, 25_010.0),
        ("an index gone a minute ago", 60.0, 150.0, 25_010.0),
        ("ten minutes ago", 600.0, 150.0, 25_010.0),
        ("four times, two minutes ago", 120.0, 0.8, 70.0),
        ("twice, ten minutes ago", 600.0, 0.4, 35.0),
        ("by waits alone, four times", 240.0, 40.0, 16.0),
    ] {
        let (mut evidence, id) = slower_since(ago, mean, blocks);
        // Small times are worth a finding here.
        evidence.thresholds.regression.least_lost_ms_per_hour = 100.0;
        let found = regressions(&evidence);
        assert_eq!(found.len(), 1, "{what}: {found:#?}");
        assert_eq!(found[0].statement, Some(id));
    }
}

#[test]
fn the_cause_is_named() {
    let (mut evidence, _) = slower_since(60.0, 150.0, 25_010.0);
    assert!(regressions(&evidence)[0].summary.contains("by the same plan as far as is known"));
    drop_index(&mut evidence, 90, 30);
    let found = regressions(&evidence);
    assert!(
        found[0].summary.contains("order_items_order_id_idx on public.order_items"),
        "{}",
        found[0].summary
    );
    assert!(found[0].advice.contains("CREATE INDEX order_items_order_id_idx"), "{}", found[0].advice);
    assert_eq!(found[0].lost_index.as_deref(), Some("order_items_order_id_idx"));

    // Not yet missed in the schema, but the new plan is known.
    let mut evidence = shop();
    add_fast(&mut evidence);
    let run = Run { since: Some((60.0, 150.0, 25_010.0)), ..LINES };
    add(&mut evidence, "order_lines", run, &["generic", "broken"]);
    let plans = &mut evidence.statements.last_mut().unwrap().plans;
    plans[1].origin = plans[0].origin;
    plans[1].first_seen = NOW.before(seconds(40));
    plans[1].last_seen = NOW.before(seconds(10));
    let found = regressions(&evidence);
    assert!(found[0].summary.contains("no longer uses order_items_order_id_idx"), "{}", found[0].summary);

    let activity = table(&mut evidence, "order_items").activity.as_mut().unwrap();
    activity.last_analyze = None;
    activity.last_autoanalyze = Some(NOW.before(seconds(70)));
    let found = regressions(&evidence);
    assert!(
        found[0].summary.contains("Statistics of public.order_items were gathered"),
        "{}",
        found[0].summary
    );

    // Waits: as many blocks as before.
    let (evidence, _) = slower_since(240.0, 40.0, 16.0);
    assert!(regressions(&evidence)[0].summary.contains("it waits"), "{:#?}", regressions(&evidence));
}

#[test]
fn an_index_that_went_at_another_time_is_not_the_cause() {
    let (mut evidence, _) = slower_since(60.0, 150.0, 25_010.0);
    drop_index(&mut evidence, 4_000, 3_900);
    assert_eq!(regressions(&evidence)[0].lost_index, None);
}

#[test]
fn look_alikes_stay_silent() {
    let check = |what: &str, evidence: &Evidence| {
        let found = regressions(evidence);
        assert!(found.is_empty(), "{what}: {found:#?}");
    };
    let mut evidence = shop();
    add_fast(&mut evidence);
    add(&mut evidence, "order_lines", LINES, &["generic"]);
    check("nothing happened", &evidence);

    check("a fifth slower", &slower_since(600.0, 0.24, 19.0).0);
    check("faster", &slower_since(600.0, 0.02, 4.0).0);
    check("one slow window", &slower_since(14.0, 150.0, 25_010.0).0);
    check("a new statement", &{
        let (mut evidence, _) = slower_since(60.0, 150.0, 25_010.0);
        let windows = &mut evidence.statements.last_mut().unwrap().windows;
        *windows = windows.split_off(windows.len() - 8);
        evidence
    });
    check("seldom called", &{
        let mut evidence = shop();
        add_fast(&mut evidence);
        let run = Run { per_second: 0.1, since: Some((60.0, 150.0, 25_010.0)), ..LINES };
        add(&mut evidence, "order_lines", run, &["generic"]);
        evidence
    });
    check("the whole server is slower", &{
        let mut evidence = shop();
        for (position, name) in
            ["product_by_sku", "product_reviews", "order_head", "customer_by_email", "order_lines"]
                .iter()
                .enumerate()
        {
            let mean = 1.0 + position as f64;
            add(
                &mut evidence,
                name,
                Run { mean_ms: mean, since: Some((300.0, mean * 4.0, 16.0)), ..LINES },
                &[],
            );
        }
        evidence
    });
    check("it has such spells now and then", &{
        let (mut evidence, _) = slower_since(60.0, 0.8, 70.0);
        for (position, window) in evidence.statements.last_mut().unwrap().windows.iter_mut().enumerate() {
            if position % 10 < 2 {
                window.total_ms = window.calls as f64 * 0.8;
            }
        }
        evidence.thresholds.regression.least_lost_ms_per_hour = 100.0;
        evidence
    });
    check("the product took its own index back", &{
        let (mut evidence, _) = slower_since(60.0, 150.0, 25_010.0);
        let name = table(&mut evidence, "order_items").table.name.clone();
        evidence.changes.push(KnownChange {
            id: ChangeId(Uuid::from_u128(1)),
            change: Change::CreateIndex(CreateIndex {
                database: "shop".into(),
                table: name,
                name: "qs_order_items_order_id_0".into(),
                keys: vec![IndexKey { column: "order_id".into(), descending: false }],
                include: Vec::new(),
            }),
            state: ChangeState::Reverted,
            state_since: NOW.before(seconds(70)),
            applied_at: None,
            verdict: None,
            evidence_digest: String::new(),
        });
        evidence
    });
}

#[test]
fn an_open_one_stays_until_it_is_over() {
    // Broken fifty minutes ago, noticed a minute later: by now most windows are slow ones.
    let (mut evidence, _) = slower_since(3_000.0, 150.0, 25_010.0);
    let first = {
        let (evidence, _) = slower_since(60.0, 150.0, 25_010.0);
        regressions(&evidence).remove(0)
    };
    evidence.open_findings.push(OpenFinding { id: first.id, first_seen: NOW.before(seconds(2_940)) });
    let found = regressions(&evidence);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].id, first.id);

    let statement = evidence.statements.last_mut().unwrap();
    let repaired = NOW.before(seconds(300));
    for window in statement.windows.iter_mut().filter(|window| window.end > repaired) {
        window.total_ms = window.calls as f64 * 0.2;
        window.blocks_hit = window.calls * 16;
    }
    assert!(regressions(&evidence).is_empty());
}

#[test]
fn one_that_comes_back_after_weeks_is_judged_anew() {
    let (mut evidence, _) = slower_since(60.0, 150.0, 25_010.0);
    let id = regressions(&evidence).remove(0).id;
    // First seen long before anything that is remembered.
    evidence.open_findings.push(OpenFinding { id, first_seen: NOW.before(seconds(90 * 86_400)) });
    let found = regressions(&evidence);
    assert_eq!(found.len(), 1);
    assert!(found[0].summary.contains("Since 60.0 s ago"), "{}", found[0].summary);
    // Within the week, but there is no baseline of before it.
    evidence.open_findings[0].first_seen = NOW.before(seconds(4 * 86_400));
    assert_eq!(regressions(&evidence).len(), 1);
}

/// A restart under heavy load: for a minute everything is slow, cheap statements most of all, and their pages have
/// yet to be pruned.
fn restarted(ago: f64) -> Evidence {
    let mut evidence = shop();
    for (name, mean_ms, slow_ms, blocks, slow_blocks) in [
        ("product_by_sku", 0.08, 0.98, 4.0, 7.0),
        ("order_head", 0.09, 0.30, 4.0, 5.0),
        ("product_reviews", 1.0, 1.8, 20.0, 21.0),
        ("customer_by_email", 2.0, 3.5, 60.0, 60.0),
        ("order_lines", 4.0, 7.5, 90.0, 91.0),
        ("sales_by_product", 900.0, 1_500.0, 25_000.0, 25_000.0),
    ] {
        let per_second = if mean_ms > 100.0 { 0.5 } else { 40.0 };
        let run = Run { per_second, mean_ms, blocks, rows: 1.0, since: Some((ago, slow_ms, slow_blocks)) };
        add(&mut evidence, name, run, &[]);
    }
    evidence
}

#[test]
fn a_minute_in_which_the_whole_server_is_slow_blames_no_statement() {
    for ago in [30.0, 60.0, 300.0] {
        let mut evidence = restarted(ago);
        evidence.thresholds.regression.least_lost_share = 0.001;
        let found = regressions(&evidence);
        assert!(found.is_empty(), "{ago}: {found:#?}");
    }
}

#[test]
fn what_slows_the_whole_server_down_is_still_found_and_nothing_else_is() {
    let mut evidence = restarted(45.0);
    let broken = Run { since: Some((45.0, 150.0, 25_010.0)), ..LINES };
    let id = add(&mut evidence, "customer_totals", broken, &[]);
    let found = regressions(&evidence);
    assert_eq!(found.iter().map(|finding| finding.statement).collect::<Vec<_>>(), [Some(id)], "{found:#?}");
}

#[test]
fn a_slow_minute_of_the_past_hides_nothing_of_now() {
    let mut evidence = restarted(0.0);
    for statement in &mut evidence.statements {
        let spell = NOW.before(seconds(600))..NOW.before(seconds(480));
        for window in statement.windows.iter_mut().filter(|window| spell.contains(&window.start)) {
            window.total_ms *= 4.0;
        }
    }
    let broken = Run { since: Some((60.0, 40.0, 16.0)), ..LINES };
    let id = add(&mut evidence, "customer_totals", broken, &[]);
    let found = regressions(&evidence);
    assert_eq!(found.iter().map(|finding| finding.statement).collect::<Vec<_>>(), [Some(id)], "{found:#?}");
}

#[test]
fn a_little_time_lost_is_no_finding() {
    // Twelve times slower: 0.9 ms, five times a second, of a server that is busy with other things.
    let mut evidence = shop();
    add_fast(&mut evidence);
    let run = Run { per_second: 5.0, mean_ms: 0.08, blocks: 4.0, rows: 1.0, since: Some((60.0, 0.98, 60.0)) };
    add(&mut evidence, "order_lines", run, &["generic"]);
    assert!(regressions(&evidence).is_empty());
    evidence.thresholds.regression.least_lost_ms_per_hour = 10_000.0;
    assert_eq!(regressions(&evidence).len(), 1);
    // A thousandth of the time of a server that is busier still.
    add(&mut evidence, "sales_by_product", Run::new(2.0, 900.0, 25_000.0, 20.0), &["generic"]);
    assert!(regressions(&evidence).is_empty());
}
