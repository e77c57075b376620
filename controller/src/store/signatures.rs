//! Signatures of approvers, and what they are of.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use querysmith_shared::approval::{Approver, MAX_SIGNATURES, PublicKey, Signature};
use querysmith_shared::change::Change;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::id::{ChangeId, InstanceId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::order::MissingSignatures;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::Store;
use super::changes::Actor;
use super::decisions::document;
use super::orders::PendingOrder;
use super::value::{text, timestamp};
use super::writing::Writing;
use crate::store::error::StoreError;

/// What a signature says yes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// That the change is made.
    Apply,
    /// That it is taken back once it was kept.
    Undo,
}

impl Purpose {
    /// The name used in the store and the audit.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Undo => "undo",
        }
    }

    fn parse(name: &str) -> Result<Self, StoreError> {
        match name {
            "apply" => Ok(Self::Apply),
            "undo" => Ok(Self::Undo),
            name => Err(super::decisions::unreadable("purpose of a signature", name)),
        }
    }
}

/// Everything that stands in the text to sign, and who may sign it.
#[derive(Debug, Clone, PartialEq)]
pub struct Signing {
    /// The change.
    pub change: ChangeId,
    /// The server.
    pub instance: InstanceId,
    /// The server's system identifier when it was proposed.
    pub system_identifier: String,
    /// What to do.
    pub what: Change,
    /// Within which limits.
    pub limits: Limits,
    /// After this it must not begin.
    pub expires_at: Timestamp,
    /// Whose signatures the host takes; empty where it asks for none.
    pub approvers: Vec<Approver>,
}

/// A signature that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenSignature {
    /// The signature.
    pub signature: Signature,
    /// For what.
    pub purpose: Purpose,
    /// Whose account it came through.
    pub account: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Approvers as they are stored: keys as people write them.
#[derive(Serialize, Deserialize)]
struct StoredApprover {
    name: String,
    keys: Vec<String>,
}

type SigningRow = (Uuid, Uuid, String, Value, Value, DateTime<Utc>, Value);
type SignatureRow = (Uuid, String, Vec<u8>, Vec<u8>, String, DateTime<Utc>);

/// The approvers that an instance's agent reported, as a document.
pub(super) fn written(approvers: &[Approver]) -> Value {
    let stored = approvers.iter().map(|Approver { name, keys }| {
        let keys: Vec<String> = keys.iter().map(PublicKey::to_string).collect();
        serde_json::json!({ "name": text(name), "keys": keys })
    });
    stored.collect()
}

/// The approvers in a document.
pub(super) fn read(approvers: Value) -> Result<Vec<Approver>, StoreError> {
    let stored: Vec<StoredApprover> = document(approvers, "approvers of an instance")?;
    let key = |key: &String| {
        key.parse()
            .map_err(|error| StoreError::Unreadable { what: "key of an approver", source: Box::new(error) })
    };
    let approver = |StoredApprover { name, keys }: StoredApprover| {
        let keys = keys.iter().map(key).collect::<Result<_, _>>()?;
        Ok(Approver { name, keys })
    };
    stored.into_iter().map(approver).collect()
}

async fn signing(executor: impl PgExecutor<'_>, change: ChangeId) -> Result<Option<Signing>, StoreError> {
    let row: Option<SigningRow> = sqlx::query_as(
        "SELECT proposal.change_id, proposal.instance_id, proposal.system_identifier, proposal.what, proposal.limits,
                proposal.expires_at, instance.approvers
         FROM proposal
         JOIN instance USING (instance_id)
         WHERE proposal.change_id = $1",
    )
    .bind(change.0)
    .fetch_optional(executor)
    .await?;
    row.map(|(change, instance, system_identifier, what, limits, expires_at, approvers)| {
        Ok(Signing {
            change: ChangeId(change),
            instance: InstanceId(instance),
            system_identifier,
            what: document(what, "change of a proposal")?,
            limits: document(limits, "limits of a proposal")?,
            expires_at: timestamp(expires_at),
            approvers: read(approvers)?,
        })
    })
    .transpose()
}

