//! The demo's shop as a program: it loads once, drives through a restart, and leaves nothing behind.

use std::future::ready;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result};
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use querysmith_tests::shop::load::{Loaded, load};
use querysmith_tests::shop::workload::statement_names;
use querysmith_tests::shop::{drive, tracked};
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{mpsc, oneshot};

/// Large enough for the planner to behave as with the whole shop.
pub(crate) const SCALE: f64 = 0.05;

pub(crate) fn address(cluster: &Cluster) -> Result<PgConnectOptions> {
    PgConnectOptions::from_str(&cluster.url("shop")).context("reading the cluster's address")
}

#[tokio::test]
async fn a_shop_is_loaded_once_and_at_one_scale() -> Result<()> {
    let cluster = Cluster::start(Options::default())?;
    let address = address(&cluster)?;
    assert_eq!(load(&address, 0.01, &|_| ()).await?, Loaded::Now);
    assert_eq!(load(&address, 0.01, &|_| ()).await?, Loaded::Before);

    let error = load(&address, 0.02, &|_| ()).await.expect_err("the scale differs");
    assert_eq!(error.to_string(), "this database holds a shop of scale 0.01, not 0.02");
    Ok(())
}

#[tokio::test]
async fn an_interrupted_load_continues() -> Result<()> {
    let cluster = Cluster::start(Options::default())?;
    let address = address(&cluster)?;
    load(&address, 0.01, &|_| ()).await?;
    let undo = "
        DROP TABLE reviews;
        DELETE FROM shop_setup.step WHERE name IN ('reviews', 'statistics')";
    cluster.execute("shop", undo).await?;

    let told = std::sync::Mutex::new(Vec::new());
    let tell = |line: &str| told.lock().expect("no teller panics").push(line.to_owned());
    assert_eq!(load(&address, 0.01, &tell).await?, Loaded::Now);

    let begun: Vec<String> =
        told.lock().expect("no teller panics").iter().filter(|line| line.ends_with('…')).cloned().collect();
    assert_eq!(begun, ["reviews …", "vacuum and analyze …"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_workload_survives_a_restart_of_the_database() -> Result<()> {
    let mut cluster = Cluster::start(Options::default())?;
    let address = address(&cluster)?;
    load(&address, 0.01, &|_| ()).await?;

    let plan = drive::Plan { address, rate_scale: 20.0, seed: 1, interval: Duration::from_millis(200) };
    let (send_line, mut lines) = mpsc::unbounded_channel();
    let (end, ended) = oneshot::channel::<()>();
    let end_of_drive = async { drop(ended.await) };
    let driver = tokio::spawn(drive::drive(plan, end_of_drive, move |line| {
        send_line.send(line.clone()).context("handing on a line")
    }));

    while lines.recv().await.context("the driver ended")?.count == 0 {}
    cluster.stop_immediate()?;
    while lines.recv().await.context("the driver ended")?.errors == 0 {}
    cluster.start_again()?;
    loop {
        let line = lines.recv().await.context("the driver ended")?;
        if line.count > 0 && line.errors == 0 {
            break;
        }
    }
    end.send(()).expect("the driver still listens");

    let whole = driver.await??;
    assert!(whole.errors > 0, "the restart is in the report");
    assert_eq!(whole.statements.keys().len(), statement_names().len());
    Ok(())
}

#[tokio::test]
async fn every_statement_of_the_workload_runs() -> Result<()> {
    let cluster = Cluster::start(Options::default())?;
    let address = address(&cluster)?;
    load(&address, 0.01, &|_| ()).await?;
    let plan = drive::Plan { address, rate_scale: 20.0, seed: 7, interval: Duration::from_millis(100) };

    let (seen, all_seen) = oneshot::channel::<()>();
    let mut seen = Some(seen);
    let mut missing = statement_names();
    let whole = drive::drive(plan, async { drop(all_seen.await) }, |line| {
        missing.retain(|name| line.statements[name].count == 0);
        if missing.is_empty() {
            drop(seen.take());
        }
        Ok(())
    })
    .await?;

    assert_eq!(whole.errors, 0, "{whole:?}");
    Ok(())
}

#[tokio::test]
async fn as_many_statements_are_tracked_as_asked_for() -> Result<()> {
    let cluster = Cluster::start(Options { statements_max: 1000, ..Options::default() })?;
    let address = address(&cluster)?;
    cluster.create_database("shop").await?;
    let plan = |statements| tracked::Plan { address: address.clone(), statements, active: 50, rate: 1000.0 };

    let summary = tracked::run(&plan(800), ready(()), |_| ()).await?;
    assert!(summary.tracked >= 800, "{summary:?}");

    let error = tracked::run(&plan(1500), ready(()), |_| ()).await.expect_err("there is no room for them");
    assert!(error.to_string().ends_with("raise pg_stat_statements.max"), "{error}");
    Ok(())
}

#[test]
fn a_killed_sample_server_leaves_no_process() -> Result<()> {
    let directory = std::env::temp_dir().join(format!("qs-serve-{}", std::process::id()));
    let mut program = Command::new(env!("CARGO_BIN_EXE_querysmith-shop"))
        .args(["serve", "--dir"])
        .arg(&directory)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(program.stdout.take().context("its output")?).read_line(&mut line)?;
    let printed: serde_json::Value = serde_json::from_str(&line).context(line)?;
    let postmaster = printed["pid"].as_i64().context("the postmaster's id")?;

    program.kill()?;
    program.wait()?;

    let lock = directory.join("data/postmaster.pid");
    let gone = || !Path::new(&format!("/proc/{postmaster}")).exists() && !lock.exists();
    wait_until(gone, "the postmaster is gone");
    std::fs::remove_dir_all(directory)?;
    Ok(())
}

fn wait_until(condition: impl Fn() -> bool, what: &str) {
    let started = std::time::Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::yield_now();
    }
}
