//! Accounts, sessions, API tokens and the set-up code. Of every secret only a hash is here.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Store;
use super::value::text;
use super::writing::Writing;
use crate::store::error::StoreError;

/// A session that nobody used for this long has ended.
pub const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);
/// A session ends after this long, used or not.
pub const SESSION_LIFE: Duration = Duration::from_secs(8 * 3600);
/// Use is noted no more often than this, so that reading does not mean writing.
const NOTE_USE_EVERY: &str = "1 minute";

/// What an account or token may do; each role may do what the one before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Decides on proposals and undoes changes.
    Approver,
    /// Admits agents, manages accounts.
    Admin,
}

impl Role {
    /// The name used in the store and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Viewer, Self::Approver, Self::Admin].into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whoever carries a good session key or token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// Account or token.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
}

/// An account as the sign-in needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The account.
    pub bearer: Bearer,
    /// Hash of its password.
    pub password_hash: String,
    /// It can't sign in.
    pub disabled: bool,
}

/// An account to add.
#[derive(Debug, Clone)]
pub struct NewAccount<'a> {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: &'a str,
    /// Hash of its password.
    pub password_hash: &'a str,
    /// Its role.
    pub role: Role,
}

/// What became of the first account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstAccount {
    /// The code is good and nobody has an account; the code is used up in this transaction.
    Open,
    /// The code is not the one that was printed.
    WrongCode,
    /// There are accounts already.
    NotNeeded,
}

