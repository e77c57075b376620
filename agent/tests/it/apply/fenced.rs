//! A controller that has gone back in time is not obeyed.

use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::wire::fence::Fence;
use querysmith_shared::wire::order::{Answer, Apply, Order, Renew};

use super::stage::{Engine, Stage};

fn fence(epoch: u64, position: u64) -> Fence {
    Fence { epoch, position, hash: [u8::try_from(position).unwrap(); 32] }
}

fn of(order: &Apply, fence: Fence) -> Apply {
    Apply { fence, ..order.clone() }
}

async fn renew(engine: &Engine, fence: Fence) -> Answer {
    engine.applier.handle(Order::Renew(Renew { changes: Vec::new(), fence })).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_of_an_older_record_is_carried_out() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let first = of(&stage.index(&["customer_id"]), fence(1, 10));
    assert_eq!(engine.apply(&first).await, Answer::Accepted);
    engine.reaches(&first, S::Trial).await;
    assert_eq!(*engine.applier.obeyed().borrow(), Some(fence(1, 10)));

    // Another change, and every way to end the one there is: of an earlier record, and of another history.
    let forked = Fence { hash: [99; 32], ..fence(1, 10) };
    for old in [fence(1, 9), forked, Fence::default()] {
        let behind = Answer::Behind(fence(1, 10));
        assert_eq!(engine.apply(&of(&stage.index(&["created_at"]), old)).await, behind, "{old:?}");
        assert_eq!(engine.undo(&of(&first, old)).await, behind);
        assert_eq!(engine.confirm(&of(&first, old)).await, behind);
        assert_eq!(renew(&engine, old).await, behind);
    }
    assert_eq!(engine.reports.states(&first).last(), Some(&S::Trial));
    engine.stop().await;

    // Not after a restart either; and on the host itself nobody is asked for a record.
    let engine = stage.engine();
    assert_eq!(engine.undo(&of(&first, fence(1, 9))).await, Answer::Behind(fence(1, 10)));
    assert_eq!(engine.undo(&of(&first, fence(1, 11))).await, Answer::Accepted);
    engine.reaches(&first, S::Reverted).await;
    engine.stop().await;
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_new_epoch_the_whole_journal_is_told_once_more() {
    let stage = Stage::set().await;
    let engine = stage.engine();
    let order = of(&stage.analyze(), fence(1, 10));
    assert_eq!(engine.apply(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Trial).await;
    engine.stop().await;

    let engine = stage.engine();
    // A later head of the same epoch is nothing new.
    assert_eq!(renew(&engine, fence(1, 12)).await, Answer::Leases(Vec::new()));
    let beside = of(&stage.analyze(), fence(1, 12));
    assert_eq!(engine.apply(&beside).await, Answer::Accepted);
    engine.reaches(&beside, S::Trial).await;
    assert_eq!(engine.reports.of(&order), []);

    assert_eq!(renew(&engine, fence(2, 3)).await, Answer::Leases(Vec::new()));
    let received = engine.reaches(&order, S::Received).await;
    engine.reaches(&order, S::Trial).await;
    assert!(received.detail.starts_with("received"), "{}", received.detail);
    engine.stop().await;
    let engine = stage.engine();
    assert_eq!(renew(&engine, fence(2, 4)).await, Answer::Leases(Vec::new()));
    assert_eq!(engine.stop().await.of(&order), [], "once is enough");
}
