//! Statistics beyond the usual ones: gathered at once, gone or as before after the undo, whole wherever the agent dies.

use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::wire::order::{Answer, Apply};
use sqlx::{AssertSqlSafe, Row};

use super::crashes::{MAKING, TAKING_BACK, die_in_child};
use super::stage::{Engine, Stage, refused};

pub(super) const ALLOWED: &str = "[[allow]]\nkinds = ['create_statistics', 'set_statistics_target']\n";

async fn stage() -> Stage {
    let stage = Stage::set().await;
    stage.allow(ALLOWED);
    stage
}

impl Stage {
    async fn text(&self, sql: &str) -> Option<String> {
        let mut connection = self.cluster.connect("shop").await.unwrap();
        let row = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_optional(&mut connection).await.unwrap();
        row.and_then(|row| row.try_get_unchecked::<Option<String>, _>(0).unwrap())
    }

    /// Definitions of all extended statistics, and how many of them have been gathered.
    pub(super) async fn extended(&self) -> (String, String) {
        let definitions =
            "SELECT coalesce(string_agg(pg_get_statisticsobjdef(oid), '; '), '') FROM pg_statistic_ext";
        let gathered = "SELECT count(*)::text FROM pg_statistic_ext_data";
        (self.text(definitions).await.unwrap(), self.text(gathered).await.unwrap())
    }

    /// The column's own target, and how many of its most common values are known.
    pub(super) async fn target_of_customer(&self) -> (Option<String>, usize) {
        let target = "SELECT nullif(attstattarget, -1)::text FROM pg_attribute \
                      WHERE attrelid = 'orders'::regclass AND attname = 'customer_id'";
        let known = "SELECT coalesce(array_length(most_common_freqs, 1), 0)::text FROM pg_stats \
                     WHERE tablename = 'orders' AND attname = 'customer_id'";
        let known = self.text(known).await.unwrap_or_default();
        (self.text(target).await, known.parse().unwrap_or(0))
    }
}

async fn on_trial(engine: &Engine, order: &Apply) -> String {
    assert_eq!(engine.apply(order).await, Answer::Accepted);
    let report = engine.settles(order).await;
    assert_eq!(report.state, S::Trial, "{report:?}");
    report.observed.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_are_looked_at_together_until_that_is_undone() {
    let stage = stage().await;
    let engine = stage.engine();
    let order = stage.together(&["customer_id", "note"]);
    let observed = on_trial(&engine, &order).await;
    assert!(observed.contains("ON customer_id, note FROM") && observed.ends_with(", gathered"), "{observed}");
    let (definitions, gathered) = stage.extended().await;
    assert!(definitions.contains("qs_orders_customer_id_note_"), "{definitions}");
    assert_eq!(gathered, "1");
    // The same columns again, in any order and under any name, are no news.
    let again = stage.together(&["note", "customer_id"]);
    assert_eq!(engine.apply(&again).await, Answer::Accepted);
    assert!(engine.reaches(&again, S::Rejected).await.detail.contains("do that already"));
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Reverted).await;
    assert_eq!(stage.extended().await, (String::new(), "0".into()));

    refused(engine.apply(&stage.together(&["customer_id"])).await, "2 to 8 columns");
    refused(engine.apply(&stage.together(&["note", "note"])).await, "named twice");
    refused(engine.apply(&stage.index(&["note"])).await, "no rule of this host's allow-list");
    let unknown = stage.together(&["note", "colour"]);
    assert_eq!(engine.apply(&unknown).await, Answer::Accepted);
    assert!(engine.reaches(&unknown, S::Rejected).await.detail.contains("no column colour"));
    stage.nothing_is_left_over().await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_column_is_sampled_more_closely_until_that_is_undone() {
    let stage = stage().await;
    let engine = stage.engine();
    assert_eq!(stage.target_of_customer().await, (None, 100));
    let order = stage.target("customer_id", None, 400);
    let observed = on_trial(&engine, &order).await;
    assert_eq!(observed, "the statistics target of customer_id is 400, gathered");
    assert_eq!(stage.target_of_customer().await, (Some("400".into()), 400));
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Reverted).await;
    assert_eq!(stage.target_of_customer().await, (None, 100));

    // What somebody had set comes back; what was approved for another target is not done.
    stage
        .cluster
        .execute("shop", "ALTER TABLE orders ALTER COLUMN customer_id SET STATISTICS 50")
        .await
        .unwrap();
    let stale = stage.target("customer_id", None, 400);
    assert_eq!(engine.apply(&stale).await, Answer::Accepted);
    assert!(engine.reaches(&stale, S::Rejected).await.detail.contains("is 50 by now"));
    let order = stage.target("customer_id", Some(50), 400);
    on_trial(&engine, &order).await;
    assert_eq!(engine.undo(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Reverted).await;
    // Of a sample of three quarters of the table no more values can be told to be common.
    let (target, known) = stage.target_of_customer().await;
    assert!(target.as_deref() == Some("50") && known <= 50, "{target:?} {known}");
    refused(engine.apply(&stage.target("note", None, 0)).await, "from 1 to 10000");
    engine.stop().await;
}

/// Killed at every point, and between the two statements of the change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_are_as_the_journal_says_wherever_the_agent_dies() {
    let stage = stage().await;
    let making = MAKING.into_iter().filter(|point| *point != "running");
    let making = making.map(|point| (point, &["apply", "trial"][..]));
    let taking_back = TAKING_BACK.into_iter().map(|point| (point, &["apply", "trial", "undo"][..]));
    for (point, actions) in making.chain(taking_back) {
        for order in [stage.together(&["customer_id", "note"]), stage.target("customer_id", None, 400)] {
            die_in_child(&stage, &order, point, actions).await;
            settle(&stage, &order, point).await;
        }
    }
    // Made, and not gathered: of no use, and taken away.
    let order = stage.target("customer_id", None, 400);
    die_in_child(&stage, &order, "after intent", &["apply", "trial"]).await;
    stage
        .cluster
        .execute("shop", "ALTER TABLE orders ALTER COLUMN customer_id SET STATISTICS 400")
        .await
        .unwrap();
    assert_eq!(settle(&stage, &order, "half made").await, S::Aborted);
    stage.nothing_is_left_over().await;
}

/// Starts the agent again, and takes the change back once it stands still.
async fn settle(stage: &Stage, order: &Apply, point: &str) -> S {
    let engine = stage.engine();
    // Its order may have died with it.
    engine.apply(order).await;
    let state = engine.settles(order).await.state;
    if state == S::Trial {
        engine.undo(order).await;
        engine.reaches(order, S::Reverted).await;
    } else {
        assert!(
            matches!(state, S::Reverted | S::Aborted),
            "{point}: {state}: {:#?}",
            engine.reports.of(order)
        );
    }
    let (definitions, _) = stage.extended().await;
    assert_eq!((definitions.as_str(), stage.target_of_customer().await.0), ("", None), "{point}");
    engine.stop().await;
    state
}
