//! What the API works with.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use super::about::StoreKind;
use super::limits::Limits;
use super::metrics::HttpMetrics;
use super::password::Passwords;
use super::streams::Places;
use crate::advising::context::AdviceContext;
use crate::fleet::roster::Fleet;
use crate::store::Store;
use crate::wake::Wake;

/// What the API asks of the jobs.
pub trait Jobs: Send + Sync + 'static {
    /// Has a job run now; false if there is no such job.
    fn run_now(&self, name: &str) -> bool;

    /// What is wrong with the jobs, one sentence each; empty if nothing is.
    fn problems(&self) -> Vec<String>;
}

/// What is running here.
#[derive(Debug, Clone)]
pub struct Installation {
    /// Version of the controller.
    pub version: String,
    /// Where the data is.
    pub store: StoreKind,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// It shows a demonstration.
    pub demo: bool,
    /// `host:port` that agents reach, for the join command.
    pub link_address: String,
    /// SHA-256 of the authority's public key, for join tokens.
    pub pin: [u8; 32],
}

/// Where the API is reached.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Clients come by TLS, here or at a proxy in front: cookies are marked so.
    pub https: bool,
    /// Further `host[:port]` under which the console is reached, for a proxy that rewrites `Host`.
    pub other_hosts: Vec<String>,
}

/// Everything the API is given.
pub struct ApiParts {
    /// The store.
    pub store: Store,
    /// Hints about what changed.
    pub wake: Wake,
    /// The agents.
    pub fleet: Fleet,
    /// The jobs.
    pub jobs: Arc<dyn Jobs>,
    /// What advice on a person's wish is made with.
    pub advice: AdviceContext,
    /// What is running here.
    pub installation: Installation,
    /// Where the API is reached.
    pub reach: Reach,
    /// The API's own metrics, registered in `metrics`.
    pub http_metrics: HttpMetrics,
    /// All metrics.
    pub metrics: Arc<Registry>,
}

/// What the handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct ApiContext {
    pub(super) store: Store,
    pub(super) wake: Wake,
    pub(super) fleet: Fleet,
    pub(super) jobs: Arc<dyn Jobs>,
    pub(super) advice: AdviceContext,
    pub(super) installation: Arc<Installation>,
    pub(super) reach: Arc<Reach>,
    pub(super) http_metrics: HttpMetrics,
    pub(super) metrics: Arc<Registry>,
    pub(super) passwords: Passwords,
    pub(super) limits: Arc<Limits>,
    pub(super) streams: Places,
    pub(super) stopping: watch::Receiver<bool>,
}

impl ApiContext {
    /// The context of one server. `stopping` turns true when its event streams must end.
    pub(super) fn new(parts: ApiParts, stopping: watch::Receiver<bool>) -> Self {
        Self {
            store: parts.store.apart(),
            wake: parts.wake,
            fleet: parts.fleet,
            jobs: parts.jobs,
            advice: parts.advice,
            installation: Arc::new(parts.installation),
            reach: Arc::new(parts.reach),
            http_metrics: parts.http_metrics,
            metrics: parts.metrics,
            passwords: Passwords::default(),
            limits: Arc::new(Limits::default()),
            streams: Places::default(),
            stopping,
        }
    }
}
