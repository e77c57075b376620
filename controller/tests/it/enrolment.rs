//! Join tokens in the store: each is good for one agent, in time, and a refusal writes nothing.

use std::time::Duration;

use futures_util::future::join_all;
use querysmith_controller::fleet::store::{AgentStatus, IssuedCertificate, NewAgent, TokenVerdict};
use querysmith_shared::id::AgentId;
use querysmith_shared::timestamp::Timestamp;
use uuid::Uuid;

use crate::ground::{Ground, now};

const HOUR: Duration = Duration::from_secs(3_600);

fn newcomer(now: Timestamp) -> NewAgent {
    NewAgent {
        agent: AgentId(Uuid::now_v7()),
        host_name: "host".into(),
        version: "1".into(),
        certificate: IssuedCertificate { serial: "1".into(), not_after: now.after(HOUR) },
    }
}

#[tokio::test]
async fn a_token_is_good_for_one_agent_and_until_it_ends() {
    let ground = Ground::new().await;
    let store = &ground.store;
    let made = now();
    let ends = made.after(HOUR);
    let (good, late) = ([1; 32], [2; 32]);
    for secret in [good, late] {
        store.add_join_token(secret, "test", "", made, ends).await.unwrap();
    }
    let just_in_time = ends.before(Duration::from_micros(1));
    for (secret, at, expected) in [
        ([9; 32], made, TokenVerdict::Unknown),
        (late, ends, TokenVerdict::Expired),
        (good, just_in_time, TokenVerdict::Redeemed),
        (good, just_in_time, TokenVerdict::Used),
        // What was used is used, also after its end.
        (good, ends, TokenVerdict::Used),
    ] {
        let agent = newcomer(made);
        let before = ground.count("SELECT count(*) FROM agent").await;
        assert_eq!(store.redeem_join_token(secret, &agent, at).await.unwrap(), expected);
        let is_in = expected == TokenVerdict::Redeemed;
        assert_eq!(ground.count("SELECT count(*) FROM agent").await - before, i64::from(is_in));
        let status = if is_in { AgentStatus::Active } else { AgentStatus::Unknown };
        assert_eq!(store.agent_status(agent.agent).await.unwrap(), status, "{expected:?}");
    }
    assert_eq!(ground.count("SELECT count(*) FROM join_token WHERE used_at IS NULL").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_come_with_one_token_at_once_one_is_let_in() {
    let ground = Ground::new().await;
    let made = now();
    let secret = [3; 32];
    ground.store.add_join_token(secret, "test", "", made, made.after(HOUR)).await.unwrap();
    let tries = (0..8).map(|_| {
        let store = ground.store.clone();
        tokio::spawn(async move {
            let agent = newcomer(made);
            (agent.agent, store.redeem_join_token(secret, &agent, made).await.unwrap())
        })
    });
    let verdicts: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    let let_in: Vec<_> = verdicts.iter().filter(|(_, verdict)| *verdict == TokenVerdict::Redeemed).collect();
    assert_eq!(let_in.len(), 1, "{verdicts:?}");
    assert!(
        verdicts.iter().all(|(_, verdict)| matches!(verdict, TokenVerdict::Redeemed | TokenVerdict::Used))
    );
    assert_eq!(ground.count("SELECT count(*) FROM agent").await, 1);
    let user: Uuid =
        sqlx::query_scalar("SELECT used_by FROM join_token").fetch_one(&ground.store.pool).await.unwrap();
    assert_eq!(AgentId(user), let_in[0].0);
}

#[tokio::test]
async fn a_name_that_no_column_takes_is_cut_not_refused() {
    let ground = Ground::new().await;
    let made = now();
    ground.store.add_join_token([4; 32], "test", "", made, made.after(HOUR)).await.unwrap();
    let agent = NewAgent { host_name: format!("a\0{}", "ß".repeat(5_000)), ..newcomer(made) };
    let verdict = ground.store.redeem_join_token([4; 32], &agent, made).await.unwrap();
    assert_eq!(verdict, TokenVerdict::Redeemed);
    let name: String =
        sqlx::query_scalar("SELECT host_name FROM agent").fetch_one(&ground.store.pool).await.unwrap();
    assert!(name.starts_with('a') && !name.contains('\0') && name.len() <= 258, "{} bytes", name.len());
}
