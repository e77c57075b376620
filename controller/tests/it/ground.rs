//! What most tests stand on: a private PostgreSQL with the store's schema, and an agent with an instance.

use std::time::SystemTime;

use querysmith_controller::fleet::store::{IssuedCertificate, NewAgent, TokenVerdict};
use querysmith_controller::ingest::ingester::Ingester;
use querysmith_controller::store::{Store, StoreOptions};
use querysmith_controller::telemetry::Metrics;
use querysmith_controller::wake::Wake;
use querysmith_shared::engine::{Engine, Version};
use querysmith_shared::id::{AgentId, InstanceId, StatementId};
use querysmith_shared::observation::instance::{Instance, Server};
use querysmith_shared::observation::query_stats::{Coverage, QueryStats, StatementDelta};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::link::Hello;
use querysmith_shared::wire::report::{Lane, Report, ReportBody};
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use std::time::Duration;
use uuid::Uuid;

pub(crate) const DAY: Duration = Duration::from_secs(86_400);

pub(crate) struct Ground {
    pub(crate) cluster: Cluster,
    pub(crate) store: Store,
    pub(crate) wake: Wake,
}

impl Ground {
    /// A store with its schema.
    pub(crate) async fn new() -> Self {
        let options = Options { preload: Vec::new(), ..Options::default() };
        let cluster = Cluster::start(options).expect("a private PostgreSQL starts");
        cluster.create_database("store").await.expect("the database is created");
        let options = StoreOptions { acquire_timeout: Duration::from_secs(5), ..StoreOptions::default() };
        let store = Store::connect(&cluster.url("store"), options).expect("the address is good");
        store.migrate().await.expect("the migrations run");
        Self { cluster, store, wake: Wake::default() }
    }

    pub(crate) fn ingester(&self) -> Ingester {
        Ingester::new(self.store.clone(), self.wake.clone(), Metrics::default(), 3 * DAY)
    }

    /// An agent that is enrolled and said hello with one instance.
    pub(crate) async fn agent(&self) -> (AgentId, InstanceId) {
        let agent = AgentId(Uuid::now_v7());
        let secret: [u8; 32] = rand::random();
        let now = now();
        self.store.add_join_token(secret, "test", "", now, now.after(DAY)).await.unwrap();
        let new = NewAgent {
            agent,
            host_name: "host".into(),
            version: "1".into(),
            certificate: IssuedCertificate { serial: "1".into(), not_after: now.after(DAY) },
        };
        let verdict = self.store.redeem_join_token(secret, &new, now).await.unwrap();
        assert_eq!(verdict, TokenVerdict::Redeemed);
        let instance = instance(agent, "main");
        let id = instance.id;
        self.store.record_hello(agent, &hello(vec![instance]), now).await.unwrap();
        (agent, id)
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        // Connections that died with the server are found out one by one.
        for _ in 0..20 {
            if let Ok(count) = sqlx::query_scalar(sql).fetch_one(&self.store.pool).await {
                return count;
            }
        }
        sqlx::query_scalar(sql).fetch_one(&self.store.pool).await.unwrap()
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

pub(crate) fn hello(instances: Vec<Instance>) -> Hello {
    Hello {
        agent_version: "1".into(),
        host_name: "host".into(),
        incarnation: 1,
        run: 1,
        obeyed: None,
        instances,
    }
}

pub(crate) fn instance(agent: AgentId, name: &str) -> Instance {
    Instance {
        id: InstanceId::derive(agent, name),
        name: name.into(),
        environment: "test".into(),
        engine: Engine::PostgreSql,
        server: Some(Server {
            version: Version { major: 15, minor: 4 },
            system_identifier: "7".into(),
            started_at: now().before(DAY),
            in_recovery: false,
            databases: vec!["shop".into()],
            what_if: true,
            may_apply: true,
            approvers: Vec::new(),
        }),
    }
}

pub(crate) fn report(sequence: u64, instance: Option<InstanceId>, body: ReportBody) -> Report {
    Report { lane: Lane::Telemetry, sequence, made_at: now(), instance, body }
}

pub(crate) fn stats(start: Timestamp, end: Timestamp, rows: Vec<StatementDelta>) -> ReportBody {
    ReportBody::QueryStats(QueryStats {
        window_start: start,
        window_end: end,
        rows,
        coverage: Coverage::default(),
    })
}

pub(crate) fn delta(statement: i64, calls: u64, total_ms: f64) -> StatementDelta {
    StatementDelta {
        statement: StatementId(statement),
        calls,
        rows: calls,
        total_ms,
        sum_squares_ms2: total_ms * total_ms / calls.max(1) as f64,
        blocks_hit: calls.saturating_mul(10),
        blocks_read: calls,
        blocks_dirtied: 0,
        blocks_written: 0,
        temp_blocks_read: 0,
        temp_blocks_written: 0,
        io_ms: 0.0,
        wal_bytes: 0,
    }
}
