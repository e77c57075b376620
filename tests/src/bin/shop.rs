//! `querysmith-shop`: the demo's sample database, its workload, and the hand that breaks it.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use querysmith_tests::shop::load::Loaded;
use querysmith_tests::shop::{breakage, drive, load, server, tracked};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use tokio::signal::unix::{SignalKind, signal};

/// The demo's sample shop: a database with planted problems and a steady workload.
#[derive(Parser)]
#[command(name = "querysmith-shop", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a sample PostgreSQL server in a directory until Ctrl-C or SIGTERM; prints its address as JSON.
    Serve {
        /// The directory; what is in it is continued.
        #[arg(long)]
        dir: PathBuf,
        /// The port on 127.0.0.1; a free one if it is not given.
        #[arg(long)]
        port: Option<u16>,
        /// PostgreSQL's major version.
        #[arg(long, default_value_t = 15)]
        major: u16,
        /// pg_stat_statements.max.
        #[arg(long, default_value_t = 5000)]
        statements_max: u32,
    },
    /// Creates and loads the shop; continues an interrupted load.
    Load {
        #[command(flatten)]
        database: Database,
        /// Factor on the number of rows; 1 is a million orders.
        #[arg(long, default_value_t = 1.0)]
        scale: f64,
    },
    /// Drives the workload and prints a JSON line of latencies per interval.
    Drive {
        #[command(flatten)]
        database: Database,
        /// Seconds to drive; until Ctrl-C or SIGTERM if it is not given.
        #[arg(long)]
        duration: Option<f64>,
        /// Factor on all rates.
        #[arg(long, default_value_t = 1.0)]
        rate_scale: f64,
        /// Seconds per line.
        #[arg(long, default_value_t = 10.0)]
        interval: f64,
        /// Seed of what is asked for.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Write the lines to this file instead of the standard output.
        #[arg(long)]
        lines: Option<PathBuf>,
        /// Write a summary of the whole time to this file.
        #[arg(long)]
        report: Option<PathBuf>,
    },
    /// Fills pg_stat_statements with different statements and keeps some of them active.
    Tracked {
        #[command(flatten)]
        database: Database,
        /// Different statements.
        #[arg(long, default_value_t = 5000)]
        statements: usize,
        /// How many of them stay active.
        #[arg(long, default_value_t = 300)]
        active: usize,
        /// Executions per second over all active statements.
        #[arg(long, default_value_t = 100.0)]
        rate: f64,
        /// Seconds to go on after the first round; until Ctrl-C or SIGTERM if it is not given.
        #[arg(long)]
        duration: Option<f64>,
    },
    /// Drops the index that order_lines lives on.
    Break(Database),
    /// Creates the index that order_lines lives on, unless another one serves by now.
    Unbreak(Database),
    /// Prints as JSON how each planted problem stands.
    State(Database),
}

#[derive(Args)]
struct Database {
    /// The shop's database, such as postgres://postgres@127.0.0.1:5432/shop.
    #[arg(long, env = "QUERYSMITH_SHOP_URL")]
    url: String,
}

impl Database {
    fn address(&self) -> Result<PgConnectOptions> {
        let address = PgConnectOptions::from_str(&self.url).context("reading the database's address")?;
        Ok(address.application_name("querysmith-shop").disable_statement_logging())
    }

    async fn connect(&self) -> Result<PgConnection> {
        self.address()?.connect().await.context("connecting to the shop")
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("querysmith-shop: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Serve { dir, port, major, statements_max } => serve(dir, port, major, statements_max).await,
        Command::Load { database, scale } => load_shop(&database, scale).await,
        Command::Drive { database, duration, rate_scale, interval, seed, lines, report } => {
            let interval = Duration::from_secs_f64(interval);
            let plan = drive::Plan { address: database.address()?, rate_scale, seed, interval };
            drive_shop(plan, duration, lines, report).await
        }
        Command::Tracked { database, statements, active, rate, duration } => {
            let plan = tracked::Plan { address: database.address()?, statements, active, rate };
            let summary = tracked::run(&plan, end(duration)?, |line| eprintln!("{line}")).await?;
            print_json(&summary)
        }
        Command::Break(database) => breakage::break_shop(&mut database.connect().await?).await,
        Command::Unbreak(database) => {
            if !breakage::unbreak_shop(&mut database.connect().await?).await? {
                eprintln!("another index serves: nothing to do");
            }
            Ok(())
        }
        Command::State(database) => print_json(&breakage::state(&mut database.connect().await?).await?),
    }
}

async fn serve(directory: PathBuf, port: Option<u16>, major: u16, statements_max: u32) -> Result<()> {
    let end = end(None)?;
    let mut cluster = server::start(directory, port, major, statements_max)?;
    print_json(&serde_json::json!({
        "port": cluster.port(),
        "pid": cluster.pid(),
        "url": cluster.url("shop"),
        "socket": cluster.socket_dir(),
    }))?;
    end.await;
    cluster.stop_fast()
}

async fn load_shop(database: &Database, scale: f64) -> Result<()> {
    let started = Instant::now();
    let tell = |line: &str| eprintln!("[{:5.1} s] {line}", started.elapsed().as_secs_f64());
    match load::load(&database.address()?, scale, &tell).await? {
        Loaded::Now => tell("the shop is loaded"),
        Loaded::Before => tell("the shop was loaded already"),
    }
    Ok(())
}

async fn drive_shop(
    plan: drive::Plan,
    duration: Option<f64>,
    lines: Option<PathBuf>,
    report: Option<PathBuf>,
) -> Result<()> {
    let mut lines: Box<dyn Write> = match lines {
        Some(path) => Box::new(File::create(&path).with_context(|| format!("creating {}", path.display()))?),
        None => Box::new(io::stdout()),
    };
    let whole = drive::drive(plan, end(duration)?, |line| {
        writeln!(lines, "{}", serde_json::to_string(line)?).context("writing a line")?;
        lines.flush().context("writing a line")
    })
    .await?;
    match report {
        Some(path) => std::fs::write(&path, serde_json::to_vec_pretty(&whole)?)
            .with_context(|| format!("writing {}", path.display())),
        None => print_json(&whole),
    }
}

/// Ready after the given seconds, on Ctrl-C or on SIGTERM.
fn end(seconds: Option<f64>) -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    Ok(async move {
        let over = async {
            match seconds {
                Some(seconds) => tokio::time::sleep(Duration::from_secs_f64(seconds)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = over => {}
        }
    })
}

fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{}", serde_json::to_string(value)?).context("printing")?;
    out.flush().context("printing")
}
