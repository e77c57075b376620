//! The commands, and the codes they end with.

mod commands;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use querysmith_configuration::error::ConfigError;

use crate::apply::offline;
use crate::apply::revert::{self, RevertTarget};
use crate::config::{Config, DEFAULT_PATH};
use crate::link::dial::DialError;
use crate::link::enrolment::{self, EnrolError, Enrolment};
use crate::link::identity::{self, IdentityError};
use crate::{startup, telemetry};

const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   check: something is missing; revert: a change is not taken back, or not yet
  64  the command line or the configuration is wrong
  69  a server, the controller or a file that is needed can't be reached or used
  70  an error inside the agent
  77  not enrolled, or enrolment was refused";

/// Watches the databases of this host for Querysmith, and carries out approved changes.
#[derive(Debug, Parser)]
#[command(name = "querysmith-agent", version, after_help = EXIT_CODES)]
struct Cli {
    /// The configuration file [default: /etc/querysmith/agent.toml]
    #[arg(long, global = true, env = "QUERYSMITH_AGENT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch the configured databases until SIGTERM or SIGINT
    Run,
    /// Make this agent's identity, with a join token from `querysmith-controller token create`
    Enrol {
        /// The join token
        token: String,
        /// Where the controller listens for agents, host:port [default: as configured]
        controller: Option<String>,
        /// Replace an identity that is already there
        #[arg(long)]
        force: bool,
    },
    /// Connect to every configured server and say exactly what is missing, with the statement that mends it
    Check,
    /// Print the SQL that makes the agent's database roles: one that reads, and one that changes if the
    /// configuration has an `apply_url`; it may set the parameters that the allow-list names
    Grants {
        /// Print the changing role too, as `querysmith_apply` unless it is named
        #[arg(long)]
        apply: bool,
        /// Name of the reading role [default: the configured one]
        #[arg(long, value_name = "NAME")]
        read_role: Option<String>,
        /// Name of the changing role [default: the configured one]
        #[arg(long, value_name = "NAME")]
        apply_role: Option<String>,
    },
    /// Print the configuration as it takes effect, secrets masked
    CheckConfig,
    /// Print the journal of changes
    Journal,
    /// Take changes back without a controller; the agent must be stopped
    Revert {
        /// The change
        #[arg(required_unless_present = "all")]
        change: Option<querysmith_shared::id::ChangeId>,
        /// Every change that is not finished
        #[arg(long, conflicts_with = "change")]
        all: bool,
        /// Why, for the journal
        #[arg(long, default_value = "taken back on the host")]
        reason: String,
        /// How long to wait for the servers, s; what is not taken back by then the agent takes back when it runs
        #[arg(long, default_value_t = revert::DEFAULT_LIMIT.as_secs(), value_name = "SECONDS",
              value_parser = clap::value_parser!(u64).range(1..=86_400))]
        timeout: u64,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    // One provider for everything that uses TLS; only the first call of a process counts.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "querysmith-agent: {error:#}");
            ExitCode::from(code(&error))
        }
    }
}

fn run(cli: Cli) -> Result<ExitCode> {
    let optional = cli.config.is_none();
    let path = cli.config.unwrap_or_else(|| PathBuf::from(DEFAULT_PATH));
    let config = Config::load(&path, optional, std::env::vars())?;
    let done = ExitCode::SUCCESS;
    match cli.command {
        Command::CheckConfig => {
            std::io::stdout().write_all(config.effective().as_bytes()).context("writing")?;
            config.check_for_run()?;
            commands::check_allow_list(&config).map(|()| done)
        }
        Command::Check => block_on(commands::check(&config))?,
        Command::Grants { apply, read_role, apply_role } => {
            commands::grants(&config, apply, read_role.as_deref(), apply_role.as_deref()).map(|()| done)
        }
        Command::Run => {
            config.check_for_run()?;
            telemetry::start(&config.log);
            block_on(startup::run(config))?.map(|()| done)
        }
        Command::Enrol { token, controller, force } => {
            let controller = controller.unwrap_or_else(|| config.controller.address.clone());
            enrol(&config.state.directory, &token, &controller, force).map(|()| done)
        }
        Command::Journal => {
            offline::print_journal(&config.state.directory, &mut std::io::stdout().lock()).map(|()| done)
        }
        Command::Revert { change, all: _, reason, timeout } => {
            telemetry::start(&config.log);
            let target = change.map_or(RevertTarget::All, RevertTarget::Change);
            take_back(&config, target, &reason, Duration::from_secs(timeout))
        }
    }
}

fn enrol(state_dir: &Path, token: &str, controller: &str, force: bool) -> Result<()> {
    let host_name = startup::host_name();
    let request = Enrolment {
        token,
        controller,
        state_dir,
        host_name: &host_name,
        agent_version: env!("CARGO_PKG_VERSION"),
        force,
    };
    let agent = block_on(enrolment::enrol(request))??;
    writeln!(std::io::stdout(), "enrolled as {agent}").context("writing")
}

fn take_back(config: &Config, target: RevertTarget, reason: &str, limit: Duration) -> Result<ExitCode> {
    let agent = identity::agent_id(&config.state.directory)?;
    let instances = startup::apply_instances(config, agent)?;
    let work = revert::revert(startup::apply_config(config), instances, target, reason, limit);
    let outcomes = block_on(work)??;
    for (change, outcome) in &outcomes {
        writeln!(std::io::stdout(), "{change}  {outcome}").context("writing")?;
    }
    let is_good = outcomes.iter().all(|(_, outcome)| outcome.is_good());
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.context("starting the runtime")?.block_on(work))
}

/// The exit code that tells what kind of error it was.
fn code(error: &anyhow::Error) -> u8 {
    let is_refusal = |error: &EnrolError| {
        !matches!(error, EnrolError::Dial(_) | EnrolError::Silence | EnrolError::Conversation(_))
    };
    for cause in error.chain() {
        if cause.is::<ConfigError>() || cause.is::<crate::engines::EngineError>() {
            return 64;
        }
        if cause.is::<IdentityError>() || cause.downcast_ref::<EnrolError>().is_some_and(is_refusal) {
            return 77;
        }
        if cause.is::<EnrolError>() || cause.is::<DialError>() || cause.is::<std::io::Error>() {
            return 69;
        }
        if cause.is::<crate::link::outbox::OutboxError>() {
            return 69;
        }
    }
    70
}
