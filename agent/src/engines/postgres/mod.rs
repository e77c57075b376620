//! PostgreSQL 13 to 18.

mod activity;
mod catalogue;
pub mod change;
mod check;
mod classify;
pub mod connect;
mod facts;
mod grants;
mod host;
mod lane;
mod lexer;
mod memory;
mod plans;
mod query_stats;
mod redact;
mod row;
mod schema;
mod server;
mod session;
mod settings;
mod texts;
mod usage;
mod what_if;

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use querysmith_shared::engine;
use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::collector::Problem;
use querysmith_shared::observation::instance::Server;
use querysmith_shared::wire::order::{WhatIf, WhatIfAnswer};

use crate::collect::collector::Collector;
use crate::collect::sink::Reports;
use crate::config;
use crate::engines::{AskHost, BoxFuture, CollectError, Collected, Engine, EngineError, Missing};
use catalogue::Catalogue;
use facts::{Database, Extension, Extensions, Facts};
use lane::{Lane, Lease, Target};
use memory::Memory;
use session::StatementTime;

/// One PostgreSQL server.
pub struct Postgres {
    config: config::Instance,
    id: InstanceId,
    leave: AskHost,
    /// The database that the configuration names first.
    first_database: String,
    /// Whether the server runs on this host.
    is_local: bool,
    server_lane: Lane,
    database_lane: Lane,
    time: StatementTime,
    known: Mutex<Option<Arc<Known>>>,
    /// Extensions by database, as far as the database was visited.
    extensions: Mutex<HashMap<String, Extensions>>,
    catalogue: Mutex<Catalogue>,
    /// What literals of index definitions are hashed with; it never leaves this process.
    literals_key: RandomState,
    server: Memory<server::State>,
    query_stats: Memory<query_stats::State>,
    schema: Memory<schema::State>,
    usage: Memory<usage::State>,
    settings: Memory<settings::State>,
    host: Memory<host::State>,
}

/// What is known of a server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    facts: Facts,
    /// The databases that are watched and can be connected to.
    databases: Vec<Database>,
    /// The database in which the server's own statistics are read.
    home: String,
    /// pg_stat_statements in that database.
    extension: Option<Extension>,
}

impl Postgres {
    /// The server of a configured instance. Connects to nothing yet.
    pub(crate) fn new(
        config: &config::Instance,
        id: InstanceId,
        leave: AskHost,
    ) -> Result<Self, EngineError> {
        let options = connect::read_options(config)?;
        let first_database = options.get_database().unwrap_or(options.get_username()).to_owned();
        Ok(Self {
            config: config.clone(),
            id,
            leave,
            first_database,
            is_local: config.host_metrics.unwrap_or_else(|| connect::is_local(&options)),
            server_lane: Lane::default(),
            database_lane: Lane::default(),
            time: Arc::new(AtomicU64::new(0)),
            known: Mutex::default(),
            extensions: Mutex::default(),
            catalogue: Mutex::default(),
            literals_key: RandomState::new(),
            server: Memory::default(),
            query_stats: Memory::default(),
            schema: Memory::default(),
            usage: Memory::default(),
            settings: Memory::default(),
            host: Memory::default(),
        })
    }

    /// What is known of the server, or an error before it has answered.
    fn known(&self) -> Result<Arc<Known>, CollectError> {
        self.known_now().ok_or(CollectError::NotReady)
    }

    fn known_now(&self) -> Option<Arc<Known>> {
        lock(&self.known).clone()
    }

    fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        lock(&self.catalogue)
    }

    /// A session for what concerns the whole server.
    async fn lease_server(&self, collector: Collector) -> Result<Lease<'_>, CollectError> {
        let known = self.known_now();
        let database = known.as_deref().map_or(self.first_database.as_str(), |known| known.home.as_str());
        let target = self.target(database, known.as_deref());
        self.server_lane.lease(target, self.config.timeout(collector)).await
    }

    /// A session in one of the watched databases.
    async fn lease_database(&self, database: &str, collector: Collector) -> Result<Lease<'_>, CollectError> {
        let known = self.known_now();
        let target = self.target(database, known.as_deref());
        self.database_lane.lease(target, self.config.timeout(collector)).await
    }

    /// One database of several could not be read: noted as a problem of it, and returned as the last failure.
    fn note_failure(&self, database: &str, error: CollectError, collected: &mut Collected) -> CollectError {
        collected.problems.push(Problem {
            message: error.to_string(),
            remedy: None,
            database: Some(database.to_owned()),
        });
        error
    }

    /// The outcome of a run over `databases` databases: an error only if every one of them failed.
    fn outcome(
        &self,
        collected: Collected,
        databases: usize,
        failure: Option<CollectError>,
    ) -> Result<Collected, CollectError> {
        let failed = collected.problems.iter().filter(|problem| problem.database.is_some()).count();
        match failure {
            Some(error) if failed >= databases && collected.rows == 0 => Err(error),
            _ => Ok(collected),
        }
    }

    fn target<'a>(&'a self, database: &'a str, known: Option<&Known>) -> Target<'a> {
        let privileged =
            known.is_some_and(|known| known.facts.superuser && known.facts.statements_max.is_some());
        Target { instance: &self.config, database, privileged, time: &self.time }
    }
}

async fn collect(
    engine: &Postgres,
    collector: Collector,
    reports: &dyn Reports,
) -> Result<Collected, CollectError> {
    match collector {
        Collector::Server => server::collect(engine, reports).await,
        Collector::QueryStats => query_stats::collect(engine, reports).await,
        Collector::Schema => schema::collect(engine, reports).await,
        Collector::Usage => usage::collect(engine, reports).await,
        Collector::Settings => settings::collect(engine, reports).await,
        Collector::Host => host::collect(engine, reports).await,
        Collector::Activity => activity::collect(engine, reports).await,
        Collector::Plans => plans::collect(engine, reports).await,
    }
}

/// The SQL that makes the roles of a configured instance, under other names where `read` and `apply` give them.
pub(super) fn grants(
    instance: &config::Instance,
    read: Option<&str>,
    apply: Option<&str>,
    parameters: &[String],
) -> Result<String, EngineError> {
    let roles = grants::Roles {
        read: match read {
            Some(read) => read.to_owned(),
            None => connect::read_options(instance)?.get_username().to_owned(),
        },
        apply: match apply {
            Some(apply) => Some(apply.to_owned()),
            None => connect::apply_options(instance)?.map(|options| options.get_username().to_owned()),
        },
        databases: instance.databases.clone(),
        parameters: parameters.to_vec(),
    };
    grants::sql(&roles).map_err(|reason| EngineError::BadName { instance: instance.name.clone(), reason })
}

impl Engine for Postgres {
    fn kind(&self) -> engine::Engine {
        engine::Engine::PostgreSql
    }

    fn collect<'a>(
        &'a self,
        collector: Collector,
        reports: &'a dyn Reports,
    ) -> BoxFuture<'a, Result<Collected, CollectError>> {
        Box::pin(collect(self, collector, reports))
    }

    fn forget(&self, collector: Collector) {
        match collector {
            Collector::Server => self.server.forget(),
            Collector::QueryStats => self.query_stats.forget(),
            Collector::Schema => self.schema.forget(),
            Collector::Usage => self.usage.forget(),
            Collector::Settings => self.settings.forget(),
            Collector::Host => self.host.forget(),
            Collector::Activity | Collector::Plans => {}
        }
    }

    fn resend(&self) {
        self.catalogue().clear();
        self.server.forget();
        self.schema.forget();
        self.usage.forget();
        self.settings.forget();
    }

    fn server(&self) -> Option<Server> {
        self.known_now().map(|known| server::describe(self, &known))
    }

    fn what_if<'a>(&'a self, question: &'a WhatIf) -> BoxFuture<'a, WhatIfAnswer> {
        Box::pin(what_if::answer(self, question))
    }

    fn check(&self) -> BoxFuture<'_, Missing> {
        Box::pin(check::check(self))
    }

    fn statement_time(&self) -> Duration {
        Duration::from_micros(self.time.load(Ordering::Relaxed))
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.server_lane.close().await;
            self.database_lane.close().await;
        })
    }
}

/// Locks; a panic of another holder left a value that is still whole, as every change of it is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
