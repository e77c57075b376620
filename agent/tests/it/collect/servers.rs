//! Every version, several databases, standbys, and what an administrator is told.

use std::process::Command;

use agent::collect::collector::Collector;
use agent::engines::grants;
use querysmith_configuration::secret::Secret;
use querysmith_shared::observation::plan::PlanOrigin;
use querysmith_shared::wire::report::ReportBody;
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;

use sqlx::AssertSqlSafe;

use super::stage::{Kept, Stage, engine, instance, plans, row_of, run, tables};

/// Everything, on a server of this version.
async fn check_version(major: u16) {
    let stage = Stage::set_with(Options::of_major(major), |_| {}).await;
    let server = stage.collect(Collector::Server).await;
    assert!(server.problems.is_empty(), "{major}: {:?}", server.problems);
    stage.begin().await;
    let mut app = stage.as_app().await;
    run(&mut app, "SELECT note FROM orders WHERE customer_id = 17 AND created_at > '2020-01-01' LIMIT 3")
        .await;
    let (windows, texts) = stage.window().await;
    let row =
        row_of(&windows, &texts, "SELECT note FROM orders").unwrap_or_else(|| panic!("{major}: {texts:?}"));
    assert_eq!((row.calls, row.rows), (1, 3), "{major}");
    assert_eq!(windows[0].rows.len(), 1, "{major}: {texts:?}");
    for collector in Collector::ALL {
        let collected = stage.collect(collector).await;
        assert!(collected.problems.is_empty(), "{major} {collector:?}: {:?}", collected.problems);
    }
    let bodies = stage.kept.take();
    let described = tables(bodies.clone());
    assert!(described[0].columns[1].statistics.is_some(), "{major}: {described:?}");
    let found = plans(bodies);
    let origins: Vec<PlanOrigin> = found.iter().map(|plan| plan.origin).collect();
    assert_eq!(origins, [PlanOrigin::Generic, PlanOrigin::Representative], "{major}: {found:?}");
    assert!(found.iter().all(|plan| plan.plan.as_ref().unwrap().contains("Seq Scan")), "{major}: {found:?}");
}

#[tokio::test]
async fn version_13_is_read_completely() {
    check_version(13).await;
}

#[tokio::test]
async fn version_14_is_read_completely() {
    check_version(14).await;
}

#[tokio::test]
async fn version_15_is_read_completely() {
    check_version(15).await;
}

#[tokio::test]
async fn version_16_is_read_completely() {
    check_version(16).await;
}

#[tokio::test]
async fn version_17_is_read_completely() {
    check_version(17).await;
}

#[tokio::test]
async fn version_18_is_read_completely() {
    check_version(18).await;
}

#[tokio::test]
async fn several_databases_are_watched_and_one_that_refuses_is_named() {
    let stage = Stage::set_with(Options::default(), |config| {
        config.databases = vec!["*".into()];
        config.exclude_databases = vec!["postgres".into()];
    })
    .await;
    for database in ["second", "closed"] {
        stage.cluster.execute("postgres", &format!("CREATE DATABASE {database}")).await.unwrap();
    }
    stage.cluster.execute("second", "CREATE TABLE there (a integer)").await.unwrap();
    stage.cluster.execute("postgres", "REVOKE CONNECT ON DATABASE closed FROM PUBLIC").await.unwrap();
    let server = stage.collect(Collector::Server).await;
    assert_eq!(server.problems.len(), 1, "{:?}", server.problems);
    assert_eq!(
        server.problems[0].remedy.as_deref(),
        Some("GRANT CONNECT ON DATABASE \"closed\" TO \"querysmith_read\"")
    );
    assert_eq!(stage.engine.server().unwrap().databases, ["second", "shop"]);
    stage.collect(Collector::Schema).await;
    let names: Vec<String> = tables(stage.kept.take()).into_iter().map(|table| table.name.name).collect();
    assert_eq!(names, ["there", "orders"]);
    // One that goes away in the middle: the others are still read.
    stage.cluster.execute("postgres", "ALTER DATABASE second ALLOW_CONNECTIONS false").await.unwrap();
    stage.engine.resend();
    let collected = stage.collect(Collector::Schema).await;
    assert_eq!(collected.problems.len(), 1, "{:?}", collected.problems);
    assert_eq!(collected.problems[0].database.as_deref(), Some("second"));
    assert_eq!(tables(stage.kept.take()).len(), 1);
}

