//! What a person proposes, from the request to the order that the agent gets.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use querysmith_controller::api::context::Reach;
use querysmith_controller::apply::agents::Agents;
use querysmith_controller::fleet::roster::OrderError;
use querysmith_controller::store::people::Role;
use querysmith_shared::id::AgentId;
use querysmith_shared::wire::order::{Answer, Order};
use serde_json::{Value, json};

use crate::api_ground::Web;
use crate::ground::Ground;
use crate::loop_ground::{GoodAgent, troubled};

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
    ] {
        let answer = approver.post(PATH, &body).await;
        assert_eq!(answer.problem(400).as_deref(), Some(field), "{body}: {}", answer.text);
    }
    assert_eq!(web.ground.count("SELECT count(*) FROM proposal").await, 0);
    assert_eq!(web.ground.count("SELECT count(*) FROM audit WHERE action = 'proposal.create'").await, 0);
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