impl Writing {
    /// What an approver of this change signs, and who may.
    pub async fn signing(&mut self, change: ChangeId) -> Result<Option<Signing>, StoreError> {
        signing(self.connection(), change).await
    }

    /// Adds a signature of a change; false if this key signed it before. An order that waits for one goes out again.
    pub async fn add_signature(
        &mut self,
        change: ChangeId,
        purpose: Purpose,
        signature: &Signature,
        (account, at): (&str, DateTime<Utc>),
    ) -> Result<bool, StoreError> {
        let added = sqlx::query(
            "INSERT INTO signature (change_id, purpose, public_key, signature, account, at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT DO NOTHING",
        )
        .bind(change.0)
        .bind(purpose.as_str())
        .bind(signature.key.0.as_slice())
        .bind(signature.bytes())
        .bind(text(account))
        .bind(at)
        .execute(self.connection())
        .await?;
        sqlx::query("UPDATE change SET missing_signatures = NULL WHERE change_id = $1")
            .bind(change.0)
            .execute(self.connection())
            .await?;
        Ok(added.rows_affected() == 1)
    }
}

impl Store {
    /// What an approver of this change signs, and who may.
    pub async fn signing(&self, change: ChangeId) -> Result<Option<Signing>, StoreError> {
        signing(&self.pool, change).await
    }

    /// The signatures of these changes, in the order in which they were given.
    pub async fn signatures(
        &self,
        changes: &[ChangeId],
    ) -> Result<HashMap<ChangeId, Vec<GivenSignature>>, StoreError> {
        let ids: Vec<Uuid> = changes.iter().map(|change| change.0).collect();
        let rows: Vec<SignatureRow> = sqlx::query_as(
            "SELECT change_id, purpose, public_key, signature, account, at
             FROM signature
             WHERE change_id = ANY ($1)
             ORDER BY at, public_key",
        )
        .bind(ids)
        .fetch_all(&self.pool)
        .await?;
        let mut found: HashMap<ChangeId, Vec<GivenSignature>> = HashMap::new();
        for (change, purpose, key, bytes, account, at) in rows {
            let unreadable = |error| StoreError::Unreadable { what: "signature", source: Box::new(error) };
            let key = PublicKey(<[u8; 32]>::try_from(key.as_slice()).map_err(unreadable)?);
            let bytes = <[u8; 64]>::try_from(bytes.as_slice()).map_err(unreadable)?;
            let signature = Signature::new(key, bytes);
            let purpose = Purpose::parse(&purpose)?;
            found.entry(ChangeId(change)).or_default().push(GivenSignature {
                signature,
                purpose,
                account,
                at,
            });
        }
        Ok(found)
    }

    /// Notes that the agent asks for more signatures than an order has: it isn't sent again before there is one more.
    /// Where one came while the order was under way, that goes out first.
    pub async fn order_lacks_signatures(
        &self,
        order: &PendingOrder,
        missing: &MissingSignatures,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut writing = self.write().await?;
        let Some(change) = writing.lock_change(order.agent, order.change).await? else { return Ok(()) };
        let noted = sqlx::query(
            "UPDATE change
             SET signatures_needed = $2,
                 missing_signatures = $3
             WHERE change_id = $1
               AND wanted = 'apply'
               AND (SELECT least(count(*), $5) FROM signature WHERE change_id = $1 AND purpose = 'apply') = $4",
        )
        .bind(order.change.0)
        .bind(i16::from(missing.needed))
        .bind(text(&missing.reason))
        .bind(i64::try_from(order.signatures.len()).unwrap_or(i64::MAX))
        .bind(i64::try_from(MAX_SIGNATURES).unwrap_or(i64::MAX))
        .execute(writing.connection())
        .await?;
        if noted.rows_affected() == 1 {
            writing.add_change_event(order.change, Actor::Agent, change.state, &missing.reason, now).await?;
        }
        writing.commit().await
    }
}
