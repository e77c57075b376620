//! Database engines: what can be read from each and how. The only place that names a database driver.
//!
//! Nothing here knows when something is read, or where reports go.

pub mod postgres;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use querysmith_shared::approval::Approver;
use querysmith_shared::dialect::identifier::BadName;
use querysmith_shared::engine;
use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::collector::Problem;
use querysmith_shared::observation::instance::Server;
use querysmith_shared::wire::order::{WhatIf, WhatIfAnswer};

use crate::collect::collector::Collector;
use crate::collect::sink::{Reports, StoreError};
use crate::config;
use crate::engines::postgres::change::ChangeTarget;

/// A future behind a pointer, so that [`Engine`] can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One watched server.
pub trait Engine: Send + Sync {
    /// Which engine it is.
    fn kind(&self) -> engine::Engine;

    /// Runs one collector: reads, computes, and appends its reports. What was appended is remembered as sent.
    fn collect<'a>(
        &'a self,
        collector: Collector,
        reports: &'a dyn Reports,
    ) -> BoxFuture<'a, Result<Collected, CollectError>>;

    /// Drops what a collector remembers, after a run of it was cut off: its next run begins anew.
    fn forget(&self, collector: Collector);

    /// Makes the collectors that send only what changed send everything again: reports were dropped.
    fn resend(&self);

    /// What the server says of itself, once it has answered.
    fn server(&self) -> Option<Server>;

    /// Answers what the planner would do with imagined indexes. Never fails: what went wrong is in the answer.
    fn what_if<'a>(&'a self, question: &'a WhatIf) -> BoxFuture<'a, WhatIfAnswer>;

    /// Everything that keeps the agent from its data and its work, with the statements that mend it.
    fn check(&self) -> BoxFuture<'_, Missing>;

    /// Time that the agent's statements took on this server since the start.
    fn statement_time(&self) -> Duration;

    /// Ends every connection.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// What is missing on a server.
#[derive(Debug, Default)]
pub struct Missing {
    /// What keeps the agent from its data or its work.
    pub problems: Vec<Problem>,
    /// What it can do without, with less to offer.
    pub optional: Vec<Problem>,
}

/// The outcome of one run.
#[derive(Debug, Default)]
pub struct Collected {
    /// Rows read.
    pub rows: u64,
    /// What is missing; without any, the collection is complete.
    pub problems: Vec<Problem>,
    /// Collectors that should run now.
    pub wake: Vec<Collector>,
    /// When this collector should run next, if earlier than its interval.
    pub again_in: Option<Duration>,
    /// Time that the server took for what every run repeats, where that grows with the size of the database.
    pub server_time: Duration,
}

/// Why a run brought nothing. The reasons are redacted.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// No connection.
    #[error("failed to connect to database `{database}`: {reason}")]
    Connect {
        /// Which database.
        database: String,
        /// Why.
        reason: String,
    },
    /// The server refused a statement, or the connection broke.
    #[error("a statement failed: {reason}")]
    Statement {
        /// SQLSTATE, if it was the server.
        code: Option<String>,
        /// Why.
        reason: String,
    },
    /// The server did not answer in time.
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The server has not been looked at yet, or can't be.
    #[error("the server has not answered yet")]
    NotReady,
    /// A statement may not be planned.
    #[error("{0}")]
    NotPlanned(String),
    /// The report could not be put on disk.
    #[error("failed to store the report")]
    Store(#[source] StoreError),
}

/// Why an instance can't be watched as configured.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Its address can't be read.
    #[error("instance `{instance}`: the address in `{key}` is not valid")]
    BadAddress {
        /// Which instance.
        instance: String,
        /// Which key holds it.
        key: &'static str,
    },
    /// A role or database has a name that can't be one.
    #[error("instance `{instance}`: {reason}")]
    BadName {
        /// Which instance.
        instance: String,
        /// What is wrong with it.
        reason: BadName,
    },
    /// Its password file can't be read.
    #[error("instance `{instance}`: failed to read {}", path.display())]
    PasswordFile {
        /// Which instance.
        instance: String,
        /// Which file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// What the host lets be done to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPermission {
    /// Changes may be made.
    pub may_apply: bool,
    /// Whose signatures they need; nobody's where the controller's word is enough.
    pub approvers: Vec<Approver>,
}

impl HostPermission {
    /// Nothing.
    pub const NONE: Self = Self { may_apply: false, approvers: Vec::new() };
}

/// Tells what the host lets be done at this moment.
pub type AskHost = Arc<dyn Fn() -> HostPermission + Send + Sync>;

/// Where changes of an instance are made; `None` where it has no role for it.
pub fn change_target(config: &config::Instance) -> Result<Option<ChangeTarget>, EngineError> {
    Ok(postgres::connect::apply_options(config)?.map(ChangeTarget::new))
}

/// The SQL that makes the roles of an instance, for an administrator to run.
pub fn grants(
    config: &config::Instance,
    read: Option<&str>,
    apply: Option<&str>,
    parameters: &[String],
) -> Result<String, EngineError> {
    postgres::grants(config, read, apply, parameters)
}

/// The engine of a configured instance. Connects to nothing yet.
pub fn connect(
    config: &config::Instance,
    id: InstanceId,
    leave: AskHost,
) -> Result<Box<dyn Engine>, EngineError> {
    Ok(Box::new(postgres::Postgres::new(config, id, leave)?))
}
