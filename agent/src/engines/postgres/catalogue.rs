//! What the agent remembers of each statement: who it is, what it is, how much it did lately. Never its text.

use std::collections::HashMap;
use std::time::Instant;

use querysmith_shared::id::StatementId;
use querysmith_shared::observation::plan::PlanOrigin;

use super::classify::Class;
use super::query_stats::delta::{Counters, Key, Reading};

/// Share of the past that remains after one window: the memory of a few minutes.
const DECAY: f32 = 0.8;
/// Entries beyond those of the server's last reading that are kept, for statements that come and go.
const SPARE: usize = 2_000;
/// A mean time this many times the one at planning calls for another plan.
const LATENCY_JUMP: f32 = 2.0;

/// The statements of one server.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    statements: HashMap<Key, Statement>,
}

/// One statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statement {
    /// Its id in every report.
    pub(crate) id: StatementId,
    /// What kind of statement it is.
    pub(crate) class: Class,
    /// Time it took lately, ms, older windows counting less.
    pub(crate) recent_ms: f32,
    /// Mean time of a call in the last window, ms.
    pub(crate) mean_ms: f32,
    /// Rows of a call in the last window.
    pub(crate) mean_rows: f32,
    /// The last time it was planned.
    pub(crate) planned: Option<Planned>,
}

/// What is remembered of a planned statement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planned {
    at: Instant,
    mean_ms: f32,
    /// Hashes of the plans that were sent, generic and representative; 0 is none.
    sent: [u64; 2],
}

impl Catalogue {
    /// What is known of `key`.
    pub(crate) fn get(&self, key: Key) -> Option<&Statement> {
        self.statements.get(&key)
    }

    /// Adds a statement.
    pub(crate) fn insert(&mut self, key: Key, id: StatementId, class: Class) {
        let statement = Statement { id, class, recent_ms: 0.0, mean_ms: 0.0, mean_rows: 0.0, planned: None };
        self.statements.insert(key, statement);
    }

    /// Notes what one window brought: everybody's past fades, then the window is added.
    pub(crate) fn note(&mut self, rows: &[(Key, Counters)]) {
        for statement in self.statements.values_mut() {
            statement.recent_ms *= DECAY;
        }
        for (key, window) in rows {
            if let Some(statement) = self.statements.get_mut(key) {
                #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
                {
                    statement.recent_ms += window.total_ms as f32;
                    statement.mean_ms = (window.total_ms / window.calls.max(1) as f64) as f32;
                    statement.mean_rows = window.rows as f32 / window.calls.max(1) as f32;
                }
            }
        }
    }

    /// Forgets statements that the server no longer has, once there are many of them.
    pub(crate) fn prune(&mut self, reading: &Reading) {
        if self.statements.len() > reading.entries.len() + SPARE {
            self.statements.retain(|key, _| reading.contains(*key));
        }
    }

    /// The statements that should be planned now, the most expensive first, at most `most`.
    pub(crate) fn to_plan(&self, now: Instant, every: std::time::Duration, most: usize) -> Vec<Key> {
        let is_due = |statement: &Statement| match statement.planned {
            None => true,
            Some(planned) => {
                now.duration_since(planned.at) >= every
                    || (planned.mean_ms > 0.0 && statement.mean_ms > planned.mean_ms * LATENCY_JUMP)
            }
        };
        let mut due: Vec<(Key, f32)> = self
            .statements
            .iter()
            .filter(|(_, statement)| statement.class == Class::Plannable && statement.recent_ms > 0.0)
            .filter(|(_, statement)| is_due(statement))
            .map(|(key, statement)| (*key, statement.recent_ms))
            .collect();
        due.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        due.truncate(most);
        due.into_iter().map(|(key, _)| key).collect()
    }

    /// Whether a statement that was never planned now takes at least `share` of all time.
    pub(crate) fn has_unplanned_above(&self, share: f32) -> bool {
        let all: f32 = self.statements.values().map(|statement| statement.recent_ms).sum();
        let unplanned = self
            .statements
            .values()
            .filter(|statement| statement.class == Class::Plannable && statement.planned.is_none());
        all > 0.0 && unplanned.map(|statement| statement.recent_ms).any(|time| time >= all * share)
    }

