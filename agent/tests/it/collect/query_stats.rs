//! Statement statistics: windows, texts, what is left out, what survives.

use agent::collect::collector::Collector;
use querysmith_shared::observation::query_stats::MAX_TEXT_BYTES;

use super::stage::{Stage, row_of, run};

#[tokio::test]
async fn a_window_holds_what_was_done_in_it_and_nothing_else() {
    let stage = Stage::set().await;
    let mut app = stage.as_app().await;
    run(&mut app, "SELECT count(*) FROM orders WHERE status = 'before the first reading'").await;
    stage.begin().await;
    for customer in 0..5 {
        run(&mut app, &format!("SELECT note FROM orders WHERE customer_id = {customer}")).await;
    }
    run(&mut app, "BEGIN").await;
    run(&mut app, "SET work_mem = '5MB'").await;
    run(&mut app, "COMMIT").await;
    let (windows, texts) = stage.window().await;
    let row = row_of(&windows, &texts, "SELECT note FROM orders WHERE customer_id = $1").unwrap();
    assert_eq!((row.calls, row.rows), (5, 50));
    assert!(row.total_ms > 0.0 && row.blocks_hit > 0, "{row:?}");
    assert!(row.sum_squares_ms2 >= row.total_ms * row.total_ms / 5.0, "{row:?}");
    // Neither the agent's own statements nor transaction control are workload.
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert_eq!((texts[0].database.as_str(), texts[0].user.as_str()), ("shop", "app"));
    assert_eq!(windows[0].rows.len(), 1);
    assert!(windows[0].window_start < windows[0].window_end);
    assert!(windows[0].coverage.tracked > 0 && windows[0].coverage.capacity == 5000);

    // The next window joins the first, and the text is not sent again.
    run(&mut app, "SELECT note FROM orders WHERE customer_id = 7").await;
    let (next, texts) = stage.window().await;
    assert_eq!(next[0].window_start, windows[0].window_end);
    assert_eq!(next[0].rows.iter().map(|row| row.calls).collect::<Vec<_>>(), [1]);
    assert!(texts.is_empty(), "{texts:?}");
}

#[tokio::test]
async fn the_agents_own_statements_are_left_out_even_of_a_shared_role() {
    let stage = Stage::set_with(super::stage::options(), |config| {
        let url = config.url.as_ref().unwrap().expose().replace("querysmith_read", "postgres");
        config.url = Some(querysmith_configuration::secret::Secret::new(url));
    })
    .await;
    stage.begin().await;
    for collector in [Collector::Settings, Collector::Activity, Collector::Schema, Collector::Usage] {
        stage.collect(collector).await;
    }
    stage.kept.take();
    let (windows, texts) = stage.window().await;
    assert!(texts.is_empty() && windows[0].rows.is_empty(), "{texts:?}");
}

#[tokio::test]
async fn a_reset_is_seen_and_nothing_becomes_negative() {
    let stage = Stage::set().await;
    let mut app = stage.as_app().await;
    for _ in 0..10 {
        run(&mut app, "SELECT count(*) FROM orders").await;
    }
    stage.begin().await;
    stage.cluster.execute("shop", "SELECT pg_stat_statements_reset()").await.unwrap();
    run(&mut app, "SELECT count(*) FROM orders").await;
    let (windows, texts) = stage.window().await;
    let row = row_of(&windows, &texts, "SELECT count(*) FROM orders").unwrap();
    assert_eq!(row.calls, 1);
    assert!(windows[0].coverage.reset);
}

#[tokio::test]
async fn evictions_are_counted_and_calls_never_twice() {
    let options =
        querysmith_tests::cluster::options::Options { statements_max: 100, ..super::stage::options() };
    let stage = Stage::set_with(options, |_| {}).await;
    stage.begin().await;
    let mut app = stage.as_app().await;
    // As many statements as there are lengths of the list.
    for columns in 1..=300 {
        run(&mut app, &format!("SELECT 1{}", ", 1".repeat(columns))).await;
    }
    let (windows, _) = stage.window().await;
    let coverage = windows[0].coverage;
    assert!(coverage.evictions > 0 && coverage.capacity == 100 && !coverage.reset, "{coverage:?}");
    let calls: u64 = windows.iter().flat_map(|window| &window.rows).map(|row| row.calls).sum();
    assert!(calls <= 300, "{calls}");
}

#[tokio::test]
async fn a_restart_of_the_server_loses_no_statement_and_counts_none_twice() {
    let mut stage = Stage::set().await;
    let mut app = stage.as_app().await;
    for _ in 0..10 {
        run(&mut app, "SELECT count(*) FROM orders").await;
    }
    stage.begin().await;
    stage.cluster.stop_fast().unwrap();
    assert!(stage.try_collect(Collector::QueryStats).await.is_err());
    stage.cluster.start_again().unwrap();
    let mut app = stage.as_app().await;
    run(&mut app, "SELECT count(*) FROM orders").await;
    let (windows, texts) = stage.window().await;
    assert_eq!(row_of(&windows, &texts, "SELECT count(*) FROM orders").unwrap().calls, 1);

    // A crash loses the server's counters, all of them.
    stage.cluster.kill().unwrap();
    stage.cluster.start_again().unwrap();
    let mut app = stage.as_app().await;
    run(&mut app, "SELECT count(*) FROM orders").await;
    assert!(stage.try_collect(Collector::QueryStats).await.is_err());
    let (windows, _) = stage.window().await;
    let calls: Vec<u64> = windows[0].rows.iter().map(|row| row.calls).collect();
    assert_eq!((calls, windows[0].coverage.reset), (vec![1], true));
}

