//! The job that sums statement statistics by minute, and by hour once an hour is over.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use chrono::Utc;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::runner::Work;
use crate::store::Store;
use crate::store::hours::SETTLED;

/// Longest that hours are summed before minutes have their turn again: what is new is looked at by minute.
const HOURS_TIME: Duration = Duration::from_secs(20);

/// Sums the minutes for which something arrived, and the hours that are over.
#[derive(Debug)]
pub struct RollUp {
    /// The store.
    pub store: Store,
}

impl Work for RollUp {
    fn run(&self) -> BoxFuture<'_, Result<()>> {
        async move {
            while self.store.roll_up().await.context("failed to sum minutes")? > 0 {}
            let began = Instant::now();
            let sum_hours =
                async || self.store.sum_hours(Utc::now(), SETTLED).await.context("failed to sum hours");
            while began.elapsed() < HOURS_TIME && sum_hours().await? > 0 {}
            Ok(())
        }
        .boxed()
    }
}
