//! Whoever gets at the store itself can change the audit, but not unseen.

use chrono::{TimeDelta, Utc};
use querysmith_controller::store::Store;
use querysmith_controller::store::audit::Deed;
use querysmith_controller::store::audit_chain::{Broken, Head};
use serde_json::json;

use crate::ground::Ground;

async fn deed(store: &Store, subject: &str) {
    let detail = json!({ "reason": "tested", "n": 1.50, "nested": { "z": [1, null], "a": "ä" } });
    let mut writing = store.write().await.unwrap();
    let deed = Deed { actor: "anna", action: "proposal.approve", subject, detail };
    writing.add_audit(&deed, Utc::now()).await.unwrap();
    writing.commit().await.unwrap();
}

async fn followed(store: &Store) -> Result<Head, Broken> {
    let links = store.read_links(0, 1_000).await.unwrap();
    links.iter().try_fold(Head::default(), Head::follow)
}

/// What the table's triggers refuse, done all the same.
async fn tamper(ground: &Ground, sql: &'static str) {
    let mut connection = ground.store.pool.acquire().await.unwrap();
    for sql in ["SET session_replication_role = replica", sql, "RESET session_replication_role"] {
        sqlx::query(sql).execute(&mut *connection).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_sealed_can_not_be_changed_removed_exchanged_or_cut_off_unseen() {
    let ground = Ground::new().await;
    let store = &ground.store;
    assert_eq!(store.seal_audit(Utc::now()).await.unwrap(), None);
    for subject in ["one", "two", "three", "four"] {
        deed(store, subject).await;
    }
    // Two controllers may come to it at the same time.
    let (a, b) = tokio::join!(store.seal_audit(Utc::now()), store.seal_audit(Utc::now()));
    let heads = [a.unwrap(), b.unwrap()];
    let head = followed(store).await.unwrap();
    assert_eq!(head.position, 4);
    assert!(heads.contains(&Some(head)) && heads.contains(&None), "{heads:?}");
    deed(store, "five").await;
    let longer = store.seal_audit(Utc::now()).await.unwrap().unwrap();
    assert_eq!((longer.position, followed(store).await), (5, Ok(longer)));

    for (sql, broken) in [
        ("UPDATE audit SET actor = 'berta' WHERE audit_id = 2", Broken::Changed { position: 2, audit_id: 2 }),
        (
            "UPDATE audit SET actor = 'anna', at = at + interval '1 microsecond' WHERE audit_id = 2",
            Broken::Changed { position: 2, audit_id: 2 },
        ),
    ] {
        tamper(&ground, sql).await;
        assert_eq!(followed(store).await, Err(broken), "{sql}");
    }
    tamper(&ground, "UPDATE audit SET at = at - interval '1 microsecond' WHERE audit_id = 2").await;
    assert_eq!(followed(store).await, Ok(longer));

    // By way of where no other position is in the way.
    tamper(&ground, "UPDATE audit_seal SET position = 107 - position WHERE position IN (3, 4)").await;
    tamper(&ground, "UPDATE audit_seal SET position = position - 100 WHERE position > 100").await;
    assert_eq!(followed(store).await, Err(Broken::Changed { position: 3, audit_id: 4 }));
    tamper(&ground, "DELETE FROM audit WHERE audit_id = 4").await;
    assert_eq!(followed(store).await, Err(Broken::Removed { position: 3, audit_id: 4 }));
    tamper(&ground, "DELETE FROM audit_seal WHERE position = 3").await;
    assert_eq!(followed(store).await, Err(Broken::Gap(3)));
    // The end can be cut off, but then it is not where it was noted to be.
    tamper(&ground, "DELETE FROM audit_seal WHERE position > 2").await;
    assert_eq!(followed(store).await.map(|head| head.position), Ok(2));
    assert_eq!(store.count_unsealed(Utc::now() + TimeDelta::hours(1)).await.unwrap(), 2);
}
