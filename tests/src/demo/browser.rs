//! The console's own browser tests, against the running demo.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::process::{Child, Command};

use super::api::Api;
use super::fleet::{self, DATABASE, Fleet};
use super::journey;
use super::place::Place;
use super::progress::step_async;

const NAME: &str = "browser";
const PASSWORD: &str = "a-browser-that-clicks-everything";

/// The learning job runs every few seconds.
const OUTCOME_LIMIT: Duration = Duration::from_secs(60);

/// Makes an account and hands it, with the console's address, to Playwright; true if all went well.
pub async fn run(place: &Place, fleet: &Fleet, screenshots: bool) -> Result<bool> {
    let printed = fleet::controller_command(place, &["setup-code"])?;
    let code = printed.split_whitespace().last().context("no code was printed")?;
    let api = Api::new(&fleet.addresses.http)?;
    api.post("/setup", &json!({ "code": code, "name": NAME, "password": PASSWORD })).await?;
    if screenshots {
        give_something_to_show(fleet, &api).await?;
    }
    let config = if screenshots { "screenshots.config.ts" } else { "playwright.config.ts" };
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
    let child = Command::new(web.join("node_modules/.bin/playwright"))
        .args(["test", "--config", &format!("e2e/{config}")])
        .current_dir(&web)
        .env("QS_URL", &fleet.addresses.http)
        .env("QS_USER", NAME)
        .env("QS_PASSWORD", PASSWORD)
        .env("QS_ALLOW_LIST", place.file("allow.toml"))
        .spawn()
        .context("starting Playwright; `make console` installs it")?;
    let status = Playwright(child).0.wait().await.context("waiting for Playwright")?;
    Ok(status.success())
}

/// Asked to stop when the demo is stopped before its end, so that it takes its browsers with it.
struct Playwright(Child);

impl Drop for Playwright {
    fn drop(&mut self) {
        let Some(pid) = self.0.id() else { return };
        // It may have ended just now, which is as good.
        let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGTERM);
    }
}

/// One index that helped, with its outcome; statistics on trial or just kept; an index that somebody dropped. What the
/// detectors propose besides keeps waiting.
async fn give_something_to_show(fleet: &Fleet, api: &Api) -> Result<()> {
    step_async("an index, from its finding to its outcome", async {
        journey::finding(api, "missing_index", "orders").await?;
        let proposal = journey::proposal(api, "create_index", "orders").await?;
        let change = journey::approve(api, &proposal).await?;
        journey::verdict(api, &change).await?;
        api.wait_for("/outcomes", OUTCOME_LIMIT, |page| page["items"].as_array()?.first().cloned()).await
    })
    .await?;
    step_async("a regression: an index is dropped behind the product's back", async {
        fleet.database.execute(DATABASE, "DROP INDEX CONCURRENTLY order_items_order_id_idx").await?;
        journey::finding(api, "regression", "order_items").await
    })
    .await?;
    step_async("statistics that are gathered anew", async {
        let proposal = journey::proposal(api, "analyze", "supplier_prices").await?;
        journey::approve(api, &proposal).await
    })
    .await?;
    Ok(())
}
