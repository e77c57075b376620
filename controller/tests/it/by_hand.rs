//! What a person proposes, from the request to the order that the agent gets.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_controller::api::context::Reach;
use querysmith_controller::apply::agents::Agents;
use querysmith_controller::apply::carry::Carrier;
use querysmith_controller::fleet::roster::OrderError;
use querysmith_controller::fleet::store::Ingest;
use querysmith_controller::jobs::offer::Offer;
use querysmith_controller::jobs::runner::Work;
use querysmith_controller::store::people::Role;
use querysmith_shared::change::Change;
use querysmith_shared::change::trial::OnPartition;
use querysmith_shared::id::AgentId;
use querysmith_shared::observation::settings::{Setting, SettingsChanges};
use querysmith_shared::parameter::ParameterType;
use querysmith_shared::wire::order::{Answer, Order};
use querysmith_shared::wire::report::{Lane, ReportBody};
use serde_json::{Value, json};

use crate::api_ground::Web;
use crate::ground::{Ground, report};
use crate::loop_ground::{GoodAgent, troubled, wait_until};

const PATH: &str = "/api/v1/proposals";

fn index(instance: impl serde::Serialize, columns: &[&str]) -> Value {
    let keys: Vec<Value> = columns.iter().map(|column| json!({ "column": column })).collect();
    json!({
        "instance_id": instance, "kind": "create_index", "database": "shop", "table": "orders", "keys": keys,
        "reason": "the month's report needs it",
    })
}

