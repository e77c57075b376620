//! The statements, what they cost minute by minute, and a plan.

use querysmith_controller::store::Store;
use querysmith_shared::id::InstanceId;
use serde_json::json;

use super::{CONTROL, HOT, this_minute};

/// Two statements, called every minute of the last hour; the hot one takes three quarters of the time.
pub(super) async fn statistics(store: &Store, instance: InstanceId) {
    for (statement, text, database) in [
        (HOT, "SELECT * FROM orders WHERE customer_id = $1 AND status = $2", "shop"),
        (CONTROL, "SELECT * FROM customers WHERE id = $1", "shop"),
    ] {
        sqlx::query(
            "INSERT INTO statement (instance_id, statement_id, query_id, database, user_name, text, first_seen_at,
                                    last_seen_at)
             VALUES ($1, $2, $2, $3, 'shop', $4, now() - interval '2 hours', now())",
        )
        .bind(instance.0)
        .bind(statement.0)
        .bind(database)
        .bind(text)
        .execute(&store.pool)
        .await
        .unwrap();
    }
    for (statement, total_ms) in [(HOT, 30_000.0), (CONTROL, 10_000.0)] {
        sqlx::query(
            "INSERT INTO query_stats_minute (instance_id, statement_id, minute, calls, row_count, total_ms,
                                             sum_squares_ms2, blocks_hit, blocks_read, temp_blocks_read,
                                             temp_blocks_written, io_ms, wal_bytes)
             SELECT $1, $2, $3 - n * interval '1 minute', 100, 200, $4::float8, $4::float8 * $4::float8 / 50, 900, 100,
                    0, 0, 0, 0
             FROM generate_series(1, 60) AS n",
        )
        .bind(instance.0)
        .bind(statement.0)
        .bind(this_minute())
        .bind(total_ms)
        .execute(&store.pool)
        .await
        .unwrap();
    }
    sqlx::query(
        "INSERT INTO stats_window (instance_id, window_end, window_start, row_count, tracked, capacity, evictions,
                                   was_reset)
         SELECT $1, $2 - n * interval '15 seconds' + interval '14 seconds', $2 - n * interval '15 seconds' - interval '1 second',
                2, 500, 5000, 0, false
         FROM generate_series(1, 240) AS n",
    )
    .bind(instance.0)
    .bind(this_minute())
    .execute(&store.pool)
    .await
    .unwrap();
    let plan = json!([{ "Plan": { "Node Type": "Seq Scan", "Relation Name": "orders", "Schema": "public",
        "Alias": "orders", "Startup Cost": 0.0, "Total Cost": 27346.0, "Plan Rows": 12, "Plan Width": 60,
        "Filter": "((orders.customer_id = $1) AND (orders.status = $2))" } }]);
    sqlx::query(
        "INSERT INTO plan (instance_id, statement_id, origin, shape_hash, plan, total_cost, first_seen_at, last_seen_at)
         VALUES ($1, $2, 'generic', -1, $3, 27346, now() - interval '1 hour', now())",
    )
    .bind(instance.0)
    .bind(HOT.0)
    .bind(plan)
    .execute(&store.pool)
    .await
    .unwrap();
}
