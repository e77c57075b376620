//! The loop through the jobs: found, proposed, approved, ordered, applied, measured, learnt.

use std::sync::Arc;

use querysmith_controller::approve::{Decider, UndoRequest, undo};
use querysmith_controller::fleet::store::Ingest;
use querysmith_controller::jobs::detect::Detect;
use querysmith_controller::jobs::learn::Learn;
use querysmith_controller::jobs::measure::Measure;
use querysmith_controller::jobs::propose::Propose;
use querysmith_controller::jobs::runner::Work;
use querysmith_controller::store::people::Role;
use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::id::{AgentId, InstanceId};
use querysmith_shared::wire::order::Order;
use querysmith_shared::wire::report::{Lane, ReportBody};

use crate::ground::{Ground, now};
use crate::loop_ground::{GoodAgent, OnTrial, context, on_trial, settle, step, text, troubled, wait_until};
use crate::shop::{WINDOW, description, window};

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_goes_around() {
    let ground = Ground::new().await;
    let OnTrial { agent, instance, last, change, began, good, context, offer } = on_trial(&ground).await;
    let ingester = ground.ingester();
    let decider = Decider { name: "dba", role: Role::Approver };

    let after: Vec<_> = (0..18)
        .map(|n| {
            let end = began.after(WINDOW * u32::try_from(n + 2).unwrap());
            window(instance, last + 1 + n, end, 0.3, 12)
        })
        .collect();
    ingester.ingest(agent, 1, Lane::Telemetry, after).await.unwrap();
    settle(&ground.store).await;
    let measure = Measure::new(context.clone());
    measure.run().await.unwrap();
    assert_eq!(text(&ground, "SELECT verdict FROM change").await.as_deref(), Some("helped"));
    assert_eq!(text(&ground, "SELECT wanted FROM change").await.as_deref(), Some("confirm"));
    offer.run().await.unwrap();
    wait_until(&ground, "SELECT count(*) FROM change WHERE wanted = 'none'").await;
    assert!(good.told().iter().any(|(_, order)| matches!(order, Order::Confirm(_))));

    ingester
        .ingest(agent, 1, Lane::Changes, vec![step(change, 5, ChangeState::Confirmed, now())])
        .await
        .unwrap();
    let learn = Learn { context: context.clone() };
    learn.run().await.unwrap();
    learn.run().await.unwrap();
    assert_eq!(text(&ground, "SELECT verdict FROM outcome").await.as_deref(), Some("helped"));
    assert_eq!(ground.count("SELECT count(*) FROM model").await, 1);
    assert!(sqlx::query("UPDATE outcome SET verdict = 'harmed'").execute(&ground.store.pool).await.is_err());

    // A person may still have it undone.
    let because = UndoRequest { reason: "not wanted", signature: None };
    undo(&ground.store, &ground.wake, change, decider, because, chrono::Utc::now()).await.unwrap();
    offer.run().await.unwrap();
    wait_until(&ground, "SELECT count(*) FROM change WHERE wanted = 'none'").await;
    let reverted = [ChangeState::Reverting, ChangeState::Reverted];
    let reports: Vec<_> =
        (6..).zip(reverted).map(|(sequence, state)| step(change, sequence, state, now())).collect();
    ingester.ingest(agent, 1, Lane::Changes, reports).await.unwrap();
    assert_eq!(text(&ground, "SELECT state FROM change").await.as_deref(), Some("reverted"));
    assert_eq!(ground.count("SELECT count(*) FROM mark WHERE kind = 'change_undone'").await, 1);
    let events = sqlx::query("UPDATE change_event SET detail = 'something else'");
    assert!(events.execute(&ground.store.pool).await.is_err());
    the_undo_is_no_loss(&ground, agent, instance).await;
}

/// The product's own index comes and goes in the schema, and so does one of somebody else.
async fn the_undo_is_no_loss(ground: &Ground, agent: AgentId, instance: InstanceId) {
    let name = text(ground, "SELECT split_part(object_name, '.', 2) FROM change").await.unwrap();
    let mut reports = description(instance, 1, now());
    reports.retain(|report| matches!(report.body, ReportBody::Schema(_)));
    let (mut with, mut without) = (reports.remove(0), description(instance, 1, now()).remove(1));
    (with.sequence, without.sequence) = (1_000, 1_001);
    let ReportBody::Schema(changes) = &mut with.body else { panic!("it is a schema") };
    for (oid, name) in [(900, name.as_str()), (901, "orders_by_hand")] {
        let mut index = changes.changed[0].indexes[0].clone();
        (index.oid, index.name) = (oid, name.to_owned());
        changes.changed[0].indexes.push(index);
    }
    let ingester = ground.ingester();
    assert_eq!(ingester.ingest(agent, 1, Lane::Telemetry, vec![with, without]).await.unwrap(), 1_001);
    let gone = "SELECT string_agg(label, ', ') FROM mark WHERE kind = 'index_gone'";
    assert_eq!(text(ground, gone).await.as_deref(), Some("index public.orders_by_hand is gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_goes_when_its_table_does_even_while_the_agent_is_away() {
    let ground = Ground::new().await;
    let (agent, instance, last) = troubled(&ground).await;
    let connected = Arc::new(GoodAgent { connected: vec![agent], ..GoodAgent::default() });
    let ingester = ground.ingester();
    let fresh = window(instance, last + 1, now(), 150.0, 12_000);
    ingester.ingest(agent, 1, Lane::Telemetry, vec![fresh]).await.unwrap();
    let here = context(&ground, connected);
    Detect::new(here.clone()).run().await.unwrap();
    Propose::new(here).run().await.unwrap();
    assert_eq!(ground.count("SELECT count(*) FROM proposal WHERE state = 'waiting'").await, 1);

    let mut reports = description(instance, last + 2, now());
    reports.retain(|report| matches!(report.body, ReportBody::Schema(_)));
    if let ReportBody::Schema(schema) = &mut reports[0].body {
        schema.present.retain(|oid| *oid != 100);
        schema.changed.retain(|table| table.oid != 100);
    }
    reports[0].sequence = last + 2;
    ingester.ingest(agent, 1, Lane::Telemetry, reports).await.unwrap();
    Propose::new(context(&ground, Arc::new(GoodAgent::default()))).run().await.unwrap();
    let told = text(&ground, "SELECT decision_reason FROM proposal WHERE state = 'withdrawn'").await;
    assert_eq!(told.as_deref(), Some("the table public.orders is gone"));
    assert_eq!(ground.count("SELECT count(*) FROM audit WHERE action = 'proposal.withdraw'").await, 1);
}
