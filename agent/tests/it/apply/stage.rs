//! A server with one table, an agent's change engine beside it, and everything it reports.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::apply::applier::Applier;
use agent::apply::context::{ApplyConfig, ApplyInstance};
use agent::apply::report::ChangeSink;
use agent::engines::postgres::change::ChangeTarget;
use querysmith_shared::approval::Signature;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::parameter::SetParameter;
use querysmith_shared::change::statistics::{CreateStatistics, SetStatisticsTarget};
use querysmith_shared::change::{
    Analyze, Change, CreateIndex, DropIndex, IndexKey, TableName, index_name, object_name,
};
use querysmith_shared::dialect::postgres::render;
use querysmith_shared::id::{ChangeId, InstanceId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::fence::Fence;
use querysmith_shared::wire::order::{Answer, Apply, Confirm, Order, Undo};
use querysmith_shared::wire::report::ChangeReport;
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use sqlx::{AssertSqlSafe, PgConnection, Row};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// Longer than anything here takes on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Stage {
    pub(crate) cluster: Cluster,
    pub(crate) directory: TempDir,
    pub(crate) instance: InstanceId,
    pub(crate) system_identifier: String,
}

impl Stage {
    /// A server with database `shop`, table `orders` of role `owner`, and role `qs_apply` that may act as it.
    pub(crate) async fn set() -> Self {
        Self::set_with(Options::default()).await
    }

