//! The job that proposes fixes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_advice::detect::detect;
use querysmith_advice::evidence::Evidence;
use querysmith_advice::finding::Finding;
use querysmith_advice::propose::draft::ProposalDraft;
use querysmith_advice::propose::question::Question;
use querysmith_advice::propose::{ask, decide};
use querysmith_shared::id::{ChangeId, ProposalId, QuestionId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::order::WhatIfAnswer;
use uuid::Uuid;

use super::detect::each_instance;
use super::runner::Work;
use crate::advising::context::AdviceContext;
use crate::propose::complete::complete;
use crate::propose::what_if::{self, Unanswered};
use crate::store::evidence::WatchedInstance;
use crate::wake::Topic;

/// Instances asked together.
const TOGETHER: usize = 4;
/// One instance gets this long: some questions, each answered within [`ANSWER_TIME`].
const INSTANCE_TIME: Duration = Duration::from_secs(240);
/// The agent plans hundreds of statements for each of some candidates, gently.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// The planner is not asked the same again before this: plans of a workload change slowly, and every
/// question costs the watched server.
const ANSWER_LIFE: Duration = Duration::from_secs(600);
/// Answers kept; far more than are asked within their life.
const MOST_ANSWERS: usize = 500;

/// Proposes fixes for what was found on the instances whose agents are connected here.
pub struct Propose {
    /// What it works with.
    pub context: AdviceContext,
    answers: Mutex<BTreeMap<QuestionId, Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    at: Timestamp,
    answer: Option<WhatIfAnswer>,
}

impl Work for Propose {
    fn run(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let now = self.context.now();
            let expired =
                self.context.store.expire_proposals(now).await.context("failed to expire proposals")?;
            self.publish(&expired);
            let connected = self.context.agents.connected();
            let mut instances =
                self.context.store.watched_instances().await.context("failed to read instances")?;
            for instance in &instances {
                self.withdraw(instance, now).await.context("failed to withdraw proposals")?;
            }
            instances.retain(|instance| connected.contains(&instance.agent));
            let mut works = Vec::with_capacity(instances.len());
            for instance in &instances {
                works.push((instance.facts.id, self.propose(instance).boxed()));
            }
            each_instance(works, TOGETHER, INSTANCE_TIME).await
        }
        .boxed()
    }
}

impl Propose {
    /// A job that asked nothing yet.
    pub fn new(context: AdviceContext) -> Self {
        Self { context, answers: Mutex::default() }
    }

    /// Takes back what has lost its reason, also where the agent is away: nothing stale may be approved.
    async fn withdraw(&self, instance: &WatchedInstance, now: Timestamp) -> Result<()> {
        let store = &self.context.store;
        let overtaken = store.overtaken_proposals(instance.facts.id, now).await?;
        let withdrawn = store.withdraw_proposals(instance.facts.id, &overtaken, now).await?;
        for proposal in &withdrawn {
            tracing::info!(proposal.id = %proposal, instance.id = %instance.facts.id, "withdrew a proposal");
        }
        self.publish(&withdrawn);
        Ok(())
    }

    async fn propose(&self, instance: &WatchedInstance) -> Result<()> {
        let AdviceContext { store, thresholds, history, threads, .. } = &self.context;
        let now = self.context.now();
        let evidence =
            store.evidence(instance, history, thresholds, now).await.context("failed to read evidence")?;
        if evidence.open_findings.is_empty() {
            return Ok(());
        }
        let (evidence, findings, questions) = threads.run(move || questions(evidence)).await?;
        if findings.is_empty() {
            return Ok(());
        }
        let answers = self.answers(instance, questions).await?;
        let drafts = threads
            .run(move || decide(&evidence, &findings, &answers, &mut || ChangeId(Uuid::now_v7())))
            .await?;
        for draft in drafts {
            self.store_proposal(instance, draft).await?;
        }
        Ok(())
    }

    async fn answers(
        &self,
        instance: &WatchedInstance,
        questions: Vec<Question>,
    ) -> Result<Vec<(Question, Option<WhatIfAnswer>)>> {
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            let now = self.context.now();
            let answer = match self.kept(question.id, now) {
                Some(answer) => answer,
                None => {
                    let answer = self.ask(instance, &question).await?;
                    self.keep(question.id, now, answer.clone());
                    answer
                }
            };
            answers.push((question, answer));
        }
        Ok(answers)
    }

    async fn ask(&self, instance: &WatchedInstance, question: &Question) -> Result<Option<WhatIfAnswer>> {
        match what_if::ask(&*self.context.agents, instance.agent, question, ANSWER_TIME).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Unanswered::Refused(reason)) => {
                tracing::info!(instance.id = %instance.facts.id, reason, "the agent refused a what-if question");
                Ok(None)
            }
            // Nothing is proposed on a guess because the line is down; the next run asks again.
            Err(error) => Err(error).context("failed to ask a what-if question"),
        }
    }

    fn kept(&self, question: QuestionId, now: Timestamp) -> Option<Option<WhatIfAnswer>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = answers.get(&question).filter(|kept| now.since(kept.at) < ANSWER_LIFE)?;
        Some(kept.answer.clone())
    }

    fn keep(&self, question: QuestionId, at: Timestamp, answer: Option<WhatIfAnswer>) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|_, kept| at.since(kept.at) < ANSWER_LIFE);
        if answers.len() < MOST_ANSWERS {
            answers.insert(question, Kept { at, answer });
        }
    }

    async fn store_proposal(&self, instance: &WatchedInstance, draft: ProposalDraft) -> Result<()> {
        let new = complete(draft, instance, &self.context)?;
        let mut writing = self.context.store.write().await.context("failed to begin")?;
        let is_new = writing.add_proposal(&new).await.context("failed to write a proposal")?;
        writing.commit().await.context("failed to write a proposal")?;
        if is_new {
            tracing::info!(proposal.id = %new.id, instance.id = %instance.facts.id, title = new.draft.title, "proposed");
            self.publish(&[new.id]);
        }
        Ok(())
    }

    fn publish(&self, proposals: &[ProposalId]) {
        for proposal in proposals {
            self.context.wake.publish(Topic::Proposals, Some(proposal.0));
        }
    }
}

fn questions(evidence: Evidence) -> (Evidence, Vec<Finding>, Vec<Question>) {
    let mut findings = detect(&evidence);
    // Only what is stored as open is answered: a proposal names its findings.
    findings.retain(|finding| evidence.open_findings.iter().any(|open| open.id == finding.id));
    let questions = ask(&evidence, &findings);
    (evidence, findings, questions)
}
