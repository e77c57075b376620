//! Plans and what-if answers.

use agent::collect::collector::Collector;
use querysmith_shared::change::{CreateIndex, IndexKey, TableName};
use querysmith_shared::id::{InstanceId, QuestionId};
use querysmith_shared::observation::plan::{PlanNode, PlanOrigin};
use querysmith_shared::wire::order::WhatIf;
use uuid::Uuid;

use super::stage::{Stage, plans, run};

#[tokio::test]
async fn statements_with_parameters_are_planned_both_ways_without_a_literal() {
    let stage = Stage::set().await;
    stage.begin().await;
    let mut app = stage.as_app().await;
    run(
        &mut app,
        "SELECT note FROM orders WHERE customer_id = 17 AND status = 'open' ORDER BY created_at LIMIT 3",
    )
    .await;
    run(&mut app, "SELECT count(*) FROM orders").await;
    let (_, texts) = stage.window().await;
    let id = |start: &str| texts.iter().find(|text| text.text.starts_with(start)).unwrap().statement;
    stage.collect(Collector::Plans).await;
    let found = plans(stage.kept.take());
    let plan = |statement, origin| {
        let found = found.iter().find(|plan| plan.statement == statement && plan.origin == origin);
        found.map(|plan| plan.plan.clone().unwrap())
    };
    let lookup = id("SELECT note FROM orders");
    let generic = plan(lookup, PlanOrigin::Generic).unwrap();
    assert!(generic.contains("customer_id = $1"), "{generic}");
    let representative = plan(lookup, PlanOrigin::Representative).unwrap();
    assert!(representative.contains("customer_id = '?'"), "{representative}");
    assert!(!representative.contains("open") && !representative.contains("done"), "{representative}");
    let root = PlanNode::from_postgres_json(&representative).unwrap();
    let mut schemas = Vec::new();
    root.walk(&mut |node, _| schemas.extend(node.schema.clone()));
    assert_eq!(schemas, ["public"]);
    assert!(plan(id("SELECT count(*)"), PlanOrigin::Generic).is_some());
    assert!(plan(id("SELECT count(*)"), PlanOrigin::Representative).is_none());

    // Planned once, they are left alone.
    run(&mut app, "SELECT count(*) FROM orders").await;
    stage.window().await;
    stage.collect(Collector::Plans).await;
    assert!(stage.kept.take().is_empty());
}

#[tokio::test]
async fn a_role_that_may_not_write_plans_what_a_change_reads() {
    let stage = Stage::set().await;
    stage.begin().await;
    let mut app = stage.as_app().await;
    run(&mut app, "UPDATE orders SET note = 'n' WHERE customer_id = 7").await;
    run(&mut app, "SELECT id FROM orders WHERE customer_id = 7 FOR UPDATE").await;
    run(&mut app, "INSERT INTO orders VALUES (-1, 1)").await;
    let (_, texts) = stage.window().await;
    let collected = stage.collect(Collector::Plans).await;
    // What only a writer could plan is no missing grant.
    assert!(collected.problems.is_empty(), "{:?}", collected.problems);
    let found = plans(stage.kept.take());
    let update = texts.iter().find(|text| text.text.starts_with("UPDATE")).unwrap().statement;
    let plans: Vec<&String> = found
        .iter()
        .filter(|plan| plan.statement == update)
        .map(|plan| plan.plan.as_ref().unwrap())
        .collect();
    assert_eq!(plans.len(), 2, "{found:?}");
    assert!(plans[0].contains("(orders.customer_id = $1)"), "{plans:?}");
    let failed: Vec<_> = found.iter().filter_map(|plan| plan.plan.as_ref().err()).collect();
    assert_eq!(failed, ["the server plans a statement that writes only for a role that may write"]);
}

#[tokio::test]
async fn nothing_that_was_observed_is_executed() {
    let stage = Stage::set().await;
    stage.cluster.execute("shop", "GRANT pg_write_all_data TO querysmith_read").await.unwrap();
    stage.begin().await;
    let mut app = stage.as_app().await;
    run(&mut app, "DELETE FROM orders WHERE id = 3").await;
    run(&mut app, "WITH gone AS (DELETE FROM orders WHERE id = 5 RETURNING id) SELECT count(*) FROM gone")
        .await;
    run(&mut app, "UPDATE orders SET note = 'n' WHERE id = 7").await;
    run(&mut app, "INSERT INTO orders VALUES (-1, 1)").await;
    run(&mut app, "TRUNCATE orders").await;
    run(&mut app, "INSERT INTO orders VALUES (3, 1), (5, 1), (7, 1)").await;
    stage.window().await;
    stage.collect(Collector::Plans).await;
    let found = plans(stage.kept.take());
    assert!(found.len() >= 5, "{found:?}");
    assert!(found.iter().all(|plan| plan.plan.is_ok()), "{found:?}");
    let mut connection = stage.cluster.connect("shop").await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM orders WHERE note IS NULL")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(left, 3);
}