    /// Notes that a statement was planned.
    pub(crate) fn planned(&mut self, key: Key, now: Instant) {
        if let Some(statement) = self.statements.get_mut(&key) {
            let sent = statement.planned.map_or([0; 2], |planned| planned.sent);
            statement.planned = Some(Planned { at: now, mean_ms: statement.mean_ms, sent });
        }
    }

    /// Whether a plan with this hash differs from the one that was sent last; then it is noted as sent.
    pub(crate) fn plan_is_new(&mut self, key: Key, origin: PlanOrigin, hash: u64) -> bool {
        let Some(planned) = self.statements.get_mut(&key).and_then(|statement| statement.planned.as_mut())
        else {
            return true;
        };
        let slot = match origin {
            PlanOrigin::Generic => &mut planned.sent[0],
            PlanOrigin::Representative => &mut planned.sent[1],
        };
        std::mem::replace(slot, hash) != hash
    }

    /// Keys of the statements with these ids.
    pub(crate) fn keys_of(&self, ids: &[StatementId]) -> HashMap<StatementId, Key> {
        let wanted: std::collections::HashSet<StatementId> = ids.iter().copied().collect();
        let found = self.statements.iter().filter(|(_, statement)| wanted.contains(&statement.id));
        found.map(|(key, statement)| (statement.id, *key)).collect()
    }

    /// Forgets everything: every text and plan is sent again.
    pub(crate) fn clear(&mut self) {
        self.statements.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(query_id: i64) -> Key {
        Key { query_id, database: 1, user: 1, top_level: true }
    }

    fn window(calls: u64, total_ms: f64) -> Counters {
        Counters { calls, total_ms, rows: calls * 3, ..Counters::default() }
    }

    fn catalogue(classes: &[Class]) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for (class, id) in classes.iter().zip(1..) {
            catalogue.insert(key(id), StatementId(id), *class);
        }
        catalogue
    }

    #[test]
    fn the_most_expensive_are_planned_first_and_then_left_alone() {
        let start = Instant::now();
        let every = Duration::from_secs(600);
        let mut catalogue =
            catalogue(&[Class::Plannable, Class::Plannable, Class::Utility, Class::Plannable]);
        catalogue.note(&[(key(1), window(1, 5.0)), (key(2), window(1, 50.0)), (key(3), window(1, 500.0))]);
        assert_eq!(catalogue.to_plan(start, every, 10), [key(2), key(1)]);
        assert_eq!(catalogue.to_plan(start, every, 1), [key(2)]);
        catalogue.planned(key(2), start);
        assert_eq!(catalogue.to_plan(start, every, 10), [key(1)]);
        assert_eq!(catalogue.to_plan(start + every, every, 10), [key(2), key(1)]);
        // Three times slower than when it was planned.
        catalogue.note(&[(key(2), window(1, 150.0))]);
        assert_eq!(catalogue.to_plan(start, every, 1), [key(2)]);
    }

    #[test]
    fn a_hot_newcomer_is_noticed_until_it_is_planned() {
        let mut catalogue = catalogue(&[Class::Plannable, Class::Plannable]);
        catalogue.note(&[(key(1), window(1, 99.0)), (key(2), window(1, 1.0))]);
        assert!(catalogue.has_unplanned_above(0.05));
        catalogue.planned(key(1), Instant::now());
        assert!(!catalogue.has_unplanned_above(0.05));
    }

    #[test]
    fn only_plans_that_changed_are_new() {
        let mut catalogue = catalogue(&[Class::Plannable]);
        catalogue.planned(key(1), Instant::now());
        assert!(catalogue.plan_is_new(key(1), PlanOrigin::Generic, 7));
        assert!(!catalogue.plan_is_new(key(1), PlanOrigin::Generic, 7));
        assert!(catalogue.plan_is_new(key(1), PlanOrigin::Representative, 7));
        catalogue.planned(key(1), Instant::now());
        assert!(!catalogue.plan_is_new(key(1), PlanOrigin::Generic, 7));
        assert!(catalogue.plan_is_new(key(1), PlanOrigin::Generic, 8));
    }
}
