//! Accounts and API tokens, as admins manage them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Store;
use super::people::{Role, parse_role};
use super::value::text;
use super::writing::Writing;
use crate::store::error::StoreError;

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// It can't sign in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

/// What to change of an account.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// New role.
    pub role: Option<Role>,
    /// Hash of a new password.
    pub password_hash: Option<String>,
    /// Whether it may sign in.
    pub disabled: Option<bool>,
}

/// One API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token to add.
#[derive(Debug, Clone)]
pub struct NewApiToken<'a> {
    /// Its id.
    pub id: Uuid,
    /// Hash of its secret.
    pub token_hash: [u8; 32],
    /// What it is for.
    pub name: &'a str,
    /// Its role.
    pub role: Role,
    /// Who makes it.
    pub created_by: &'a str,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

type AccountRow = (Uuid, String, String, bool, DateTime<Utc>, Option<DateTime<Utc>>);
type ApiTokenRow = (Uuid, String, String, DateTime<Utc>, Option<DateTime<Utc>>, Option<DateTime<Utc>>);

impl Store {
    /// Accounts by name, after that of `after`.
    pub async fn accounts(&self, after: Option<&str>, limit: i64) -> Result<(Vec<Account>, i64), StoreError> {
        let rows: Vec<AccountRow> = sqlx::query_as(
            "SELECT account_id, name, role, disabled, created_at,
                    (SELECT max(at) FROM audit WHERE action = 'session.sign_in' AND actor = account.name)
             FROM account
             WHERE $1::text IS NULL
                OR name > $1
             ORDER BY name
             LIMIT $2",
        )
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let total = sqlx::query_scalar("SELECT count(*) FROM account").fetch_one(&self.pool).await?;
        Ok((rows.into_iter().map(account).collect::<Result<_, _>>()?, total))
    }

    /// Tokens that are not revoked, newest first, after that of `after`.
    pub async fn api_tokens(
        &self,
        after: Option<(DateTime<Utc>, Uuid)>,
        limit: i64,
    ) -> Result<(Vec<TokenRow>, i64), StoreError> {
        let rows: Vec<ApiTokenRow> = sqlx::query_as(
            "SELECT token_id, name, role, created_at, expires_at, last_used_at
             FROM api_token
             WHERE revoked_at IS NULL
               AND ($1::timestamptz IS NULL OR (created_at, token_id) < ($1, $2))
             ORDER BY created_at DESC, token_id DESC
             LIMIT $3",
        )
        .bind(after.map(|key| key.0))
        .bind(after.map(|key| key.1))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let total = sqlx::query_scalar("SELECT count(*) FROM api_token WHERE revoked_at IS NULL")
            .fetch_one(&self.pool)
            .await?;
        let tokens = rows.into_iter().map(|(id, name, role, created_at, expires_at, last_used_at)| {
            Ok(TokenRow { id, name, role: parse_role(&role)?, created_at, expires_at, last_used_at })
        });
        Ok((tokens.collect::<Result<_, StoreError>>()?, total))
    }
}

impl Writing {
    /// One account. With it, every admin's row is locked until the end of this transaction, so that two
    /// admins can't take the role from each other at the same time.
    pub async fn lock_account(&mut self, id: Uuid) -> Result<Option<Account>, StoreError> {
        sqlx::query(
            "SELECT 1 FROM account WHERE role = 'admin' OR account_id = $1 ORDER BY account_id FOR UPDATE",
        )
        .bind(id)
        .execute(self.connection())
        .await?;
        let row: Option<AccountRow> = sqlx::query_as(
            "SELECT account_id, name, role, disabled, created_at,
                    (SELECT max(at) FROM audit WHERE action = 'session.sign_in' AND actor = account.name)
             FROM account
             WHERE account_id = $1",
        )
        .bind(id)
        .fetch_optional(self.connection())
        .await?;
        row.map(account).transpose()
    }

    /// Admins that can sign in, other than this account.
    pub async fn other_admins(&mut self, id: Uuid) -> Result<i64, StoreError> {
        let others = sqlx::query_scalar(
            "SELECT count(*)
             FROM account
             WHERE role = 'admin'
               AND NOT disabled
               AND account_id <> $1",
        );
        Ok(others.bind(id).fetch_one(self.connection()).await?)
    }

    /// Changes an account.
    pub async fn change_account(&mut self, id: Uuid, change: &AccountChange) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE account
             SET role = COALESCE($2, role),
                 password_hash = COALESCE($3, password_hash),
                 disabled = COALESCE($4, disabled)
             WHERE account_id = $1",
        )
        .bind(id)
        .bind(change.role.map(Role::as_str))
        .bind(change.password_hash.as_deref())
        .bind(change.disabled)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Adds a token.
    pub async fn add_api_token(
        &mut self,
        token: &NewApiToken<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO api_token (token_id, token_hash, name, role, created_by, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(token.id)
        .bind(token.token_hash.as_slice())
        .bind(text(token.name))
        .bind(token.role.as_str())
        .bind(text(token.created_by))
        .bind(now)
        .bind(token.expires_at)
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Revokes a token; its name and role, or nothing where there is none that is not revoked.
    pub async fn revoke_api_token(
        &mut self,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<(String, Role)>, StoreError> {
        let row: Option<(String, String)> = sqlx::query_as(
            "UPDATE api_token
             SET revoked_at = $2
             WHERE token_id = $1
               AND revoked_at IS NULL
             RETURNING name, role",
        )
        .bind(id)
        .bind(now)
        .fetch_optional(self.connection())
        .await?;
        row.map(|(name, role)| Ok((name, parse_role(&role)?))).transpose()
    }
}

fn account(row: AccountRow) -> Result<Account, StoreError> {
    let (id, name, role, disabled, created_at, last_sign_in_at) = row;
    Ok(Account { id, name, role: parse_role(&role)?, disabled, created_at, last_sign_in_at })
}
