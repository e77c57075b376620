//! What a trial by switchback begins with.

use std::time::Duration;

use anyhow::{Context, Result};
use querysmith_advice::measure::switchback::decision::Toggle;
use querysmith_advice::measure::switchback::live::before::{daily_peak, quiet_pairs, span};
use querysmith_advice::measure::switchback::live::health::{Health, Wrongs, wrongs};
use querysmith_advice::measure::switchback::mix::Usual;
use querysmith_advice::measure::switchback::plan::Plan;
use querysmith_advice::measure::switchback::window::Minute;
use querysmith_advice::thresholds::switchback::SwitchbackThresholds;
use querysmith_shared::change::coins::Arm;
use querysmith_shared::change::switchback::Switchback;
use querysmith_shared::id::{ChangeId, InstanceId, StatementId};
use querysmith_shared::timestamp::Timestamp;

use super::context::AdviceContext;
use crate::store::error::StoreError;
use crate::store::switchback::past::PastMinute;

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);
/// The guardrail knows what a server does by itself from this long before.
const HISTORY: Duration = DAY;
/// Quiet pairs that are looked at for each that is needed: some can't be used.
const SPARE: f64 = 1.25;

/// Everything that is fixed before the change is in place, which it is at `began_at`.
pub async fn plan(
    context: &AdviceContext,
    instance: InstanceId,
    change: ChangeId,
    terms: &Switchback,
    began_at: Timestamp,
) -> Result<Plan> {
    let store = &context.store;
    let thresholds = SwitchbackThresholds {
        window_s: f64::from(terms.window_s),
        washout_s: f64::from(terms.washout_s),
        most_pairs: terms.most_pairs,
        ..context.thresholds.switchback.clone()
    };
    let usual =
        usual(context, instance, terms, began_at).await.context("failed to read the usual workload")?;
    let statements: Vec<StatementId> = usual.sums.statements().iter().map(|statement| statement.id).collect();
    let pairs = (thresholds.quiet_pairs as f64 * SPARE).ceil() as usize;
    let mut counters = Vec::new();
    let mut from = began_at.before(span(terms, pairs));
    loop {
        let next = store.counters(instance, &statements, from, began_at).await;
        let next = next.context("failed to read what was before")?;
        let Some(last) = next.last() else { break };
        from = last.end;
        counters.extend(next);
    }
    let minutes = store.past_minutes(instance, &statements, began_at.before(HISTORY), began_at).await;
    let health = store.health(instance, began_at.before(HISTORY), began_at).await;
    let health = health.context("failed to read what went wrong before")?;
    let hours = store.past_hours(instance, began_at).await.context("failed to read the hours before")?;
    Ok(Plan {
        change,
        toggle: Toggle::Setting,
        seed: terms.seed,
        usual,
        quiet: quiet_pairs(&counters, terms, began_at, pairs),
        minutes: minutes
            .context("failed to read the minutes before")?
            .into_iter()
            .map(|minute| quiet(minute, &health))
            .collect(),
        peak: daily_peak(&hours),
        thresholds,
    })
}

/// The workload of the hours of the day that the trial will have; of the whole day where those were hardly watched.
async fn usual(
    context: &AdviceContext,
    instance: InstanceId,
    terms: &Switchback,
    began_at: Timestamp,
) -> Result<Usual, StoreError> {
    let longest = Duration::from_secs(terms.longest_s().into());
    let of_the_hours = context.store.usual(instance, began_at, longest).await?;
    if of_the_hours.watched_s >= span(terms, context.thresholds.switchback.quiet_pairs).as_secs_f64() {
        return Ok(of_the_hours);
    }
    context.store.usual(instance, began_at, DAY).await
}

fn quiet(minute: PastMinute, health: &[Health]) -> Minute {
    let start = minute.end.before(MINUTE);
    // What went wrong in it is among the readings from a minute before it on.
    let from = health.partition_point(|reading| reading.at < start.before(MINUTE));
    let Wrongs { rollbacks, deadlocks, replication_lag_s } = wrongs(&health[from..], start, minute.end);
    Minute {
        end: minute.end,
        arm: Arm::A,
        settling: false,
        sums: Some(minute.sums),
        errors: rollbacks,
        deadlocks,
        refused: 0,
        replication_lag_s,
        free_disk: None,
    }
}
