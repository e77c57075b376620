//! The views that carry the earlier system's names.

use sqlx::{AssertSqlSafe, Row};

use crate::api_ground::Web;
use crate::api_seed::Seed;

/// The earlier tables with the columns that its users know.
const VIEWS: [(&str, &str); 7] = [
    (
        "connections",
        "id name engine host port database username password_encrypted ssl_enabled monitoring_enabled created_at \
         updated_at last_monitored_at",
    ),
    (
        "queries",
        "id connection_id query_hash sql_text avg_exec_time_ms total_exec_time_ms calls rows_returned buffer_hits \
         buffer_reads discovered_at last_seen_at optimized",
    ),
    (
        "optimizations",
        "id query_id connection_id original_sql optimized_sql execution_plan explanation recommendations \
         estimated_improvement_pct status created_at applied_at validated_at detected_issues",
    ),
    (
        "query_issues",
        "id query_id optimization_id connection_id issue_type severity title description affected_objects \
         recommendations metrics detected_at resolved resolved_at",
    ),
    (
        "optimization_feedback",
        "id optimization_id connection_id before_metrics after_metrics actual_improvement_pct \
         estimated_improvement_pct accuracy_score applied_at measured_at feedback_status dba_rating dba_comments",
    ),
    (
        "workload_metrics",
        "id connection_id timestamp total_queries avg_exec_time cpu_usage io_usage memory_usage active_connections \
         slow_queries_count workload_type",
    ),
    (
        "index_recommendations",
        "id connection_id table_name index_name columns index_type recommendation_type estimated_benefit \
         estimated_cost usage_count last_used_at status reason created_at applied_at schema_name size_bytes scans",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_earlier_names_can_be_read() {
    let web = Web::start().await;
    Seed::sow(&web.ground).await;
    let pool = &web.ground.store.pool;
    for (view, columns) in VIEWS {
        let columns: Vec<&str> = columns.split_whitespace().collect();
        let found: Vec<String> = sqlx::query_scalar(
            "SELECT column_name::text FROM information_schema.columns
             WHERE table_schema = 'compat' AND table_name = $1 ORDER BY ordinal_position",
        )
        .bind(view)
        .fetch_all(pool)
        .await
        .unwrap();
        assert_eq!(found, columns, "{view}");
        let rows =
            sqlx::query(AssertSqlSafe(format!("SELECT * FROM compat.{view}"))).fetch_all(pool).await.unwrap();
        assert!(!rows.is_empty(), "{view} has no row");
        assert_eq!(rows[0].len(), columns.len());
    }
    let gain: f64 =
        sqlx::query_scalar("SELECT max(actual_improvement_pct) FROM compat.optimization_feedback")
            .fetch_one(pool)
            .await
            .unwrap();
    assert!((gain - 90.0).abs() < 1e-9, "{gain}");
    // The views are what they show: a query that was optimised says so.
    assert_eq!(web.ground.count("SELECT count(*) FROM compat.queries WHERE optimized").await, 1);
}
