//! `querysmith-demo`: the demo on this machine, the journey through it, and what the agent costs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, Subcommand};
use querysmith_tests::demo::api::Api;
use querysmith_tests::demo::fleet::{self, Fleet, Pace, Plan};
use querysmith_tests::demo::place::{self, Place};
use querysmith_tests::demo::{ab_live, browser, footprint, journey};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

/// Time between two looks at whether everything still runs.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The console's port of the demo.
const CONSOLE_PORT: u16 = 7430;

/// The demo: a controller, a sample shop, an agent and a workload on this machine.
#[derive(Parser)]
#[command(name = "querysmith-demo", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the demo, or continues it; Ctrl-C stops all of it.
    Up {
        /// Where to keep it.
        #[arg(long, default_value_os_t = place::default_root())]
        directory: PathBuf,
        /// Size of the shop; 1 is a million orders.
        #[arg(long, default_value_t = 1.0)]
        scale: f64,
        /// Port of the console.
        #[arg(long, default_value_t = CONSOLE_PORT)]
        port: u16,
    },
    /// Removes what the demo left.
    Clean {
        /// Where it is kept.
        #[arg(long, default_value_os_t = place::default_root())]
        directory: PathBuf,
    },
    /// The demo without a person: prints its figures as JSON; exit 0 only if all held.
    Journey {
        /// Size of the shop; 1 is a million orders.
        #[arg(long, default_value_t = 1.0)]
        scale: f64,
        /// Leave its directory, with all logs, when it is over.
        #[arg(long)]
        keep: bool,
    },
    /// What the agent costs at 5,000 statements, as JSON; exit 0 only if the bars held.
    Footprint {
        /// The agent's program as it is shipped.
        #[arg(long)]
        agent: PathBuf,
    },
    /// Two settings tried on a live server under pgbench, as JSON; exit 0 only if the bars held.
    AbLive,
    /// The console's browser tests against a real controller, agent and database.
    Browser {
        /// Take screenshots of every page instead.
        #[arg(long)]
        screenshots: bool,
        /// Size of the shop; 1 is a million orders.
        #[arg(long, default_value_t = 0.3)]
        scale: f64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match stoppable(Cli::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn stoppable(command: Command) -> Result<ExitCode> {
    // Everything is dropped, and so stopped, when the signal wins.
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    tokio::select! {
        result = run(command) => result,
        _ = interrupt.recv() => Ok(stopped()),
        _ = terminate.recv() => Ok(stopped()),
    }
}

fn stopped() -> ExitCode {
    eprintln!("\nstopping");
    ExitCode::SUCCESS
}

async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Up { directory, scale, port } => up(directory, scale, port).await,
        Command::Clean { directory } => {
            Place::clean(&directory)?;
            println!("removed {}", directory.display());
            Ok(ExitCode::SUCCESS)
        }
        Command::Journey { scale, keep } => journey(scale, keep).await,
        Command::Footprint { agent } => footprint(agent).await,
        Command::AbLive => ab_live().await,
        Command::Browser { screenshots, scale } => {
            let root = own_root("browser");
            Place::clean(&root)?;
            let place = Place::open(&root)?;
            let plan = Plan { pace: Pace::Often, ..Plan::new(scale, 0) };
            let fleet = Fleet::start(&place, &plan).await?;
            let well = browser::run(&place, &fleet, screenshots).await?;
            drop(fleet);
            if well {
                drop(place);
                Place::clean(&root)?;
            }
            Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

async fn up(directory: PathBuf, scale: f64, port: u16) -> Result<ExitCode> {
    let place = Place::open(&directory)?;
    let plan = Plan::new(scale, port);
    let mut fleet = Fleet::start(&place, &plan).await?;
    println!("\nThe console is at  {}", fleet.addresses.http);
    match setup_code(&place) {
        Ok(code) => println!("Sign in once with  {code}  to make the first account."),
        Err(_) => println!("Sign in with the account you made."),
    }
    println!("The first finding comes within a minute.");
    println!("Ctrl-C stops everything; `make demo` continues; `make demo-clean` removes it.");
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        for (name, program) in [
            ("workload", &mut fleet.driver),
            ("agent", &mut fleet.agent),
            ("controller", &mut fleet.controller),
        ] {
            if let Some(status) = program.ended()? {
                bail!("the {name} ended ({status}); its log ends:\n{}", program.end_of_log());
            }
        }
    }
}

async fn journey(scale: f64, keep: bool) -> Result<ExitCode> {
    let root = own_root("journey");
    Place::clean(&root)?;
    let place = Place::open(&root)?;
    let plan = Plan::new(scale, 0);
    let fleet = Fleet::start(&place, &plan).await?;
    let api = sign_in(&place, &fleet.addresses.http).await?;
    let figures = journey::run(&fleet, &api).await?;
    drop(fleet);
    println!("{}", serde_json::to_string_pretty(&figures)?);
    let well = figures.failures.is_empty();
    drop(place);
    if well && !keep {
        Place::clean(&root)?;
    } else {
        eprintln!("logs are in {}", root.display());
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn footprint(agent: PathBuf) -> Result<ExitCode> {
    let root = own_root("footprint");
    Place::clean(&root)?;
    let place = Place::open(&root)?;
    let bench = footprint::Bench::start(&place, &agent).await?;
    let api = sign_in(&place, &bench.addresses.http).await?;
    let figures = bench.measure(&agent, &api).await?;
    drop(bench);
    println!("{}", serde_json::to_string_pretty(&figures)?);
    drop(place);
    Place::clean(&root)?;
    Ok(if figures.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn ab_live() -> Result<ExitCode> {
    let root = own_root("ab-live");
    Place::clean(&root)?;
    let place = Place::open(&root)?;
    let mut bench = ab_live::Bench::start(&place).await?;
    let api = sign_in(&place, &bench.addresses.http).await?;
    let figures = bench.measure(&api).await?;
    drop(bench);
    println!("{}", serde_json::to_string_pretty(&figures)?);
    let well = figures.failures.is_empty();
    drop(place);
    if well {
        Place::clean(&root)?;
    } else {
        eprintln!("logs are in {}", root.display());
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes the first account with the one-time code and signs in with it.
async fn sign_in(place: &Place, address: &str) -> Result<Api> {
    let api = Api::new(address)?;
    let body =
        json!({ "code": setup_code(place)?, "name": "journey", "password": "journey-of-a-thousand-plans" });
    api.post("/setup", &body).await?;
    Ok(api)
}

fn setup_code(place: &Place) -> Result<String> {
    let printed = fleet::controller_command(place, &["setup-code"])?;
    printed.split_whitespace().last().map(str::to_owned).context("no code was printed")
}

fn own_root(name: &str) -> PathBuf {
    PathBuf::from(format!("/var/tmp/querysmith-{name}-{}", nix::unistd::Uid::current()))
}
