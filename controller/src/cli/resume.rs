//! `resume`: goes on from a store that is older than what agents have obeyed.

use anyhow::{Context, Result};
use chrono::Utc;
use serde_json::json;

use crate::startup::backing::Backing;
use crate::store::audit::Deed;

pub(super) async fn run(reason: &str, backing: &Backing) -> Result<()> {
    let now = Utc::now();
    let mut writing = backing.store.write().await.context("failed to begin")?;
    let resumed = writing.resume().await.context("failed to begin an epoch")?;
    let deed = Deed {
        actor: "command line",
        action: "store.resume",
        subject: "the controller's store",
        detail: json!({ "reason": reason, "epoch": resumed.epoch, "hosts": resumed.hosts }),
    };
    writing.add_audit(&deed, now).await.context("failed to write the audit")?;
    writing.commit().await.context("failed to begin an epoch")?;
    match resumed.hosts.as_slice() {
        [] => println!("No agent was ahead of this store. Epoch {} begins all the same.", resumed.epoch),
        hosts => {
            println!(
                "Epoch {} begins. The agents on these hosts get orders again: {}.",
                resumed.epoch,
                hosts.join(", ")
            );
        }
    }
    println!(
        "Within a minute each connected agent tells its journal anew; then look at the changes before you decide."
    );
    Ok(())
}
