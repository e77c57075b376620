//! Planning runs no code of the database's users.

use agent::collect::collector::Collector;
use querysmith_shared::observation::plan::PlanObservation;
use querysmith_shared::wire::report::ReportBody;
use querysmith_tests::cluster::options::Options;

use super::stage::{Stage, plans, run};

/// A function that succeeds for everybody, and says so in the server's log when the agent's role runs it.
const TRAP: &str = "CREATE FUNCTION trap(bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $f$
    BEGIN
        IF current_user = 'querysmith_read' THEN
            RAISE WARNING 'the trap has sprung';
        END IF;
        RETURN $1;
    END $f$;
    ALTER FUNCTION trap(bigint) OWNER TO app;";

/// What is reported of `statement`, after `prepared` was set up; the trap must not have sprung.
async fn planned(prepared: &str, statement: &str) -> (Vec<PlanObservation>, Vec<String>) {
    planned_by(Options::default().major, prepared, statement).await
}

async fn planned_by(major: u16, prepared: &str, statement: &str) -> (Vec<PlanObservation>, Vec<String>) {
    let stage = Stage::set_with(Options::of_major(major), |_| {}).await;
    let grant = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO querysmith_read, app";
    stage.cluster.execute("shop", &format!("{TRAP} {prepared}; {grant}")).await.unwrap();
    stage.begin().await;
    let mut app = stage.as_app().await;
    run(&mut app, statement).await;
    let (_, texts) = stage.window().await;
    let collected = stage.collect(Collector::Plans).await;
    assert!(!stage.cluster.log().contains("the trap has sprung"), "{}", stage.cluster.log());
    assert!(!texts.is_empty());
    (plans(stage.kept.take()), collected.problems.into_iter().map(|problem| problem.message).collect())
}

async fn check(prepared: &str, statement: &str, expected: &str) {
    let (found, _) = planned(prepared, statement).await;
    let reasons: Vec<&String> = found.iter().filter_map(|plan| plan.plan.as_ref().err()).collect();
    // A function that reads a view is itself a statement that the server counts.
    assert!(
        found.len() == reasons.len() && reasons.iter().any(|reason| reason.contains(expected)),
        "{statement}: {found:?}"
    );
}

#[tokio::test]
async fn a_function_that_is_called_is_not_run() {
    let statement = "SELECT id FROM orders WHERE id = public.Trap(length(current_user::text))";
    for major in [13, 15, 18] {
        let (found, _) = planned_by(major, "", statement).await;
        assert_eq!(found.len(), 1, "{major}: {found:?}");
        assert!(found[0].plan.as_ref().unwrap_err().contains("calls trap"), "{major}: {found:?}");
    }
}

#[tokio::test]
async fn a_function_behind_views_is_not_run() {
    let views = "CREATE VIEW inner_view AS SELECT id FROM orders WHERE id = trap(7);
                 CREATE VIEW outer_view AS SELECT id FROM inner_view";
    check(views, "SELECT count(*) FROM outer_view", "uses outer_view").await;
}

#[tokio::test]
async fn a_function_of_an_index_or_default_is_not_run() {
    let index = "CREATE INDEX trapped ON orders (note) WHERE id > trap(40000)";
    check(index, "SELECT note FROM orders WHERE note = 'x'", "uses orders").await;
    let default = "CREATE TABLE filled (a bigint DEFAULT trap(5), b bigint); ALTER TABLE filled OWNER TO app";
    check(default, "INSERT INTO filled (b) VALUES (1)", "uses filled").await;
}

#[tokio::test]
async fn a_function_of_a_default_argument_is_not_run() {
    let outer = "CREATE FUNCTION outer_one(a bigint DEFAULT trap(6)) RETURNS bigint VOLATILE LANGUAGE plpgsql
                 AS 'BEGIN RETURN a; END'; ALTER FUNCTION outer_one(bigint) OWNER TO app";
    check(outer, "SELECT id FROM orders WHERE id = outer_one()", "calls outer_one").await;
}

#[tokio::test]
async fn a_function_of_a_policy_is_not_run() {
    let policy = "ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
                  CREATE POLICY trapped ON orders USING (id = trap(length(current_user::text)))";
    check(policy, "SELECT count(*) FROM orders", "uses orders").await;
}

#[tokio::test]
async fn a_function_of_a_partition_key_is_not_run() {
    let partitioned = "CREATE TABLE parts (a bigint) PARTITION BY RANGE ((a + trap(1)));
                       CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (1000);
                       ALTER TABLE parts OWNER TO app; ALTER TABLE part OWNER TO app";
    check(partitioned, "SELECT count(*) FROM part WHERE a = 5", "uses part").await;
}

#[tokio::test]
async fn what_the_servers_own_functions_are_told_to_read_is_not_run() {
    let view = "CREATE VIEW inner_view AS SELECT id FROM orders WHERE id = trap(7);
                CREATE VIEW reader AS SELECT id FROM orders
                    WHERE id::text = table_to_xml(('inner' || '_view')::regclass, false, false, '')::text";
    check(view, "SELECT count(*) FROM reader", "runs what its argument names").await;
    let called =
        "SELECT count(*) FROM orders WHERE note = table_to_xml('inner_view', false, false, '')::text";
    check(view, called, "calls table_to_xml").await;
}

