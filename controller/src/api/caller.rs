//! Who asks, and whether they may. A handler names what it needs in its arguments: [`Viewer`],
//! [`Approver`] or [`Admin`]; without it, it can't be written.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HOST, ORIGIN};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use chrono::Utc;
use uuid::Uuid;

use super::context::{ApiContext, Reach};
use super::problem::Problem;
use super::secret;
use super::session::cookie_name;
use crate::store::people::{Bearer, Role};

/// Header that scripts of other sites can't send without our leave.
const CSRF_HEADER: &str = "x-querysmith-csrf";

/// How the caller proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A session's cookie; the hash of its key.
    Session([u8; 32]),
    /// An API token.
    Token,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Account or token.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// How that is known.
    pub proof: Proof,
}

impl Caller {
    /// How records name them.
    pub fn label(&self) -> String {
        match self.proof {
            Proof::Session(_) => self.name.clone(),
            Proof::Token => format!("token {}", self.name),
        }
    }

    fn at_least(self, role: Role) -> Result<Self, Problem> {
        if self.role >= role {
            return Ok(self);
        }
        let detail = format!("this needs the role {role}; {} has the role {}", self.label(), self.role);
        Err(Problem::forbidden(detail).hint("ask an admin"))
    }
}

/// Somebody who may read.
#[derive(Debug, Clone)]
pub struct Viewer(pub Caller);

/// Somebody who may decide.
#[derive(Debug, Clone)]
pub struct Approver(pub Caller);

/// Somebody who may manage.
#[derive(Debug, Clone)]
pub struct Admin(pub Caller);

type Found<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl FromRequest for Viewer {
    type Error = Problem;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request).await?.at_least(Role::Viewer).map(Self) })
    }
}

impl FromRequest for Approver {
    type Error = Problem;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request).await?.at_least(Role::Approver).map(Self) })
    }
}

impl FromRequest for Admin {
    type Error = Problem;
    type Future = Found<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request).await?.at_least(Role::Admin).map(Self) })
    }
}

async fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    let context = request
        .app_data::<Data<ApiContext>>()
        .ok_or_else(|| Problem::internal(&"the API was started without its context"))?;
    let now = Utc::now();
    if let Some(value) = request.headers().get(AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|text| text.strip_prefix("Bearer ")).map(str::trim);
        let token = token
            .filter(|token| token.starts_with(secret::TOKEN_PREFIX))
            .ok_or_else(|| unknown_token("the Authorization header holds no API token"))?;
        let bearer = context.store.bearer_of_token(secret::hash(token), now).await?;
        let bearer =
            bearer.ok_or_else(|| unknown_token("the API token is not known, was revoked or has expired"))?;
        return Ok(caller_of(bearer, Proof::Token));
    }
    let cookie = request
        .cookie(cookie_name(context.reach.https))
        .ok_or_else(|| Problem::not_signed_in("sign in to go on"))?;
    if changes_something(request.method()) {
        check_origin(request, &context.reach, true)?;
    }
    let key_hash = secret::hash(cookie.value());
    let bearer = context.store.bearer_of_session(key_hash, now).await?;
    let bearer = bearer.ok_or_else(|| Problem::not_signed_in("the session has ended: sign in again"))?;
    Ok(caller_of(bearer, Proof::Session(key_hash)))
}

fn caller_of(bearer: Bearer, proof: Proof) -> Caller {
    Caller { id: bearer.id, name: bearer.name, role: bearer.role, proof }
}

fn unknown_token(detail: &str) -> Problem {
    Problem::not_signed_in(detail).hint("an admin makes tokens at POST /api/v1/tokens")
}

fn changes_something(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Refuses what another site's page sends with our cookie. `strict` is for calls by cookie; a sign-in has
/// none yet, and may come from a program that sends no Origin.
pub(super) fn check_origin(request: &HttpRequest, reach: &Reach, strict: bool) -> Result<(), Problem> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let refuse = |detail: &str| Problem::forbidden(detail).kind("csrf");
    if strict && header(CSRF_HEADER) != Some("1") {
        return Err(refuse("a call by cookie that changes something needs the header x-querysmith-csrf: 1"));
    }
    match header(ORIGIN.as_str()) {
        Some(origin) if is_ours(origin, header(HOST.as_str()), reach) => Ok(()),
        Some(_) => Err(refuse("the Origin header names another site")
            .hint("behind a proxy, pass the Host header on or name the host in the configuration")),
        None if strict => Err(refuse("a call by cookie that changes something needs an Origin header")),
        None => Ok(()),
    }
}

/// Whether a page of that origin is served by us: same host and port. The scheme is left out, because a
/// proxy may speak TLS for us.
fn is_ours(origin: &str, host: Option<&str>, reach: &Reach) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    if !matches!(scheme, "http" | "https") {
        return false;
    }
    let same = |ours: &str| ours.eq_ignore_ascii_case(authority);
    host.is_some_and(same) || reach.other_hosts.iter().any(|other| same(other))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn check(headers: &[(&str, &str)], strict: bool) -> bool {
        let mut request = TestRequest::post().uri("/api/v1/session");
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        let reach = Reach { https: false, other_hosts: vec!["console.example.org".into()] };
        check_origin(&request.to_http_request(), &reach, strict).is_ok()
    }

    #[test]
    fn other_sites_are_refused() {
        let host = ("host", "qs.example:8080");
        let csrf = (CSRF_HEADER, "1");
        assert!(check(&[host, csrf, ("origin", "http://qs.example:8080")], true));
        assert!(check(&[host, csrf, ("origin", "https://QS.example:8080")], true));
        assert!(check(&[host, csrf, ("origin", "https://console.example.org")], true));
        for origin in [
            "http://qs.example",
            "http://qs.example:8080.evil.example",
            "http://evil.example",
            "null",
            "file://qs.example:8080",
        ] {
            assert!(!check(&[host, csrf, ("origin", origin)], true), "{origin}");
            assert!(!check(&[host, ("origin", origin)], false), "{origin}");
        }
        assert!(!check(&[host, csrf], true));
        assert!(!check(&[host, ("origin", "http://qs.example:8080")], true));
        assert!(check(&[host], false));
    }

    #[test]
    fn roles_contain_each_other() {
        let caller = |role| Caller { id: Uuid::nil(), name: "mara".into(), role, proof: Proof::Token };
        assert!(caller(Role::Admin).at_least(Role::Approver).is_ok());
        let refusal = caller(Role::Viewer).at_least(Role::Approver).unwrap_err();
        assert_eq!(refusal.status, 403);
        assert!(refusal.detail.contains("token mara has the role viewer"), "{}", refusal.detail);
    }
}
