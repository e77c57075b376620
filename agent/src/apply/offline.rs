//! What an administrator can read on the host without any controller: the journal, also while the agent writes it.

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use querysmith_shared::hex;

use super::journal::entry::Entry;
use super::journal::{Journal, JournalError};

/// How often a copy of a journal that is being written is tried.
const COPY_ATTEMPTS: usize = 5;

/// For `querysmith-agent journal`: writes every line of the journal in `state_dir`, oldest first, after its
/// chain was verified; works while the agent runs.
pub fn print_journal(state_dir: &Path, out: &mut impl Write) -> Result<()> {
    let (journal, _copy) = open_or_copy(state_dir)?;
    let mut sequence = 0;
    loop {
        let entries = journal.after(sequence, 256)?;
        let Some(last) = entries.last() else { break };
        sequence = last.sequence;
        for Entry { sequence, change, at, state, event } in entries {
            writeln!(out, "{sequence:>6}  {at}  {change}  {state:<9}  {event}")?;
        }
    }
    let head = journal.verify_chain()?;
    writeln!(out, "{} lines, chain verified, head {}", head.sequence, hex::encode(&head.hash))?;
    Ok(())
}

/// A journal that the agent writes at the same time is read from a copy, which is removed with the guard.
fn open_or_copy(state_dir: &Path) -> Result<(Journal, Option<RemoveOnDrop>)> {
    if !state_dir.join("journal.redb").exists() {
        bail!("there is no journal in {}: no change was ever made from here", state_dir.display());
    }
    match Journal::open(state_dir) {
        Ok(journal) => return Ok((journal, None)),
        Err(JournalError::InUse(_)) => {}
        Err(error) => return Err(error).context("opening the journal"),
    }
    let directory = std::env::temp_dir().join(format!("querysmith-journal-{}", std::process::id()));
    let guard = RemoveOnDrop(directory.clone());
    let mut last = None;
    for _ in 0..COPY_ATTEMPTS {
        std::fs::create_dir_all(&directory).context("making a directory for the copy")?;
        std::fs::copy(state_dir.join("journal.redb"), directory.join("journal.redb"))
            .context("copying the journal")?;
        // A copy taken in the middle of a write doesn't verify; the next one will.
        match Journal::open(&directory) {
            Ok(journal) => return Ok((journal, Some(guard))),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(|| anyhow::anyhow!("no copy was made"), anyhow::Error::new))
        .context("reading a copy of the journal")
}

struct RemoveOnDrop(std::path::PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        // Nothing depends on it; the system's own sweep takes what stays.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
