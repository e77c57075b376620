//! Once around the loop without a person, measured: cause → finding → proposal → approval → verified change →
//! verdict → outcome, then a regression brought about behind the product's back.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::{Value, json};

use super::api::Api;
use super::fleet::{DATABASE, Fleet};
use super::progress::{say, step_async};
use super::proposed;

/// A finding that takes longer has failed its bar anyway.
const FINDING_LIMIT: Duration = Duration::from_secs(180);
/// Candidates, what-if and the proposal itself.
const PROPOSAL_LIMIT: Duration = Duration::from_secs(120);
/// An index on a million rows, on a busy machine.
const APPLY_LIMIT: Duration = Duration::from_secs(300);
/// Windows before and after, and the verdict.
const VERDICT_LIMIT: Duration = Duration::from_secs(600);

/// The bars, as the README names them.
const FINDING_BAR_S: f64 = 60.0;
const OVERHEAD_BAR_S: f64 = 2.0;
const IMPROVEMENT_BAR: f64 = 0.90;

/// The statement of problem (a), by its name in the driver's report.
const HOT_LOOKUP: &str = "warehouse_queue";

/// What the journey measured. A figure that could not be measured is `null`, and then the journey failed.
#[derive(Debug, Default, Serialize)]
pub struct Figures {
    /// From the start of the workload to the finding of the missing index.
    pub cause_to_finding_a_s: Option<f64>,
    /// From the drop of an index behind the product's back to the finding of the regression.
    pub cause_to_finding_e_s: Option<f64>,
    /// Run time of the CREATE INDEX itself, by the agent's clock.
    pub create_index_s: Option<f64>,
    /// From the approval to the verified index, less the run time of the CREATE INDEX.
    pub approved_to_verified_overhead_s: Option<f64>,
    /// Median latency of the hot lookup before, as its clients saw it.
    pub hot_lookup_p50_before_ms: Option<f64>,
    /// The same after.
    pub hot_lookup_p50_after_ms: Option<f64>,
    /// Share of time that the fix took away.
    pub improvement_a_p50: Option<f64>,
    /// Verdict of the change for (a).
    pub verdict_a: Option<String>,
    /// What was promised for (a).
    pub predicted_a: Option<Value>,
    /// What was measured for (a).
    pub measured_a: Option<Value>,
    /// State of the ANALYZE change for (b).
    pub analyze_b: Option<String>,
    /// The duplicate index of (c) was found.
    pub duplicate_found: bool,
    /// How the drop of (c)'s superfluous index ended, after it was approved, on trial and undone by a person.
    pub drop_c: Option<String>,
    /// Proposals that came from a finding about the control's statement, or that say they change it.
    pub proposals_for_control: Option<usize>,
    /// Changes that were measured as harmful.
    pub harmful_proposals: Option<usize>,
    /// Index proposals whose columns lead an index that is there, or that of another proposal.
    pub duplicate_proposals: Option<usize>,
    /// What undo and redo of nothing else showed: every problem in words.
    pub failures: Vec<String>,
}

impl Figures {
    fn held(&mut self, well: bool, what: &str) {
        if !well {
            self.failures.push(what.to_owned());
        }
    }
}

/// Goes once around and returns the figures; the journey held if `failures` is empty.
pub async fn run(fleet: &Fleet, api: &Api) -> Result<Figures> {
    let mut figures = Figures::default();
    if let Err(error) = around(fleet, api, &mut figures).await {
        figures.failures.push(format!("{error:#}"));
    }
    judge(&mut figures);
    Ok(figures)
}

