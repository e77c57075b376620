//! `agent`: who is in the fleet, and who no longer.

use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use serde_json::json;

use crate::startup::backing::Backing;
use crate::store::audit::Deed;

/// What to do with agents.
#[derive(Debug, Subcommand)]
pub(super) enum AgentCommand {
    /// List the agents
    List,
    /// Take an agent's right to speak; a running controller cuts its connection within seconds
    Revoke {
        /// The agent's id
        id: AgentId,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(command: AgentCommand, backing: &Backing) -> Result<()> {
    match command {
        AgentCommand::List => list(backing).await,
        AgentCommand::Revoke { id, reason } => revoke(id, &reason, backing).await,
    }
}

async fn list(backing: &Backing) -> Result<()> {
    let agents = backing.store.enrolled_agents().await.context("failed to read the agents")?;
    if agents.is_empty() {
        println!("No agent has joined yet; `querysmith-controller token create` makes a token for one.");
    }
    for agent in agents {
        let seen = agent.last_seen_at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339());
        let state = if agent.is_revoked { "revoked" } else { "active" };
        println!("{}  {state:8}  {:12}  seen {seen}  {}", agent.agent_id, agent.version, agent.host_name);
    }
    Ok(())
}

async fn revoke(id: AgentId, reason: &str, backing: &Backing) -> Result<()> {
    let now = Timestamp::from(SystemTime::now());
    if !backing.store.revoke_agent(id, reason, now).await.context("failed to revoke the agent")? {
        bail!("there is no agent {id} that is not revoked yet");
    }
    super::accounts::record(
        backing,
        &Deed {
            actor: "command line",
            action: "agent.revoke",
            subject: &id.to_string(),
            detail: json!({ "reason": reason }),
        },
    )
    .await?;
    println!("Agent {id} is revoked.");
    Ok(())
}
