//! Asks an agent what the planner would do with an index.

use std::time::Duration;

use querysmith_advice::propose::question::Question;
use querysmith_shared::id::AgentId;
use querysmith_shared::wire::order::{Answer, Order, WhatIfAnswer};

use crate::apply::agents::Agents;
use crate::fleet::roster::OrderError;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// The agent does not answer it, or does not know such questions.
    #[error("the agent refused: {0}")]
    Refused(String),
    /// The agent can't be reached from here, or not in time.
    #[error(transparent)]
    Away(OrderError),
    /// It answered something else.
    #[error("the agent answered another question")]
    Other,
}

/// Asks, and waits for the answer as long as `patience`.
pub(crate) async fn ask(
    agents: &dyn Agents,
    agent: AgentId,
    question: &Question,
    patience: Duration,
) -> Result<WhatIfAnswer, Unanswered> {
    let order = Order::WhatIf(question.to_order());
    match agents.order(agent, order, patience).await {
        Ok(Answer::WhatIf(answer)) if answer.question == question.id => Ok(answer),
        Ok(Answer::Refused(reason)) => Err(Unanswered::Refused(reason)),
        Ok(_) => Err(Unanswered::Other),
        // An old agent that does not know the question.
        Err(OrderError::Refused(refusal)) => Err(Unanswered::Refused(refusal.to_string())),
        Err(error) => Err(Unanswered::Away(error)),
    }
}
