//! Seals the entries of the audit, and reads the seals.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{FromRow, PgConnection};

use super::Store;
use super::audit_chain::{Entry, Head, Link, LinkHash};
use crate::store::error::StoreError;

/// Entries that are sealed in one transaction.
const BATCH: i64 = 1_000;
/// An entry may be written out of the order of the numbers, by a transaction that took long: so far back the job looks
/// for such ones.
const OUT_OF_ORDER: i64 = 10_000;
/// An entry that is older than this and not sealed means that the job does not run.
const UNSEALED_FOR: TimeDelta = TimeDelta::minutes(10);

#[derive(Debug, FromRow)]
struct EntryRow {
    audit_id: i64,
    at: DateTime<Utc>,
    actor: String,
    action: String,
    subject: String,
    detail: String,
}

#[derive(Debug, FromRow)]
struct LinkRow {
    position: i64,
    sealed_id: i64,
    hash: Vec<u8>,
    #[sqlx(flatten)]
    entry: MaybeEntryRow,
}

#[derive(Debug, FromRow)]
struct MaybeEntryRow {
    audit_id: Option<i64>,
    at: Option<DateTime<Utc>>,
    actor: Option<String>,
    action: Option<String>,
    subject: Option<String>,
    detail: Option<String>,
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        let EntryRow { audit_id, at, actor, action, subject, detail } = row;
        Self { audit_id, at_us: at.timestamp_micros(), actor, action, subject, detail }
    }
}

impl From<LinkRow> for Link {
    fn from(row: LinkRow) -> Self {
        let MaybeEntryRow { audit_id, at, actor, action, subject, detail } = row.entry;
        let entry = || {
            Some(Entry {
                audit_id: audit_id?,
                at_us: at?.timestamp_micros(),
                actor: actor?,
                action: action?,
                subject: subject?,
                detail: detail?,
            })
        };
        Self { position: row.position, audit_id: row.sealed_id, hash: hash(&row.hash), entry: entry() }
    }
}

impl Store {
    /// Seals entries that are not sealed yet, a batch at most; the new head, or `None` if there were none. Sealing
    /// twice at the same time seals once: the second waits for the first.
    pub async fn seal_audit(&self, now: DateTime<Utc>) -> Result<Option<Head>, StoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query("LOCK TABLE audit_seal IN EXCLUSIVE MODE").execute(&mut *transaction).await?;
        let begin = head(&mut transaction).await?;
        let entries: Vec<EntryRow> = sqlx::query_as(
            "SELECT audit_id, at, actor, action, subject, detail::text AS detail
             FROM audit
             WHERE audit_id > (SELECT coalesce(max(audit_id), 0) - $1 FROM audit_seal)
               AND NOT EXISTS (SELECT FROM audit_seal WHERE audit_seal.audit_id = audit.audit_id)
             ORDER BY audit_id
             LIMIT $2",
        )
        .bind(OUT_OF_ORDER)
        .bind(BATCH)
        .fetch_all(&mut *transaction)
        .await?;
        let mut end = begin;
        for row in entries {
            let entry = Entry::from(row);
            end = end.after(&entry);
            sqlx::query(
                "INSERT INTO audit_seal (position, audit_id, hash, sealed_at) VALUES ($1, $2, $3, $4)",
            )
            .bind(end.position)
            .bind(entry.audit_id)
            .bind(&end.hash.0[..])
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok((end != begin).then_some(end))
    }

    /// The links behind a position, in their order, `limit` at most.
    pub async fn read_links(&self, after: i64, limit: i64) -> Result<Vec<Link>, StoreError> {
        let rows: Vec<LinkRow> = sqlx::query_as(
            "SELECT seal.position, seal.audit_id AS sealed_id, seal.hash,
                    audit.audit_id, audit.at, audit.actor, audit.action, audit.subject, audit.detail::text AS detail
             FROM audit_seal AS seal
             LEFT JOIN audit USING (audit_id)
             WHERE seal.position > $1
             ORDER BY seal.position
             LIMIT $2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(Link::from).collect())
    }

    /// How many entries are older than ten minutes and not sealed.
    pub async fn count_unsealed(&self, now: DateTime<Utc>) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar(
            "SELECT count(*)
             FROM audit
             WHERE at < $1
               AND NOT EXISTS (SELECT FROM audit_seal WHERE audit_seal.audit_id = audit.audit_id)",
        )
        .bind(now - UNSEALED_FOR)
        .fetch_one(&self.pool)
        .await?)
    }
}

async fn head(connection: &mut PgConnection) -> Result<Head, StoreError> {
    let last: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT position, hash FROM audit_seal ORDER BY position DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    Ok(last.map_or_else(Head::default, |(position, bytes)| Head { position, hash: hash(&bytes) }))
}

/// The column is checked to be 32 bytes long; anything else fits no entry.
fn hash(bytes: &[u8]) -> LinkHash {
    LinkHash(bytes.try_into().unwrap_or_default())
}