#[tokio::test]
async fn statistics_are_found_in_another_database_than_the_first() {
    let cluster = Cluster::start(Options::default()).unwrap();
    cluster.create_database("shop").await.unwrap();
    cluster.execute("postgres", "CREATE DATABASE plain").await.unwrap();
    let mut config = instance(&cluster.url("plain"));
    config.databases = vec!["plain".into(), "shop".into()];
    let engine = engine(&config);
    let kept = Kept::default();
    engine.collect(Collector::Server, &kept).await.unwrap();
    let collected = engine.collect(Collector::QueryStats, &kept).await.unwrap();
    assert!(collected.problems.is_empty() && collected.rows > 0, "{collected:?}");
}

#[tokio::test]
async fn a_standby_is_read_and_its_promotion_noticed() {
    let primary = Stage::set().await;
    let standby = Cluster::start_standby(&primary.cluster, Options::default()).unwrap();
    let mut config = instance(&standby.url_as("querysmith_read", "shop"));
    config.collectors.clear();
    let engine = engine(&config);
    let kept = Kept::default();
    for collector in Collector::ALL {
        let collected =
            engine.collect(collector, &kept).await.unwrap_or_else(|error| panic!("{collector:?}: {error}"));
        assert!(collected.problems.is_empty(), "{collector:?}: {:?}", collected.problems);
    }
    assert!(engine.server().unwrap().in_recovery);
    kept.take();
    standby.promote().unwrap();
    engine.collect(Collector::Server, &kept).await.unwrap();
    let bodies = kept.take();
    let ReportBody::Instance(reported) = &bodies[0] else { panic!("{bodies:?}") };
    assert!(!reported.server.as_ref().unwrap().in_recovery);
}

#[tokio::test]
async fn the_roles_that_are_printed_are_all_that_is_needed() {
    for major in [13, 15, 18] {
        let cluster = Cluster::start(Options::of_major(major)).unwrap();
        cluster.create_database("shop").await.unwrap();
        let tables = "CREATE ROLE owner LOGIN; CREATE SCHEMA sales AUTHORIZATION owner;
                      SET ROLE owner; CREATE TABLE sales.orders (id integer)";
        cluster.execute("shop", tables).await.unwrap();
        let mut config = instance(&cluster.url_as("querysmith_read", "shop"));
        config.apply_url = Some(Secret::new(cluster.url_as("querysmith_apply", "shop")));
        let sql = grants(&config, None, None, &[]).unwrap();
        for _ in 0..2 {
            cluster.execute("shop", &sql).await.unwrap();
        }
        let engine = engine(&config);
        let missing = engine.check().await;
        assert!(missing.problems.is_empty(), "{major}: {:?}", missing.problems);
        assert_eq!(missing.optional[0].remedy.as_deref(), Some("CREATE EXTENSION hypopg"));
        engine.close().await;
        // What the roles run stays out of the statement statistics.
        let mut connection = cluster.connect("shop").await.unwrap();
        let query = "SELECT count(*) FROM pg_stat_statements AS s JOIN pg_roles AS r ON r.oid = s.userid WHERE r.rolname LIKE 'querysmith%'";
        let own: i64 = sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap();
        assert_eq!(own, 0, "{major}");
    }
}

