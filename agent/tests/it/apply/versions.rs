//! Every version of PostgreSQL that is here.

use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::wire::order::Answer;
use querysmith_tests::cluster::options::Options;
use querysmith_tests::embedded_postgres;

use super::drops::{EVERYTHING, TWINS};
use super::settings;
use super::stage::{Engine, Stage};
use super::statistics;

async fn check(major: u16) {
    if embedded_postgres::bin_dir(major).is_none() {
        println!("PostgreSQL {major} is not here: packaging/setup/embedded-postgres.sh {major}");
        return;
    }
    let stage = Stage::set_with(Options::of_major(major)).await;
    let sql = match major {
        16.. => "CREATE ROLE other LOGIN; GRANT owner TO other WITH INHERIT FALSE, SET TRUE",
        _ => "CREATE ROLE other LOGIN NOINHERIT IN ROLE owner",
    };
    stage.cluster.execute("shop", sql).await.unwrap();
    stage.allow(&format!("{EVERYTHING}{}", statistics::ALLOWED));
    // Once as a role with the owner's rights, once as one that has to become the owner for them.
    for role in ["qs_apply", "other"] {
        let engine = Engine::start(stage.config(), stage.instances_as(role));
        let index = stage.index(&["customer_id", "-created_at"]);
        let analyze = stage.analyze();
        for order in [&index, &analyze] {
            assert_eq!(engine.apply(order).await, Answer::Accepted);
            let end = engine.settles(order).await;
            assert_eq!(end.state, S::Trial, "{major} as {role}: {}", end.detail);
        }
        assert_eq!(stage.index_is_valid(&index).await, Some(true));
        assert_eq!(engine.undo(&index).await, Answer::Accepted);
        engine.reaches(&index, S::Reverted).await;

        // An index that another one makes superfluous goes, and comes back.
        stage.cluster.execute("shop", TWINS).await.unwrap();
        let drop = stage.dropping(&["customer_id"], "spare", "kept");
        assert_eq!(engine.apply(&drop).await, Answer::Accepted);
        let end = engine.settles(&drop).await;
        assert_eq!(end.state, S::Trial, "{major} as {role}: {}", end.detail);
        assert_eq!(stage.index_is_valid(&drop).await, None);
        assert_eq!(engine.undo(&drop).await, Answer::Accepted);
        engine.reaches(&drop, S::Reverted).await;
        assert_eq!(stage.index_is_valid(&drop).await, Some(true));
        stage.cluster.execute("shop", "DROP INDEX spare, kept").await.unwrap();

        // Statistics come and go.
        for order in [stage.together(&["customer_id", "note"]), stage.target("note", None, 300)] {
            assert_eq!(engine.apply(&order).await, Answer::Accepted);
            let end = engine.settles(&order).await;
            assert_eq!(end.state, S::Trial, "{major} as {role}: {}", end.detail);
            assert_eq!(engine.undo(&order).await, Answer::Accepted);
            engine.reaches(&order, S::Reverted).await;
        }

        // A build that is cancelled leaves nothing behind.
        let mut old = stage.old_snapshot().await;
        let order = stage.index(&["note"]);
        assert_eq!(engine.apply(&order).await, Answer::Accepted);
        stage
            .eventually("SELECT count(*) = 1 FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'")
            .await;
        assert_eq!(engine.undo(&order).await, Answer::Accepted);
        stage.eventually("SELECT count(*) = 0 FROM pg_stat_progress_create_index").await;
        sqlx::raw_sql("COMMIT").execute(&mut old).await.unwrap();
        engine.reaches(&order, S::Reverted).await;
        engine.stop().await;
        stage.nothing_is_left_over().await;
        // The same process has one journal: the next role begins another.
        std::fs::remove_file(stage.directory.path().join("journal.redb")).unwrap();
        std::fs::remove_file(stage.directory.path().join("journal.made")).unwrap();
    }
    settings::check_version(&stage, major).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_13() {
    check(13).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_14() {
    check(14).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_16() {
    check(16).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_17() {
    check(17).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_18() {
    check(18).await;
}
