//! The jobs that make room: partitions ahead of time, and what is old goes.

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Days, NaiveDate, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_shared::timestamp::Timestamp;

use super::runner::Work;
use crate::config::retention::Retention;
use crate::store::Store;
use crate::store::keeping::Aged;
use crate::store::partitions::{SERIES, Series};

/// Makes the days' partitions.
#[derive(Debug)]
pub struct Partitions {
    /// The store.
    pub store: Store,
}

impl Work for Partitions {
    fn run(&self) -> BoxFuture<'_, Result<()>> {
        make_partitions(&self.store, Utc::now()).boxed()
    }
}

/// Makes the partitions of yesterday, today and the two days to come, and of whatever waits in the default ones.
pub async fn make_partitions(store: &Store, now: DateTime<Utc>) -> Result<()> {
    let today = now.date_naive();
    for series in SERIES {
        let mut days = vec![today - Days::new(1), today, today + Days::new(1), today + Days::new(2)];
        days.extend(store.days_in_default(series).await.context("failed to look for late rows")?);
        days.sort_unstable();
        days.dedup();
        let made = store.make_partitions(series, &days).await;
        made.with_context(|| format!("failed to make partitions of {}", series.table))?;
    }
    Ok(())
}

/// Deletes what is old.
#[derive(Debug)]
pub struct Retain {
    /// The store.
    pub store: Store,
    /// How long what is kept.
    pub retention: Retention,
}

impl Work for Retain {
    fn run(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            let now = Utc::now();
            for series in SERIES {
                let oldest = oldest_day(now, kept(&self.retention, series));
                let dropped = self.store.drop_partitions(series, oldest).await;
                dropped.with_context(|| format!("failed to drop partitions of {}", series.table))?;
            }
            for what in Aged::ALL {
                let before = Timestamp(now.timestamp_micros()).before(kept_rows(&self.retention, what));
                let deleted = self.store.delete_aged(what, before).await;
                deleted.with_context(|| format!("failed to delete old {what:?}"))?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// The first day that is kept whole.
fn oldest_day(now: DateTime<Utc>, kept: Duration) -> NaiveDate {
    let days = kept.as_secs().div_ceil(86_400);
    now.date_naive() - Days::new(days)
}

fn kept(retention: &Retention, series: Series) -> Duration {
    match series.table {
        "query_stats_minute" | "query_stats_hour" => retention.minutes(),
        "query_stats" => retention.raw(),
        _ => retention.samples(),
    }
}

fn kept_rows(retention: &Retention, what: Aged) -> Duration {
    match what {
        Aged::StatsWindows => retention.raw(),
        Aged::StatsHours
        | Aged::Plans
        | Aged::Statements
        | Aged::Gaps
        | Aged::Marks
        | Aged::IndexHistory
        | Aged::Findings => retention.minutes(),
        Aged::Sessions => Duration::ZERO,
        // Used and expired tokens are kept for a while: they tell whom they let in.
        Aged::JoinTokens => retention.minutes(),
    }
}
