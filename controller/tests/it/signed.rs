//! Approvals by signature: what the controller asks for before it sends an order, and what it does with an agent's
//! word that an order lacks some.

use std::sync::Arc;
use std::time::Duration;

use querysmith_controller::approve::signing;
use querysmith_controller::jobs::runner::Work;
use querysmith_controller::store::people::Role;
use querysmith_controller::store::signatures::Purpose;
use querysmith_link::signature::ApproverKey;
use querysmith_shared::approval::{Approver, Signature};
use querysmith_shared::hex;
use querysmith_shared::id::{AgentId, InstanceId};
use querysmith_shared::wire::order::{Answer, MissingSignatures, Order};
use serde_json::{Value, json};

use crate::api_ground::Web;
use crate::ground::{Ground, hello, instance, now};
use crate::loop_ground::GoodAgent;
use crate::orders::{Scripted, offer, propose, until};

struct People {
    dana: ApproverKey,
    eli: ApproverKey,
    stranger: ApproverKey,
}

impl People {
    fn new() -> Self {
        let key = || ApproverKey::generate().unwrap();
        Self { dana: key(), eli: key(), stranger: key() }
    }

    fn approvers(&self) -> Vec<Approver> {
        let approver =
            |name: &str, key: &ApproverKey| Approver { name: name.into(), keys: vec![key.public()] };
        vec![approver("dana", &self.dana), approver("eli", &self.eli)]
    }
}

fn body(signature: &Signature) -> Value {
    json!({ "key": signature.key.to_string(), "signature": hex::encode(signature.bytes()) })
}

/// The agent tells whom its host trusts.
async fn trust(ground: &Ground, agent: AgentId, approvers: Vec<Approver>) {
    let mut told = instance(agent, "main");
    told.server.as_mut().unwrap().approvers = approvers;
    ground.store.record_hello(agent, &hello(vec![told]), now()).await.unwrap();
}

fn lacking(needed: u8, signed: &[&str]) -> Answer {
    let signed = signed.iter().map(|name| (*name).to_owned()).collect();
    Answer::MissingSignatures(MissingSignatures { needed, signed, reason: "this host asks for more".into() })
}

fn signatures(order: &Order) -> usize {
    match order {
        Order::Apply(apply) => apply.signatures.len(),
        Order::Undo(undo) => undo.signatures.len(),
        order => panic!("{order:?}"),
    }
}

