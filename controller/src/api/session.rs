//! Signing in and out, and the first account.

use actix_web::cookie::{Cookie, SameSite};
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::{Proof, Viewer, check_origin};
use super::context::ApiContext;
use super::input::{Body, required_text};
use super::problem::Problem;
use super::{password, secret};
use crate::store::audit::Deed;
use crate::store::people::{Bearer, FirstAccount, NewAccount, Role};

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionUser {
    /// Account, or API token.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
}

/// The session of whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Who is signed in.
    pub user: SessionUser,
    /// Always false here: somebody could sign in.
    pub setup_needed: bool,
}

/// Whether the first account is still to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetupState {
    /// It is.
    pub setup_needed: bool,
}

/// The first account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupBody {
    /// The one-time code printed when the controller first started.
    pub code: String,
    /// Name to sign in with.
    pub name: String,
    /// Password, at least 12 characters.
    pub password: String,
}

/// A sign-in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Name.
    pub name: String,
    /// Password.
    pub password: String,
}

/// Longest name of an account or token.
pub(super) const MAX_NAME_CHARS: usize = 100;

/// The session cookie's name. The prefix makes browsers refuse it from anything but this host by TLS.
pub(super) fn cookie_name(https: bool) -> &'static str {
    if https { "__Host-qs_session" } else { "qs_session" }
}

fn cookie(context: &ApiContext, key: String) -> Cookie<'static> {
    Cookie::build(cookie_name(context.reach.https), key)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(context.reach.https)
        .finish()
}

/// The hash of the session key that the browser came with, good or not.
fn old_session(request: &HttpRequest, context: &ApiContext) -> Option<[u8; 32]> {
    request.cookie(cookie_name(context.reach.https)).map(|cookie| secret::hash(cookie.value()))
}

fn session_of(bearer: &Bearer) -> Session {
    let user = SessionUser { id: bearer.id, name: bearer.name.clone(), role: bearer.role };
    Session { user, setup_needed: false }
}

/// Whether the first account is still to be made.
#[utoipa::path(tag = "session", operation_id = "setup_state", responses((status = 200, body = SetupState), Problem))]
#[get("/setup")]
pub(crate) async fn setup_state(context: Data<ApiContext>) -> Result<Json<SetupState>, Problem> {
    Ok(Json(SetupState { setup_needed: context.store.setup_needed().await? }))
}

/// Makes the first account, with the one-time code, and signs it in.
#[utoipa::path(tag = "session", operation_id = "set_up", request_body = SetupBody,
    responses((status = 201, body = Session), Problem))]
#[post("/setup")]
pub(crate) async fn set_up(
    context: Data<ApiContext>,
    request: HttpRequest,
    body: Body<SetupBody>,
) -> Result<HttpResponse, Problem> {
    check_origin(&request, &context.reach, false)?;
    context.limits.sign_in("", request.peer_addr().map(|address| address.ip()))?;
    let name = required_text("name", &body.0.name, MAX_NAME_CHARS)?;
    if let Some(fault) = password::fault(&body.0.password) {
        return Err(Problem::bad_field("password", fault));
    }
    let password_hash = context.passwords.hash(&body.0.password).await?;
    let now = Utc::now();
    let account =
        NewAccount { id: Uuid::now_v7(), name: &name, password_hash: &password_hash, role: Role::Admin };
    let key = secret::session_key();

    let mut writing = context.store.write().await?;
    match writing.use_setup_code(secret::setup_code_hash(&body.0.code)).await? {
        FirstAccount::Open => {}
        FirstAccount::WrongCode => {
            return Err(Problem::bad_field("code", "this is not the set-up code")
                .hint("`querysmith-controller setup-code` prints a new one"));
        }
        FirstAccount::NotNeeded => {
            return Err(Problem::conflict("the first account has been made").hint("sign in, or ask an admin"));
        }
    }
    writing.add_account(&account, now).await?;
    writing.open_session(secret::hash(&key), account.id, old_session(&request, &context), now).await?;
    let detail = json!({ "role": account.role.as_str(), "how": "with the set-up code" });
    writing.add_audit(&Deed { actor: &name, action: "user.create", subject: &name, detail }, now).await?;
    writing.add_audit(&signed_in(&name), now).await?;
    writing.commit().await?;

    let bearer = Bearer { id: account.id, name: name.clone(), role: account.role };
    Ok(HttpResponse::Created().cookie(cookie(&context, key)).json(session_of(&bearer)))
}

