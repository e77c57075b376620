//! What an administrator can read on the host without any controller: the journal, also while the agent writes it.

use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

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
        for entry in entries {
            let time = humantime(entry.at.0);
            writeln!(
                out,
                "{:>6}  {time}  {}  {:<9}  {}",
                entry.sequence, entry.change, entry.state, entry.event
            )?;
        }
    }
    let head = journal.verify_chain()?;
    let hash: String = head.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(out, "{} lines, chain verified, head {hash}", head.sequence)?;
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

/// UTC, from microseconds since 1970, as RFC 3339 with seconds.
fn humantime(micros: i64) -> String {
    let seconds = micros.div_euclid(1_000_000);
    let (days, second_of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to civil date, by Howard Hinnant's public algorithm.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::humantime;

    #[test]
    fn times_are_read_by_people() {
        assert_eq!(humantime(0), "1970-01-01T00:00:00Z");
        assert_eq!(humantime(951_782_400_000_000), "2000-02-29T00:00:00Z");
        assert_eq!(humantime(1_767_225_599_999_999), "2025-12-31T23:59:59Z");
        assert_eq!(humantime(-1), "1969-12-31T23:59:59Z");
    }
}