async fn ground_that_trusts(people: &People) -> (Ground, AgentId, InstanceId) {
    let ground = Ground::new().await;
    let (agent, instance) = ground.agent().await;
    trust(&ground, agent, people.approvers()).await;
    (ground, agent, instance)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_for_the_signatures_that_its_host_asks_for() {
    let people = People::new();
    let (ground, agent, instance) = ground_that_trusts(&people).await;
    let proposal = propose(&ground, instance, "orders", now().after(Duration::from_secs(3_600))).await;
    let web = Web::start_on(ground, Arc::new(GoodAgent::default()), Default::default(), None).await;
    let approver = web.program(Role::Approver).await;
    let path = format!("/api/v1/proposals/{}", proposal.id);
    let shown = approver.get(&path).await.good();
    let text = shown["signing"]["text"].as_str().unwrap();
    let names: Vec<&str> = shown["signing"]["approvers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["dana", "eli"]);
    assert!(text.contains("ANALYZE \"public\".\"orders\""), "{text}");

    let approve = format!("{path}/approve");
    let digest = hex::encode(&proposal.digest);
    let with = |signature: Value| json!({ "digest": digest, "signature": signature });
    for (signature, status, field, kind) in [
        (Value::Null, 409, "signature", "signature-needed"),
        (body(&people.stranger.sign(text)), 409, "signature.key", "unknown-key"),
        (body(&people.dana.sign("something else")), 409, "signature", "bad-signature"),
        (json!({ "key": "dana", "signature": "" }), 400, "signature.key", "about:blank"),
        (
            json!({ "key": people.dana.public().to_string(), "signature": "00" }),
            400,
            "signature.signature",
            "about:blank",
        ),
    ] {
        let refused = approver.post(&approve, &with(signature)).await;
        assert_eq!(refused.problem(status).as_deref(), Some(field));
        assert!(refused.body["type"].as_str().unwrap().ends_with(kind), "{}", refused.body);
    }
    assert_eq!(web.ground.count("SELECT count(*) FROM change").await, 0);
    let approved = approver.post(&approve, &with(body(&people.dana.sign(text)))).await.good();
    let change = format!("/api/v1/changes/{}", approved["change_id"].as_str().unwrap());

    // The agent wants one more; until there is, it isn't bothered again.
    let agents =
        Scripted::new(agent, |n| if n == 1 { Ok(lacking(2, &["dana"])) } else { Ok(Answer::Accepted) });
    let offer = offer(&web.ground, Arc::clone(&agents));
    offer.run().await.unwrap();
    until(&web.ground, "SELECT count(*) FROM change WHERE missing_signatures IS NOT NULL").await;
    offer.run().await.unwrap();
    let waiting = approver.get(&change).await.good();
    assert_eq!(waiting["missing_signatures"], json!({ "needed": 2, "reason": "this host asks for more" }));
    assert_eq!(waiting["signatures"][0]["approver"], "dana");
    assert_eq!(waiting["signing"]["text"], text);
    let last = waiting["events"].as_array().unwrap().last().unwrap();
    assert_eq!((last["actor"].as_str(), last["state"].as_str()), (Some("agent"), Some("offered")));

    let sign = format!("{change}/sign");
    web.program(Role::Viewer).await.post(&sign, &body(&people.eli.sign(text))).await.problem(403);
    approver.post(&sign, &body(&people.stranger.sign(text))).await.problem(409);
    let signed = approver.post(&sign, &body(&people.eli.sign(text))).await.good();
    assert_eq!(
        (signed["signatures"][1]["approver"].as_str(), &signed["missing_signatures"]),
        (Some("eli"), &Value::Null)
    );
    offer.run().await.unwrap();
    until(&web.ground, "SELECT count(*) FROM change WHERE wanted = 'none'").await;
    let sent: Vec<usize> = agents.orders.lock().unwrap().iter().map(signatures).collect();
    assert_eq!(sent, [1, 2]);
    approver.post(&sign, &body(&people.eli.sign(text))).await.problem(409);
    assert_eq!(web.ground.count("SELECT count(*) FROM audit WHERE action = 'change.sign'").await, 1);
    let rewritten = sqlx::query("UPDATE signature SET account = 'somebody else'");
    assert!(rewritten.execute(&web.ground.store.pool).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_is_taken_back_on_a_signature_of_its_undo() {
    let people = People::new();
    let (ground, agent, _) = ground_that_trusts(&people).await;
    let web = Web::start_on(ground, Arc::new(GoodAgent::default()), Default::default(), None).await;
    let approver = web.program(Role::Approver).await;
    let seed = crate::api_seed::Seed::sow(&web.ground).await;
    sqlx::query("UPDATE change SET state = 'confirmed' WHERE change_id = $1")
        .bind(seed.trial.0)
        .execute(&web.ground.store.pool)
        .await
        .unwrap();
    let kept = format!("/api/v1/changes/{}", seed.trial);
    let open = approver.get(&kept).await.good();
    assert_eq!(open["signing"]["approvers"], json!([]), "the seed's host takes the controller's word");
    sqlx::query("UPDATE instance SET approvers = (SELECT approvers FROM instance WHERE agent_id = $1)")
        .bind(agent.0)
        .execute(&web.ground.store.pool)
        .await
        .unwrap();

    let undo = format!("{kept}/undo");
    let refused = approver.post(&undo, &json!({ "reason": "no" })).await;
    assert_eq!(refused.problem(409).as_deref(), Some("signature"));
    let text = approver.get(&kept).await.good()["signing"]["text"].as_str().unwrap().to_owned();
    assert!(text.starts_with("Querysmith undo of a kept change"), "{text}");
    let signing = web.ground.store.signing(seed.trial).await.unwrap().unwrap();
    let apply = signing::text(&signing, Purpose::Apply).unwrap();
    let with = |signature| json!({ "reason": "no", "signature": body(&signature) });
    approver.post(&undo, &with(people.dana.sign(&apply))).await.problem(409);
    approver.post(&undo, &with(people.dana.sign(&text))).await.good();
    let pending = web.ground.store.pending_orders(&[seed.agent]).await.unwrap();
    let order = pending.iter().find(|order| order.change == seed.trial).unwrap();
    assert_eq!(order.signatures, [people.dana.sign(&text)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_host_trusts_is_asked_anew_and_an_approval_still_ends() {
    let people = People::new();
    let (ground, agent, instance) = ground_that_trusts(&people).await;
    let agents = Scripted::new(agent, |_| Ok(lacking(2, &["dana"])));
    let proposal = propose(&ground, instance, "orders", now().after(Duration::from_secs(3_600))).await;
    let web = Web::start_on(ground, Arc::new(GoodAgent::default()), Default::default(), None).await;
    let approver = web.program(Role::Approver).await;
    let path = format!("/api/v1/proposals/{}", proposal.id);
    let shown = approver.get(&path).await.good();
    let signature = people.dana.sign(shown["signing"]["text"].as_str().unwrap());
    let yes = json!({ "digest": hex::encode(&proposal.digest), "signature": body(&signature) });
    approver.post(&format!("{path}/approve"), &yes).await.good();
    let offer = offer(&web.ground, Arc::clone(&agents));
    let unsigned = "SELECT count(*) FROM change WHERE missing_signatures IS NOT NULL";
    offer.run().await.unwrap();
    until(&web.ground, unsigned).await;

    // The same list again changes nothing; another one is a reason to ask again.
    trust(&web.ground, agent, people.approvers()).await;
    assert_eq!(web.ground.count(unsigned).await, 1);
    trust(&web.ground, agent, people.approvers()[..1].to_vec()).await;
    assert_eq!(web.ground.count(unsigned).await, 0);
    offer.run().await.unwrap();
    until(&web.ground, unsigned).await;
    assert_eq!(agents.orders.lock().unwrap().len(), 2);

    sqlx::query("UPDATE proposal SET expires_at = now()").execute(&web.ground.store.pool).await.unwrap();
    offer.run().await.unwrap();
    until(&web.ground, "SELECT count(*) FROM change WHERE state = 'aborted' AND wanted = 'none'").await;
    assert_eq!(agents.orders.lock().unwrap().len(), 2);
}
