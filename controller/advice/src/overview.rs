//! The evidence once digested: what each statement did lately, its share, its shape, its current plan.

use std::collections::HashMap;
use std::time::Duration;

use querysmith_shared::change::TableName;
use querysmith_shared::id::StatementId;
use querysmith_shared::observation::plan::PlanOrigin;
use querysmith_shared::timestamp::Timestamp;

use crate::catalog::Catalog;
use crate::evidence::{Evidence, PlanEvidence, StatementEvidence, TableEvidence, WindowSum};
use crate::statement::{self, StatementShape};

/// What was done in a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Activity {
    pub(crate) calls: u64,
    pub(crate) total_ms: f64,
    pub(crate) blocks: f64,
    pub(crate) rows: f64,
}

impl Activity {
    /// The sum of the windows that end after `from`.
    pub(crate) fn since<'w>(windows: impl IntoIterator<Item = &'w WindowSum>, from: Timestamp) -> Self {
        let mut sum = Self::default();
        for window in windows.into_iter().filter(|window| window.end > from) {
            sum.add(window);
        }
        sum
    }

    /// The sum of the newest windows: two of them, or more until there are calls enough to mean something.
    pub(crate) fn latest(windows: &[WindowSum]) -> Self {
        const LEAST_WINDOWS: usize = 2;
        const LEAST_CALLS: u64 = 10;
        let mut sum = Self::default();
        for (position, window) in windows.iter().rev().enumerate() {
            if position >= LEAST_WINDOWS && sum.calls >= LEAST_CALLS {
                break;
            }
            sum.add(window);
        }
        sum
    }

    fn add(&mut self, window: &WindowSum) {
        self.calls += window.calls;
        self.total_ms += window.total_ms;
        self.blocks += (window.blocks_hit + window.blocks_read) as f64;
        self.rows += window.rows as f64;
    }

    pub(crate) fn mean_ms(&self) -> f64 {
        self.total_ms / (self.calls.max(1) as f64)
    }

    pub(crate) fn blocks_per_call(&self) -> f64 {
        self.blocks / (self.calls.max(1) as f64)
    }

    pub(crate) fn rows_per_call(&self) -> f64 {
        self.rows / (self.calls.max(1) as f64)
    }
}

/// One statement, digested.
pub(crate) struct StatementView<'a> {
    pub(crate) evidence: &'a StatementEvidence,
    /// In the recent past.
    pub(crate) recent: Activity,
    /// In its newest windows: what a call is like right now.
    pub(crate) latest: Activity,
    /// Share of the instance's statement time in the recent past.
    pub(crate) time_share: f64,
    /// Statement time, ms per hour, in the recent past.
    pub(crate) ms_per_hour: f64,
    /// `None` where the text can't be parsed.
    pub(crate) shape: Option<StatementShape>,
}

/// The evidence, digested.
pub(crate) struct Overview<'a> {
    pub(crate) evidence: &'a Evidence,
    /// In the order of the evidence.
    pub(crate) statements: Vec<StatementView<'a>>,
    /// Time that the recent past really covers, s.
    pub(crate) watched_s: f64,
    /// End of the newest window.
    pub(crate) newest: Option<Timestamp>,
    catalogs: HashMap<&'a str, Catalog<'a>>,
}

