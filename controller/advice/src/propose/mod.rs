//! Propose: what would fix the findings. First the questions the planner should answer, then the drafts.

mod analyze;
mod ask;
pub mod by_hand;
mod choose;
pub mod draft;
mod drop_index;
pub mod how_tried;
mod index_draft;
pub mod memory;
pub mod obsolete;
pub mod parameter;
pub mod question;
mod statistics;
mod unplanned;
mod weigh;
mod write_cost;

use querysmith_shared::id::ChangeId;
use querysmith_shared::wire::order::WhatIfAnswer;

use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::overview::Overview;
use draft::ProposalDraft;
use question::Question;

/// What to ask the planner before anything is proposed. Where the server can't simulate, the questions
/// are the same and simply stay unanswered.
pub fn ask(evidence: &Evidence, findings: &[Finding]) -> Vec<Question> {
    ask::questions(&Overview::of(evidence), findings)
}

/// The proposals. A question without an answer is decided without simulation, with a wider interval and
/// a label that says so. `new_change` gives each draft the id of the change it would become, which names
/// its index. What was settled or built since a question was asked is left out. ANALYZE and a superfluous
/// index need no question.
pub fn decide(
    evidence: &Evidence,
    findings: &[Finding],
    answers: &[(Question, Option<WhatIfAnswer>)],
    new_change: &mut dyn FnMut() -> ChangeId,
) -> Vec<ProposalDraft> {
    let overview = Overview::of(evidence);
    let mut drafts = analyze::drafts(&overview, findings, new_change);
    drafts.extend(drop_index::drafts(&overview, findings, new_change));
    for current in ask::questions(&overview, findings) {
        let asked = answers
            .iter()
            .find(|(question, _)| question.database == current.database && question.table == current.table);
        let Some((question, answer)) = asked else { continue };
        let Some(table) = overview.table(&question.database, &question.table) else { continue };
        let simulated = answer.as_ref().filter(|answer| answer.not_simulated.is_none());
        let not_simulated = match (answer, simulated) {
            (_, Some(_)) => None,
            (Some(answer), None) => answer.not_simulated.clone(),
            (None, None) => Some("the agent did not answer".to_owned()),
        };
        let still_wanted = |position: &usize| current.candidates.contains(&question.candidates[*position]);
        let weighed = (0..question.candidates.len())
            .filter(still_wanted)
            .filter_map(|position| weigh::weigh(&overview, table, question, position, simulated))
            .collect();
        for chosen in choose::choose(evidence, &current, findings, weighed) {
            drafts.push(index_draft::draft(evidence, table, &chosen, not_simulated.as_deref(), new_change()));
        }
    }
    drafts
}
