//! Trials by switchback: what their agents did, what the statements did meanwhile, and what was found.

pub mod past;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use querysmith_advice::measure::switchback::live::counters::Counters;
use querysmith_advice::measure::switchback::live::health::Health;
use querysmith_advice::measure::switchback::live::standing::Standing;
use querysmith_advice::measure::switchback::live::timeline::Reported;
use querysmith_advice::measure::switchback::window::{StatementSums, StatementWindow};
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::{AgentId, ChangeId, InstanceId, StatementId};
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use super::Store;
use super::changes::Actor;
use super::value::{json, legible, moment, text, timestamp};
use crate::store::error::StoreError;

/// Most readings that are taken at once: a controller that starts in the middle of a trial takes it in portions.
const MOST_READINGS: i64 = 2_000;

/// A pause that an agent has not been told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingPause {
    /// Which agent.
    pub agent: AgentId,
    /// Which change.
    pub change: ChangeId,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

/// What one statement did in a stretch of time.
#[derive(Debug, sqlx::FromRow)]
struct SumsRow {
    statement_id: i64,
    calls: i64,
    total_ms: f64,
    sum_squares_ms2: f64,
    blocks: i64,
}

/// The same, and when that stretch ended.
#[derive(Debug, sqlx::FromRow)]
struct StatementRow {
    at: DateTime<Utc>,
    #[sqlx(flatten)]
    sums: SumsRow,
}

impl SumsRow {
    fn window(&self) -> StatementWindow {
        StatementWindow {
            id: StatementId(self.statement_id),
            calls: self.calls.unsigned_abs(),
            total_ms: self.total_ms,
            sum_squares_ms2: self.sum_squares_ms2,
            blocks: self.blocks.unsigned_abs(),
            unfinished: 0,
            unfinished_ms: 0.0,
        }
    }
}

/// Statements by the moment they belong to.
fn by_moment(rows: &[StatementRow]) -> BTreeMap<DateTime<Utc>, Vec<StatementWindow>> {
    let mut by_moment: BTreeMap<_, Vec<StatementWindow>> = BTreeMap::new();
    for row in rows {
        by_moment.entry(row.at).or_default().push(row.sums.window());
    }
    by_moment
}

impl Store {
    /// What the agent reported of a trial by switchback, oldest first.
    pub async fn trial_steps(&self, change: ChangeId) -> Result<Vec<Reported>, StoreError> {
        let rows: Vec<(DateTime<Utc>, String)> = sqlx::query_as(
            "SELECT at, trial_step::text
             FROM change_event
             WHERE change_id = $1
               AND trial_step IS NOT NULL
             ORDER BY event_id",
        )
        .bind(change.0)
        .fetch_all(&self.pool)
        .await?;
        let reported = |(at, step): (DateTime<Utc>, String)| {
            let step = legible(serde_json::from_str(&step), "step of a trial", change.0)?;
            Some(Reported { at: timestamp(at), step })
        };
        Ok(rows.into_iter().filter_map(reported).collect())
    }