async fn around(fleet: &Fleet, api: &Api, figures: &mut Figures) -> Result<()> {
    step_async("waiting for the finding: a missing index on orders", async {
        finding(api, "missing_index", "orders").await
    })
    .await?;
    figures.cause_to_finding_a_s = Some(fleet.began.elapsed().as_secs_f64());

    let proposal = step_async("waiting for the proposal", proposal(api, "create_index", "orders")).await?;
    say(proposal["title"].as_str().unwrap_or_default());
    figures.predicted_a = proposal.get("predicted").cloned();
    figures.hot_lookup_p50_before_ms = Some(driver_p50(fleet, HOT_LOOKUP)?);

    let change = step_async("approving, applying, verifying", async {
        let (change, overhead, build) = approve_and_verify(api, &proposal).await?;
        figures.approved_to_verified_overhead_s = Some(overhead);
        figures.create_index_s = Some(build);
        Ok(change)
    })
    .await?;

    let ended = step_async("waiting for the verdict", verdict(api, &change)).await?;
    figures.verdict_a = ended["verdict"].as_str().map(str::to_owned);
    figures.measured_a = ended.get("measured").cloned();
    let after = driver_p50(fleet, HOT_LOOKUP)?;
    figures.hot_lookup_p50_after_ms = Some(after);
    figures.improvement_a_p50 = figures.hot_lookup_p50_before_ms.map(|before| 1.0 - after / before);

    // By now there is enough of a past to compare with.
    let analyze = step_async("approving the ANALYZE", async {
        let proposal = self::proposal(api, "analyze", "supplier_prices").await?;
        approve(api, &proposal).await
    })
    .await;

    match analyze {
        Ok(change) => {
            let ended = step_async("waiting for the ANALYZE's verdict", verdict(api, &change)).await?;
            figures.analyze_b = ended["state"].as_str().map(str::to_owned);
        }
        Err(error) => figures.failures.push(format!("problem (b): {error:#}")),
    }
    figures.duplicate_found = !open_findings(api, "duplicate_index").await?.is_empty();

    figures.drop_c = Some(
        step_async("dropping the duplicate and taking that back", async {
            let proposal = self::proposal(api, "drop_index", "payments_order").await?;
            let change = approve(api, &proposal).await?;
            state(api, &change, "trial").await?;
            api.post(&format!("/changes/{change}/undo"), &json!({ "reason": "journey" })).await?;
            state(api, &change, "reverted").await
        })
        .await?,
    );

    step_async("dropping an index behind the product's back, waiting for the finding", async {
        let dropped = Instant::now();
        fleet.database.execute(DATABASE, "DROP INDEX CONCURRENTLY order_items_order_id_idx").await?;
        finding(api, "regression", "order_items").await?;
        figures.cause_to_finding_e_s = Some(dropped.elapsed().as_secs_f64());
        Ok(())
    })
    .await?;

    let faults = proposed::faults(fleet, api).await?;
    figures.proposals_for_control = Some(faults.for_control);
    figures.harmful_proposals = Some(faults.harmful);
    figures.duplicate_proposals = Some(faults.duplicates);
    Ok(())
}

/// Approves a proposal as it is shown, and returns the change's id.
pub async fn approve(api: &Api, proposal: &Value) -> Result<String> {
    let id = text(proposal, "id")?;
    let digest = text(proposal, "digest")?;
    let body = json!({ "digest": digest, "reason": "journey" });
    let approved = api.post(&format!("/proposals/{id}/approve"), &body).await?;
    text(&approved, "change_id")
}

async fn approve_and_verify(api: &Api, proposal: &Value) -> Result<(String, f64, f64)> {
    let approved = Instant::now();
    let change = approve(api, proposal).await?;
    let path = format!("/changes/{change}");
    let verified = api
        .wait_for(&path, APPLY_LIMIT, |change| {
            let state = change["state"].as_str()?;
            match state {
                "trial" | "confirmed" => Some(Ok(change.clone())),
                "rejected" | "aborted" | "stuck" | "reverted" => Some(Err(change.clone())),
                _ => None,
            }
        })
        .await?;
    let seconds = approved.elapsed().as_secs_f64();
    let verified = match verified {
        Ok(change) => change,
        Err(change) => bail!("the change ended as {}: {:.1500}", change["state"], change["events"]),
    };
    let build = verified["events"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|event| event["sql"].as_str().is_some_and(|sql| sql.contains("CREATE INDEX")))
        .filter_map(|event| event["duration_ms"].as_f64())
        .fold(None, |longest: Option<f64>, ms| Some(longest.map_or(ms, |most| most.max(ms))))
        .context("no event tells how long the CREATE INDEX took")?
        / 1000.0;
    Ok((change, seconds - build, build))
}

/// Waits until a change has a verdict and its trial is over.
pub async fn verdict(api: &Api, change: &str) -> Result<Value> {
    api.wait_for(&format!("/changes/{change}"), VERDICT_LIMIT, |change| {
        let over =
            matches!(change["state"].as_str()?, "confirmed" | "reverted" | "rejected" | "aborted" | "stuck");
        over.then(|| change.clone())
    })
    .await
}

