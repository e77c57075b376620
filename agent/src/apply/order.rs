//! Whether an order is one that may be carried out at all: pure checks of the order itself.

use querysmith_link::signature;
use querysmith_shared::approval::{Approval, PublicKey, Signature};
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::statistics::{
    CreateStatistics, STATISTICS_COLUMNS, STATISTICS_TARGETS, SetStatisticsTarget,
};
use querysmith_shared::change::{Change, ChangeKind, CreateIndex, DropIndex, index_name, object_name};
use querysmith_shared::dialect::{Rendered, postgres};
use querysmith_shared::wire::codec::encode_body;
use querysmith_shared::wire::order::Apply;

/// Longest a statement may wait for a lock, ms.
const MOST_LOCK_WAIT_MS: u32 = 10 * 60_000;
/// Longest a statement may run, ms.
const MOST_DURATION_MS: u32 = 24 * 3_600_000;
/// Longest that a change may be on trial, s: a week.
const MOST_TRIAL_S: u32 = 7 * 86_400;

/// Longest name of an approver and longest reason, bytes: a few sentences.
const MAX_TEXT_BYTES: usize = 1024;
/// Longest order, bytes: an index of 64 columns with the longest names takes a third of it.
const MAX_ORDER_BYTES: usize = 16 << 10;

/// Whether an order is short enough for the journal, which keeps refused ones too.
pub fn check_size(order: &Apply) -> Result<(), String> {
    if order.approved_by.len() > MAX_TEXT_BYTES {
        return Err(format!("the approver's name is longer than {MAX_TEXT_BYTES} bytes"));
    }
    match encode_body(order) {
        Ok(bytes) if bytes.len() <= MAX_ORDER_BYTES => Ok(()),
        Ok(_) => Err(format!("the order is longer than {MAX_ORDER_BYTES} bytes")),
        Err(error) => Err(error.to_string()),
    }
}

/// As much of a reason as the journal keeps: an undo isn't refused because of a long one.
pub fn bounded_reason(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_TEXT_BYTES)]
}

/// The statements of an order, rendered here; an error if it isn't exactly what was approved, or asks for
/// something that no approval makes safe.
pub fn rendered(order: &Apply) -> Result<Rendered, String> {
    check_limits(order.limits)?;
    match &order.what {
        Change::CreateIndex(index) => check_new_index(order, index)?,
        Change::DropIndex(drop) => check_drop(drop)?,
        Change::SetParameter(set) => set.check()?,
        Change::CreateStatistics(create) => check_new_statistics(order, create)?,
        Change::SetStatisticsTarget(set) => check_target(set)?,
        Change::Analyze(_) => {}
    }
    if order.limits.trial.switchback.is_some() && order.what.kind() != ChangeKind::SetParameter {
        return Err("only a parameter can be tried by switchback".to_owned());
    }
    let rendered = postgres::render(&order.what, order.limits).map_err(|error| error.to_string())?;
    if rendered.digest(order.what.database()) != order.digest {
        return Err("the text that was approved is not the text that this agent would run".to_owned());
    }
    Ok(rendered)
}

/// Whose keys signed exactly what this agent would run for the order; nobody's where it can't be rendered.
pub fn signers(order: &Apply) -> Vec<PublicKey> {
    signers_of(order, &order.signatures, |approval| approval.text())
}

/// Whose keys signed exactly what this agent would run to take back what the order did.
pub fn undo_signers(order: &Apply, signatures: &[Signature]) -> Vec<PublicKey> {
    signers_of(order, signatures, |approval| approval.undo_text())
}

fn signers_of(
    order: &Apply,
    signatures: &[Signature],
    text: impl Fn(&Approval<'_>) -> String,
) -> Vec<PublicKey> {
    if signatures.is_empty() {
        return Vec::new();
    }
    let Ok(rendered) = rendered(order) else { return Vec::new() };
    let text = text(&order.approval(&rendered));
    let good = signatures.iter().filter(|signature| signature::verify(signature, &text));
    good.map(|signature| signature.key).collect()
}

/// Whether two orders of one id ask for the same.
pub fn is_repetition(first: &Apply, again: &Apply) -> bool {
    first.digest == again.digest
        && first.instance == again.instance
        && first.system_identifier == again.system_identifier
        && first.what == again.what
        && first.limits == again.limits
}

/// Zero would mean no limit to the server.
fn check_limits(limits: Limits) -> Result<(), String> {
    let lock_wait = (1..=MOST_LOCK_WAIT_MS).contains(&limits.lock_wait_ms);
    let duration = (1..=MOST_DURATION_MS).contains(&limits.duration_ms);
    let trial = (1..=MOST_TRIAL_S).contains(&limits.trial.longest_s);
    let lease = (1..=MOST_TRIAL_S).contains(&limits.trial.lease_s);
    if !(lock_wait && duration && trial && lease) {
        return Err(format!("the limits are out of bounds: {limits:?}"));
    }
    limits.trial.switchback.map_or(Ok(()), |plan| plan.check())
}

/// The name tells whose index it is, which is what lets the agent remove it after a crash.
fn check_new_index(order: &Apply, index: &CreateIndex) -> Result<(), String> {
    if index.name != index_name(order.change, &index.table, &index.keys) {
        return Err(format!("the index's name {} isn't the one of this change", index.name));
    }
    check_columns(index)
}

/// As for an index.
fn check_new_statistics(order: &Apply, create: &CreateStatistics) -> Result<(), String> {
    let columns = create.columns.iter().map(String::as_str);
    if create.name != object_name(order.change, &create.table, columns.clone()) {
        return Err(format!("the name {} of the statistics isn't the one of this change", create.name));
    }
    if !STATISTICS_COLUMNS.contains(&create.columns.len()) {
        let (least, most) = (STATISTICS_COLUMNS.start(), STATISTICS_COLUMNS.end());
        return Err(format!("extended statistics are of {least} to {most} columns"));
    }
    check_distinct(columns.collect())
}

fn check_target(set: &SetStatisticsTarget) -> Result<(), String> {
    let mut targets = [Some(set.target), set.before].into_iter().flatten();
    match targets.find(|target| !STATISTICS_TARGETS.contains(target)) {
        Some(target) => {
            let (least, most) = (STATISTICS_TARGETS.start(), STATISTICS_TARGETS.end());
            Err(format!("a statistics target is from {least} to {most}, not {target}"))
        }
        None => Ok(()),
    }
}

fn check_drop(drop: &DropIndex) -> Result<(), String> {
    if drop.index.name == drop.covered_by {
        return Err(format!("index {} can't do its own work when it is gone", drop.covered_by));
    }
    check_columns(&drop.index)
}

fn check_columns(index: &CreateIndex) -> Result<(), String> {
    let mut columns: Vec<&str> = index.keys.iter().map(|key| key.column.as_str()).collect();
    columns.extend(index.include.iter().map(String::as_str));
    check_distinct(columns)
}

fn check_distinct(mut columns: Vec<&str>) -> Result<(), String> {
    columns.sort_unstable();
    match columns.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("column {} is named twice", pair[0])),
        None => Ok(()),
    }
}
