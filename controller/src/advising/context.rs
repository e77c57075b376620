//! What advice is asked with.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use querysmith_advice::thresholds::Thresholds;
use querysmith_shared::change::trial::TrialTerms;
use querysmith_shared::timestamp::Timestamp;

use super::big_stack::BigStack;
use crate::apply::agents::Agents;
use crate::store::Store;
use crate::store::evidence::HistoryCache;
use crate::wake::Wake;

/// What advice is asked with. Cheap to clone.
#[derive(Clone)]
pub struct AdviceContext {
    /// The store.
    pub store: Store,
    /// Hints.
    pub wake: Wake,
    /// The agents connected here.
    pub agents: Arc<dyn Agents>,
    /// Where decisions are made.
    pub threads: BigStack,
    /// The past of the instances, as it was read last.
    pub history: HistoryCache,
    /// Every threshold.
    pub thresholds: Arc<Thresholds>,
    /// How long a proposal waits for a decision.
    pub proposal_life: Duration,
    /// The terms of its trial.
    pub terms: TrialTerms,
}

impl AdviceContext {
    /// Now. Decisions get it as an argument.
    pub fn now(&self) -> Timestamp {
        Timestamp::from(SystemTime::now())
    }
}