    /// The readings of an instance's counters that ended after `after` and until `until`, oldest first, with these
    /// statements one by one; as many as are taken at once.
    pub async fn counters(
        &self,
        instance: InstanceId,
        statements: &[StatementId],
        after: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Counters>, StoreError> {
        let windows: Vec<(DateTime<Utc>, DateTime<Utc>, bool)> = sqlx::query_as(
            "SELECT window_start, window_end, was_reset
             FROM stats_window
             WHERE instance_id = $1
               AND window_end > $2
               AND window_end <= $3
             ORDER BY window_end
             LIMIT $4",
        )
        .bind(instance.0)
        .bind(moment(after))
        .bind(moment(until))
        .bind(MOST_READINGS)
        .fetch_all(&self.pool)
        .await?;
        let Some((_, last, _)) = windows.last() else { return Ok(Vec::new()) };
        let asked: Vec<i64> = statements.iter().map(|statement| statement.0).collect();
        let rows: Vec<StatementRow> = sqlx::query_as(
            "SELECT window_end AS at, statement_id, LEAST(sum(calls), 1e15)::bigint AS calls,
                    sum(total_ms) AS total_ms, sum(sum_squares_ms2) AS sum_squares_ms2,
                    LEAST(sum(blocks_hit) + sum(blocks_read), 1e15)::bigint AS blocks
             FROM query_stats
             WHERE instance_id = $1
               AND window_end > $2
               AND window_end <= $3
               AND statement_id = ANY ($4)
             GROUP BY window_end, statement_id",
        )
        .bind(instance.0)
        .bind(moment(after))
        .bind(last)
        .bind(asked)
        .fetch_all(&self.pool)
        .await?;
        let totals: Vec<(DateTime<Utc>, f64)> = sqlx::query_as(
            "SELECT window_end, sum(total_ms)
             FROM query_stats
             WHERE instance_id = $1
               AND window_end > $2
               AND window_end <= $3
             GROUP BY window_end",
        )
        .bind(instance.0)
        .bind(moment(after))
        .bind(last)
        .fetch_all(&self.pool)
        .await?;
        let totals: BTreeMap<DateTime<Utc>, f64> = totals.into_iter().collect();
        let mut statements = by_moment(&rows);
        let counters = windows.iter().map(|(start, end, was_reset)| Counters {
            start: timestamp(*start),
            end: timestamp(*end),
            was_reset: *was_reset,
            sums: StatementSums::new(
                totals.get(end).copied().unwrap_or(0.0),
                statements.remove(end).unwrap_or_default(),
            ),
        });
        Ok(counters.collect())
    }

    /// Readings of what else may go wrong, after `after` and until `until`, oldest first.
    pub async fn health(
        &self,
        instance: InstanceId,
        after: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Health>, StoreError> {
        let rows: Vec<(DateTime<Utc>, i64, i64, Option<f64>)> = sqlx::query_as(
            "SELECT read_at, (sample ->> 'rollbacks')::bigint, (sample ->> 'deadlocks')::bigint,
                    (SELECT max(lag::float8) FROM jsonb_array_elements_text(sample -> 'replica_lag_ms') AS lag)
             FROM activity_sample
             WHERE instance_id = $1
               AND read_at > $2
               AND read_at <= $3
               AND sample ?& ARRAY['rollbacks', 'deadlocks', 'replica_lag_ms']
             ORDER BY read_at",
        )
        .bind(instance.0)
        .bind(moment(after))
        .bind(moment(until))
        .fetch_all(&self.pool)
        .await?;
        let health = |(at, rollbacks, deadlocks, lag_ms): (DateTime<Utc>, i64, i64, Option<f64>)| Health {
            at: timestamp(at),
            rollbacks: rollbacks.unsigned_abs(),
            deadlocks: deadlocks.unsigned_abs(),
            replication_lag_s: lag_ms.map(|lag| lag / 1_000.0),
        };
        Ok(rows.into_iter().map(health).collect())
    }

    /// The free share of the disk of an instance's host, when it was read last.
    pub async fn free_disk(&self, instance: InstanceId) -> Result<Option<f64>, StoreError> {
        let free = sqlx::query_scalar(
            "SELECT disk_free_bytes::float8 / disk_total_bytes
             FROM host_sample
             WHERE instance_id = $1
               AND disk_total_bytes > 0
             ORDER BY read_at DESC
             LIMIT 1",
        )
        .bind(instance.0)
        .fetch_optional(&self.pool)
        .await?;
        Ok(free)
    }

    /// Notes what was found so far of a trial by switchback.
    pub async fn put_standing(&self, change: ChangeId, standing: &Standing) -> Result<(), StoreError> {
        let document = json(standing).map_err(|error| StoreError::Unreadable {
            what: "standing of a trial",
            source: Box::new(error),
        })?;
        sqlx::query("UPDATE change SET switchback = $2::jsonb WHERE change_id = $1 AND state = 'trial'")
            .bind(change.0)
            .bind(document)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Asks for a pause of a trial by switchback, unless one as long was asked for; whether it did.
    pub async fn want_pause(
        &self,
        change: ChangeId,
        until: Timestamp,
        reason: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut writing = self.write().await?;
        let asked = sqlx::query(
            "UPDATE change
             SET pause_until = $2, pause_reason = $3
             WHERE change_id = $1
               AND state = 'trial'
               AND trial_decided_at IS NULL
               AND (pause_until IS NULL OR pause_until < $2)",
        )
        .bind(change.0)
        .bind(moment(until))
        .bind(text(reason))
        .execute(writing.connection())
        .await?;
        if asked.rows_affected() == 0 {
            return Ok(false);
        }
        let detail = format!("pause until {until}: {reason}");
        writing.add_change_event(change, Actor::Controller, ChangeState::Trial, &detail, now).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// The pauses that these agents have not been told of, and that are not over.
    pub async fn pending_pauses(
        &self,
        agents: &[AgentId],
        now: Timestamp,
    ) -> Result<Vec<PendingPause>, StoreError> {
        let agents: Vec<Uuid> = agents.iter().map(|agent| agent.0).collect();
        let rows: Vec<(Uuid, Uuid, DateTime<Utc>, Option<String>)> = sqlx::query_as(
            "SELECT instance.agent_id, change.change_id, change.pause_until, change.pause_reason
             FROM change
             JOIN instance USING (instance_id)
             JOIN agent USING (agent_id)
             WHERE change.state = 'trial'
               AND change.pause_until > $2
               AND change.pause_told_until IS DISTINCT FROM change.pause_until
               AND instance.agent_id = ANY ($1)
               AND agent.ahead_since IS NULL",
        )
        .bind(agents)
        .bind(moment(now))
        .fetch_all(&self.pool)
        .await?;
        let pause =
            |(agent, change, until, reason): (Uuid, Uuid, DateTime<Utc>, Option<String>)| PendingPause {
                agent: AgentId(agent),
                change: ChangeId(change),
                until: timestamp(until),
                reason: reason.unwrap_or_default(),
            };
        Ok(rows.into_iter().map(pause).collect())
    }

    /// Notes that an agent was told of a pause.
    pub async fn pause_told(&self, pause: &PendingPause) -> Result<(), StoreError> {
        sqlx::query("UPDATE change SET pause_told_until = $2 WHERE change_id = $1")
            .bind(pause.change.0)
            .bind(moment(pause.until))
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