/// Who is signed in.
#[utoipa::path(tag = "session", operation_id = "session", responses((status = 200, body = Session), Problem))]
#[get("/session")]
pub(crate) async fn session(viewer: Viewer) -> Json<Session> {
    let caller = viewer.0;
    Json(session_of(&Bearer { id: caller.id, name: caller.name, role: caller.role }))
}

/// Signs in.
#[utoipa::path(tag = "session", operation_id = "sign_in", request_body = SignIn,
    responses((status = 200, body = Session), Problem))]
#[post("/session")]
pub(crate) async fn sign_in(
    context: Data<ApiContext>,
    request: HttpRequest,
    body: Body<SignIn>,
) -> Result<HttpResponse, Problem> {
    check_origin(&request, &context.reach, false)?;
    let name = required_text("name", &body.0.name, MAX_NAME_CHARS)?;
    if body.0.password.len() > password::MAX_BYTES {
        return Err(Problem::bad_field("password", "no password is that long"));
    }
    context.limits.sign_in(&name, request.peer_addr().map(|address| address.ip()))?;

    let known = context.store.credentials(&name).await?;
    let stored = known.as_ref().map(|known| known.password_hash.as_str());
    let fits = context.passwords.fits(&body.0.password, stored).await?;
    let now = Utc::now();
    let is_known = known.is_some();
    let Some(account) = known.filter(|known| fits && !known.disabled) else {
        // What is no name may be a password that got into the wrong field.
        note_refusal(&context, if is_known { &name } else { "an unknown name" }, &request, now).await?;
        return Err(Problem::not_signed_in("name or password is wrong"));
    };

    let key = secret::session_key();
    let mut writing = context.store.write().await?;
    writing.open_session(secret::hash(&key), account.bearer.id, old_session(&request, &context), now).await?;
    writing.add_audit(&signed_in(&name), now).await?;
    writing.commit().await?;
    Ok(HttpResponse::Ok().cookie(cookie(&context, key)).json(session_of(&account.bearer)))
}

/// Signs out.
#[utoipa::path(tag = "session", operation_id = "sign_out", responses((status = 204), Problem))]
#[delete("/session")]
pub(crate) async fn sign_out(context: Data<ApiContext>, viewer: Viewer) -> Result<HttpResponse, Problem> {
    let Proof::Session(key_hash) = viewer.0.proof else {
        return Err(Problem::bad_request("an API token has no session to end")
            .hint("an admin revokes tokens at DELETE /api/v1/tokens/{id}"));
    };
    let mut writing = context.store.write().await?;
    writing.close_session(key_hash).await?;
    let name = viewer.0.name.as_str();
    writing
        .add_audit(
            &Deed { actor: name, action: "session.sign_out", subject: name, detail: json!({}) },
            Utc::now(),
        )
        .await?;
    writing.commit().await?;
    let mut gone = cookie(&context, String::new());
    gone.make_removal();
    Ok(HttpResponse::NoContent().cookie(gone).finish())
}

fn signed_in(name: &str) -> Deed<'_> {
    Deed { actor: name, action: "session.sign_in", subject: name, detail: json!({}) }
}

async fn note_refusal(
    context: &ApiContext,
    name: &str,
    request: &HttpRequest,
    now: DateTime<Utc>,
) -> Result<(), Problem> {
    let from = request.peer_addr().map(|address| address.ip().to_string());
    let mut writing = context.store.write().await?;
    let detail = json!({ "from": from });
    // Whoever typed the name need not be the one it belongs to: it is the subject, never the actor.
    writing
        .add_audit(&Deed { actor: "nobody", action: "session.refuse", subject: name, detail }, now)
        .await?;
    Ok(writing.commit().await?)
}
