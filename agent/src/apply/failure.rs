//! Why a statement failed, in words a DBA can act on, without anything out of the data.

/// How an attempt to talk to the database ended badly.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum DatabaseError {
    /// It can't be reached, or the connection broke: whether the last statement took effect is unknown.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    /// It doesn't let the agent in.
    #[error("the database refuses the agent: {0}")]
    NoEntry(String),
    /// It answered with an error.
    #[error("{message} (SQLSTATE {code})")]
    Statement {
        /// The error's code.
        code: String,
        /// The message, without values.
        message: String,
    },
}

/// What a failed statement means for its change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why, and what to do about it.
    pub reason: String,
    /// Waiting may help.
    pub is_passing: bool,
}

/// Explains why a statement failed. `message` is redacted already; `lock_wait_ms` is how long it was allowed to wait for a lock.
pub fn explain(code: &str, message: &str, lock_wait_ms: u32) -> Failure {
    let seconds = f64::from(lock_wait_ms) / 1_000.0;
    let (is_passing, remedy) = match code {
        "55P03" => (
            true,
            format!(
                "a transaction held it up for more than {seconds} s; find it in Activity and try when it has ended"
            ),
        ),
        "57014" => (true, "it ran longer than its limit, or somebody cancelled it".to_owned()),
        "40P01" => (
            true,
            "it was the victim of a deadlock with another schema change; try again when that is over"
                .to_owned(),
        ),
        "53100" => (false, "the disk is full: make room, then approve its next proposal".to_owned()),
        "53200" => (
            true,
            "the server is out of memory; lower maintenance_work_mem or try at a quiet hour".to_owned(),
        ),
        "42501" => (
            false,
            "the agent's role lacks a right: `querysmith-agent grants --apply` prints the statements"
                .to_owned(),
        ),
        "42P07" => (false, "an object of that name appeared just now".to_owned()),
        "42P01" | "42703" => {
            (false, "the table was changed after the approval: have the change proposed anew".to_owned())
        }
        "54000" | "54011" => (false, "the values are too long for an index of these columns".to_owned()),
        "42704" => (false, "a column's type has no order that a b-tree could use".to_owned()),
        _ => (false, "the server's log has more".to_owned()),
    };
    Failure { reason: format!("{message} (SQLSTATE {code}): {remedy}"), is_passing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_says_what_to_do() {
        let failure = explain("55P03", "canceling statement due to lock timeout", 2_500);
        assert!(failure.is_passing && failure.reason.contains("more than 2.5 s"), "{failure:?}");
        assert!(explain("53100", "could not extend file", 1).reason.contains("disk is full"));
        assert!(!explain("XX000", "oops", 1).is_passing);
    }
}
