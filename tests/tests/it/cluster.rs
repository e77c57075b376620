//! The private clusters the other tests stand on.

use anyhow::Result;
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use querysmith_tests::embedded_postgres;
use sqlx::Connection;

async fn number(cluster: &Cluster, sql: &'static str) -> Result<i64> {
    let mut connection = cluster.connect("app").await?;
    let number = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(number)
}

#[tokio::test]
async fn a_dropped_cluster_leaves_no_process_and_no_directory() -> Result<()> {
    let mut cluster = Cluster::start(Options::default())?;
    cluster.create_database("app").await?;
    assert!(cluster.is_running());
    assert!(cluster.processes().len() > 1, "the postmaster and its children");
    let pid = cluster.pid().expect("it runs");
    let directory = cluster.socket_dir().to_owned();

    drop(cluster);

    assert!(!directory.exists());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    Ok(())
}

#[tokio::test]
async fn rows_survive_a_restart_an_immediate_stop_and_a_kill() -> Result<()> {
    let mut cluster = Cluster::start(Options::default())?;
    let port = cluster.port();
    cluster.create_database("app").await?;
    cluster.execute("app", "CREATE TABLE t (n bigint); INSERT INTO t VALUES (1)").await?;

    cluster.restart()?;
    cluster.execute("app", "INSERT INTO t VALUES (2)").await?;

    cluster.stop_immediate()?;
    assert_eq!(cluster.processes(), Vec::<i32>::new());
    cluster.start_again()?;
    cluster.execute("app", "INSERT INTO t VALUES (3)").await?;

    cluster.kill()?;
    assert_eq!(cluster.processes(), Vec::<i32>::new());
    assert!(!cluster.is_running());
    cluster.start_again()?;

    assert_eq!(cluster.port(), port);
    assert_eq!(number(&cluster, "SELECT count(*) FROM t").await?, 3);
    Ok(())
}

#[tokio::test]
async fn settings_reach_the_server_and_alter_system_wins_over_them() -> Result<()> {
    let options = Options { statements_max: 12_000, ..Options::default() }.setting("work_mem", "7MB");
    let mut cluster = Cluster::start(options)?;
    cluster.create_database("app").await?;
    assert_eq!(number(&cluster, "SELECT current_setting('pg_stat_statements.max')::bigint").await?, 12_000);
    assert_eq!(
        number(&cluster, "SELECT setting::bigint FROM pg_settings WHERE name = 'work_mem'").await?,
        7168
    );

    cluster.execute("postgres", "ALTER SYSTEM SET work_mem = '9MB'").await?;
    cluster.restart()?;

    assert_eq!(
        number(&cluster, "SELECT setting::bigint FROM pg_settings WHERE name = 'work_mem'").await?,
        9216
    );
    Ok(())
}

#[tokio::test]
async fn a_kept_directory_is_continued() -> Result<()> {
    let directory = std::env::temp_dir().join(format!("qs-kept-{}", std::process::id()));
    let options = Options { directory: Some(directory.clone()), ..Options::default() };

    let cluster = Cluster::start(options.clone())?;
    cluster.create_database("app").await?;
    drop(cluster);
    let cluster = Cluster::start(options)?;
    assert_eq!(number(&cluster, "SELECT 1::bigint").await?, 1);
    drop(cluster);

    std::fs::remove_dir_all(directory)?;
    Ok(())
}

#[tokio::test]
async fn a_bad_setting_fails_with_the_servers_own_words() {
    let error =
        Cluster::start(Options::default().setting("no_such_setting", "1")).expect_err("it can't start");
    assert!(
        format!("{error:#}").contains("unrecognized configuration parameter \"no_such_setting\""),
        "{error:#}"
    );
}

#[tokio::test]
async fn a_standby_follows_and_can_be_promoted() -> Result<()> {
    let primary = Cluster::start(Options::default())?;
    primary.create_database("app").await?;
    let standby = Cluster::start_standby(&primary, Options::default())?;
    let in_recovery = "SELECT pg_is_in_recovery()::integer::bigint";
    assert_eq!(number(&standby, in_recovery).await?, 1);

    standby.promote()?;

    assert_eq!(number(&standby, in_recovery).await?, 0);
    standby.execute("app", "CREATE TABLE written (n bigint)").await
}

#[tokio::test]
async fn every_fetched_major_version_starts() -> Result<()> {
    for major in [13, 14, 16, 17, 18].into_iter().filter(|major| embedded_postgres::bin_dir(*major).is_some())
    {
        let mut cluster = Cluster::start(Options::of_major(major))?;
        cluster.create_database("app").await?;
        let version =
            number(&cluster, "SELECT current_setting('server_version_num')::bigint / 10000").await?;
        assert_eq!(version, i64::from(major));
        cluster.kill()?;
        assert_eq!(cluster.processes(), Vec::<i32>::new());
    }
    Ok(())
}