/// Waits until a change is in this state or at its end; the error has the story where that is another state.
async fn state(api: &Api, change: &str, wanted: &str) -> Result<String> {
    let reached = api
        .wait_for(&format!("/changes/{change}"), APPLY_LIMIT, |change| {
            let state = change["state"].as_str()?;
            let over = matches!(state, "confirmed" | "reverted" | "rejected" | "aborted" | "stuck");
            (over || state == wanted).then(|| change.clone())
        })
        .await?;
    if reached["state"] != wanted {
        bail!("the change ended as {}: {:.1500}", reached["state"], reached["events"]);
    }
    text(&reached, "state")
}

/// Waits for an open finding of a kind about an object.
pub async fn finding(api: &Api, kind: &str, object: &str) -> Result<Value> {
    api.wait_for(&format!("/findings?state=open&kind={kind}"), FINDING_LIMIT, |page| {
        let about = |finding: &&Value| {
            ["object", "title", "summary"]
                .iter()
                .any(|field| finding[*field].as_str().is_some_and(|text| text.contains(object)))
        };
        page["items"].as_array()?.iter().find(about).cloned()
    })
    .await
}

/// Waits for a waiting proposal of a kind about an object, and returns it whole.
pub async fn proposal(api: &Api, kind: &str, object: &str) -> Result<Value> {
    let id = api
        .wait_for("/proposals?state=waiting", PROPOSAL_LIMIT, |page| {
            let fits = |row: &&Value| {
                row["kind"] == kind && row["title"].as_str().is_some_and(|title| title.contains(object))
            };
            page["items"].as_array()?.iter().find(fits)?["id"].as_str().map(str::to_owned)
        })
        .await?;
    api.get(&format!("/proposals/{id}")).await
}

async fn open_findings(api: &Api, kind: &str) -> Result<Vec<Value>> {
    api.items(&format!("/findings?state=open&kind={kind}")).await
}

/// Median of the latest interval that the driver reported for a statement.
fn driver_p50(fleet: &Fleet, name: &str) -> Result<f64> {
    let report = std::fs::read_to_string(&fleet.driver_report).context("reading the driver's report")?;
    report
        .lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|line| {
            let summary = &line["statements"][name];
            (summary["count"].as_u64()? > 0).then(|| summary["service_p50_ms"].as_f64())?
        })
        .with_context(|| format!("the driver has not reported {name} yet"))
}

fn judge(figures: &mut Figures) {
    let within = |figure: Option<f64>, bar: f64| figure.is_some_and(|figure| figure <= bar);
    let a = within(figures.cause_to_finding_a_s, FINDING_BAR_S);
    let e = within(figures.cause_to_finding_e_s, FINDING_BAR_S);
    let overhead = within(figures.approved_to_verified_overhead_s, OVERHEAD_BAR_S);
    let improvement = figures.improvement_a_p50.is_some_and(|share| share >= IMPROVEMENT_BAR);
    let helped = figures.verdict_a.as_deref() == Some("helped");
    let analysed = figures.analyze_b.as_deref() == Some("confirmed");
    figures.held(a, "(a) was not found within 60 s");
    figures.held(e, "(e) was not found within 60 s");
    figures.held(overhead, "approved → verified took over 2 s beyond the CREATE INDEX");
    figures.held(improvement, "(a) did not become 90 % faster");
    figures.held(helped, "(a) was not judged as helped");
    figures.held(analysed, "(b) was not analysed and confirmed");
    figures.held(figures.duplicate_found, "(c) was not found");
    figures.held(figures.drop_c.as_deref() == Some("reverted"), "(c) was not dropped and built again");
    figures.held(figures.proposals_for_control == Some(0), "something was proposed for the control (d)");
    figures.held(figures.harmful_proposals == Some(0), "a proposal did harm");
    figures.held(figures.duplicate_proposals == Some(0), "the same index was proposed twice");
}

pub(super) fn text(value: &Value, field: &str) -> Result<String> {
    value[field].as_str().map(str::to_owned).with_context(|| format!("the answer has no `{field}`"))
}
