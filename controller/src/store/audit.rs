//! The record of who did what. Rows are only ever added; the table refuses everything else.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::value::text;
use super::writing::Writing;
use crate::store::error::StoreError;

/// One thing that is being done.
#[derive(Debug, Clone)]
pub struct Deed<'a> {
    /// Who: an account's name, `token …`, `controller`, `agent …`.
    pub actor: &'a str,
    /// What, as noun and verb: `proposal.approve`.
    pub action: &'a str,
    /// To what, as people call it.
    pub subject: &'a str,
    /// The particulars, an object; `reason` is shown first.
    pub detail: Value,
}

impl Writing {
    /// Adds to the record, in the transaction of the deed itself: neither is there without the other.
    pub async fn add_audit(&mut self, deed: &Deed<'_>, at: DateTime<Utc>) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO audit (at, actor, action, subject, detail) VALUES ($1, $2, $3, $4, $5)")
            .bind(at)
            .bind(text(deed.actor))
            .bind(text(deed.action))
            .bind(text(deed.subject))
            .bind(&deed.detail)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
