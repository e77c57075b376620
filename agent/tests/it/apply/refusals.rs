//! Orders that are not carried out, and that the database never hears of.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use agent::apply::clock::{Clock, HostClock, Reading};
use agent::apply::plan::CLOCK_TOLERANCE;
use querysmith_shared::change::Change;
use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::id::InstanceId;
use querysmith_shared::wire::order::{Answer, Apply, UNKNOWN_CHANGE};
use querysmith_tests::cluster::Cluster;
use querysmith_tests::cluster::options::Options;
use uuid::Uuid;

use super::stage::{Engine, Stage, approved, now, refused};

fn altered(order: &Apply, alter: impl FnOnce(&mut Apply)) -> Apply {
    let mut order = order.clone();
    alter(&mut order);
    order
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_are_not_what_was_approved_are_refused() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let order = || stage.index(&["customer_id"]);

    let digest = altered(&order(), |order| order.digest[0] ^= 1);
    refused(engine.apply(&digest).await, "not the text that this agent would run");
    assert_eq!(engine.reaches(&digest, S::Rejected).await.sql, None);
    // Asked again, the answer is the same.
    refused(engine.apply(&digest).await, "not the text that this agent would run");

    let expired = altered(&order(), |order| order.expires_at = now());
    refused(engine.apply(&expired).await, "expired");
    for long in [
        altered(&order(), |order| order.approved_by = "D".repeat(1025)),
        altered(&order(), |order| order.system_identifier = "1".repeat(1 << 20)),
    ] {
        refused(engine.apply(&long).await, "is longer than");
        refused(engine.undo(&long).await, "doesn't know the change");
    }
    let foreign = altered(&order(), |order| order.instance = InstanceId(Uuid::from_u128(8)));
    refused(engine.apply(&foreign).await, "no connection for changes");
    let named = altered(&order(), |order| {
        if let Change::CreateIndex(index) = &mut order.what {
            index.name = "orders_pkey".into();
        }
    });
    refused(engine.apply(&approved(named)).await, "isn't the one of this change");
    let unlimited = altered(&order(), |order| order.limits = Limits { lock_wait_ms: 0, ..order.limits });
    refused(engine.apply(&approved(unlimited)).await, "out of bounds");
    refused(engine.apply(&stage.index(&["customer_id", "customer_id"])).await, "twice");

    let done = order();
    assert_eq!(engine.apply(&done).await, Answer::Accepted);
    engine.reaches(&done, S::Trial).await;
    let mut other = stage.index(&["created_at"]);
    other.change = done.change;
    refused(engine.apply(&approved(other)).await, "another change of this id");

    refused(engine.undo(&order()).await, "doesn't know the change");
    refused(engine.confirm(&order()).await, "doesn't know the change");
    // What was withdrawn while its order was on its way doesn't begin when that arrives.
    let overtaken = stage.index(&["note"]);
    refused(engine.undo(&overtaken).await, UNKNOWN_CHANGE);
    refused(engine.apply(&overtaken).await, "withdrawn");
    assert_eq!(engine.reaches(&overtaken, S::Rejected).await.sql, None);
    refused(engine.confirm(&digest).await, "rejected");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_host_has_the_last_word() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let refused_with = async |list: &str, words: &str| {
        stage.allow(list);
        let order = stage.index(&["customer_id"]);
        refused(engine.apply(&order).await, words);
        engine.reaches(&order, S::Rejected).await;
    };
    refused_with("", "no rule").await;
    refused_with("[[allow]]\n[[deny]]\ntables = ['ord*']", "denies it").await;
    refused_with("enabled = false\n[[allow]]", "enabled = false").await;
    refused_with("[[alow]]", "did you mean allow?").await;
    refused_with("[[allow]]\nkinds = ['analyze']", "no rule").await;
    fs::remove_file(stage.directory.path().join("allow.toml")).unwrap();
    let order = stage.index(&["customer_id"]);
    refused(engine.apply(&order).await, "does not exist");
    assert!(engine.applier.obstacle(stage.instance).unwrap().contains("does not exist"));

    stage.allow("[[allow]]");
    assert_eq!(engine.applier.obstacle(stage.instance), None);
    let stop = stage.directory.path().join("stop-changes");
    fs::write(&stop, "").unwrap();
    refused(engine.apply(&stage.index(&["customer_id"])).await, "stop-changes");
    fs::remove_file(&stop).unwrap();

    // What was kept is not taken away against the host's word; what is on trial may always go.
    let (kept, on_trial) = (stage.index(&["customer_id"]), stage.index(&["created_at"]));
    for order in [&kept, &on_trial] {
        assert_eq!(engine.apply(order).await, Answer::Accepted);
        engine.reaches(order, S::Trial).await;
    }
    assert_eq!(engine.confirm(&kept).await, Answer::Accepted);
    stage.allow("enabled = false\n[[allow]]");
    refused(engine.undo(&kept).await, "enabled = false");
    stage.allow("[[allow]]");
    fs::write(&stop, "").unwrap();
    refused(engine.undo(&kept).await, "stop-changes");
    assert_eq!(stage.index_is_valid(&kept).await, Some(true));
    assert_eq!(engine.undo(&on_trial).await, Answer::Accepted);
    engine.reaches(&on_trial, S::Reverted).await;
    fs::remove_file(&stop).unwrap();
    assert_eq!(engine.undo(&kept).await, Answer::Accepted);
    engine.reaches(&kept, S::Reverted).await;

    // The size is known only when the table was looked at.
    stage.allow("[[allow]]\nmax_index_bytes = '100kB'");
    let order = stage.index(&["customer_id"]);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let report = engine.reaches(&order, S::Rejected).await;
    assert!(report.detail.contains("the allow-list ends at 100 kB"), "{}", report.detail);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfit_ground_is_refused_with_its_reason() {
    let stage = Stage::set().await;
    stage.cluster.execute("shop", "CREATE INDEX mine ON orders (customer_id, created_at)").await.unwrap();
    let engine = stage.engine();
    let rejected = async |order: Apply, words: &str| {
        assert_eq!(engine.apply(&order).await, Answer::Accepted);
        let report = engine.settles(&order).await;
        assert_eq!(report.state, S::Rejected);
        assert!(report.detail.contains(words), "{}", report.detail);
    };
    rejected(stage.index(&["customer_id"]), "index mine does its work already").await;
    rejected(stage.index(&["nothing"]), "no column nothing").await;
    let of_table = |name: &str| {
        let order = altered(&stage.index(&["id"]), |order| {
            if let Change::CreateIndex(index) = &mut order.what {
                index.table.name = name.to_owned();
                index.name = querysmith_shared::change::index_name(order.change, &index.table, &index.keys);
            }
        });
        approved(order)
    };
    rejected(of_table("nowhere"), "public.nowhere does not exist").await;
    stage.cluster.execute("shop", "CREATE VIEW seen AS SELECT id FROM orders").await.unwrap();
    rejected(of_table("seen"), "public.seen is a view").await;
    let other = altered(&stage.index(&["note"]), |order| order.system_identifier = "1".into());
    rejected(approved(other), "approved for 1").await;
    let elsewhere = altered(&stage.index(&["note"]), |order| {
        if let Change::CreateIndex(index) = &mut order.what {
            index.database = "nowhere".into();
        }
    });
    rejected(approved(elsewhere), "doesn't let the agent in").await;
    let taken = stage.index(&["note"]);
    if let Change::CreateIndex(index) = &taken.what {
        stage.cluster.execute("shop", &format!("CREATE VIEW \"{}\" AS SELECT 1", index.name)).await.unwrap();
    }
    rejected(taken, "belongs to a view").await;
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_without_the_rights_is_told_what_to_grant() {
    let stage = Stage::set().await;
    let engine = Engine::start(stage.config(), stage.instances_as("stranger"));
    for order in [stage.index(&["note"]), stage.analyze()] {
        assert_eq!(engine.apply(&order).await, Answer::Accepted);
        let report = engine.settles(&order).await;
        assert_eq!(report.state, S::Rejected);
        assert!(report.detail.contains("GRANT owner TO stranger"), "{}", report.detail);
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_refused() {
    let mut stage = Stage::set().await;
    let standby = Cluster::start_standby(&stage.cluster, Options::default()).unwrap();
    let primary = std::mem::replace(&mut stage.cluster, standby);
    let engine = stage.engine();
    let order = stage.index(&["note"]);
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    let report = engine.settles(&order).await;
    assert_eq!(report.state, S::Rejected);
    assert!(report.detail.contains("standby"), "{}", report.detail);
    engine.stop().await;
    drop(stage);
    drop(primary);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_journal_nothing_is_done() {
    let stage = Stage::set().await;
    fs::write(stage.directory.path().join("journal.redb"), "no journal").unwrap();
    let engine = stage.engine();
    refused(engine.apply(&stage.index(&["note"])).await, "can't use its journal");
    assert!(engine.applier.obstacle(stage.instance).unwrap().contains("can't use its journal"));
    tokio::time::timeout(Duration::from_secs(5), engine.stop()).await.unwrap();
}

/// A host whose time of day was set back.
#[derive(Debug)]
struct BehindClock;

impl Clock for BehindClock {
    fn read(&self) -> Reading {
        let now = HostClock::default().read();
        Reading { wall: now.wall.before(2 * CLOCK_TOLERANCE), ..now }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_clock_that_was_set_back_nothing_begins_and_all_can_be_taken_back() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let in_place = stage.index(&["customer_id"]);
    assert_eq!(engine.apply(&in_place).await, Answer::Accepted);
    engine.reaches(&in_place, S::Trial).await;
    engine.stop().await;

    let mut config = stage.config();
    config.clock = Arc::new(BehindClock);
    let engine = Engine::start(config, stage.instances());
    let order = stage.index(&["created_at"]);
    refused(engine.apply(&order).await, "clock is");
    // That the refusal has a line of its own makes the clock no better.
    refused(engine.apply(&stage.index(&["created_at"])).await, "set the clock");
    assert_eq!(engine.undo(&in_place).await, Answer::Accepted);
    engine.reaches(&in_place, S::Reverted).await;
    assert_eq!(stage.index_is_valid(&in_place).await, None);
    engine.stop().await;
}
