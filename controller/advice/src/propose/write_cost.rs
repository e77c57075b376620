//! What an index costs the writers of its table.

use crate::evidence::TableEvidence;
use crate::index::candidate::Candidate;
use crate::overview::{Overview, StatementView};
use crate::statement::Write;
use crate::words;

/// Index entries that writers would make.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct WriteCost {
    /// Per hour; `None` where neither counters nor statements tell.
    pub(super) entries_per_hour: Option<f64>,
    /// Of those, entries for updates that touch no index so far and would then have to touch all of them.
    pub(super) hot_lost_per_hour: f64,
}

impl WriteCost {
    pub(super) fn of(overview: &Overview<'_>, table: &TableEvidence, candidate: &Candidate) -> Self {
        let by_statements = rows_written(overview, table, candidate);
        let by_counters = table.writes.map(|rate| Written {
            inserted: rate.inserted,
            updated: rate.updated - rate.hot_updated,
            keys_updated: 0.0,
        });
        let Some(written) = by_counters.or(by_statements) else { return Self::default() };
        let updated = table.writes.map_or(written.updated, |rate| rate.updated);
        let hot = table.writes.map_or(0.0, |rate| rate.hot_updated);
        let keys_updated = by_statements.map_or(0.0, |written| written.keys_updated);
        let hot_share = if updated > 0.0 { (hot / updated).clamp(0.0, 1.0) } else { 0.0 };
        let hot_lost_per_hour = keys_updated * hot_share;
        let entries = written.inserted + written.updated.max(0.0) + hot_lost_per_hour;
        Self { entries_per_hour: Some(entries), hot_lost_per_hour }
    }

    /// CPU of the writers, ms per hour.
    pub(super) fn ms_per_hour(&self, entry_ms: f64) -> f64 {
        self.entries_per_hour.unwrap_or(0.0) * entry_ms
    }

    /// In words.
    pub(super) fn words(&self, entry_ms: f64) -> String {
        let Some(entries) = self.entries_per_hour else {
            return "Unknown: the table's writes have not been counted yet.".to_owned();
        };
        if entries < 1.0 {
            return "None to speak of: the table is hardly written.".to_owned();
        }
        let mut text = format!(
            "About {} more index entries an hour, roughly {} of CPU an hour (estimated at {} µs an entry, not measured \
             on this server).",
            words::number(entries),
            words::duration(self.ms_per_hour(entry_ms)),
            words::number(entry_ms * 1_000.0),
        );
        if self.hot_lost_per_hour >= 1.0 {
            text.push_str(&format!(
                " {} updates an hour change one of its columns and could no longer be heap-only (HOT): they would \
                 write to every index of the table.",
                words::number(self.hot_lost_per_hour)
            ));
        }
        text
    }
}

impl WriteCost {
    /// Entries that writers are spared when the index is gone, per hour. Another index of the same columns keeps
    /// updates from being heap-only (HOT) as before.
    pub(super) fn spared_per_hour(&self) -> Option<f64> {
        self.entries_per_hour.map(|entries| entries - self.hot_lost_per_hour)
    }

    /// The same in words.
    pub(super) fn words_of_relief(&self, entry_ms: f64) -> String {
        match self.spared_per_hour() {
            None => {
                "Saves index entries; how many is unknown, as the table's writes have not been counted yet."
                    .to_owned()
            }
            Some(entries) if entries < 1.0 => {
                "Saves next to nothing: the table is hardly written.".to_owned()
            }
            Some(entries) => format!(
                "Saves about {} index entries an hour, roughly {} of CPU an hour (estimated at {} µs an entry, not \
                 measured on this server).",
                words::number(entries),
                words::duration(entries * entry_ms),
                words::number(entry_ms * 1_000.0),
            ),
        }
    }
}

/// Rows written per hour.
#[derive(Debug, Clone, Copy, Default)]
struct Written {
    inserted: f64,
    updated: f64,
    /// Updates of a column of the index.
    keys_updated: f64,
}

fn rows_written(overview: &Overview<'_>, table: &TableEvidence, candidate: &Candidate) -> Option<Written> {
    if overview.watched_s <= 0.0 {
        return None;
    }
    let mut written = Written::default();
    for statement in overview.statements_on(&table.database, &table.table.name) {
        let rows = statement.recent.rows / overview.watched_s * 3_600.0;
        match statement.writes(&table.table.name) {
            Some(Write::Insert) => written.inserted += rows,
            Some(Write::Update(columns)) => {
                written.updated += rows;
                if touches(candidate, columns) {
                    written.keys_updated += rows;
                }
            }
            Some(Write::Delete) | None => {}
        }
    }
    Some(written)
}

fn touches(candidate: &Candidate, columns: &[String]) -> bool {
    let keys = candidate.keys.iter().map(|key| &key.column);
    keys.chain(&candidate.include).any(|column| columns.contains(column))
}

/// The part of a writing statement's time that the index would add, as a fraction of it.
pub(super) fn share_of_statement(
    statement: &StatementView<'_>,
    table: &TableEvidence,
    candidate: &Candidate,
    entry_ms: f64,
) -> Option<f64> {
    let writes = match statement.writes(&table.table.name)? {
        Write::Insert => 1.0,
        Write::Update(columns) if touches(candidate, columns) => 1.0,
        // An update that stays on its page and off the key writes no entry.
        Write::Update(_) => {
            let rate = table.writes.filter(|rate| rate.updated > 0.0);
            rate.map_or(1.0, |rate| 1.0 - (rate.hot_updated / rate.updated).clamp(0.0, 1.0))
        }
        Write::Delete => 0.0,
    };
    let mean = statement.recent.mean_ms();
    (mean > 0.0).then(|| statement.recent.rows_per_call() * writes * entry_ms / mean)
}
