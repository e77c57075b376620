//! A server, an engine beside it, and everything that it reports.

use std::sync::{Arc, Mutex};

use agent::collect::collector::Collector;
use agent::collect::sink::{Reports, StoreError};
use agent::config::Instance;
use agent::engines::{BoxFuture, CollectError, Collected, Engine, HostPermission, connect};
use querysmith_configuration::secret::Secret;
use querysmith_shared::id::InstanceId;
use querysmith_shared::observation::plan::PlanObservation;
use querysmith_shared::observation::query_stats::{QueryStats, StatementDelta, StatementText};
use querysmith_shared::observation::schema::{Table, TableActivity};
use querysmith_shared::observation::settings::Setting;
use querysmith_shared::wire::report::ReportBody;
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

/// Keeps what is reported; fails on request.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    bodies: Mutex<Vec<ReportBody>>,
    /// How many reports are still taken before the disk is full.
    room: Mutex<Option<usize>>,
}

impl Kept {
    pub(crate) fn take(&self) -> Vec<ReportBody> {
        std::mem::take(&mut self.bodies.lock().unwrap())
    }

    pub(crate) fn limit(&self, room: Option<usize>) {
        *self.room.lock().unwrap() = room;
    }
}

impl Reports for Kept {
    fn append(&self, body: ReportBody) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let mut room = self.room.lock().unwrap();
            match room.as_mut() {
                Some(0) => return Err(StoreError::Spool(agent::link::outbox::OutboxError::Closed)),
                Some(left) => *left -= 1,
                None => {}
            }
            self.bodies.lock().unwrap().push(body);
            Ok(())
        })
    }
}

pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) kept: Kept,
}

/// Roles as `querysmith-agent grants` makes them, and a table with data.
const SET_UP: &str = "
    CREATE ROLE app LOGIN;
    CREATE ROLE querysmith_read LOGIN;
    GRANT pg_monitor TO querysmith_read;
    GRANT CREATE ON SCHEMA public TO app;
    CREATE TABLE orders (
        id bigint PRIMARY KEY, customer_id integer NOT NULL, status text, created_at timestamptz, note text
    );
    INSERT INTO orders
    SELECT n, n % 5000, CASE WHEN n % 10 = 0 THEN 'open' ELSE 'done' END, now() - n * interval '1 minute', 'note ' || n
    FROM generate_series(1, 50000) AS n;
    ALTER TABLE orders OWNER TO app;
    ANALYZE orders;
";

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::set_with(Options::default(), |_| {}).await
    }

    pub(crate) async fn set_with(options: Options, configure: impl FnOnce(&mut Instance)) -> Self {
        let major = options.major;
        let cluster = Cluster::start(options).unwrap();
        cluster.create_database("shop").await.unwrap();
        cluster.execute("shop", SET_UP).await.unwrap();
        if major >= 14 {
            cluster.execute("shop", "GRANT pg_read_all_data TO querysmith_read").await.unwrap();
        } else {
            cluster
                .execute("shop", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO querysmith_read")
                .await
                .unwrap();
        }
        let mut config = instance(&cluster.url_as("querysmith_read", "shop"));
        configure(&mut config);
        let engine = engine(&config);
        Self { cluster, engine, kept: Kept::default() }
    }

    /// Runs a collector that must bring something.
    pub(crate) async fn collect(&self, collector: Collector) -> Collected {
        self.try_collect(collector).await.unwrap_or_else(|error| panic!("{collector:?}: {error}"))
    }

    pub(crate) async fn try_collect(&self, collector: Collector) -> Result<Collected, CollectError> {
        self.engine.collect(collector, &self.kept).await
    }

    /// Gets to know the server and takes the first reading.
    pub(crate) async fn begin(&self) {
        self.collect(Collector::Server).await;
        self.collect(Collector::QueryStats).await;
        self.kept.take();
    }

    /// One window of statement statistics, with the texts that came with it.
    pub(crate) async fn window(&self) -> (Vec<QueryStats>, Vec<StatementText>) {
        self.collect(Collector::QueryStats).await;
        let mut windows = Vec::new();
        let mut texts = Vec::new();
        for body in self.kept.take() {
            match body {
                ReportBody::QueryStats(window) => windows.push(window),
                ReportBody::StatementTexts(found) => texts.extend(found.texts),
                other => panic!("unexpected {other:?}"),
            }
        }
        (windows, texts)
    }

    pub(crate) async fn as_app(&self) -> PgConnection {
        use sqlx::Connection;
        PgConnection::connect(&self.cluster.url_as("app", "shop")).await.unwrap()
    }
}

pub(crate) fn instance(url: &str) -> Instance {
    Instance {
        name: "main".into(),
        environment: "test".into(),
        url: Some(Secret::new(url)),
        databases: vec!["shop".into()],
        ..Instance::default()
    }
}

pub(crate) fn engine(config: &Instance) -> Arc<dyn Engine> {
    connect(config, InstanceId(Uuid::from_u128(7)), Arc::new(|| HostPermission::NONE)).unwrap().into()
}

/// Runs statements one by one, as an application would.
pub(crate) async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The row of the statement whose text begins with `start`.
pub(crate) fn row_of<'a>(
    windows: &'a [QueryStats],
    texts: &[StatementText],
    start: &str,
) -> Option<&'a StatementDelta> {
    let text = texts.iter().find(|text| text.text.starts_with(start))?;
    windows.iter().flat_map(|window| &window.rows).find(|row| row.statement == text.statement)
}

pub(crate) fn plans(bodies: Vec<ReportBody>) -> Vec<PlanObservation> {
    let plans = bodies.into_iter().filter_map(|body| match body {
        ReportBody::Plans(plans) => Some(plans.plans),
        _ => None,
    });
    plans.flatten().collect()
}

pub(crate) fn tables(bodies: Vec<ReportBody>) -> Vec<Table> {
    let changes = bodies.into_iter().filter_map(|body| match body {
        ReportBody::Schema(changes) => Some(changes.changed),
        _ => None,
    });
    changes.flatten().collect()
}

pub(crate) fn usage(bodies: Vec<ReportBody>) -> Vec<TableActivity> {
    let usage = bodies.into_iter().filter_map(|body| match body {
        ReportBody::Usage(usage) => Some(usage.tables),
        _ => None,
    });
    usage.flatten().collect()
}

pub(crate) fn settings(bodies: Vec<ReportBody>) -> Vec<Setting> {
    let settings = bodies.into_iter().filter_map(|body| match body {
        ReportBody::Settings(settings) => Some(settings.changed),
        _ => None,
    });
    settings.flatten().collect()
}

/// The options of a server like any other.
pub(crate) fn options() -> Options {
    Options::default()
}
