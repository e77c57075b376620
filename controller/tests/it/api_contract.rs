//! Every operation of the OpenAPI document is called, and its answer is what the document says.

use std::collections::BTreeSet;

use querysmith_controller::api::document::openapi;
use querysmith_controller::store::people::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api_ground::{Client, PASSWORD, Web};
use crate::api_schema::faults;
use crate::api_seed::{HOT, Seed};

/// What needs more than a viewer.
const APPROVERS: [&str; 10] = [
    "GET /api/v1/audit",
    "POST /api/v1/proposals",
    "POST /api/v1/proposals/{id}/approve",
    "POST /api/v1/proposals/{id}/reject",
    "POST /api/v1/changes/{id}/undo",
    "POST /api/v1/changes/{id}/withdraw",
    "POST /api/v1/changes/{id}/sign",
    "POST /api/v1/changes/{id}/hold",
    "POST /api/v1/changes/{id}/release",
    "POST /api/v1/changes/{id}/keep",
];
const ADMINS: [&str; 9] = [
    "GET /api/v1/users",
    "POST /api/v1/users",
    "PATCH /api/v1/users/{id}",
    "GET /api/v1/tokens",
    "POST /api/v1/tokens",
    "DELETE /api/v1/tokens/{id}",
    "POST /api/v1/agents/{id}/revoke",
    "POST /api/v1/join-tokens",
    "POST /api/v1/jobs/{name}/run",
];
/// What anybody may ask, to become somebody.
const OPEN: [&str; 3] = ["GET /api/v1/setup", "POST /api/v1/setup", "POST /api/v1/session"];

struct Operation {
    method: String,
    path: String,
    responses: Value,
    takes_body: bool,
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().expect("the document has paths");
    let mut found = Vec::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().expect("a path has operations") {
            found.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                responses: operation["responses"].clone(),
                takes_body: !operation["requestBody"].is_null(),
            });
        }
    }
    found
}

/// One good call of an operation.
struct Call {
    path: String,
    body: Option<Value>,
}

fn call(path: impl Into<String>) -> Call {
    Call { path: path.into(), body: None }
}

fn send(path: impl Into<String>, body: Value) -> Call {
    Call { path: path.into(), body: Some(body) }
}