    pub(crate) async fn set_with(options: Options) -> Self {
        let cluster = Cluster::start(options).unwrap();
        cluster.create_database("shop").await.unwrap();
        let sql = "
            CREATE ROLE owner;
            CREATE ROLE qs_apply LOGIN IN ROLE owner, pg_monitor;
            CREATE ROLE stranger LOGIN;
            GRANT CREATE ON SCHEMA public TO owner;
            CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer, created_at timestamptz, note text);
            INSERT INTO orders
            SELECT n, n % 500, now() - n * interval '1 minute', 'note ' || n FROM generate_series(1, 20000) AS n;
            ALTER TABLE orders OWNER TO owner;
            ANALYZE orders;
        ";
        cluster.execute("shop", sql).await.unwrap();
        let mut connection = cluster.connect("shop").await.unwrap();
        let query = sqlx::query("SELECT system_identifier::text FROM pg_control_system()");
        let system_identifier = query.fetch_one(&mut connection).await.unwrap().get(0);
        let stage = Self {
            cluster,
            directory: tempfile::tempdir().unwrap(),
            instance: InstanceId(Uuid::from_u128(7)),
            system_identifier,
        };
        stage.allow("[[allow]]\n");
        stage
    }

    /// Begins with an empty state directory and the same server.
    pub(crate) fn move_to_another_directory(&mut self) {
        self.directory = tempfile::tempdir().unwrap();
        self.allow("[[allow]]\n");
    }

    /// Makes a value that no b-tree takes.
    pub(crate) async fn make_notes_too_long(&self) {
        let sql = "UPDATE orders SET note = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 400) AS n) \
                   WHERE id = 7";
        self.cluster.execute("shop", sql).await.unwrap();
    }

    /// Removes the index of an order, so that the next one isn't refused because of it.
    pub(crate) async fn drop_index(&self, order: &Apply) {
        let Change::CreateIndex(index) = &order.what else { panic!("not an index") };
        self.cluster.execute("shop", &format!("DROP INDEX IF EXISTS \"{}\"", index.name)).await.unwrap();
    }

    /// Writes the host's allow-list, which takes the controller's word.
    pub(crate) fn allow(&self, text: &str) {
        self.allow_exactly(&format!("approvals = 'unsigned'\n{text}"));
    }

    /// Writes the host's allow-list.
    pub(crate) fn allow_exactly(&self, text: &str) {
        fs::write(self.directory.path().join("allow.toml"), text).unwrap();
    }

    pub(crate) fn config(&self) -> ApplyConfig {
        let mut config = ApplyConfig::new(self.directory.path().to_owned());
        config.allow_list = self.directory.path().join("allow.toml");
        // This machine is as busy as tests make it.
        config.pressure = || None;
        config
    }

    pub(crate) fn instances(&self) -> Vec<ApplyInstance> {
        self.instances_as("qs_apply")
    }

    pub(crate) fn instances_as(&self, role: &str) -> Vec<ApplyInstance> {
        let target = ChangeTarget::from_url(&self.cluster.url_as(role, "postgres")).unwrap();
        vec![ApplyInstance { id: self.instance, name: "main".into(), target }]
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::start(self.config(), self.instances())
    }

    /// An order for an index on these columns of `orders`.
    pub(crate) fn index(&self, columns: &[&str]) -> Apply {
        let change = ChangeId(Uuid::now_v7());
        let table = TableName { schema: "public".into(), name: "orders".into() };
        let key = |column: &&str| IndexKey {
            column: column.trim_start_matches('-').to_owned(),
            descending: column.starts_with('-'),
        };
        let keys: Vec<IndexKey> = columns.iter().map(key).collect();
        let name = index_name(change, &table, &keys);
        let index = CreateIndex { database: "shop".into(), table, name, keys, include: Vec::new() };
        self.order(change, Change::CreateIndex(index), Limits::INDEX_BUILD)
    }

    /// An order for an ANALYZE of `orders`.
    pub(crate) fn analyze(&self) -> Apply {
        let table = TableName { schema: "public".into(), name: "orders".into() };
        let what = Change::Analyze(Analyze { database: "shop".into(), table });
        self.order(ChangeId(Uuid::now_v7()), what, Limits::ANALYZE)
    }

    /// An order to drop index `spare` on these columns of `orders`, whose work `kept` does.
    pub(crate) fn dropping(&self, columns: &[&str], spare: &str, kept: &str) -> Apply {
        let Change::CreateIndex(index) = self.index(columns).what else { panic!("not an index") };
        let drop =
            DropIndex { index: CreateIndex { name: spare.to_owned(), ..index }, covered_by: kept.to_owned() };
        self.order(ChangeId(Uuid::now_v7()), Change::DropIndex(drop), Limits::INDEX_BUILD)
    }

    /// An order to gather statistics about these columns of `orders` together.
    pub(crate) fn together(&self, columns: &[&str]) -> Apply {
        let change = ChangeId(Uuid::now_v7());
        let table = TableName { schema: "public".into(), name: "orders".into() };
        let name = object_name(change, &table, columns.iter().copied());
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        let create = CreateStatistics { database: "shop".into(), table, name, columns };
        self.order(change, Change::CreateStatistics(create), Limits::ANALYZE)
    }

    /// An order for another statistics target of a column of `orders`.
    pub(crate) fn target(&self, column: &str, before: Option<u16>, target: u16) -> Apply {
        let table = TableName { schema: "public".into(), name: "orders".into() };
        let set =
            SetStatisticsTarget { database: "shop".into(), table, column: column.into(), target, before };
        self.order(ChangeId(Uuid::now_v7()), Change::SetStatisticsTarget(set), Limits::ANALYZE)
    }

    /// An order to set a parameter that has this value by the server's own default or file.
    pub(crate) fn setting(&self, name: &str, replaces: &str, value: &str) -> Apply {
        let set =
            SetParameter { name: name.into(), value: value.into(), replaces: replaces.into(), before: None };
        self.order(ChangeId(Uuid::now_v7()), Change::SetParameter(set), Limits::PARAMETER)
    }

    fn order(&self, change: ChangeId, what: Change, limits: Limits) -> Apply {
        let order = Apply {
            change,
            instance: self.instance,
            system_identifier: self.system_identifier.clone(),
            what,
            limits,
            digest: [0; 32],
            approved_by: "Dana".into(),
            expires_at: now().after(Duration::from_secs(3_600)),
            signatures: Vec::new(),
            fence: Fence::default(),
        };
        approved(order)
    }

    /// The index of an order: `None` if there is none, else whether it is valid.
    pub(crate) async fn index_is_valid(&self, order: &Apply) -> Option<bool> {
        let index = match &order.what {
            Change::CreateIndex(index) => index,
            Change::DropIndex(drop) => &drop.index,
            _ => panic!("not an index"),
        };
        let mut connection = self.cluster.connect("shop").await.unwrap();
        let query = sqlx::query("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)");
        let row =
            query.bind(format!("public.\"{}\"", index.name)).fetch_optional(&mut connection).await.unwrap();
        row.map(|row| row.get(0))
    }

    /// Fails if anything of ours is left that shouldn't be: INVALID indexes, locks.
    pub(crate) async fn nothing_is_left_over(&self) {
        let mut connection = self.cluster.connect("shop").await.unwrap();
        let query = sqlx::query("SELECT count(*) FROM pg_index WHERE NOT indisvalid OR NOT indisready");
        let invalid: i64 = query.fetch_one(&mut connection).await.unwrap().get(0);
        assert_eq!(invalid, 0, "INVALID indexes");
        self.eventually("SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'").await;
    }

    /// Waits until a query of one boolean says yes.
    pub(crate) async fn eventually(&self, sql: &str) {
        let mut connection = self.cluster.connect("shop").await.unwrap();
        let started = std::time::Instant::now();
        while !ask(&mut connection, sql).await {
            assert!(started.elapsed() < LIMIT, "never true: {sql}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A transaction with an old snapshot, which every index build has to wait for.
    pub(crate) async fn old_snapshot(&self) -> PgConnection {
        let mut connection = self.cluster.connect("shop").await.unwrap();
        let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class";
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection
    }
}

async fn ask(connection: &mut PgConnection, sql: &str) -> bool {
    let query = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_one(connection).await.unwrap();
    query.try_get_unchecked::<String, _>(0).unwrap() == "t"
}

/// The order with the digest of what it says.
pub(crate) fn approved(order: Apply) -> Apply {
    let digest = render(&order.what, order.limits).unwrap().digest(order.what.database());
    Apply { digest, ..order }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}

/// A running change engine and what it has reported.
pub(crate) struct Engine {
    pub(crate) applier: Applier,
    pub(crate) reports: Reports,
    stop: watch::Sender<bool>,
}

#[derive(Clone, Default)]
pub(crate) struct Reports {
    all: Arc<Mutex<Vec<ChangeReport>>>,
    news: Arc<Notify>,
}

impl ChangeSink for Reports {
    async fn report(&self, report: ChangeReport, _instance: InstanceId) -> anyhow::Result<()> {
        self.all.lock().unwrap().push(report);
        self.news.notify_one();
        Ok(())
    }
}

impl Engine {
    pub(crate) fn start(config: ApplyConfig, instances: Vec<ApplyInstance>) -> Self {
        let reports = Reports::default();
        Self::start_with(config, instances, reports.clone(), reports)
    }

    /// Starts the engine with another sink than the one it is watched by.
    pub(crate) fn start_with(
        config: ApplyConfig,
        instances: Vec<ApplyInstance>,
        sink: impl ChangeSink,
        reports: Reports,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let applier = Applier::start(config, instances, sink, stopped);
        Self { applier, reports, stop }
    }

    pub(crate) async fn apply(&self, order: &Apply) -> Answer {
        self.applier.handle(Order::Apply(Box::new(order.clone()))).await
    }

    pub(crate) async fn undo(&self, order: &Apply) -> Answer {
        self.undo_signed(order, Vec::new()).await
    }

    pub(crate) async fn undo_signed(&self, order: &Apply, signatures: Vec<Signature>) -> Answer {
        let undo = Undo { change: order.change, reason: "it harms".into(), signatures, fence: order.fence };
        self.applier.handle(Order::Undo(undo)).await
    }

    pub(crate) async fn confirm(&self, order: &Apply) -> Answer {
        let confirm = Confirm { change: order.change, reason: "it helps".into(), fence: order.fence };
        self.applier.handle(Order::Confirm(confirm)).await
    }

    /// Waits until the change has reported this state, and returns that report.
    pub(crate) async fn reaches(&self, order: &Apply, state: ChangeState) -> ChangeReport {
        self.reports_that(order, |report| report.state == state).await
    }

    /// Waits until the change has reported a state in which nothing happens by itself.
    pub(crate) async fn settles(&self, order: &Apply) -> ChangeReport {
        self.reports_that(order, |report| report.state.is_final() || report.state == ChangeState::Trial).await
    }

    pub(crate) async fn reports_that(
        &self,
        order: &Apply,
        fits: impl Fn(&ChangeReport) -> bool,
    ) -> ChangeReport {
        let wait = async {
            loop {
                let found = self.reports.of(order).into_iter().find(|report| fits(report));
                match found {
                    Some(report) => return report,
                    None => self.reports.news.notified().await,
                }
            }
        };
        match tokio::time::timeout(LIMIT, wait).await {
            Ok(report) => report,
            Err(_) => panic!("it was never reported; what was: {:#?}", self.reports.of(order)),
        }
    }

    /// Stops the engine as the agent does, and returns what it reported.
    pub(crate) async fn stop(self) -> Reports {
        self.stop.send_replace(true);
        tokio::time::timeout(LIMIT, self.applier.stopped()).await.unwrap();
        self.reports
    }
}

impl Reports {
    pub(crate) fn of(&self, order: &Apply) -> Vec<ChangeReport> {
        self.all.lock().unwrap().iter().filter(|report| report.change == order.change).cloned().collect()
    }

    /// The states that the change went through.
    pub(crate) fn states(&self, order: &Apply) -> Vec<ChangeState> {
        let mut states: Vec<_> = self.of(order).into_iter().map(|report| report.state).collect();
        states.dedup();
        states
    }
}

/// Fails unless the answer is a refusal with these words in it.
#[track_caller]
pub(crate) fn refused(answer: Answer, words: &str) {
    match answer {
        Answer::Refused(reason) => assert!(reason.contains(words), "{reason}"),
        answer => panic!("{answer:?}"),
    }
}
