//! `agent`: who is in the fleet, and who no longer.

use anyhow::{Context, Result, bail};
use chrono::Utc;
use clap::Subcommand;
use querysmith_shared::id::AgentId;
use serde_json::json;

use crate::startup::backing::Backing;
use crate::store::admission::Revoked;
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
    let now = Utc::now();
    let mut writing = backing.store.write().await.context("failed to begin")?;
    let host = match writing.revoke(id, reason, now).await.context("failed to revoke the agent")? {
        Revoked::Now(host) => host,
        Revoked::Before => bail!("the agent {id} was revoked before"),
        Revoked::Unknown => {
            bail!("there is no agent {id}; `querysmith-controller agent list` shows those there are")
        }
    };
    let deed = Deed {
        actor: "command line",
        action: "agent.revoke",
        subject: &host,
        detail: json!({ "reason": reason, "agent": id }),
    };
    writing.add_audit(&deed, now).await.context("failed to write the audit")?;
    writing.commit().await.context("failed to revoke the agent")?;
    println!("Agent {id} of {host} is revoked; its connection ends within five seconds.");
    Ok(())
}