impl<'a> Overview<'a> {
    pub(crate) fn of(evidence: &'a Evidence) -> Self {
        let from = evidence.now.before(seconds(evidence.thresholds.sight.recent_s));
        let own = || evidence.statements.iter().flat_map(|statement| &statement.windows);
        let totals: Vec<&WindowSum> =
            if evidence.totals.is_empty() { own().collect() } else { evidence.totals.iter().collect() };
        let total = Activity::since(totals.iter().copied(), from);
        let newest = totals.iter().map(|window| window.end).max();
        let oldest = totals.iter().filter(|w| w.end > from).map(|window| window.start).min();
        let watched_s = match (oldest, newest) {
            (Some(oldest), Some(newest)) => newest.since(oldest.max(from)).as_secs_f64(),
            _ => 0.0,
        };
        let mut catalogs: HashMap<&str, Catalog<'_>> = HashMap::new();
        for table in &evidence.tables {
            let database = table.database.as_str();
            catalogs.entry(database).or_insert_with(|| Catalog::of(&evidence.tables, database));
        }
        let statements = evidence
            .statements
            .iter()
            .map(|statement| {
                let recent = Activity::since(&statement.windows, from);
                let latest = Activity::latest(&statement.windows);
                let shape = catalogs
                    .get(statement.database.as_str())
                    .filter(|_| !statement.truncated)
                    .and_then(|catalog| statement::shape(&statement.text, catalog, &planned(statement)));
                let time_share = if total.total_ms > 0.0 { recent.total_ms / total.total_ms } else { 0.0 };
                let ms_per_hour = if watched_s > 0.0 { recent.total_ms / watched_s * 3_600.0 } else { 0.0 };
                StatementView { evidence: statement, recent, latest, time_share, ms_per_hour, shape }
            })
            .collect();
        Self { evidence, statements, watched_s, newest, catalogs }
    }

    /// Statistics of statements are coming in.
    pub(crate) fn statistics_present(&self) -> bool {
        let limit = seconds(self.evidence.thresholds.sight.present_s);
        self.newest.is_some_and(|newest| self.evidence.now.since(newest) <= limit)
    }

    pub(crate) fn catalog(&self, database: &str) -> Option<&Catalog<'a>> {
        self.catalogs.get(database)
    }

    pub(crate) fn statement(&self, id: StatementId) -> Option<&StatementView<'a>> {
        self.statements.iter().find(|statement| statement.evidence.id == id)
    }

    pub(crate) fn table(&self, database: &str, name: &TableName) -> Option<&'a TableEvidence> {
        self.catalog(database)?.find(Some(&name.schema), &name.name, &[])
    }

    /// The statements whose text mentions the table, most time first.
    pub(crate) fn statements_on(&self, database: &str, table: &TableName) -> Vec<&StatementView<'a>> {
        let mut found: Vec<&StatementView<'_>> = self
            .statements
            .iter()
            .filter(|statement| {
                statement.evidence.database == database && statement.uses(table).next().is_some()
            })
            .collect();
        found.sort_by(|a, b| {
            b.recent.total_ms.total_cmp(&a.recent.total_ms).then(a.evidence.id.cmp(&b.evidence.id))
        });
        found
    }
}

impl StatementView<'_> {
    pub(crate) fn uses(&self, table: &TableName) -> impl Iterator<Item = &statement::TableUse> {
        let uses = self.shape.iter().flat_map(|shape| &shape.uses);
        uses.filter(move |table_use| table_use.table == *table)
    }

    /// The plan that runs now, as far as is known: the newest sighting; planned with representative
    /// values rather than with none, if both are about as new.
    pub(crate) fn current_plan(&self) -> Option<&PlanEvidence> {
        let newest = |origin| {
            self.evidence.plans.iter().filter(|plan| plan.origin == origin).max_by_key(|plan| plan.last_seen)
        };
        match (newest(PlanOrigin::Representative), newest(PlanOrigin::Generic)) {
            (Some(valued), Some(generic)) => {
                let older = generic.last_seen.since(valued.last_seen);
                Some(if older > Duration::from_secs(3_600) { generic } else { valued })
            }
            (valued, generic) => valued.or(generic),
        }
    }

    /// It has to find rows of the table, if only to change them.
    pub(crate) fn reads(&self, table: &TableName) -> bool {
        self.uses(table).any(|table_use| table_use.write != Some(statement::Write::Insert))
    }

    /// How it writes to the table, if it does.
    pub(crate) fn writes(&self, table: &TableName) -> Option<&statement::Write> {
        self.uses(table).find_map(|table_use| table_use.write.as_ref())
    }
}

/// Seconds as a duration; nonsense is zero.
pub(crate) fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

/// The tables that a statement's plans name.
fn planned(statement: &StatementEvidence) -> Vec<TableName> {
    let mut names = Vec::new();
    for plan in &statement.plans {
        plan.plan.walk(&mut |node, _| {
            if let (Some(schema), Some(name)) = (&node.schema, &node.relation) {
                let name = TableName { schema: schema.clone(), name: name.clone() };
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        });
    }
    names
}