/// A good call for each operation; the compiler can't tell when one is missing, so the test does.
async fn good_call(name: &str, seed: &Seed, admin: &Client) -> Option<Call> {
    let Seed { agent, instance, finding, waiting, trial, .. } = seed;
    let base = "/api/v1";
    Some(match name {
        "GET /api/v1/setup" => call(format!("{base}/setup")),
        "GET /api/v1/session" => call(format!("{base}/session")),
        "POST /api/v1/session" => {
            send(format!("{base}/session"), json!({ "name": "mara", "password": PASSWORD }))
        }
        "GET /api/v1/users" => call(format!("{base}/users?limit=1")),
        "POST /api/v1/users" => {
            send(format!("{base}/users"), json!({ "name": "jonas", "password": PASSWORD, "role": "viewer" }))
        }
        "PATCH /api/v1/users/{id}" => {
            let body = json!({ "name": "pia", "password": PASSWORD, "role": "viewer" });
            let id = admin.post("/api/v1/users", &body).await.good()["id"].as_str()?.to_owned();
            send(format!("{base}/users/{id}"), json!({ "role": "approver", "disabled": true }))
        }
        "GET /api/v1/tokens" => call(format!("{base}/tokens")),
        "POST /api/v1/tokens" => send(
            format!("{base}/tokens"),
            json!({ "name": "dashboards", "role": "viewer", "expires_in_s": 60 }),
        ),
        "DELETE /api/v1/tokens/{id}" => {
            let body = json!({ "name": "old", "role": "viewer" });
            let id = admin.post("/api/v1/tokens", &body).await.good()["id"].as_str()?.to_owned();
            call(format!("{base}/tokens/{id}"))
        }
        "GET /api/v1/audit" => call(format!("{base}/audit")),
        "GET /api/v1/fleet/summary" => call(format!("{base}/fleet/summary")),
        "GET /api/v1/agents" => call(format!("{base}/agents")),
        "POST /api/v1/agents/{id}/revoke" => {
            send(format!("{base}/agents/{agent}/revoke"), json!({ "reason": "the host is gone" }))
        }
        "POST /api/v1/join-tokens" => {
            send(format!("{base}/join-tokens"), json!({ "ttl_s": 600, "note": "db-7" }))
        }
        "GET /api/v1/instances" => call(format!("{base}/instances")),
        "GET /api/v1/instances/{id}" => call(format!("{base}/instances/{instance}")),
        "GET /api/v1/instances/{id}/series" => {
            call(format!("{base}/instances/{instance}/series?metric=waits"))
        }
        "GET /api/v1/instances/{id}/activity" => call(format!("{base}/instances/{instance}/activity")),
        "GET /api/v1/instances/{id}/settings" => {
            call(format!("{base}/instances/{instance}/settings?search=setting_1"))
        }
        "GET /api/v1/instances/{id}/indexes" => call(format!("{base}/instances/{instance}/indexes")),
        "GET /api/v1/queries" => call(format!("{base}/queries?sort=mean&desc=false")),
        "GET /api/v1/instances/{id}/queries/{statement_id}" => {
            call(format!("{base}/instances/{instance}/queries/{HOT}"))
        }
        "GET /api/v1/findings" => call(format!("{base}/findings?state=all")),
        "GET /api/v1/findings/{id}" => call(format!("{base}/findings/{finding}")),
        "GET /api/v1/proposals" => call(format!("{base}/proposals")),
        "POST /api/v1/proposals" => {
            let body = json!({
                "instance_id": instance, "kind": "analyze", "database": "shop", "table": "orders",
                "reason": "loaded by hand",
            });
            send(format!("{base}/proposals"), body)
        }
        "GET /api/v1/proposals/{id}" => call(format!("{base}/proposals/{waiting}")),
        "GET /api/v1/proposals/{id}/export" => {
            call(format!("{base}/proposals/{waiting}/export?format=markdown"))
        }
        "POST /api/v1/proposals/{id}/approve" => {
            send(format!("{base}/proposals/{waiting}/approve"), json!({ "digest": seed.digest }))
        }
        // Decided by the call before: refused, which is an answer of the document as well.
        "POST /api/v1/proposals/{id}/reject" => {
            send(format!("{base}/proposals/{waiting}/reject"), json!({ "reason": "not now" }))
        }
        "GET /api/v1/changes" => call(format!("{base}/changes?state=trial")),
        "GET /api/v1/changes/{id}" => call(format!("{base}/changes/{trial}")),
        "POST /api/v1/changes/{id}/undo" => {
            send(format!("{base}/changes/{trial}/undo"), json!({ "reason": "try it" }))
        }
        "POST /api/v1/changes/{id}/hold" => {
            send(format!("{base}/changes/{trial}/hold"), json!({ "reason": "let me see" }))
        }
        "POST /api/v1/changes/{id}/release" => {
            send(format!("{base}/changes/{trial}/release"), json!({ "reason": "seen" }))
        }
        "POST /api/v1/changes/{id}/keep" => {
            send(format!("{base}/changes/{trial}/keep"), json!({ "reason": "good" }))
        }
        // Too late, which is an answer of the document as well.
        "POST /api/v1/changes/{id}/withdraw" => {
            send(format!("{base}/changes/{trial}/withdraw"), json!({ "reason": "not tonight" }))
        }
        // As late as that.
        "POST /api/v1/changes/{id}/sign" => {
            let body = json!({ "key": format!("ed25519:{}", "00".repeat(32)), "signature": "00".repeat(64) });
            send(format!("{base}/changes/{trial}/sign"), body)
        }
        "GET /api/v1/outcomes" => call(format!("{base}/outcomes")),
        "GET /api/v1/outcomes/summary" => call(format!("{base}/outcomes/summary")),
        "GET /api/v1/jobs" => call(format!("{base}/jobs")),
        "POST /api/v1/jobs/{name}/run" => call(format!("{base}/jobs/detect/run")),
        "GET /api/v1/about" => call(format!("{base}/about")),
        _ => return None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_as_the_document_says() {
    let web = Web::start().await;
    let seed = Seed::sow(&web.ground).await;
    let admin = web.first_admin().await;
    let document = serde_json::to_value(openapi()).unwrap();
    // Their good calls come too late, or too early: a refusal is an answer of the document as well.
    const REFUSED: [&str; 4] = [
        "POST /api/v1/proposals",
        "POST /api/v1/proposals/{id}/reject",
        "POST /api/v1/changes/{id}/withdraw",
        "POST /api/v1/changes/{id}/sign",
    ];
    // Called elsewhere: the set-up made `admin`, the stream never ends, the sign-out would end it all.
    let elsewhere = ["POST /api/v1/setup", "GET /api/v1/events", "DELETE /api/v1/session"];
    let mut called = 0;
    for operation in operations(&document) {
        let name = operation.name();
        if elsewhere.contains(&name.as_str()) {
            continue;
        }
        let good = good_call(&name, &seed, &admin).await.unwrap_or_else(|| panic!("no call for {name}"));
        let answer = admin.call(&operation.method, &good.path, good.body.as_ref()).await;
        let status = answer.status.to_string();
        if REFUSED.contains(&name.as_str()) {
            assert_eq!(answer.problem(409), None);
        } else {
            assert!((200..300).contains(&answer.status), "{name}: {} {}", answer.status, answer.text);
        }
        let documented = match &operation.responses[&status] {
            Value::Null => &operation.responses["default"],
            documented => documented,
        };
        let content = documented["content"].as_object();
        let schema = content.and_then(|content| content.values().next()).map(|media| &media["schema"]);
        match schema {
            Some(schema) if answer.header("content-type").contains("json") => {
                let faults = faults(&document, schema, &answer.body, "answer");
                assert!(faults.is_empty(), "{name}:\n{}\n{}", faults.join("\n"), answer.text);
            }
            Some(_) => assert!(!answer.text.is_empty(), "{name}"),
            None => assert_eq!(answer.text, "", "{name}"),
        }
        called += 1;
    }
    assert!(called >= 36, "{called}");
    let gone = admin.call("DELETE", "/api/v1/session", None).await;
    assert_eq!(gone.status, 204);
    admin.get("/api/v1/session").await.problem(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_past_their_role() {
    let web = Web::start().await;
    let stranger = web.stranger();
    let people = [
        (Role::Viewer, web.program(Role::Viewer).await),
        (Role::Approver, web.program(Role::Approver).await),
        (Role::Admin, web.program(Role::Admin).await),
    ];
    let document = serde_json::to_value(openapi()).unwrap();
    let all = operations(&document);
    let names: BTreeSet<String> = all.iter().map(Operation::name).collect();
    for name in APPROVERS.iter().chain(&ADMINS).chain(&OPEN) {
        assert!(names.contains(*name), "{name} is no operation");
    }
    for operation in &all {
        let name = operation.name();
        if OPEN.contains(&name.as_str()) || name == "GET /api/v1/events" {
            continue;
        }
        let nothing = Uuid::now_v7().to_string();
        let path = operation.path.replace("{id}", &nothing).replace("{statement_id}", "00000000000000ff");
        let path = path.replace("{name}", "nothing");
        // Nothing of this is a good body: who may not call must not even learn that.
        let body = operation.takes_body.then(|| json!({ "surprise": true }));
        stranger.call(&operation.method, &path, body.as_ref()).await.problem(401);
        for (role, client) in &people {
            let needed = match name.as_str() {
                name if ADMINS.contains(&name) => Role::Admin,
                name if APPROVERS.contains(&name) => Role::Approver,
                _ => Role::Viewer,
            };
            let answer = client.call(&operation.method, &path, body.as_ref()).await;
            if *role < needed {
                answer.problem(403);
            } else {
                assert!(![401, 403].contains(&answer.status), "{name} as {role}: {}", answer.text);
                if operation.takes_body {
                    assert_eq!(answer.problem(400).as_deref(), Some("surprise"), "{name}");
                }
            }
        }
    }
    assert_eq!(web.ground.count("SELECT count(*) FROM audit WHERE action <> 'job.run'").await, 0);
}