#[tokio::test]
async fn a_function_of_a_domain_or_operator_keeps_the_database_from_being_planned() {
    for (prepared, statement, expected) in [
        (
            "CREATE DOMAIN checked AS bigint CHECK (trap(VALUE) IS NULL OR VALUE > 0);
             CREATE TABLE of_domain (a checked); ALTER TABLE of_domain OWNER TO app",
            "INSERT INTO of_domain VALUES (1)",
            "uses public.trap(bigint)",
        ),
        (
            "CREATE FUNCTION volatile_trap(bigint) RETURNS boolean VOLATILE LANGUAGE plpgsql
                 AS 'BEGIN RETURN trap($1) IS NULL OR $1 > 0; END';
             ALTER FUNCTION volatile_trap(bigint) OWNER TO app;
             CREATE DOMAIN checked AS bigint CHECK (volatile_trap(VALUE));
             CREATE TABLE of_domain (a checked); ALTER TABLE of_domain OWNER TO app",
            "INSERT INTO of_domain VALUES (1)",
            "uses public.volatile_trap(bigint)",
        ),
        (
            "CREATE VIEW inner_view AS SELECT id FROM orders WHERE id = trap(7);
             CREATE DOMAIN checked AS bigint
                 CHECK (table_to_xml(('inner' || '_view')::regclass, false, false, '') IS NOT NULL);
             CREATE TABLE of_domain (a checked); ALTER TABLE of_domain OWNER TO app",
            "INSERT INTO of_domain VALUES (1)",
            "domain public.checked calls",
        ),
        (
            "CREATE OPERATOR public.@@@ (FUNCTION = trap, RIGHTARG = bigint)",
            "SELECT count(*) FROM orders WHERE id = @@@ length(current_user::text)::bigint",
            "uses public.trap(bigint)",
        ),
    ] {
        let (found, problems) = planned(prepared, statement).await;
        assert!(
            !found.is_empty() && found.iter().all(|plan| plan.plan.as_ref().unwrap_err().contains(expected)),
            "{statement}: {found:?}"
        );
        assert!(problems.iter().any(|problem| problem.contains("no statement is planned")), "{problems:?}");
    }
}

#[tokio::test]
async fn functions_that_the_planner_leaves_alone_do_no_harm() {
    let harmless =
        "CREATE FUNCTION next_note() RETURNS text VOLATILE LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
                    ALTER FUNCTION next_note() OWNER TO app";
    let (found, problems) =
        planned(harmless, "SELECT next_note() FROM orders WHERE customer_id = 17 LIMIT 1").await;
    assert!(found.iter().all(|plan| plan.plan.is_ok()) && !found.is_empty(), "{found:?}");
    assert!(problems.is_empty(), "{problems:?}");
}

#[tokio::test]
async fn nothing_is_planned_as_a_superuser() {
    let stage = Stage::set().await;
    stage.cluster.execute("shop", "ALTER ROLE querysmith_read SUPERUSER").await.unwrap();
    stage.begin().await;
    run(&mut stage.as_app().await, "SELECT count(*) FROM orders").await;
    stage.window().await;
    let collected = stage.collect(Collector::Plans).await;
    assert!(plans(stage.kept.take()).is_empty());
    assert!(collected.problems[0].message.contains("superuser"), "{:?}", collected.problems);
}

#[tokio::test]
async fn the_agents_own_statements_use_the_servers_own_operators() {
    let stage = Stage::set().await;
    let better = "CREATE FUNCTION times(numeric, integer) RETURNS numeric IMMUTABLE LANGUAGE plpgsql AS $f$
        BEGIN
            RAISE WARNING 'the trap has sprung';
            RETURN pg_catalog.numeric_mul($1, $2);
        END $f$;
        CREATE OPERATOR public.* (FUNCTION = times, LEFTARG = numeric, RIGHTARG = integer)";
    stage.cluster.execute("shop", better).await.unwrap();
    stage.begin().await;
    let (mut holder, mut waiter) = (stage.as_app().await, stage.as_app().await);
    run(&mut holder, "BEGIN; UPDATE orders SET note = 'x' WHERE id = 1").await;
    let waiting =
        tokio::spawn(async move { run(&mut waiter, "UPDATE orders SET note = 'y' WHERE id = 1").await });
    loop {
        stage.collect(Collector::Activity).await;
        let Some(ReportBody::Activity(activity)) = stage.kept.take().pop() else { panic!("no activity") };
        if !activity.blocked.is_empty() {
            break;
        }
    }
    run(&mut holder, "ROLLBACK").await;
    waiting.await.unwrap();
    assert!(!stage.cluster.log().contains("the trap has sprung"), "{}", stage.cluster.log());
}
