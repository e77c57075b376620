//! The command line.

mod accounts;
mod agents;
mod approver;
mod audit;
mod doctor;
mod owner;
mod resume;
mod tokens;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use querysmith_configuration::error::ConfigError;

use crate::config::{Config, DEFAULT_PATH, environment};
use crate::startup::backing::Backing;
use crate::{startup, telemetry};

/// The controller of Querysmith: collects what agents see, proposes fixes, has approved ones applied, measures.
///
/// Exit codes: 0 all went well, 1 it failed, 2 the command line is wrong, 3 the configuration is wrong.
#[derive(Debug, Parser)]
#[command(name = "querysmith-controller", version, max_term_width = 110)]
struct Arguments {
    /// The configuration file [default: /etc/querysmith/controller.toml, if it is there]
    #[arg(long, global = true, env = "QUERYSMITH_CONTROLLER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the controller keeps its data, instead of `data.directory`
    #[arg(long, global = true, env = "QUERYSMITH_CONTROLLER_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the controller until SIGTERM or SIGINT
    Run,
    /// Join tokens for agents
    #[command(subcommand)]
    Token(tokens::TokenCommand),
    /// Agents
    #[command(subcommand)]
    Agent(agents::AgentCommand),
    /// Accounts of people
    #[command(subcommand)]
    Account(accounts::AccountCommand),
    /// Keys and signatures of approvers, for hosts that take signed approvals only
    #[command(subcommand)]
    Approver(approver::ApproverCommand),
    /// The record of who did what
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Go on from a store that was put back from a backup and is older than what agents have obeyed
    Resume {
        /// Why, for the record
        #[arg(long)]
        reason: String,
    },
    /// Print a new one-time code for the first account
    SetupCode,
    /// Check the configuration and print what takes effect, secrets masked
    CheckConfig,
    /// Print the API's OpenAPI document as JSON
    Openapi,
    /// Check what the controller needs: directories, server programs, store, ports
    Doctor,
}

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if matches!(arguments.command, Command::Openapi) {
        print!("{}", crate::api::document::openapi_json());
        return ExitCode::SUCCESS;
    }
    // An approver's machine has no controller.
    if let Command::Approver(command) = &arguments.command {
        return exit(approver::run(command).map(|()| ExitCode::SUCCESS));
    }
    let config = match load(&arguments) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("error: {:#}", anyhow::Error::new(error));
            return ExitCode::from(3);
        }
    };
    let is_about_data = !matches!(arguments.command, Command::CheckConfig);
    let acting = if is_about_data { owner::become_owner(&config.data.directory) } else { Ok(()) };
    exit(acting.and_then(|()| carry_out(arguments.command, config)))
}

fn exit(result: Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn load(arguments: &Arguments) -> Result<Config, ConfigError> {
    let path = arguments.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_PATH));
    let is_optional = arguments.config.is_none();
    let mut config = Config::load(&path, is_optional, std::env::vars())?;
    if let Some(directory) = &arguments.data_dir {
        config.data.directory.clone_from(directory);
    }
    Ok(config)
}

fn unused_variables() -> Vec<String> {
    environment::unused(std::env::vars().map(|(name, _)| name))
}

fn carry_out(command: Command, config: Config) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("controller")
        .build()
        .context("failed to start the runtime")?;
    match command {
        Command::Run => {
            telemetry::start_logging(&config.log);
            for name in unused_variables() {
                tracing::warn!(name, "this environment variable is set, but nothing here reads it");
            }
            let result = runtime.block_on(startup::run(config));
            // What is still blocked (a decision that takes long) does not hold up the end.
            runtime.shutdown_timeout(Duration::from_secs(1));
            result.map(|()| ExitCode::SUCCESS)
        }
        command @ (Command::Token(_)
        | Command::Agent(_)
        | Command::Account(_)
        | Command::Audit(_)
        | Command::Resume { .. }
        | Command::SetupCode) => runtime.block_on(on_the_store(command, &config)),
        Command::CheckConfig => {
            print!("{}", config.effective());
            for name in unused_variables() {
                eprintln!("warning: {name} is set, but nothing here reads it");
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Doctor => runtime.block_on(doctor::run(&config)),
        Command::Openapi | Command::Approver(_) => Ok(ExitCode::SUCCESS),
    }
}

/// Carries out a command that needs the store, and closes it afterwards whatever came of it.
async fn on_the_store(command: Command, config: &Config) -> Result<ExitCode> {
    let backing = Backing::borrow(config).await?;
    let result = match command {
        Command::Token(command) => tokens::run(command, config, &backing).await,
        Command::Agent(command) => agents::run(command, &backing).await,
        Command::Account(command) => accounts::run(command, &backing).await,
        Command::Audit(command) => audit::run(command, &backing).await,
        Command::Resume { reason } => resume::run(&reason, &backing).await,
        Command::SetupCode => accounts::print_setup_code(&backing).await,
        Command::Run | Command::CheckConfig | Command::Openapi | Command::Approver(_) | Command::Doctor => {
            Ok(())
        }
    };
    backing.close().await;
    result.map(|()| ExitCode::SUCCESS)
}
