//! Lists: pages that neither repeat nor skip, totals that agree, filters that filter, refusals that name what
//! they refuse.

use std::collections::BTreeSet;

use querysmith_controller::store::people::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_ground::{Client, Web};
use crate::api_seed::{CONTROL, HOT, Seed, this_minute};

/// Every row of a list by `limit`, with the total that each page told.
async fn all(client: &Client, path: &str, limit: usize) -> (Vec<Value>, BTreeSet<i64>) {
    let (mut rows, mut totals) = (Vec::new(), BTreeSet::new());
    let mut cursor = String::new();
    loop {
        let page = client.get(&format!("{path}limit={limit}{cursor}")).await.good();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        rows.extend(items.iter().cloned());
        totals.insert(page["total"].as_i64().unwrap());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (rows, totals),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_neither_repeat_nor_skip() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let client = web.program(Role::Admin).await;
    // Many statements of equal cost: only the key tells them apart.
    sqlx::query(
        "INSERT INTO statement (instance_id, statement_id, database, user_name, text, first_seen_at, last_seen_at)
         SELECT $1, 1000 + n, 'shop', 'shop', 'SELECT ' || n, now(), now() FROM generate_series(1, 100) AS n",
    )
    .bind(seed.instance.0)
    .execute(&web.ground.store.pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO query_stats_minute (instance_id, statement_id, minute, calls, row_count, total_ms, sum_squares_ms2,
                                         blocks_hit, blocks_read, temp_blocks_read, temp_blocks_written, io_ms, wal_bytes)
         SELECT $1, 1000 + n, $2 - m * interval '1 minute', 3, 3, 0.1 + n % 3, 1, 1, 1, 0, 0, 0, 0
         FROM generate_series(1, 100) AS n, generate_series(1, 5) AS m",
    )
    .bind(seed.instance.0)
    .bind(this_minute())
    .execute(&web.ground.store.pool)
    .await
    .unwrap();
    for sort in ["time_share", "mean", "calls", "blocks"] {
        for desc in [true, false] {
            let (rows, totals) = all(&client, &format!("/api/v1/queries?sort={sort}&desc={desc}&"), 7).await;
            let ids: BTreeSet<&str> = rows.iter().map(|row| row["statement_id"].as_str().unwrap()).collect();
            assert_eq!((rows.len(), ids.len(), totals), (102, 102, BTreeSet::from([102])), "{sort} {desc}");
            let field = match sort {
                "mean" => "mean_ms",
                "calls" => "calls",
                "blocks" => "blocks_per_call",
                _ => "total_ms",
            };
            let values: Vec<f64> = rows.iter().map(|row| row[field].as_f64().unwrap()).collect();
            let in_order =
                values.is_sorted_by(|a, b| if desc { a >= &(b - 0.001) } else { a <= &(b + 0.001) });
            assert!(in_order, "{sort} {desc}: {values:?}");
        }
    }
    let (settings, totals) =
        all(&client, &format!("/api/v1/instances/{}/settings?", seed.instance), 50).await;
    assert_eq!((settings.len(), totals), (120, BTreeSet::from([120])));

    // Rows that come between two pages change nothing of what follows.
    let first = client.get("/api/v1/tokens?limit=1").await.good();
    for name in ["a", "b", "c"] {
        client.post("/api/v1/tokens", &json!({ "name": name, "role": "viewer" })).await.good();
    }
    assert_eq!(first["next_cursor"], Value::Null);
    let (tokens, _) = all(&client, "/api/v1/tokens?", 1).await;
    assert_eq!(tokens.len(), 4);
    let audit = client.get("/api/v1/audit?limit=1").await.good();
    client.post("/api/v1/tokens", &json!({ "name": "d", "role": "viewer" })).await.good();
    let cursor = audit["next_cursor"].as_str().unwrap();
    let next = client.get(&format!("/api/v1/audit?limit=1&cursor={cursor}")).await.good();
    assert_eq!(
        (audit["items"][0]["subject"].as_str(), next["items"][0]["subject"].as_str()),
        (Some("c"), Some("b"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_is_what_was_stored() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let client = web.program(Role::Viewer).await;
    let get = async |path: String| client.get(&path).await.good();
    let Seed { instance, .. } = &seed;

    let queries = get("/api/v1/queries".into()).await;
    let hot = &queries["items"][0];
    assert_eq!(hot["statement_id"], HOT.to_string());
    assert!((hot["time_share"].as_f64().unwrap() - 0.75).abs() < 1e-9, "{hot}");
    assert!((hot["mean_ms"].as_f64().unwrap() - 300.0).abs() < 1e-9 && hot["open_findings"] == 1, "{hot}");
    assert!(hot["trend"].as_array().unwrap().len() <= 30);
    assert!(
        queries["coverage"]["fraction"].as_f64().unwrap() > 0.95 && queries["empty_reason"].is_null(),
        "{queries}"
    );
    for (filter, total) in [
        (format!("instance={instance}"), 2),
        ("search=CUSTOMERS".into(), 1),
        ("search=100%25".into(), 0),
        ("database=other".into(), 0),
        ("user=shop".into(), 2),
    ] {
        let found = get(format!("/api/v1/queries?{filter}")).await;
        assert_eq!(found["total"], total, "{filter}");
        let reason = found["empty_reason"].as_str();
        assert_eq!(
            reason,
            (total == 0).then_some("None of the 2 statements of this stretch fits the filter.")
        );
    }

    let query = get(format!("/api/v1/instances/{instance}/queries/{HOT}")).await;
    assert!(query["latency"].as_array().unwrap().len() >= 59, "{}", query["latency"]);
    assert!(
        (query["latency"][0]["stddev_ms"].as_f64().unwrap() - 300.0).abs() < 1e-6,
        "{}",
        query["latency"][0]
    );
    assert_eq!(query["plans"][0]["shape_hash"], "ffffffffffffffff");
    assert_eq!(query["findings"][0]["id"], seed.finding.to_string());
    assert_eq!(query["changes"].as_array().unwrap().len(), 2);
    assert_eq!(query["marks"][0]["kind"], "change_applied");
    let node = &query["plans"][0]["explanation"]["nodes"][0];
    assert!(node["remarks"][0]["text"].as_str().unwrap().contains("Reads 1.0 million rows"), "{node}");

    let row = &get("/api/v1/instances".into()).await["items"][0];
    assert_eq!((row["status"].as_str(), row["open_findings"].as_i64()), (Some("ok"), Some(1)), "{row}");
    assert!((row["db_time_fraction"].as_f64().unwrap() - 40.0 / 60.0).abs() < 0.01, "{row}");
    assert_eq!(row["sparkline"].as_array().unwrap().len(), 60);
    let detail = get(format!("/api/v1/instances/{instance}")).await;
    assert_eq!(detail["gaps"][0]["reason"], "the spool was full (17 reports)");
    assert_eq!(detail["settings_pending_restart"], json!(["setting_005"]));
    assert_eq!(detail["host"]["cpu_count"], 8);

    for (metric, value) in
        [("db_time", 2.0 / 3.0), ("calls", 10.0 / 3.0), ("cpu", 0.25), ("connections", 14.0), ("waits", 3.0)]
    {
        let series = get(format!("/api/v1/instances/{instance}/series?metric={metric}&step_s=60")).await;
        let last = series["points"].as_array().unwrap().last().unwrap()["value"].as_f64().unwrap();
        assert!((last - value).abs() < 0.05, "{metric}: {last}");
        assert_eq!(series["series"].is_null(), !["connections", "waits"].contains(&metric), "{metric}");
        assert_eq!(series["marks"].as_array().unwrap().len(), 1, "{metric}");
    }
    let activity = get(format!("/api/v1/instances/{instance}/activity")).await;
    assert_eq!(activity["blocked"][0]["statement_id"], HOT.to_string());
    assert!(activity["blocked"][0]["query"].as_str().unwrap().starts_with("SELECT"), "{activity}");

    let unused = get(format!("/api/v1/instances/{instance}/indexes?unused=true")).await;
    assert_eq!(
        (unused["total"].as_i64(), unused["items"][0]["name"].as_str()),
        (Some(1), Some("orders_spare"))
    );
    let indexes = get(format!("/api/v1/instances/{instance}/indexes?limit=1")).await;
    assert_eq!(
        (indexes["total"].as_i64(), indexes["items"][0]["size_bytes"].as_i64()),
        (Some(2), Some(30_000_000))
    );
    let next = indexes["next_cursor"].as_str().unwrap();
    let indexes = get(format!("/api/v1/instances/{instance}/indexes?limit=1&cursor={next}")).await;
    assert_eq!(
        (indexes["items"][0]["constraint"].as_bool(), indexes["next_cursor"].clone()),
        (Some(true), Value::Null)
    );

    for (filter, total) in [
        ("state=open", 1),
        ("state=all", 2),
        ("state=resolved", 1),
        ("kind=unused_index", 0),
        ("severity=critical", 1),
    ] {
        assert_eq!(get(format!("/api/v1/findings?{filter}")).await["total"], total, "{filter}");
    }
    let about = format!("/api/v1/findings?instance={instance}&statement={HOT}");
    assert_eq!(get(about).await["items"][0]["proposal_ids"].as_array().unwrap().len(), 2);

    let summary = get("/api/v1/fleet/summary".into()).await;
    // The kept change saves 270 ms a call, and the statement is called 100 times a minute. The last hour begins within
    // a minute, which isn't counted, and another one may have passed since the seed.
    let minutes = summary["db_time_saved_ms_per_hour"].as_f64().unwrap() / (270.0 * 100.0);
    assert!([58.0, 59.0, 60.0].contains(&minutes.round()), "{summary}");
    let counts: Vec<_> = [
        "instances",
        "agents_total",
        "open_findings",
        "proposals_waiting",
        "changes_active",
        "changes_helped",
    ]
    .map(|name| summary[name].as_i64().unwrap())
    .into();
    assert_eq!(counts, [1, 1, 1, 1, 1, 2], "{summary}");
    let outcomes = get("/api/v1/outcomes/summary".into()).await;
    assert_eq!((outcomes["outcomes"].as_i64(), outcomes["model"]["version"].as_i64()), (Some(1), Some(2)));
    assert_eq!(get("/api/v1/jobs".into()).await["items"][0]["status"], "ok");

    for format in ["sql", "markdown"] {
        let text =
            client.get(&format!("/api/v1/proposals/{}/export?format={format}", seed.waiting)).await.text;
        assert!(text.contains("CREATE INDEX CONCURRENTLY") && text.contains(&seed.digest), "{text}");
    }
    assert_ne!(HOT, CONTROL);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_fleet_says_what_to_do() {
    let web = Web::start().await;
    let client = web.program(Role::Viewer).await;
    let queries = client.get("/api/v1/queries").await.good();
    assert!(queries["empty_reason"].as_str().unwrap().contains("join token"), "{queries}");
    let (_, instance) = web.ground.agent().await;
    let queries = client.get("/api/v1/queries").await.good();
    assert!(queries["empty_reason"].as_str().unwrap().contains("has not reported yet"), "{queries}");
    let activity = client.get(&format!("/api/v1/instances/{instance}/activity")).await.good();
    assert!(
        activity["at"].is_null() && activity["reason"].as_str().unwrap().contains("not reported"),
        "{activity}"
    );
    sqlx::query(
        r#"UPDATE instance SET last_report_at = now(), collectors = '[{"name": "query_stats", "interval_ms": 15000,
           "last_run": null, "last_success": null, "last_duration_ms": 1, "rows": 0, "outcome": "Failed", "problems":
           [{"message": "pg_stat_statements is not installed in shop", "remedy": "CREATE EXTENSION pg_stat_statements",
             "database": "shop"}]}]'"#,
    )
    .execute(&web.ground.store.pool)
    .await
    .unwrap();
    let queries = client.get("/api/v1/queries").await.good();
    let reason = queries["empty_reason"].as_str().unwrap();
    assert!(
        reason.contains("not installed") && reason.contains("CREATE EXTENSION pg_stat_statements"),
        "{reason}"
    );
    let row = &client.get("/api/v1/instances").await.good()["items"][0];
    assert_eq!(row["status"], "degraded");
    let summary = client.get("/api/v1/outcomes/summary").await.good();
    assert_eq!((summary["accuracy"].clone(), summary["model"]["version"].as_i64()), (Value::Null, Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_understood_is_refused_by_name() {
    let web = Web::start().await;
    let (_, instance) = web.ground.agent().await;
    let client = web.program(Role::Admin).await;
    for (path, field) in [
        ("/api/v1/findings?colour=red", Some("colour")),
        ("/api/v1/findings?limit=0", Some("limit")),
        ("/api/v1/findings?limit=201", Some("limit")),
        ("/api/v1/findings?cursor=zz", Some("cursor")),
        ("/api/v1/findings?cursor=7b7d", Some("cursor")),
        ("/api/v1/findings?statement=12", Some("statement")),
        ("/api/v1/findings?kind=nonsense", None),
        ("/api/v1/queries?from=yesterday", None),
        ("/api/v1/queries?from=2030-01-01T00:00:00Z&to=2029-01-01T00:00:00Z", Some("from")),
        ("/api/v1/queries?from=2000-01-01T00:00:00Z", Some("from")),
        ("/api/v1/queries?from=-262143-01-01T00:00:00Z&to=%2B262142-12-31T23:59:59Z", Some("from")),
    ] {
        assert_eq!(client.get(path).await.problem(400).as_deref(), field, "{path}");
    }
    let nothing = Uuid::now_v7();
    for path in [
        format!("/api/v1/findings/{nothing}"),
        "/api/v1/findings/not-an-id".into(),
        format!("/api/v1/instances/{nothing}"),
        format!("/api/v1/instances/{nothing}/series"),
        format!("/api/v1/instances/{nothing}/settings"),
        format!("/api/v1/instances/{instance}/queries/0000000000000001"),
        format!("/api/v1/instances/{instance}/queries/xyz"),
        format!("/api/v1/queries?instance={nothing}"),
        format!("/api/v1/proposals/{nothing}/export"),
        format!("/api/v1/changes/{nothing}"),
        "/api/v1/nonsense".into(),
        "/api/nonsense".into(),
    ] {
        client.get(&path).await.problem(404);
    }
    client.call("POST", "/api/v1/jobs/nonsense/run", None).await.problem(404);
    let wrong = client.call("DELETE", "/api/v1/findings", None).await;
    wrong.problem(405);
    assert_eq!(wrong.header("allow"), "GET");

    let post = |body: Vec<u8>, kind: &'static str| {
        let request =
            client.request(reqwest::Method::POST, "/api/v1/tokens").header("content-type", kind).body(body);
        client.send(request)
    };
    let unknown = post(br#"{"name": "a", "role": "viewer", "colour": 1}"#.to_vec(), "application/json").await;
    assert_eq!(unknown.problem(400).as_deref(), Some("colour"));
    assert_eq!(post(b"{".to_vec(), "application/json").await.problem(400), None);
    assert_eq!(post(b"{}".to_vec(), "application/json").await.problem(400).as_deref(), Some("name"));
    post(b"{}".to_vec(), "text/plain").await.problem(415);
    let huge = format!(r#"{{"name": "{}", "role": "viewer"}}"#, "x".repeat(1 << 20));
    post(huge.clone().into_bytes(), "application/json").await.problem(413);
    let long = format!(r#"{{"name": "{}", "role": "viewer"}}"#, "x".repeat(1_000));
    assert_eq!(post(long.into_bytes(), "application/json").await.problem(400).as_deref(), Some("name"));
    assert_eq!(web.ground.count("SELECT count(*) FROM api_token").await, 1);
}
