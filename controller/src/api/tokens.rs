//! API tokens, for programs.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, delete, get, post};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::Admin;
use super::context::ApiContext;
use super::input::{Id, Params, Sent, required_text};
use super::paging::{self, Page};
use super::problem::Problem;
use super::secret;
use super::session::MAX_NAME_CHARS;
use crate::store::accounts::{NewApiToken, TokenRow};
use crate::store::audit::Deed;
use crate::store::people::Role;

/// One API token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A token to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Seconds until it ends by itself; left out, it does not.
    pub expires_in_s: Option<i64>,
}

/// A new token with its secret, which is shown this once.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IssuedToken {
    /// Its id.
    pub id: Uuid,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The secret: `Authorization: Bearer qst_…`.
    pub token: String,
}

/// Which tokens.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct TokenParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// Longest life of a token that has one: ten years.
const MAX_LIFE_S: i64 = 10 * 366 * 86_400;

impl From<TokenRow> for Token {
    fn from(row: TokenRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            role: row.role,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// Tokens that are not revoked, newest first. For admins.
#[utoipa::path(tag = "people", operation_id = "tokens", params(TokenParams),
    responses((status = 200, body = Page<Token>), Problem))]
#[get("/tokens")]
pub(crate) async fn tokens(
    context: Data<ApiContext>,
    _: Admin,
    params: Params<TokenParams>,
) -> Result<Json<Page<Token>>, Problem> {
    let limit = paging::limit(params.0.limit)?;
    let after: Option<(DateTime<Utc>, Uuid)> = paging::decode(params.0.cursor.as_deref())?;
    let (rows, total) = context.store.api_tokens(after, i64::from(limit) + 1).await?;
    let tokens = rows.into_iter().map(Token::from).collect();
    Ok(Json(paging::page(tokens, limit, total, |token: &Token| (token.created_at, token.id))))
}

/// Makes a token. For admins.
#[utoipa::path(tag = "people", operation_id = "create_token", request_body = NewToken,
    responses((status = 201, body = IssuedToken), Problem))]
#[post("/tokens")]
pub(crate) async fn create_token(
    context: Data<ApiContext>,
    sent: Sent<Admin, NewToken>,
) -> Result<HttpResponse, Problem> {
    let name = required_text("name", &sent.body.name, MAX_NAME_CHARS)?;
    let role = sent.body.role;
    let now = Utc::now();
    let expires_at = match sent.body.expires_in_s {
        None => None,
        Some(seconds) if (1..=MAX_LIFE_S).contains(&seconds) => Some(now + TimeDelta::seconds(seconds)),
        Some(_) => {
            return Err(Problem::bad_field(
                "expires_in_s",
                format!("expires_in_s is between 1 and {MAX_LIFE_S}"),
            ));
        }
    };
    let token = secret::api_token();
    let actor = sent.who.0.label();
    let id = Uuid::now_v7();
    let new = NewApiToken {
        id,
        token_hash: secret::hash(&token),
        name: &name,
        role,
        created_by: &actor,
        expires_at,
    };
    let mut writing = context.store.write().await?;
    writing.add_api_token(&new, now).await?;
    let detail = json!({ "role": role.as_str(), "expires_at": expires_at });
    writing.add_audit(&Deed { actor: &actor, action: "token.create", subject: &name, detail }, now).await?;
    writing.commit().await?;
    Ok(HttpResponse::Created().json(IssuedToken { id, name, role, token }))
}

/// Revokes a token. For admins.
#[utoipa::path(tag = "people", operation_id = "delete_token",
    params(("id" = Uuid, Path, description = "the token")), responses((status = 204), Problem))]
#[delete("/tokens/{id}")]
pub(crate) async fn delete_token(
    context: Data<ApiContext>,
    admin: Admin,
    id: Id,
) -> Result<HttpResponse, Problem> {
    let now = Utc::now();
    let mut writing = context.store.write().await?;
    let revoked = writing.revoke_api_token(id.0, now).await?;
    let (name, role) = revoked.ok_or_else(|| Problem::not_found("there is no token with this id"))?;
    let detail = json!({ "role": role.as_str() });
    let actor = admin.0.label();
    writing.add_audit(&Deed { actor: &actor, action: "token.revoke", subject: &name, detail }, now).await?;
    writing.commit().await?;
    Ok(HttpResponse::NoContent().finish())
}
