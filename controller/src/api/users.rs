//! Accounts.

use actix_web::web::{Data, Json};
use actix_web::{HttpResponse, get, patch, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::caller::{Admin, Proof};
use super::context::ApiContext;
use super::input::{Id, Params, Sent, required_text};
use super::paging::{self, Page};
use super::password;
use super::problem::Problem;
use super::session::MAX_NAME_CHARS;
use crate::store::accounts::{Account, AccountChange};
use crate::store::audit::Deed;
use crate::store::people::{NewAccount, Role};

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Its id.
    pub id: Uuid,
    /// Name to sign in with.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// It can't sign in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last signed in.
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

/// An account to make.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// Name to sign in with.
    pub name: String,
    /// Password, at least 12 characters.
    pub password: String,
    /// What it may do.
    pub role: Role,
}

/// What to change of an account; what is left out stays.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserPatch {
    /// What it may do.
    pub role: Option<Role>,
    /// New password; ends every session of the account.
    pub password: Option<String>,
    /// Whether it is kept from signing in; true ends every session of the account.
    pub disabled: Option<bool>,
}

/// Which accounts.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct UserParams {
    /// Rows of a page, at most 200.
    pub limit: Option<u32>,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

impl From<Account> for User {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            name: account.name,
            role: account.role,
            disabled: account.disabled,
            created_at: account.created_at,
            last_sign_in_at: account.last_sign_in_at,
        }
    }
}

/// Accounts by name. For admins.
#[utoipa::path(tag = "people", operation_id = "users", params(UserParams),
    responses((status = 200, body = Page<User>), Problem))]
#[get("/users")]
pub(crate) async fn users(
    context: Data<ApiContext>,
    _: Admin,
    params: Params<UserParams>,
) -> Result<Json<Page<User>>, Problem> {
    let limit = paging::limit(params.0.limit)?;
    let after: Option<String> = paging::decode(params.0.cursor.as_deref())?;
    let (accounts, total) = context.store.accounts(after.as_deref(), i64::from(limit) + 1).await?;
    let users = accounts.into_iter().map(User::from).collect();
    Ok(Json(paging::page(users, limit, total, |user: &User| user.name.clone())))
}

/// Makes an account. For admins.
#[utoipa::path(tag = "people", operation_id = "create_user", request_body = NewUser,
    responses((status = 201, body = User), Problem))]
#[post("/users")]
pub(crate) async fn create_user(
    context: Data<ApiContext>,
    sent: Sent<Admin, NewUser>,
) -> Result<HttpResponse, Problem> {
    let NewUser { name, password, role } = sent.body;
    let name = required_text("name", &name, MAX_NAME_CHARS)?;
    if let Some(fault) = password::fault(&password) {
        return Err(Problem::bad_field("password", fault));
    }
    let password_hash = context.passwords.hash(&password).await?;
    let now = Utc::now();
    let account = NewAccount { id: Uuid::now_v7(), name: &name, password_hash: &password_hash, role };
    let mut writing = context.store.write().await?;
    if !writing.add_account(&account, now).await? {
        let taken = Problem::conflict(format!("there is an account named {name:?} already"));
        return Err(Problem { field: Some("name".into()), ..taken });
    }
    let detail = json!({ "role": role.as_str() });
    writing
        .add_audit(&Deed { actor: &sent.who.0.label(), action: "user.create", subject: &name, detail }, now)
        .await?;
    writing.commit().await?;
    let id = account.id;
    let user = User { id, name, role, disabled: false, created_at: now, last_sign_in_at: None };
    Ok(HttpResponse::Created().json(user))
}

/// Changes an account. For admins.
#[utoipa::path(tag = "people", operation_id = "change_user", request_body = UserPatch,
    params(("id" = Uuid, Path, description = "the account")), responses((status = 200, body = User), Problem))]
#[patch("/users/{id}")]
pub(crate) async fn change_user(
    context: Data<ApiContext>,
    id: Id,
    sent: Sent<Admin, UserPatch>,
) -> Result<Json<User>, Problem> {
    let UserPatch { role, password, disabled } = sent.body;
    let password_hash = match &password {
        None => None,
        Some(password) => {
            if let Some(fault) = password::fault(password) {
                return Err(Problem::bad_field("password", fault));
            }
            Some(context.passwords.hash(password).await?)
        }
    };
    let now = Utc::now();
    let mut writing = context.store.write().await?;
    let account = writing.lock_account(id.0).await?;
    let account = account.ok_or_else(|| Problem::not_found("there is no account with this id"))?;
    let stays_admin = role.unwrap_or(account.role) == Role::Admin && !disabled.unwrap_or(account.disabled);
    if account.role == Role::Admin && !stays_admin && writing.other_admins(id.0).await? == 0 {
        let field = if role.is_some() { "role" } else { "disabled" };
        let last = Problem::conflict("this is the last admin that can sign in");
        return Err(Problem {
            field: Some(field.into()),
            ..last.hint("make another account an admin first")
        });
    }
    let change = AccountChange { role, password_hash, disabled };
    writing.change_account(id.0, &change).await?;
    if password.is_some() || disabled == Some(true) {
        // An admin who sets a new password for themself stays signed in here, and only here.
        let here = match sent.who.0.proof {
            Proof::Session(key_hash) => Some(key_hash),
            Proof::Token => None,
        };
        writing.close_sessions_of(id.0, here).await?;
    }
    let detail = json!({
        "role": role.map(Role::as_str),
        "disabled": disabled,
        "password": password.is_some().then_some("new"),
    });
    let action = match disabled {
        Some(true) => "user.disable",
        Some(false) | None => "user.change",
    };
    writing
        .add_audit(&Deed { actor: &sent.who.0.label(), action, subject: &account.name, detail }, now)
        .await?;
    writing.commit().await?;
    let changed = Account {
        role: role.unwrap_or(account.role),
        disabled: disabled.unwrap_or(account.disabled),
        ..account
    };
    Ok(Json(User::from(changed)))
}
