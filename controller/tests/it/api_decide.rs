//! Decisions: on exactly the text that was shown, once, in time, by those who may, on the record.

use std::time::SystemTime;

use chrono::TimeDelta;
use querysmith_controller::store::people::Role;
use querysmith_shared::id::FindingId;
use querysmith_shared::timestamp::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_ground::Web;
use crate::api_seed::Seed;
use crate::api_seed::decided::{change, proposal};

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_of_the_text_that_was_read() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let approver = web.program(Role::Approver).await;
    let path = format!("/api/v1/proposals/{}", seed.waiting);
    let shown = approver.get(&path).await.good();
    assert_eq!(shown["digest"], seed.digest);
    assert!(shown["sql"]["apply"][2].as_str().unwrap().starts_with("CREATE INDEX CONCURRENTLY"), "{shown}");

    let approve = format!("{path}/approve");
    for (digest, status) in [("00".repeat(32), 409), ("x".repeat(64), 400), (String::new(), 400)] {
        let refused = approver.post(&approve, &json!({ "digest": digest })).await;
        assert_eq!(refused.problem(status).as_deref(), Some("digest"));
    }
    web.program(Role::Viewer).await.post(&approve, &json!({ "digest": seed.digest })).await.problem(403);
    assert_eq!(web.ground.count("SELECT count(*) FROM change WHERE state = 'approved'").await, 0);

    let body = json!({ "digest": seed.digest, "reason": "tested on staging" });
    let approved = approver.post(&approve, &body).await.good();
    assert_eq!(approved["state"], "approved");
    assert_eq!(approved["verdict"]["by"], "token approver program");
    assert_eq!(approved["verdict"]["reason"], "tested on staging");
    let change =
        approver.get(&format!("/api/v1/changes/{}", approved["change_id"].as_str().unwrap())).await.good();
    assert_eq!(
        (change["state"].as_str(), change["events"][0]["actor"].as_str()),
        (Some("approved"), Some("person"))
    );
    let wanted: (String, Option<String>, String) =
        sqlx::query_as("SELECT wanted, wanted_by, object_name FROM change WHERE state = 'approved'")
            .fetch_one(&web.ground.store.pool)
            .await
            .unwrap();
    assert_eq!((wanted.0.as_str(), wanted.1.as_deref()), ("apply", Some("token approver program")));
    assert!(wanted.2.starts_with("public.qs_orders_customer_id_"), "{}", wanted.2);
    approver.post(&approve, &body).await.problem(409);
    let audit = approver.get("/api/v1/audit?search=staging").await.good();
    assert_eq!(
        (audit["total"].as_i64(), audit["items"][0]["action"].as_str()),
        (Some(1), Some("proposal.approve"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_approve_at_once_one_does() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let approver = web.program(Role::Approver).await;
    let path = format!("/api/v1/proposals/{}/approve", seed.waiting);
    let body = json!({ "digest": seed.digest });
    let calls = (0..8).map(|_| approver.post(&path, &body));
    let mut statuses: Vec<u16> =
        futures_util::future::join_all(calls).await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
    let changes = web.ground.count("SELECT count(*) FROM change WHERE state = 'approved'").await;
    let records = web.ground.count("SELECT count(*) FROM audit WHERE action = 'proposal.approve'").await;
    assert_eq!((changes, records), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_or_was_tampered_with_is_not_approved() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let store = &web.ground.store;
    let approver = web.program(Role::Approver).await;
    let late = proposal(store, seed.instance, seed.finding, "waiting", TimeDelta::seconds(-1)).await;
    let path = format!("/api/v1/proposals/{}", late.id);
    assert_eq!(approver.get(&path).await.good()["state"], "expired");
    let refused = approver.post(&format!("{path}/approve"), &json!({ "digest": late.digest })).await;
    refused.problem(409);
    assert_eq!(refused.body["type"], "urn:querysmith:expired");
    let listed = approver.get("/api/v1/proposals?state=expired").await.good();
    assert_eq!(listed["total"], 1);

    // Somebody changes what would run, but not its digest.
    let other = json!({ "create_index": { "database": "shop", "table": { "schema": "public", "name": "payroll" },
        "name": "qs_x", "keys": [{ "column": "id", "descending": false }], "include": [] } });
    sqlx::query("UPDATE proposal SET what = $1 WHERE proposal_id = $2")
        .bind(other)
        .bind(seed.waiting.0)
        .execute(&store.pool)
        .await
        .unwrap();
    let path = format!("/api/v1/proposals/{}/approve", seed.waiting);
    let refused = approver.post(&path, &json!({ "digest": seed.digest })).await;
    refused.problem(409);
    assert_eq!(refused.body["type"], "urn:querysmith:text-differs");
    approver
        .post(&format!("/api/v1/proposals/{}/approve", Uuid::now_v7()), &json!({ "digest": seed.digest }))
        .await
        .problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_events_have_overtaken_is_not_approved_and_says_why() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let store = &web.ground.store;
    let approver = web.program(Role::Approver).await;
    let path = format!("/api/v1/proposals/{}", seed.waiting);
    assert_eq!(approver.get(&path).await.good()["end_reason"], Value::Null);

    // Somebody builds the index by hand.
    sqlx::query(
        "UPDATE schema_table
         SET structure = jsonb_set(structure, '{indexes,1}',
             structure #> '{indexes,1}' || '{\"name\": \"by_hand\"}' || jsonb_build_object('keys', jsonb_build_array(
                 structure #> '{indexes,1,keys,0}' || '{\"column\": \"customer_id\"}')))",
    )
    .execute(&store.pool)
    .await
    .unwrap();
    let why = "the index by_hand of public.orders does the same by now";
    let approve = format!("{path}/approve");
    let body = json!({ "digest": seed.digest });
    let refused = approver.post(&approve, &body).await;
    refused.problem(409);
    assert_eq!(refused.body["type"], "urn:querysmith:overtaken");
    assert_eq!(refused.body["detail"], format!("the proposal is overtaken: {why}"));

    let now = Timestamp::from(SystemTime::now());
    let overtaken = store.overtaken_proposals(seed.instance, now).await.unwrap();
    assert_eq!(store.withdraw_proposals(seed.instance, &overtaken, now).await.unwrap(), [seed.waiting]);
    let shown = approver.get(&path).await.good();
    assert_eq!((shown["state"].as_str(), shown["end_reason"].as_str()), (Some("withdrawn"), Some(why)));
    let refused = approver.post(&approve, &body).await;
    refused.problem(409);
    assert_eq!(refused.body["detail"], format!("the proposal is withdrawn, not waiting: {why}"));
    let audit = approver.get("/api/v1/audit?action=proposal.withdraw").await.good();
    assert!(audit["items"][0]["detail"].as_str().unwrap().contains(why), "{audit}");
    assert_eq!(audit["items"][0]["actor"], "controller");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_needs_its_reason_and_keeps_it() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let approver = web.program(Role::Approver).await;
    let path = format!("/api/v1/proposals/{}/reject", seed.waiting);
    for body in [json!({ "reason": "  " }), json!({})] {
        assert_eq!(approver.post(&path, &body).await.problem(400).as_deref(), Some("reason"));
    }
    let rejected = approver.post(&path, &json!({ "reason": "the table moves next week" })).await.good();
    assert_eq!((rejected["state"].as_str(), rejected["change_id"].clone()), (Some("rejected"), Value::Null));
    assert_eq!(rejected["verdict"]["decision"], "rejected");
    let kept: (String, String) =
        sqlx::query_as("SELECT decision_reason, evidence_digest FROM proposal WHERE state = 'rejected'")
            .fetch_one(&web.ground.store.pool)
            .await
            .unwrap();
    assert_eq!(kept, ("the table moves next week".into(), "e1".into()));
    approver.post(&path, &json!({ "reason": "again" })).await.problem(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_is_asked_for_once_and_only_where_there_is_something_to_undo() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let approver = web.program(Role::Approver).await;
    let path = format!("/api/v1/changes/{}", seed.trial);
    let shown = approver.get(&path).await.good();
    assert_eq!((&shown["can"]["undo"], &shown["can"]["undo_reason"]), (&json!(true), &Value::Null));
    assert_eq!(shown["can"]["withdraw"], false);
    assert_eq!(shown["statements"][0]["role"], "touched");
    assert!(shown["statements"][0]["series"].as_array().unwrap().len() > 5, "{shown}");

    let undo = format!("{path}/undo");
    assert_eq!(approver.post(&undo, &json!({ "reason": "" })).await.problem(400).as_deref(), Some("reason"));
    let asked = approver.post(&undo, &json!({ "reason": "writes got slower" })).await.good();
    assert_eq!(asked["can"]["undo"], false);
    assert!(asked["can"]["undo_reason"].as_str().unwrap().contains("asked for already"), "{asked}");
    let again = approver.post(&undo, &json!({ "reason": "again" })).await;
    again.problem(409);
    assert_eq!(again.body["type"], "urn:querysmith:asked-already");
    assert_eq!(web.ground.count("SELECT count(*) FROM change WHERE wanted = 'undo'").await, 1);

    let finding = FindingId(seed.finding.0);
    for state in ["approved", "applying", "reverted", "stuck"] {
        let sown = proposal(&web.ground.store, seed.instance, finding, "approved", TimeDelta::days(1)).await;
        let id = change(&web.ground.store, &sown, state).await;
        let refused = approver.post(&format!("/api/v1/changes/{id}/undo"), &json!({ "reason": "no" })).await;
        refused.problem(409);
        assert_eq!(refused.body["type"], "urn:querysmith:not-in-place", "{state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_withdrawn_until_it_has_taken_effect() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let approver = web.program(Role::Approver).await;
    let finding = FindingId(seed.finding.0);
    let body = json!({ "reason": "not before the sale" });
    for state in ["approved", "offered", "received", "armed", "applying"] {
        let sown = proposal(&web.ground.store, seed.instance, finding, "approved", TimeDelta::days(1)).await;
        let path = format!("/api/v1/changes/{}", change(&web.ground.store, &sown, state).await);
        let shown = approver.get(&path).await.good();
        assert_eq!(
            (&shown["can"]["withdraw"], &shown["can"]["undo"]),
            (&json!(true), &json!(false)),
            "{state}"
        );
        web.program(Role::Viewer).await.post(&format!("{path}/withdraw"), &body).await.problem(403);
        let after = approver.post(&format!("{path}/withdraw"), &body).await.good();
        // What no agent was told ends here; of the rest the agent has the last word.
        let (ends, type_of_repetition) = match state {
            "approved" => ("aborted", "urn:querysmith:too-late"),
            state => (state, "urn:querysmith:asked-already"),
        };
        assert_eq!(after["state"], ends, "{after}");
        assert_eq!(after["can"]["withdraw"], false, "{after}");
        let last = after["events"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(last["actor"], "person", "{last}");
        assert!(last["detail"].as_str().unwrap().ends_with("program: not before the sale"), "{last}");
        let again = approver.post(&format!("{path}/withdraw"), &body).await;
        again.problem(409);
        assert_eq!(again.body["type"], type_of_repetition, "{state}");
    }
    assert_eq!(web.ground.count("SELECT count(*) FROM change WHERE wanted = 'undo'").await, 4);
    let audit = approver.get("/api/v1/audit?search=sale").await.good();
    assert_eq!(
        (audit["total"].as_i64(), audit["items"][0]["action"].as_str()),
        (Some(5), Some("change.withdraw"))
    );
    let refused = approver.post(&format!("/api/v1/changes/{}/withdraw", seed.trial), &body).await;
    refused.problem(409);
    assert_eq!(refused.body["type"], "urn:querysmith:too-late");
}
