//! Every job, with its schedule.

use std::sync::Arc;
use std::time::Duration;

use super::detect::Detect;
use super::keep::{Partitions, Retain};
use super::learn::Learn;
use super::measure::Measure;
use super::offer::Offer;
use super::propose::Propose;
use super::renew::Renew;
use super::roll_up::RollUp;
use super::runner::{Job, Scope, Work};
use super::seal::Seal;
use crate::advising::context::AdviceContext;
use crate::apply::carry::Carrier;
use crate::config::jobs::Schedules;
use crate::config::retention::Retention;
use crate::schedule::{BadSchedule, Schedule};
use crate::wake::Topic;

/// Every job, as scheduled.
pub fn jobs(
    context: &AdviceContext,
    schedules: &Schedules,
    retention: Retention,
) -> Result<Vec<Job>, BadSchedule> {
    let store = &context.store;
    let carrier = Carrier::new(store.clone(), context.wake.clone(), Arc::clone(&context.agents));
    let second = Duration::from_secs(1);
    let minute = 60 * second;
    let job = |name, schedule: &str, wakes, pause, budget, scope, work: Arc<dyn Work>| {
        Ok(Job { name, schedule: Schedule::parse(schedule)?, wakes, pause, budget, scope, work })
    };
    use Scope::{Controller, Store};
    Ok(vec![
        job(
            "roll_up",
            &schedules.roll_up,
            &[Topic::Queries],
            2 * second,
            2 * minute,
            Store,
            Arc::new(RollUp { store: store.clone() }),
        )?,
        job(
            "detect",
            &schedules.detect,
            &[Topic::Queries],
            5 * second,
            2 * minute,
            Store,
            Arc::new(Detect::new(context.clone())),
        )?,
        job(
            "propose",
            &schedules.propose,
            &[Topic::Findings, Topic::Agents],
            5 * second,
            10 * minute,
            Controller,
            Arc::new(Propose::new(context.clone())),
        )?,
        job(
            "offer",
            &schedules.offer,
            &[Topic::Changes, Topic::Agents],
            Duration::ZERO,
            20 * second,
            Controller,
            Arc::new(Offer { carrier }),
        )?,
        job(
            "renew",
            &schedules.renew,
            &[Topic::Agents],
            5 * second,
            minute,
            Controller,
            Arc::new(Renew { context: context.clone() }),
        )?,
        job(
            "measure",
            &schedules.measure,
            &[],
            5 * second,
            2 * minute,
            Store,
            Arc::new(Measure::new(context.clone())),
        )?,
        job(
            "learn",
            &schedules.learn,
            &[Topic::Changes],
            second,
            minute,
            Store,
            Arc::new(Learn { context: context.clone() }),
        )?,
        job(
            "seal",
            &schedules.seal,
            &[Topic::Proposals, Topic::Changes],
            second,
            minute,
            Store,
            Arc::new(Seal { store: store.clone() }),
        )?,
        job(
            "partitions",
            &schedules.partitions,
            &[],
            minute,
            5 * minute,
            Store,
            Arc::new(Partitions { store: store.clone() }),
        )?,
        job(
            "retention",
            &schedules.retention,
            &[],
            minute,
            30 * minute,
            Store,
            Arc::new(Retain { store: store.clone(), retention }),
        )?,
    ])
}