fn with(mut body: Value, field: &str, value: Value) -> Value {
    body[field] = value;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_is_simulated_and_waits_for_a_decision_like_any_proposal() {
    let ground = Ground::new().await;
    let (agent, instance, _) = troubled(&ground).await;
    let good = Arc::new(GoodAgent { connected: vec![agent], ..GoodAgent::default() });
    let agents = Arc::clone(&good) as Arc<dyn Agents>;
    let web = Web::start_on(ground, agents, Reach::default(), None).await;
    let approver = web.program(Role::Approver).await;

    let wish = with(index(instance, &["customer_id", "status"]), "include", json!(["total"]));
    let answer = approver.post(PATH, &wish).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let location = answer.header("location").to_owned();
    let made = answer.good();
    assert_eq!(location, format!("{PATH}/{}", made["id"].as_str().unwrap()));
    assert_eq!(approver.get(&location).await.good(), made);
    assert_eq!((&made["state"], &made["simulated"]), (&json!("waiting"), &json!(true)), "{made}");
    assert!(made["predicted"]["high"].as_f64().unwrap() < 0.0, "{made}");
    assert!(made["reason"].as_str().unwrap().contains("the month's report needs it"), "{made}");
    let sql = made["sql"]["apply"].to_string();
    assert!(sql.contains(r#"(\"customer_id\", \"status\") INCLUDE (\"total\")"#), "{sql}");
    let told = good.told();
    let [(_, Order::WhatIf(question))] = &told[..] else { panic!("{told:?}") };
    assert_eq!((question.instance, question.candidates.len()), (instance, 1));
    let recorded = web.ground.count("SELECT count(*) FROM audit WHERE action = 'proposal.create'").await;
    assert_eq!(recorded, 1);

    let again = approver.post(PATH, &wish).await;
    assert_eq!(again.problem(400), Some("keys".to_owned()), "{}", again.text);
    assert!(again.text.contains("will do this; it is proposed"), "{}", again.text);
    let approve = json!({ "digest": made["digest"] });
    let approved = approver.post(&format!("{location}/approve"), &approve).await.good();
    assert_eq!(approved["state"], "approved");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_agent_a_wish_is_labelled_and_the_same_twice_is_refused() {
    let ground = Ground::new().await;
    let (_, instance, _) = troubled(&ground).await;
    let web = Web::start_on(ground, Arc::new(Away), Reach::default(), None).await;
    let approver = web.program(Role::Approver).await;

    let made = approver.post(PATH, &index(instance, &["total"])).await.good();
    assert_eq!(made["simulated"], false);
    assert!(made["risks"].to_string().contains("not connected"), "{made}");

    let analyze = json!({
        "instance_id": instance, "kind": "analyze", "database": "shop", "schema": "public", "table": "orders",
        "reason": "loaded by hand",
    });
    let made = approver.post(PATH, &analyze).await.good();
    let again = approver.post(PATH, &analyze).await;
    assert_eq!(again.problem(409), None);
    assert!(again.text.contains(made["id"].as_str().unwrap()), "{}", again.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_proposed_is_refused_with_its_field_and_nothing_is_stored() {
    let ground = Ground::new().await;
    let (_, instance, _) = troubled(&ground).await;
    let web = Web::start_on(ground, Arc::new(Away), Reach::default(), None).await;
    let approver = web.program(Role::Approver).await;
    let good = index(instance, &["total"]);
    let viewer = web.program(Role::Viewer).await;
    assert_eq!(viewer.post(PATH, &good).await.problem(403), None);
    let unknown = with(good.clone(), "instance_id", json!("00000000-0000-7000-8000-000000000000"));
    assert_eq!(approver.post(PATH, &unknown).await.problem(404), None);
    let analyze = with(good.clone(), "kind", json!("analyze"));
    for (field, body) in [
        ("reason", with(good.clone(), "reason", json!(" "))),
        ("table", with(good.clone(), "table", json!("oders"))),
        ("table", with(good.clone(), "schema", json!("private"))),
        ("table", with(good.clone(), "database", json!("other"))),
        ("database", with(good.clone(), "database", json!(""))),
        ("keys", with(good.clone(), "keys", json!([]))),
        ("keys", with(good.clone(), "keys", json!([{ "column": "total\u{0}" }]))),
        ("keys", with(good.clone(), "keys", json!([{ "column": "id\"; DROP TABLE orders; --" }]))),
        ("keys", with(good.clone(), "keys", json!(vec![json!({ "column": "total" }); 40]))),
        ("include", with(good.clone(), "include", json!(["colour"]))),
        ("include", with(with(analyze.clone(), "keys", json!([])), "include", json!(["total"]))),
        ("keys", index(instance, &["id"])),
        ("keys", analyze),
        ("index", with(good.clone(), "index", json!("mine"))),
        ("index", with(index(instance, &[]), "kind", json!("drop_index"))),
        (
            "index",
            with(with(index(instance, &[]), "kind", json!("drop_index")), "index", json!("orders_pkey")),
        ),
        ("colour", with(good.clone(), "colour", json!("red"))),
        ("columns", with(good.clone(), "columns", json!(["total"]))),
        ("target", with(good.clone(), "target", json!(500))),
        ("columns", with(index(instance, &[]), "kind", json!("create_statistics"))),
        ("columns", with(index(instance, &[]), "kind", json!("set_statistics_target"))),
        (
            "target",
            with(
                with(index(instance, &[]), "kind", json!("set_statistics_target")),
                "columns",
                json!(["total"]),
            ),
        ),
    ] {
        let answer = approver.post(PATH, &body).await;
        assert_eq!(answer.problem(400).as_deref(), Some(field), "{body}: {}", answer.text);
    }
    assert_eq!(web.ground.count("SELECT count(*) FROM proposal").await, 0);
    assert_eq!(web.ground.count("SELECT count(*) FROM audit WHERE action = 'proposal.create'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_is_proposed_approved_and_ordered_with_its_way_back() {
    let ground = Ground::new().await;
    let (agent, instance, last) = troubled(&ground).await;
    let good = Arc::new(GoodAgent { connected: vec![agent], ..GoodAgent::default() });
    let agents = Arc::clone(&good) as Arc<dyn Agents>;
    let work_mem = Setting {
        name: "work_mem".into(),
        value: "8192".into(),
        unit: Some("kB".into()),
        source: "configuration file".into(),
        context: "user".into(),
        boot_value: Some("4096".into()),
        min: Some("64".into()),
        max: Some("2147483647".into()),
        pending_restart: false,
        value_type: ParameterType::Integer,
        choices: Vec::new(),
        by_alter_system: true,
    };
    let archive = Setting {
        name: "archive_command".into(),
        context: "sighup".into(),
        value_type: ParameterType::String,
        ..work_mem.clone()
    };
    let body = ReportBody::Settings(SettingsChanges { changed: vec![work_mem, archive] });
    let settings = vec![report(last + 1, Some(instance), body)];
    ground.ingester().ingest(agent, 1, Lane::Telemetry, settings).await.unwrap();
    let web = Web::start_on(ground, Arc::clone(&agents), Reach::default(), None).await;
    let approver = web.program(Role::Approver).await;

    let listed = approver.get(&format!("/api/v1/instances/{instance}/settings")).await.good();
    let not_settable = |at: usize| listed["items"][at]["not_settable"].clone();
    assert_eq!(not_settable(0), "lets the server load or run code", "{listed}");
    assert_eq!((not_settable(1), &listed["items"][1]["max"]), (Value::Null, &json!("2147483647")));

    let wish = json!({
        "instance_id": instance, "kind": "set_parameter", "parameter": "work_mem", "value": "64 MB",
        "tried": "before_after", "reason": "sorts spill",
    });
    for (field, body) in [
        ("parameter", with(wish.clone(), "parameter", json!("archive_command"))),
        ("parameter", with(wish.clone(), "parameter", json!("maintenance_work_mem"))),
        ("parameter", with(wish.clone(), "parameter", Value::Null)),
        ("value", with(wish.clone(), "value", json!("8MB"))),
        ("value", with(wish.clone(), "value", json!("8MB'; --"))),
        ("value", with(wish.clone(), "value", json!(""))),
        ("database", with(wish.clone(), "database", json!("shop"))),
        ("table", with(wish.clone(), "table", json!("orders"))),
        ("index", with(wish.clone(), "index", json!("orders_pkey"))),
        ("keys", with(wish.clone(), "keys", json!([{ "column": "id" }]))),
        ("value", with(index(instance, &["total"]), "value", json!("64MB"))),
        ("parameter", with(index(instance, &["total"]), "parameter", json!("work_mem"))),
        ("tried", with(index(instance, &["total"]), "tried", json!("switchback"))),
        // Watched for a quarter of an hour only.
        ("tried", with(wish.clone(), "tried", Value::Null)),
        ("tried", with(wish.clone(), "tried", json!("slow_switchback"))),
    ] {
        let answer = approver.post(PATH, &body).await;
        assert_eq!(answer.problem(400).as_deref(), Some(field), "{body}: {}", answer.text);
    }
    let made = approver.post(PATH, &wish).await.good();
    assert_eq!(
        (&made["kind"], &made["title"]),
        (&json!("set_parameter"), &json!("Set work_mem to 64MB instead of 8MB"))
    );
    let text = made["sql"].to_string();
    assert!(text.contains(r#"ALTER SYSTEM SET \"work_mem\" = '64MB'"#), "{text}");
    assert!(text.contains(r#"ALTER SYSTEM SET \"work_mem\" = '8MB'"#), "{text}");
    assert!(
        text.contains("Instead of 8MB. On trial for 8 h at most, and no longer than 15 min without word"),
        "{text}"
    );
    // One value of a parameter waits at a time.
    let other = with(wish.clone(), "value", json!("32MB"));
    assert_eq!(approver.post(PATH, &other).await.problem(409), None);

    let path = format!("{PATH}/{}/approve", made["id"].as_str().unwrap());
    approver.post(&path, &json!({ "digest": made["digest"] })).await.good();
    let carrier = Carrier::new(web.ground.store.clone(), web.ground.wake.clone(), agents);
    let offer = Offer { carrier };
    offer.run().await.unwrap();
    wait_until(&web.ground, "SELECT count(*) FROM change WHERE state = 'offered' AND wanted = 'none'").await;
    let told = good.told();
    let [(_, Order::Apply(order))] = &told[..] else { panic!("{told:?}") };
    let Change::SetParameter(set) = &order.what else { panic!("{:?}", order.what) };
    assert_eq!(
        (set.value.as_str(), set.replaces.as_str(), set.before.as_deref()),
        ("64MB", "8MB", Some("8MB"))
    );
    assert_eq!(order.limits.trial.on_partition, OnPartition::Revert);
}

/// Agents of whom none is here.
struct Away;

impl Agents for Away {
    fn connected(&self) -> Vec<AgentId> {
        Vec::new()
    }

    fn order(
        &self,
        _agent: AgentId,
        _order: Order,
        _timeout: Duration,
    ) -> BoxFuture<'_, Result<Answer, OrderError>> {
        async { Err(OrderError::NotConnected) }.boxed()
    }
}
