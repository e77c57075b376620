//! `audit`: whether the record of who did what is whole, and the record as lines to take along.

use std::io::{BufWriter, Write};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::startup::backing::Backing;
use crate::store::audit_chain::{Broken, Head, Link};

/// Links that are read in one go.
const BATCH: i64 = 5_000;

/// What to do with the audit.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Check that no entry was changed, removed or exchanged since it was sealed; exit code 1 if one was
    Verify {
        /// A head that was noted before (the log has one for each `audit sealed`): finds an end that was cut off, and a
        /// chain that was made anew
        #[arg(long, value_name = "POSITION:HASH")]
        expect: Option<Head>,
    },
    /// Print every sealed entry as a line of JSON, with its seal
    Export,
}

pub(super) async fn run(command: AuditCommand, backing: &Backing) -> Result<()> {
    match command {
        AuditCommand::Verify { expect } => verify(expect, backing).await,
        AuditCommand::Export => export(backing).await,
    }
}

async fn verify(expect: Option<Head>, backing: &Backing) -> Result<()> {
    let mut head = Head::default();
    let mut links = batch(head, backing).await?;
    while !links.is_empty() {
        for link in &links {
            head = head.follow(link)?;
            if expect.is_some_and(|expect| expect.position == head.position && expect.hash != head.hash) {
                return Err(Broken::MadeAnew(head.position).into());
            }
        }
        links = batch(head, backing).await?;
    }
    if expect.is_some_and(|expect| expect.position > head.position) {
        return Err(Broken::CutOff(head.position).into());
    }
    // Every order carries the head, and its agent keeps it where nobody gets at from here.
    let hosts = backing.store.hosts_ahead().await.context("failed to read what agents know")?;
    if !hosts.is_empty() {
        bail!(
            "the agents on {} have seen a head that this chain, {} entries long, does not have: its end was cut off, or the \
             store was put back from a backup",
            hosts.join(", "),
            head.position
        );
    }
    let unsealed = backing.store.count_unsealed(Utc::now()).await.context("failed to read the audit")?;
    if unsealed > 0 {
        bail!("{unsealed} entries are not sealed: the job `seal` does not run (Settings → Jobs)");
    }
    println!("The audit is whole: {} entries, head {head}", head.position);
    Ok(())
}

async fn export(backing: &Backing) -> Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut after = Head::default();
    loop {
        let links = batch(after, backing).await?;
        let Some(last) = links.last() else { break };
        after.position = last.position;
        for link in &links {
            writeln!(out, "{}", line(link)).context("failed to write")?;
        }
    }
    out.flush().context("failed to write")
}

async fn batch(after: Head, backing: &Backing) -> Result<Vec<Link>> {
    backing.store.read_links(after.position, BATCH).await.context("failed to read the audit")
}

fn line(link: &Link) -> Value {
    let entry = link.entry.as_ref();
    json!({
        "position": link.position,
        "hash": link.hash.to_string(),
        "id": link.audit_id,
        "at": entry.and_then(|entry| DateTime::from_timestamp_micros(entry.at_us))
            .map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true)),
        "actor": entry.map(|entry| &entry.actor),
        "action": entry.map(|entry| &entry.action),
        "subject": entry.map(|entry| &entry.subject),
        // As it was hashed: read and written anew, it might not be the same text.
        "detail": entry.map(|entry| &entry.detail),
    })
}
