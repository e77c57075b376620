//! How fast one agent may fill the store. An agent that was taken over, or that has a fault, must not crowd
//! out the others: what it sends beyond its pace waits in its own spool.

use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota};
use querysmith_shared::id::AgentId;
use querysmith_shared::wire::report::Lane;

/// Bytes that one unit stands for.
pub(super) const UNIT: usize = 1 << 10;
/// Units per second in the long run: 1 MiB, some hundred times what a busy server has to say.
const UNITS_PER_SECOND: NonZeroU32 = NonZeroU32::new(1 << 10).expect("not zero");
/// Units at once: 64 MiB, what an agent has after a day without the controller.
const UNITS_AT_ONCE: NonZeroU32 = NonZeroU32::new(64 << 10).expect("not zero");

/// The pace of all agents. It outlives their connections: coming again gives nothing anew.
#[derive(Debug)]
pub(super) struct Pace {
    lanes: DefaultKeyedRateLimiter<(AgentId, Lane)>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            lanes: DefaultKeyedRateLimiter::keyed(
                Quota::per_second(UNITS_PER_SECOND).allow_burst(UNITS_AT_ONCE),
            ),
        }
    }
}

impl Pace {
    /// Returns when `bytes` more of this agent's lane may be stored.
    pub(super) async fn wait(&self, agent: AgentId, lane: Lane, bytes: usize) {
        let units = u32::try_from(bytes / UNIT + 1).ok().and_then(NonZeroU32::new).unwrap_or(UNITS_AT_ONCE);
        // It can't fail: more than fits at once is counted as that.
        let _ = self.lanes.until_key_n_ready(&(agent, lane), units.min(UNITS_AT_ONCE)).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_comes_too_fast_waits_and_holds_up_nobody_else() {
        let pace = Pace::default();
        let (flooding, other) = (AgentId(Uuid::from_u128(1)), AgentId(Uuid::from_u128(2)));
        let goes = |agent, lane, bytes| pace.wait(agent, lane, bytes).now_or_never().is_some();
        assert!(goes(flooding, Lane::Telemetry, 40 << 20));
        assert!(!goes(flooding, Lane::Telemetry, 40 << 20));
        assert!(
            goes(flooding, Lane::Changes, 40 << 20),
            "what became of a change is not held up by telemetry"
        );
        assert!(goes(other, Lane::Telemetry, usize::MAX));
    }
}
