//! `account` and `setup-code`: for whoever has the machine but not the password.

use std::io::{IsTerminal, Read};

use anyhow::{Context, Result, bail};
use chrono::Utc;
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use uuid::Uuid;

use crate::api::password::{Passwords, fault};
use crate::api::secret::{setup_code, setup_code_hash};
use crate::startup::backing::Backing;
use crate::store::accounts::AccountChange;
use crate::store::audit::Deed;
use crate::store::people::{NewAccount, Role};

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Make an account; the password is read from standard input
    Create {
        /// Its name
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value = "viewer")]
        role: RoleArgument,
    },
    /// Give an account a new password, read from standard input; its sessions end
    ResetPassword {
        /// Its name
        name: String,
    },
}

/// What an account may do.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RoleArgument {
    /// Read
    Viewer,
    /// Decide on proposals, undo changes
    Approver,
    /// Everything
    Admin,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Viewer => Self::Viewer,
            RoleArgument::Approver => Self::Approver,
            RoleArgument::Admin => Self::Admin,
        }
    }
}

pub(super) async fn run(command: AccountCommand, backing: &Backing) -> Result<()> {
    match command {
        AccountCommand::Create { name, role } => create(&name, role.into(), backing).await,
        AccountCommand::ResetPassword { name } => reset_password(&name, backing).await,
    }
}

/// Prints a code with which the first account can be made.
pub(super) async fn print_setup_code(backing: &Backing) -> Result<()> {
    let code = setup_code();
    let is_kept = backing.store.put_setup_code(setup_code_hash(&code), Utc::now()).await;
    if !is_kept.context("failed to keep the set-up code")? {
        bail!("there are accounts already; use `account reset-password` or `account create`");
    }
    println!("{code}");
    Ok(())
}

/// Adds to the audit what was done from the command line.
pub(super) async fn record(backing: &Backing, deed: &Deed<'_>) -> Result<()> {
    let mut writing = backing.store.write().await.context("failed to begin")?;
    writing.add_audit(deed, Utc::now()).await.context("failed to write the audit")?;
    writing.commit().await.context("failed to write the audit")
}

async fn create(name: &str, role: Role, backing: &Backing) -> Result<()> {
    if name.trim().is_empty() || name.len() > 100 {
        bail!("a name has between 1 and 100 bytes");
    }
    let password_hash = hashed(&read_password()?).await?;
    let now = Utc::now();
    let mut writing = backing.store.write().await.context("failed to begin")?;
    let account = NewAccount { id: Uuid::now_v7(), name, password_hash: &password_hash, role };
    if !writing.add_account(&account, now).await.context("failed to make the account")? {
        bail!("there is an account {name} already");
    }
    let deed = Deed {
        actor: "command line",
        action: "account.create",
        subject: name,
        detail: json!({ "role": role.as_str() }),
    };
    writing.add_audit(&deed, now).await.context("failed to write the audit")?;
    writing.commit().await.context("failed to make the account")?;
    println!("Account {name} is made.");
    Ok(())
}

async fn reset_password(name: &str, backing: &Backing) -> Result<()> {
    let credentials = backing.store.credentials(name).await.context("failed to look for the account")?;
    let Some(credentials) = credentials else { bail!("there is no account {name}") };
    let password_hash = hashed(&read_password()?).await?;
    let id = credentials.bearer.id;
    let now = Utc::now();
    let mut writing = backing.store.write().await.context("failed to begin")?;
    let change = AccountChange { password_hash: Some(password_hash), ..AccountChange::default() };
    writing.change_account(id, &change).await.context("failed to change the password")?;
    writing.close_sessions_of(id, None).await.context("failed to end its sessions")?;
    let deed =
        Deed { actor: "command line", action: "account.reset_password", subject: name, detail: json!({}) };
    writing.add_audit(&deed, now).await.context("failed to write the audit")?;
    writing.commit().await.context("failed to change the password")?;
    println!("Account {name} has a new password; its sessions are ended.");
    Ok(())
}

/// Reads one line. Not an argument: those are seen by every user of the machine.
fn read_password() -> Result<String> {
    /// No password that is taken is longer.
    const MOST_BYTES: u64 = 4_096;
    if std::io::stdin().is_terminal() {
        eprintln!("Type the new password (it will be seen) and press Enter:");
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).context("failed to read the password")?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let mut text = String::new();
    std::io::stdin().take(MOST_BYTES).read_to_string(&mut text).context("failed to read the password")?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

async fn hashed(password: &str) -> Result<String> {
    if let Some(fault) = fault(password) {
        bail!(fault);
    }
    let hash = Passwords::default().hash(password).await;
    hash.map_err(|problem| anyhow::anyhow!("failed to hash the password: {problem:?}"))
}