#[tokio::test]
async fn the_changing_role_becomes_nobody_who_may_more_than_own_tables() {
    const OWNERS: &str = "
        CREATE ROLE owner; CREATE ROLE watcher IN ROLE pg_monitor;
        CREATE ROLE boss SUPERUSER; CREATE ROLE maker CREATEROLE; CREATE ROLE copier REPLICATION;
        CREATE ROLE seer BYPASSRLS; CREATE ROLE writer IN ROLE pg_write_server_files;
        CREATE ROLE middle IN ROLE maker; CREATE ROLE climber IN ROLE middle";
    const POWERFUL: [(&str, &str); 7] = [
        ("boss", "boss"),
        ("climber", "maker"),
        ("copier", "copier"),
        ("maker", "maker"),
        ("pg_signal_backend", "pg_signal_backend"),
        ("seer", "seer"),
        ("writer", "pg_write_server_files"),
    ];
    for major in [15, 18] {
        let cluster = Cluster::start(Options::of_major(major)).unwrap();
        cluster.create_database("shop").await.unwrap();
        cluster.execute("shop", OWNERS).await.unwrap();
        let owners = ["owner", "watcher"].into_iter().chain(POWERFUL.map(|(owner, _)| owner));
        for owner in owners {
            let sql = format!("CREATE TABLE of_{owner} (a integer); ALTER TABLE of_{owner} OWNER TO {owner}");
            cluster.execute("shop", &sql).await.unwrap();
        }
        let mut config = instance(&cluster.url_as("querysmith_read", "shop"));
        config.apply_url = Some(Secret::new(cluster.url_as("querysmith_apply", "shop")));
        let sql = grants(&config, None, None, &[]).unwrap();
        // What an earlier version granted is narrowed.
        cluster.execute("shop", "CREATE ROLE querysmith_apply LOGIN IN ROLE owner").await.unwrap();
        cluster.execute("shop", &sql).await.unwrap();
        let mut connection = cluster.connect("shop").await.unwrap();
        let may_become = "
            SELECT r.rolname::text FROM pg_roles AS r
            WHERE pg_has_role('querysmith_apply', r.oid, 'MEMBER') AND r.rolname !~ '^(querysmith_|pg_(monitor|read_all_|stat_))'
            ORDER BY 1";
        let members: Vec<String> = sqlx::query_scalar(may_become).fetch_all(&mut connection).await.unwrap();
        assert_eq!(members, ["owner", "watcher"], "{major}");
        if major >= 16 {
            let always = may_become.replace("MEMBER", "USAGE");
            let query = sqlx::query_scalar(AssertSqlSafe(always));
            let members: Vec<String> = query.fetch_all(&mut connection).await.unwrap();
            assert!(members.is_empty(), "{major}: {members:?}");
        }
        // Why the others are left out is said, and nothing that would let them in.
        let missing = engine(&config).check().await;
        let mut said: Vec<_> = missing.problems.iter().collect();
        said.sort_by_key(|problem| &problem.message);
        assert_eq!(said.len(), POWERFUL.len(), "{major}: {said:?}");
        for (problem, (owner, power)) in said.iter().zip(POWERFUL) {
            let words = format!("tables of `{owner}`, and shall not: it has the power of `{power}`");
            assert!(problem.message.contains(&words), "{major}: {problem:?}");
            assert_eq!(problem.remedy, None, "{major}");
        }
    }
}

#[tokio::test]
async fn a_server_without_anything_is_checked_to_the_last_statement() {
    let cluster = Cluster::start(Options { preload: Vec::new(), ..Options::default() }).unwrap();
    cluster
        .execute("postgres", "CREATE DATABASE shop; CREATE ROLE bare LOGIN; CREATE ROLE changer LOGIN")
        .await
        .unwrap_err();
    for sql in
        ["CREATE DATABASE shop", "CREATE ROLE bare LOGIN", "CREATE ROLE changer LOGIN; CREATE ROLE owner"]
    {
        cluster.execute("postgres", sql).await.unwrap();
    }
    cluster.execute("shop", "CREATE TABLE t (a integer); ALTER TABLE t OWNER TO owner").await.unwrap();
    let mut config = instance(&cluster.url_as("bare", "shop"));
    config.apply_url = Some(Secret::new(cluster.url_as("changer", "shop")));
    let missing = engine(&config).check().await;
    let remedies: Vec<&str> =
        missing.problems.iter().filter_map(|problem| problem.remedy.as_deref()).collect();
    for remedy in [
        "GRANT pg_monitor TO \"bare\"",
        "GRANT pg_read_all_data TO \"bare\"",
        "CREATE EXTENSION pg_stat_statements",
        "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'",
        "GRANT \"owner\" TO \"changer\"",
    ] {
        assert!(remedies.contains(&remedy), "{remedy}: {remedies:?}");
    }
    config.url = Some(Secret::new("postgres://bare:canary4711@127.0.0.1:1/shop"));
    let missing = engine(&config).check().await;
    assert!(missing.problems[0].message.contains("failed to connect to database `shop`"), "{missing:?}");
    assert!(!format!("{missing:?}").contains("canary4711"));
}

