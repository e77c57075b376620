//! Turns a draft into a proposal that a person can decide on.

use anyhow::{Context, Result};
use querysmith_advice::propose::draft::ProposalDraft;
use querysmith_shared::change::coins::CoinSeed;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::statistics::{CreateStatistics, SetStatisticsTarget};
use querysmith_shared::change::trial::{OnPartition, TrialTerms};
use querysmith_shared::change::{Change, ChangeKind, DropIndex};
use querysmith_shared::dialect;
use querysmith_shared::hex;
use querysmith_shared::id::ProposalId;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::advising::context::AdviceContext;
use crate::store::evidence::WatchedInstance;
use crate::store::proposals::NewProposal;

/// PostgreSQL's indexes hold entries of 2,700 bytes.
const MOST_SUBJECT_BYTES: usize = 1_000;

/// Pauses of a trial by switchback: one of an hour, and one until the busiest hour of the day. An hour to spare.
const PAUSES_S: u32 = 26 * 3_600;
/// No agent accepts more, s.
const LONGEST_S: u32 = 7 * 86_400;

/// Adds to a draft what a person decides on: the exact text, its digest, and until when.
pub(crate) fn complete(
    draft: ProposalDraft,
    instance: &WatchedInstance,
    context: &AdviceContext,
) -> Result<NewProposal> {
    let now = context.now();
    let limits = match draft.kind {
        // The undo of a drop is a build.
        ChangeKind::CreateIndex | ChangeKind::DropIndex => Limits::INDEX_BUILD,
        ChangeKind::Analyze | ChangeKind::CreateStatistics | ChangeKind::SetStatisticsTarget => {
            Limits::ANALYZE
        }
        ChangeKind::SetParameter => Limits::PARAMETER,
    };
    let trial = match draft.kind {
        ChangeKind::CreateIndex | ChangeKind::DropIndex | ChangeKind::Analyze => context.terms,
        // What holds is for what is costly to do twice.
        ChangeKind::SetParameter | ChangeKind::CreateStatistics | ChangeKind::SetStatisticsTarget => {
            TrialTerms { on_partition: OnPartition::Revert, ..context.terms }
        }
    };
    let trial = match draft.tried.plan(&context.thresholds.switchback, CoinSeed(rand::random())) {
        None => trial,
        Some(switchback) => {
            let longest_s = switchback.longest_s().saturating_add(PAUSES_S).min(LONGEST_S);
            TrialTerms { switchback: Some(switchback), longest_s, ..trial }
        }
    };
    let limits = Limits { trial, ..limits };
    let sql = dialect::postgres::render(&draft.change, limits).context("failed to write a change as SQL")?;
    let digest = sql.digest(draft.change.database());
    Ok(NewProposal {
        id: ProposalId(Uuid::now_v7()),
        subject: subject(&draft.change),
        limits,
        system_identifier: instance.facts.system_identifier.clone(),
        digest,
        sql,
        created_at: now,
        expires_at: now.after(context.proposal_life),
        draft,
    })
}

/// What a change does, without the name of what it makes; as a digest where it would be too long for an index.
fn subject(change: &Change) -> String {
    let words = words(change);
    if words.len() <= MOST_SUBJECT_BYTES {
        return words;
    }
    hex::encode(&Sha256::digest(words.as_bytes()))
}

fn words(change: &Change) -> String {
    match change {
        Change::CreateIndex(index) => {
            let keys: Vec<String> =
                index.keys.iter().map(|key| format!("{:?} {}", key.column, key.descending)).collect();
            format!(
                "create_index {:?} {:?} {:?} ({}) {:?}",
                index.database,
                index.table.schema,
                index.table.name,
                keys.join(", "),
                index.include
            )
        }
        Change::Analyze(analyze) => {
            format!("analyze {:?} {:?} {:?}", analyze.database, analyze.table.schema, analyze.table.name)
        }
        Change::DropIndex(DropIndex { index, .. }) => {
            format!("drop_index {:?} {:?} {:?}", index.database, index.table.schema, index.name)
        }
        // Two values of one parameter are two proposals for the same.
        Change::SetParameter(set) => format!("set_parameter {:?}", set.name),
        Change::CreateStatistics(create) => {
            let mut columns: Vec<&String> = create.columns.iter().collect();
            columns.sort_unstable();
            let CreateStatistics { database, table, .. } = create;
            format!("create_statistics {database:?} {:?} {:?} {columns:?}", table.schema, table.name)
        }
        Change::SetStatisticsTarget(set) => {
            let SetStatisticsTarget { database, table, column, .. } = set;
            format!("set_statistics_target {database:?} {:?} {:?} {column:?}", table.schema, table.name)
        }
    }
}