#[tokio::test]
async fn a_full_disk_makes_the_next_window_longer() {
    let stage = Stage::set().await;
    stage.begin().await;
    let mut app = stage.as_app().await;
    run(&mut app, "SELECT count(*) FROM orders").await;
    stage.kept.limit(Some(0));
    assert!(stage.try_collect(Collector::QueryStats).await.is_err());
    run(&mut app, "SELECT count(*) FROM orders").await;
    stage.kept.limit(None);
    let (windows, texts) = stage.window().await;
    assert_eq!(row_of(&windows, &texts, "SELECT count(*) FROM orders").unwrap().calls, 2);
}

#[tokio::test]
async fn texts_of_any_kind_are_survived_and_stripped() {
    let stage = Stage::set().await;
    stage.begin().await;
    let mut app = stage.as_app().await;
    run(
        &mut app,
        &format!("SELECT count(*) FROM orders WHERE note IN ('{}')", "canary4711', '".repeat(60_000)),
    )
    .await;
    run(&mut app, "DO $$ BEGIN PERFORM 'canary4711'; END $$").await;
    run(&mut app, r"SELECT E'canary4711\u0001\\000', U&'canary4711\0041', $x$canary4711$x$").await;
    run(&mut app, "CREATE TABLE t_4711 (a text DEFAULT 'canary4711')").await;
    run(&mut app, "/* canary4711 */ SELECT 1 -- canary4711").await;
    let (windows, texts) = stage.window().await;
    assert!(windows[0].rows.len() >= 5, "{windows:?}");
    for text in &texts {
        assert!(!text.text.contains("canary4711"), "{}", text.text);
        assert!(text.text.len() <= MAX_TEXT_BYTES, "{}", text.text.len());
    }
    assert!(texts.iter().any(|text| text.truncated));
}

#[tokio::test]
async fn without_the_extension_or_the_grant_it_says_what_is_missing() {
    let stage = Stage::set().await;
    stage
        .cluster
        .execute("shop", "DROP EXTENSION pg_stat_statements; REVOKE pg_monitor FROM querysmith_read")
        .await
        .unwrap();
    let server = stage.collect(Collector::Server).await;
    let remedies: Vec<_> = server.problems.iter().filter_map(|problem| problem.remedy.as_deref()).collect();
    assert!(remedies.contains(&"GRANT pg_monitor TO \"querysmith_read\""), "{remedies:?}");
    let statements = stage.collect(Collector::QueryStats).await;
    assert_eq!(statements.problems[0].remedy.as_deref(), Some("CREATE EXTENSION pg_stat_statements"));
    assert_eq!(statements.problems[0].database.as_deref(), Some("shop"));

    // What the remedies mend is mended without a restart of the agent.
    for remedy in ["CREATE EXTENSION pg_stat_statements", "GRANT pg_monitor TO querysmith_read"] {
        stage.cluster.execute("shop", remedy).await.unwrap();
    }
    assert!(stage.collect(Collector::Server).await.problems.is_empty());
    assert!(stage.collect(Collector::QueryStats).await.problems.is_empty());
}

#[tokio::test]
async fn one_text_that_can_not_be_converted_costs_no_counters() {
    let options = querysmith_tests::cluster::options::Options {
        statements_track: "all".to_owned(),
        ..super::stage::options()
    };
    let stage = Stage::set_with(options, |_| {}).await;
    let create = "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    stage.cluster.execute("postgres", create).await.unwrap();
    stage.begin().await;
    // SELECT 1 AS "a\xff": no UTF-8.
    let odd = r"DO $$ BEGIN EXECUTE convert_from('\x53454c4543542031204153202261ff22', 'SQL_ASCII'); END $$";
    stage.cluster.execute("ascii", odd).await.unwrap();
    let mut app = stage.as_app().await;
    run(&mut app, "SELECT count(*) FROM orders").await;
    // The first runs hope that it passes; the window grows meanwhile.
    for _ in 0..2 {
        let error = stage.try_collect(Collector::QueryStats).await.unwrap_err().to_string();
        assert!(error.contains("encoding") && error.contains("22021"), "{error}");
    }
    run(&mut app, "SELECT count(*) FROM orders").await;
    let collected = stage.collect(Collector::QueryStats).await;
    assert!(collected.problems[0].message.contains("texts of new statements can't be read"), "{collected:?}");
    let bodies = stage.kept.take();
    let [querysmith_shared::wire::report::ReportBody::QueryStats(window)] = &bodies[..] else {
        panic!("{bodies:?}")
    };
    assert!(window.rows.iter().any(|row| row.calls == 2), "{window:?}");
}