impl Store {
    /// Whether the first account is still to be made.
    pub async fn setup_needed(&self) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("SELECT NOT EXISTS (SELECT 1 FROM account)").fetch_one(&self.pool).await?)
    }

    /// Keeps the hash of a new set-up code instead of any older one; false, and nothing done, where there
    /// are accounts already.
    pub async fn put_setup_code(&self, code_hash: [u8; 32], now: DateTime<Utc>) -> Result<bool, StoreError> {
        let put = sqlx::query(
            "INSERT INTO setup_code (code_hash, created_at)
             SELECT $1, $2
             WHERE NOT EXISTS (SELECT 1 FROM account)
             ON CONFLICT (only_one) DO UPDATE
             SET code_hash = EXCLUDED.code_hash, created_at = EXCLUDED.created_at",
        )
        .bind(code_hash.as_slice())
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(put.rows_affected() == 1)
    }

    /// The account of that name, for checking its password.
    pub async fn credentials(&self, name: &str) -> Result<Option<Credentials>, StoreError> {
        let row: Option<(Uuid, String, String, String, bool)> = sqlx::query_as(
            "SELECT account_id, name, role, password_hash, disabled
             FROM account
             WHERE name = $1",
        )
        .bind(text(name))
        .fetch_optional(&self.pool)
        .await?;
        row.map(|(id, name, role, password_hash, disabled)| {
            Ok(Credentials { bearer: bearer((id, name, role))?, password_hash, disabled })
        })
        .transpose()
    }

    /// Whoever carries this session key, if the session has not ended. Notes that it was used.
    pub async fn bearer_of_session(
        &self,
        key_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<Bearer>, StoreError> {
        let row: Option<(Uuid, String, String, bool)> = sqlx::query_as(
            "SELECT account.account_id, account.name, account.role, session.last_used_at < $2 - $4::interval
             FROM session
             JOIN account USING (account_id)
             WHERE session.key_hash = $1
               AND session.expires_at > $2
               AND session.last_used_at > $3
               AND NOT account.disabled",
        )
        .bind(key_hash.as_slice())
        .bind(now)
        .bind(now - SESSION_IDLE)
        .bind(NOTE_USE_EVERY)
        .fetch_optional(&self.pool)
        .await?;
        let Some((id, name, role, note)) = row else { return Ok(None) };
        if note {
            sqlx::query("UPDATE session SET last_used_at = $2 WHERE key_hash = $1")
                .bind(key_hash.as_slice())
                .bind(now)
                .execute(&self.pool)
                .await?;
        }
        bearer((id, name, role)).map(Some)
    }

    /// Whoever carries this token, if it is good and the account that made it is not disabled. Notes that it was used.
    pub async fn bearer_of_token(
        &self,
        token_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<Bearer>, StoreError> {
        let row: Option<(Uuid, String, String, bool)> = sqlx::query_as(
            "SELECT token_id, name, role, last_used_at IS NULL OR last_used_at < $2 - $3::interval
             FROM api_token
             WHERE token_hash = $1
               AND revoked_at IS NULL
               AND (expires_at IS NULL OR expires_at > $2)
               AND NOT EXISTS (
                   SELECT 1
                   FROM account
                   WHERE account.name = api_token.created_by
                     AND account.disabled
               )",
        )
        .bind(token_hash.as_slice())
        .bind(now)
        .bind(NOTE_USE_EVERY)
        .fetch_optional(&self.pool)
        .await?;
        let Some((id, name, role, note)) = row else { return Ok(None) };
        if note {
            sqlx::query("UPDATE api_token SET last_used_at = $2 WHERE token_id = $1")
                .bind(id)
                .bind(now)
                .execute(&self.pool)
                .await?;
        }
        bearer((id, name, role)).map(Some)
    }
}

impl Writing {
    /// Uses the set-up code up, if it is right and needed. Of two who come with it, one waits for the other
    /// and finds it used.
    pub async fn use_setup_code(&mut self, code_hash: [u8; 32]) -> Result<FirstAccount, StoreError> {
        let kept: Option<Vec<u8>> = sqlx::query_scalar("SELECT code_hash FROM setup_code FOR UPDATE")
            .fetch_optional(self.connection())
            .await?;
        let needed: bool = sqlx::query_scalar("SELECT NOT EXISTS (SELECT 1 FROM account)")
            .fetch_one(self.connection())
            .await?;
        if !needed {
            return Ok(FirstAccount::NotNeeded);
        }
        if kept.as_deref() != Some(code_hash.as_slice()) {
            return Ok(FirstAccount::WrongCode);
        }
        sqlx::query("DELETE FROM setup_code").execute(self.connection()).await?;
        Ok(FirstAccount::Open)
    }

    /// Adds an account; false if the name is taken.
    pub async fn add_account(
        &mut self,
        account: &NewAccount<'_>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let added = sqlx::query(
            "INSERT INTO account (account_id, name, password_hash, role, created_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(account.id)
        .bind(text(account.name))
        .bind(account.password_hash)
        .bind(account.role.as_str())
        .bind(now)
        .execute(self.connection())
        .await?;
        Ok(added.rows_affected() == 1)
    }

    /// Opens a session, in place of the one the caller came with, and forgets those that have ended.
    pub async fn open_session(
        &mut self,
        key_hash: [u8; 32],
        account: Uuid,
        in_place_of: Option<[u8; 32]>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM session WHERE expires_at <= $1 OR last_used_at <= $2 OR key_hash = $3")
            .bind(now)
            .bind(now - SESSION_IDLE)
            .bind(in_place_of.as_ref().map(<[u8; 32]>::as_slice))
            .execute(self.connection())
            .await?;
        sqlx::query(
            "INSERT INTO session (key_hash, account_id, created_at, last_used_at, expires_at)
             VALUES ($1, $2, $3, $3, $4)",
        )
        .bind(key_hash.as_slice())
        .bind(account)
        .bind(now)
        .bind(now + SESSION_LIFE)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn close_session(&mut self, key_hash: [u8; 32]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM session WHERE key_hash = $1")
            .bind(key_hash.as_slice())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Ends every session of an account but one.
    pub async fn close_sessions_of(
        &mut self,
        account: Uuid,
        but: Option<[u8; 32]>,
    ) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM session WHERE account_id = $1 AND key_hash IS DISTINCT FROM $2")
            .bind(account)
            .bind(but.as_ref().map(<[u8; 32]>::as_slice))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}

fn bearer((id, name, role): (Uuid, String, String)) -> Result<Bearer, StoreError> {
    Ok(Bearer { id, name, role: parse_role(&role)? })
}

/// Reads a role's name.
pub(super) fn parse_role(name: &str) -> Result<Role, StoreError> {
    Role::parse(name)
        .ok_or_else(|| StoreError::Unreadable { what: "role", source: format!("{name:?} is no role").into() })
}