#[test]
fn the_command_line_says_what_is_wrong_with_its_exit_code() {
    let program = env!("CARGO_BIN_EXE_querysmith-agent");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("agent.toml");
    let run = |text: &str, arguments: &[&str]| {
        std::fs::write(&file, text).unwrap();
        let output = Command::new(program).arg("--config").arg(&file).args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let state = format!("[state]\ndirectory = '{}'\n", directory.path().display());
    for (text, arguments, code, says) in [
        ("[controler]\n", &["check-config"][..], 64, "did you mean `controller`?"),
        ("[controller]\naddress = 'x:1'\n", &["check-config"], 64, "no [[instance]] is configured"),
        ("[log]\nlevel = 'info,='\n", &["check-config"], 64, "`log.level` is no filter"),
        ("", &["run"], 64, "`controller.address` is not configured"),
        ("", &["check"], 64, "no [[instance]] is configured"),
        ("", &["nonsense"], 64, "unrecognized subcommand"),
        ("", &["--version"], 0, "querysmith-agent 0.1.0"),
        ("", &["grants", "--apply"], 0, "CREATE ROLE \"querysmith_apply\" LOGIN"),
        ("", &["enrol", "not-a-token", "localhost:1"], 77, "token"),
    ] {
        let (found, output) = run(&format!("{state}{text}"), arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {output}");
        assert!(output.contains(says), "{arguments:?}: {output}");
    }
    let watching = "[controller]\naddress = 'x:1'\n[[instance]]\nname = 'a'\nurl = 'postgres://u:canary4711@127.0.0.1:1/d'\n";
    let (code, output) = run(&format!("{state}{watching}"), &["check-config"]);
    assert!(code == Some(0) && output.contains("address = \"x:1\""), "{code:?} {output}");
    let list = directory.path().join("allow.toml");
    std::fs::write(&list, "[[alow]]\n").unwrap();
    let changes = format!("[apply]\nallow_list = '{}'\n", list.display());
    let (code, output) = run(&format!("{state}{changes}{watching}"), &["check-config"]);
    assert!(code == Some(64) && output.contains("allow.toml"), "{code:?} {output}");
    let (code, output) = run(&format!("{state}{watching}"), &["run"]);
    assert!(code == Some(77) && output.contains("not enrolled"), "{code:?} {output}");
    let (code, output) = run(&format!("{state}{watching}"), &["check"]);
    assert!(code == Some(1) && !output.contains("canary4711"), "{code:?} {output}");
    assert!(output.contains("changes: none, as it has no apply_url"), "{output}");
    let changing = format!("{state}{changes}{watching}apply_url = 'postgres://u@127.0.0.1:1/d'\n");
    let key = format!("ed25519:{}", "0".repeat(64));
    for (list_text, says) in [
        ("[[allow]]\n".to_owned(), "changes: none: this host's allow-list doesn't say whose approval counts"),
        ("approvals = 'unsigned'\n".to_owned(), "changes: allowed on the controller's word"),
        (format!("[[approver]]\nname = 'dana'\nkeys = ['{key}']\n"), "changes: allowed when signed by dana"),
        (
            format!("[[approver]]\nname = 'dana'\nkeys = ['{key}']\ninstances = ['b']\n"),
            "changes: none, as no approver is named for it",
        ),
    ] {
        std::fs::write(&list, list_text).unwrap();
        let (_, output) = run(&changing, &["check"]);
        assert!(output.contains(says), "{output}");
    }
}
