//! For whoever watches over the controller: is it alive, can it work, what does it count.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use serde::{Deserialize, Serialize};

use super::context::ApiContext;

/// A store that takes longer to say that it is there is not there.
const STORE_LIMIT: Duration = Duration::from_secs(2);
/// Media type of the metrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether the controller can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// It can.
    pub ready: bool,
    /// What is wrong, one sentence each.
    pub problems: Vec<String>,
}

/// The process is alive. Says nothing about what it depends on: restarting it would not mend that.
#[get("/healthz")]
pub(crate) async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "alive": true }))
}

/// The controller can do its work: the store answers and no job is failing.
#[get("/readyz")]
pub(crate) async fn readyz(context: Data<ApiContext>) -> HttpResponse {
    let mut problems = context.jobs.problems();
    match tokio::time::timeout(STORE_LIMIT, context.store.ping()).await {
        Ok(Ok(())) => {}
        // Anybody may ask, and a driver's text names hosts and users: it goes to the log.
        Ok(Err(error)) => {
            tracing::warn!(%error, "the store can't be used");
            problems.push("the store can't be used; the controller's log says why".to_owned());
        }
        Err(_) => problems.push(format!("the store did not answer within {} s", STORE_LIMIT.as_secs())),
    }
    let readiness = Readiness { ready: problems.is_empty(), problems };
    if readiness.ready {
        HttpResponse::Ok().json(readiness)
    } else {
        HttpResponse::ServiceUnavailable().json(readiness)
    }
}

/// The metrics, as OpenMetrics text.
#[get("/metrics")]
pub(crate) async fn metrics(context: Data<ApiContext>) -> HttpResponse {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &context.metrics) {
        Ok(()) => HttpResponse::Ok().content_type(OPEN_METRICS).body(text),
        Err(error) => super::problem::Problem::internal(&error).response(),
    }
}
