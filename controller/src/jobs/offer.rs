//! The job that tells agents what is wanted of them.

use anyhow::Result;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::runner::Work;
use crate::apply::carry::Carrier;

/// Sends what is wanted.
#[derive(Debug)]
pub struct Offer {
    /// Who carries it.
    pub carrier: Carrier,
}

impl Work for Offer {
    fn run(&self) -> BoxFuture<'_, Result<()>> {
        self.carrier.send_pending().boxed()
    }
}
