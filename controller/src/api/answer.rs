//! What every answer carries, and what every request passes: the rate limit, the security headers, the log
//! line, the metrics.

use std::time::{Duration, Instant};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;

use super::context::ApiContext;
use super::problem::Problem;

/// Scripts, fonts and connections of our own only; no script within a page. Styles may be inline, because
/// the console's components compute positions.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; \
    form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=()"),
];
/// A year, once a browser has come by TLS.
const STRICT_TRANSPORT: (&str, &str) = ("strict-transport-security", "max-age=31536000");

/// Goes around every request.
pub(super) async fn around<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let started = Instant::now();
    let context = request.app_data::<Data<ApiContext>>().cloned();
    let method = request.method().clone();
    let path = request.path().to_owned();
    let admitted = match &context {
        Some(context) if !is_probe(&path) => context.limits.request(),
        Some(_) | None => Ok(()),
    };
    let mut response = match admitted {
        Ok(()) => next.call(request).await?.map_into_left_body(),
        Err(problem) => request.into_response(problem.response()).map_into_right_body(),
    };
    let https = context.as_ref().is_some_and(|context| context.reach.https);
    add_headers(response.headers_mut(), &path, https);
    if let Some(context) = context {
        note(&context, &method, &path, &response, started.elapsed());
    }
    Ok(response)
}

/// Whoever watches over the controller must get an answer when it is busiest.
fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

fn add_headers(headers: &mut HeaderMap, path: &str, https: bool) {
    for (name, value) in HEADERS.into_iter().chain(https.then_some(STRICT_TRANSPORT)) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    if path.starts_with("/api/") && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn note<B>(context: &ApiContext, method: &Method, path: &str, response: &ServiceResponse<B>, took: Duration) {
    let status = response.status().as_u16();
    let pattern = response.request().match_pattern();
    // What matches nothing is counted together: anybody can invent addresses.
    let route = pattern.as_deref().filter(|_| status != 404).unwrap_or("other");
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let method = if known.contains(method) { method.as_str() } else { "OTHER" };
    context.http_metrics.count(method, route, status, took);
    let duration_ms = took.as_secs_f64() * 1e3;
    tracing::debug!(method, path, status, duration_ms, "request answered");
}

/// The answer to an address of the API that does not exist, or not with this method.
pub(super) fn no_such_route(method: &str, taken: &[String]) -> Problem {
    if taken.is_empty() {
        return Problem::not_found("the API has no such address").hint("/api/docs lists what it has");
    }
    let hint = format!("it takes {}", taken.join(", "));
    Problem::method_not_allowed(method).hint(hint)
}
