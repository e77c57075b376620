//! Writes what is known of statements besides their counters.

use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::query_stats::{MAX_TEXT_BYTES, StatementText};
use querysmith_shared::timestamp::Timestamp;

use super::value::{head, moment, text};
use super::writing::Writing;
use crate::store::error::StoreError;

impl Writing {
    /// Adds or replaces the texts of statements. Idempotent: the last one of a statement counts.
    pub async fn put_statement_texts(
        &mut self,
        instance: InstanceId,
        texts: &[StatementText],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let statements: Vec<i64> = texts.iter().map(|t| t.statement.0).collect();
        let query_ids: Vec<i64> = texts.iter().map(|t| t.query_id).collect();
        let databases: Vec<_> = texts.iter().map(|t| text(&t.database)).collect();
        let users: Vec<_> = texts.iter().map(|t| text(&t.user)).collect();
        let top_level: Vec<bool> = texts.iter().map(|t| t.top_level).collect();
        let bodies: Vec<_> = texts.iter().map(|t| text(head(&t.text, MAX_TEXT_BYTES))).collect();
        let truncated: Vec<bool> =
            texts.iter().map(|t| t.truncated || t.text.len() > MAX_TEXT_BYTES).collect();
        sqlx::query(
            "INSERT INTO statement (instance_id, statement_id, query_id, database, user_name, top_level, text,
                                    truncated, first_seen_at, last_seen_at)
             SELECT DISTINCT ON (statement_id) $1, statement_id, query_id, database, user_name, top_level, text,
                    truncated, $2, $2
             FROM UNNEST($3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::boolean[], $8::text[], $9::boolean[])
                 WITH ORDINALITY
                 AS t (statement_id, query_id, database, user_name, top_level, text, truncated, position)
             ORDER BY statement_id, position DESC
             ON CONFLICT (instance_id, statement_id) DO UPDATE
             SET query_id = EXCLUDED.query_id, database = EXCLUDED.database, user_name = EXCLUDED.user_name,
                 top_level = EXCLUDED.top_level, text = EXCLUDED.text, truncated = EXCLUDED.truncated",
        )
        .bind(instance.0)
        .bind(moment(at))
        .bind(statements)
        .bind(query_ids)
        .bind(databases)
        .bind(users)
        .bind(top_level)
        .bind(bodies)
        .bind(truncated)
        .execute(self.connection())
        .await?;
        Ok(())
    }
}