#[tokio::test]
async fn what_can_not_be_planned_says_why_without_a_literal() {
    let stage = Stage::set().await;
    stage.begin().await;
    let mut app = stage.as_app().await;
    run(&mut app, "CREATE TABLE short_lived (a integer)").await;
    run(&mut app, "SELECT a FROM short_lived WHERE a = 4711").await;
    run(&mut app, "SELECT a, pg_sleep(0.001) FROM short_lived").await;
    run(&mut app, "DROP TABLE short_lived").await;
    let (_, texts) = stage.window().await;
    stage.collect(Collector::Plans).await;
    let found = plans(stage.kept.take());
    let statement = texts.iter().find(|text| text.text.starts_with("SELECT a FROM short")).unwrap().statement;
    let reason = found.iter().find(|plan| plan.statement == statement).unwrap().plan.clone().unwrap_err();
    assert!(reason.contains("relation \"short_lived\" does not exist"), "{reason}");
}

#[tokio::test]
async fn names_mean_what_they_mean_to_the_statements_user() {
    let stage = Stage::set().await;
    stage
        .cluster
        .execute("shop", "CREATE SCHEMA app AUTHORIZATION app; CREATE TABLE app.orders (a integer); ALTER TABLE app.orders OWNER TO app")
        .await
        .unwrap();
    stage.begin().await;
    let mut app = stage.as_app().await;
    run(&mut app, "SELECT a FROM orders WHERE a = 1").await;
    stage.window().await;
    stage.collect(Collector::Plans).await;
    let found = plans(stage.kept.take());
    assert!(found[0].plan.as_ref().unwrap().contains("\"Schema\":\"app\""), "{found:?}");
}

fn candidate(columns: &[&str]) -> CreateIndex {
    CreateIndex {
        database: "shop".into(),
        table: TableName { schema: "public".into(), name: "orders".into() },
        name: "qs_ignored".into(),
        keys: columns.iter().map(|column| IndexKey { column: (*column).into(), descending: false }).collect(),
        include: Vec::new(),
    }
}

#[tokio::test]
async fn imagined_indexes_are_answered_and_leave_no_trace() {
    let stage = Stage::set().await;
    stage.begin().await;
    let mut app = stage.as_app().await;
    run(&mut app, "SELECT note FROM orders WHERE customer_id = 17 AND status = 'open'").await;
    run(&mut app, "SELECT count(*) FROM orders").await;
    let (_, texts) = stage.window().await;
    let mut question = WhatIf {
        question: QuestionId(Uuid::from_u128(1)),
        instance: InstanceId(Uuid::from_u128(7)),
        database: "shop".into(),
        candidates: vec![
            candidate(&["customer_id", "status"]),
            candidate(&["note"]),
            candidate(&["missing"]),
        ],
        statements: texts.iter().map(|text| text.statement).collect(),
    };
    let without = stage.engine.what_if(&question).await;
    assert!(without.not_simulated.unwrap().contains("CREATE EXTENSION hypopg"));
    assert_eq!(without.baseline.len(), 2);

    stage.cluster.execute("shop", "CREATE EXTENSION hypopg").await.unwrap();
    let answer = stage.engine.what_if(&question).await;
    assert_eq!(answer.not_simulated, None);
    let lookup = texts.iter().find(|text| text.text.starts_with("SELECT note")).unwrap().statement;
    let before = answer.baseline.iter().find(|planned| planned.statement == lookup).unwrap();
    let helped = &answer.candidates[0];
    assert_eq!((helped.problem.as_ref(), helped.changed.len()), (None, 1));
    assert!(helped.estimated_bytes > 100_000, "{helped:?}");
    let after = &helped.changed[0];
    assert!(after.uses_candidate && after.statement == lookup);
    assert!(after.cost.as_ref().unwrap() * 10.0 < *before.cost.as_ref().unwrap(), "{after:?} {before:?}");
    assert!(!after.plan.as_ref().unwrap().contains("open"));
    assert!(answer.candidates[1].changed.is_empty());
    assert!(answer.candidates[2].problem.as_ref().unwrap().contains("column"), "{answer:?}");

    // A new agent has not seen these statements yet, and finds them all the same.
    let fresh =
        super::stage::engine(&super::stage::instance(&stage.cluster.url_as("querysmith_read", "shop")));
    fresh.collect(Collector::Server, &stage.kept).await.unwrap();
    question.candidates.truncate(1);
    let again = fresh.what_if(&question).await;
    assert_eq!(again.candidates[0].changed.len(), 1);
    question.statements = vec![querysmith_shared::id::StatementId(1)];
    let unknown = fresh.what_if(&question).await;
    assert!(unknown.baseline[0].cost.is_err());
}
