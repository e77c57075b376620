//! What is over: a resolved finding, a confirmed change with its outcome, a mark, a gap, a job's last run.

use chrono::TimeDelta;
use querysmith_advice::interval::Interval;
use querysmith_advice::learn::model::Model;
use querysmith_controller::store::Store;
use querysmith_shared::id::{ChangeId, FindingId, InstanceId};
use uuid::Uuid;

use super::decided::{change, proposal};
use super::document;

pub(super) async fn history(store: &Store, instance: InstanceId, trial: ChangeId) {
    let kept = FindingId(Uuid::now_v7());
    sqlx::query(
        "INSERT INTO finding (finding_id, instance_id, kind, severity, title, summary, advice, evidence, first_seen_at,
                              last_seen_at, resolved_at)
         VALUES ($1, $2, 'unused_index', 'low', 'a spare index', 's', 'a', '[]', now(), now(), now())",
    )
    .bind(kept.0)
    .bind(instance.0)
    .execute(&store.pool)
    .await
    .unwrap();
    let confirmed = proposal(store, instance, kept, "approved", TimeDelta::days(1)).await;
    let confirmed = change(store, &confirmed, "confirmed").await;
    sqlx::query(
        "INSERT INTO change_event (change_id, at, received_at, actor, state, detail, sql, duration_ms)
         VALUES ($1, now(), now(), 'person', 'approved', 'approved by mara', NULL, NULL),
                ($1, now(), now(), 'agent', 'trial', 'read back', 'CREATE INDEX', 900)",
    )
    .bind(trial.0)
    .execute(&store.pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO outcome (change_id, instance_id, kind, model_version, predicted, realised, covered, accuracy,
                              verdict, measured_at, body)
         VALUES ($1, $2, 'create_index', 1, $3, $3, true, 0.9, 'helped', now(), '{}')",
    )
    .bind(confirmed.0)
    .bind(instance.0)
    .bind(document(&Interval { estimate: -0.9, low: -0.95, high: -0.8 }))
    .execute(&store.pool)
    .await
    .unwrap();
    let model = Model { version: 2, trained_on: 1, ..Model::default() };
    sqlx::query("INSERT INTO model (version, made_at, trained_on, body) VALUES (2, now(), 1, $1)")
        .bind(document(&model))
        .execute(&store.pool)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO mark (instance_id, at, kind, label, change_id)
         VALUES ($1, now() - interval '10 minutes', 'change_applied', 'Index orders by customer_id', $2)",
    )
    .bind(instance.0)
    .bind(trial.0)
    .execute(&store.pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO telemetry_gap (agent_id, gap_from, gap_to, dropped_reports, reason)
         SELECT agent_id, now() - interval '3 hours', now() - interval '2 hours', 17, 'the spool was full'
         FROM instance
         WHERE instance_id = $1",
    )
    .bind(instance.0)
    .execute(&store.pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO job (name, schedule, last_started_at, last_finished_at, last_duration_ms, runs)
         VALUES ('detect', '*/10 * * * * *', now() - interval '2 seconds', now(), 12.5, 3)",
    )
    .execute(&store.pool)
    .await
    .unwrap();
}
