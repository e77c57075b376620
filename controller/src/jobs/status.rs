//! How the jobs of this controller are doing, in memory, for its readiness.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// A job whose runs failed this often in a row makes the controller not ready; one failure may be a
/// store that was away for a moment.
const FAILURES_IN_A_ROW: u32 = 3;

/// One job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobState {
    /// Since when it has been running, if it is.
    pub running_since: Option<DateTime<Utc>>,
    /// When its last run here ended.
    pub last_finished_at: Option<DateTime<Utc>>,
    /// How many runs failed since one went well.
    pub failures_in_a_row: u32,
    /// Longest a run may take.
    pub budget: Duration,
}

/// All jobs of this controller. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Board {
    jobs: Arc<Mutex<BTreeMap<&'static str, JobState>>>,
}

impl Board {
    /// Adds a job that has not run yet.
    pub fn add(&self, name: &'static str, budget: Duration) {
        self.with(|jobs| {
            jobs.insert(
                name,
                JobState { running_since: None, last_finished_at: None, failures_in_a_row: 0, budget },
            );
        });
    }

    /// Notes that a run began.
    pub fn started(&self, name: &str, at: DateTime<Utc>) {
        self.with(|jobs| {
            if let Some(job) = jobs.get_mut(name) {
                job.running_since = Some(at);
            }
        });
    }

    /// Notes that a run ended, and whether it failed.
    pub fn finished(&self, name: &str, at: DateTime<Utc>, failed: bool) {
        self.with(|jobs| {
            if let Some(job) = jobs.get_mut(name) {
                job.running_since = None;
                job.last_finished_at = Some(at);
                job.failures_in_a_row = if failed { job.failures_in_a_row + 1 } else { 0 };
            }
        });
    }

    /// What is wrong, one sentence for each job; empty if nothing is.
    pub fn problems(&self, now: DateTime<Utc>) -> Vec<String> {
        self.with(|jobs| jobs.iter().filter_map(|(name, job)| problem(name, job, now)).collect())
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<&'static str, JobState>) -> T) -> T {
        // The map is whole after every statement, so a panic elsewhere leaves nothing half done.
        work(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn problem(name: &str, job: &JobState, now: DateTime<Utc>) -> Option<String> {
    if job.failures_in_a_row >= FAILURES_IN_A_ROW {
        // Anybody may ask whether the controller is ready; what failed is for those who sign in.
        let times = job.failures_in_a_row;
        return Some(format!(
            "job {name} failed {times} times in a row; the console's Settings page says why"
        ));
    }
    let since = job.running_since?;
    let ran = (now - since).to_std().ok()?;
    if ran > job.budget * 2 {
        return Some(format!("job {name} has been running for {} s", ran.as_secs()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_a_problem_after_failing_often_or_hanging() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let board = Board::default();
        board.add("detect", Duration::from_secs(10));
        for second in 0..3 {
            assert_eq!(board.problems(at(second)), Vec::<String>::new());
            board.finished("detect", at(second), true);
        }
        assert_eq!(
            board.problems(at(3)),
            ["job detect failed 3 times in a row; the console's Settings page says why"]
        );
        board.finished("detect", at(4), false);
        board.started("detect", at(5));
        assert_eq!(board.problems(at(25)), Vec::<String>::new());
        assert_eq!(board.problems(at(26)), ["job detect has been running for 21 s"]);
    }
}
