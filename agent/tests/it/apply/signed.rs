//! Approvals by signature: what the controller says counts for nothing without them.

use std::time::Duration;

use agent::apply::offline::print_journal;
use agent::apply::order::{rendered, signers};
use querysmith_link::signature::{ApproverKey, verify};
use querysmith_shared::approval::Signature;
use querysmith_shared::change::Change;
use querysmith_shared::change::lifecycle::ChangeState as S;
use querysmith_shared::id::{ChangeId, InstanceId};
use querysmith_shared::wire::codec::{decode_body, encode_body};
use querysmith_shared::wire::order::{Answer, Apply, MissingSignatures};
use uuid::Uuid;

use super::stage::{Stage, approved, now, refused};

/// A host that knows Dana and Eli, and wants two signatures for what takes something away.
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

    fn list(&self) -> String {
        format!(
            "[[allow]]\nkinds = ['create_index', 'analyze', 'drop_index']\n\
             [[approver]]\nname = 'dana'\nkeys = ['{}']\n[[approver]]\nname = 'eli'\nkeys = ['{}']\n",
            self.dana.public(),
            self.eli.public()
        )
    }
}

fn signed(order: &Apply, keys: &[&ApproverKey]) -> Apply {
    let text = order.approval(&rendered(order).unwrap()).text();
    Apply { signatures: keys.iter().map(|key| key.sign(&text)).collect(), ..order.clone() }
}

#[track_caller]
fn missing_signatures(answer: Answer) -> MissingSignatures {
    match answer {
        Answer::MissingSignatures(missing) => missing,
        answer => panic!("{answer:?}"),
    }
}

fn journal(stage: &Stage) -> String {
    let mut text = Vec::new();
    print_journal(stage.directory.path(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_signatures_the_controllers_word_is_worth_nothing() {
    let stage = Stage::set().await;
    let people = People::new();
    stage.allow_exactly(&people.list());
    let engine = stage.engine();
    let names: Vec<String> =
        engine.applier.approvers(stage.instance).into_iter().map(|approver| approver.name).collect();
    assert_eq!(names, ["dana", "eli"]);

    let order = stage.index(&["customer_id"]);
    let lacking = missing_signatures(engine.apply(&order).await);
    assert_eq!((lacking.needed, lacking.signed.len()), (1, 0));
    assert!(lacking.reason.contains("dana, eli; the order has none"), "{}", lacking.reason);
    missing_signatures(engine.apply(&signed(&order, &[&people.stranger])).await);
    // Nothing of that is in the journal, so the same order may come again with what it lacked.
    refused(engine.confirm(&order).await, "doesn't know the change");
    assert_eq!(engine.apply(&signed(&order, &[&people.stranger, &people.eli])).await, Answer::Accepted);
    engine.reaches(&order, S::Trial).await;
    assert!(engine.reports.of(&order)[0].detail.ends_with("approved by Dana; signed by eli"));

    // Kept, it is taken back only on a signature, and on one of the undo's own text.
    assert_eq!(engine.confirm(&order).await, Answer::Accepted);
    engine.reaches(&order, S::Confirmed).await;
    refused(engine.undo(&order).await, "asks for 1 of these signatures: dana, eli");
    let sign = |text: String, key: &ApproverKey| vec![key.sign(&text)];
    let rendered = rendered(&order).unwrap();
    let approval = order.approval(&rendered);
    let (apply, undo) = (approval.text(), approval.undo_text());
    refused(engine.undo_signed(&order, sign(apply, &people.dana)).await, "the order has none");
    refused(engine.undo_signed(&order, sign(undo.clone(), &people.stranger)).await, "the order has none");
    assert_eq!(engine.undo_signed(&order, sign(undo, &people.dana)).await, Answer::Accepted);
    engine.reaches(&order, S::Reverted).await;
    assert_eq!(stage.index_is_valid(&order).await, None);

    // An order that was carried out is none a second time, whoever replays it.
    assert_eq!(engine.apply(&signed(&order, &[&people.dana])).await, Answer::Accepted);
    let beside = signed(&stage.index(&["created_at"]), &[&people.dana]);
    assert_eq!(engine.apply(&beside).await, Answer::Accepted);
    engine.reaches(&beside, S::Trial).await;
    assert_eq!(stage.index_is_valid(&order).await, None);
    engine.stop().await;
    assert_eq!(journal(&stage).matches("the statement starts").count(), 2);
    stage.nothing_is_left_over().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_takes_something_away_needs_two_people() {
    let stage = Stage::set().await;
    let people = People::new();
    stage.allow_exactly(&people.list());
    let sql =
        "CREATE INDEX kept ON orders (customer_id, created_at); CREATE INDEX spare ON orders (customer_id)";
    stage.cluster.execute("shop", sql).await.unwrap();
    stage.cluster.execute("shop", "ALTER TABLE orders OWNER TO owner").await.unwrap();
    let engine = stage.engine();
    let order = stage.dropping(&["customer_id"], "spare", "kept");
    let lacking = missing_signatures(engine.apply(&signed(&order, &[&people.dana, &people.dana])).await);
    assert_eq!((lacking.needed, lacking.signed), (2, vec!["dana".to_owned()]));
    assert_eq!(engine.apply(&signed(&order, &[&people.dana, &people.eli])).await, Answer::Accepted);
    engine.reaches(&order, S::Trial).await;
    engine.stop().await;
}

/// A red team with the controller's certificate and one honest approval in its hands.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_is_good_for_nothing_else() {
    let stage = Stage::set().await;
    let people = People::new();
    stage.allow_exactly(&people.list());
    let engine = stage.engine();
    let honest = signed(&stage.index(&["customer_id"]), &[&people.dana]);
    let with = |alter: &dyn Fn(&mut Apply)| {
        let mut order = honest.clone();
        alter(&mut order);
        approved(order)
    };
    let other = |order: &mut Apply| order.change = ChangeId(Uuid::now_v7());
    let forged = [
        // Another column, table, database, index.
        with(&|order| {
            *order = Apply { signatures: order.signatures.clone(), ..stage.index(&["created_at"]) }
        }),
        with(&|order| *order = Apply { signatures: order.signatures.clone(), ..stage.analyze() }),
        with(&|order| {
            let Change::CreateIndex(index) = &mut order.what else { panic!("no index") };
            index.database = "postgres".into();
        }),
        // Longer, on trial for longer, begun later, on another server.
        with(&|order| order.limits.duration_ms += 1),
        with(&|order| order.limits.trial.longest_s += 1),
        with(&|order| order.expires_at = order.expires_at.after(Duration::from_secs(1))),
        with(&|order| order.system_identifier = "7300000000000000001".into()),
        // The signature of somebody whom nobody knows, with the name of one who is known.
        with(&|order| order.signatures[0].key = people.eli.public()),
        with(&|order| order.signatures = vec![people.stranger.sign("anything")]),
    ];
    for order in &forged {
        missing_signatures(engine.apply(order).await);
    }
    // Another id for the same index: the name tells.
    refused(engine.apply(&with(&other)).await, "isn't the one of this change");
    let foreign = with(&|order| order.instance = InstanceId(Uuid::from_u128(8)));
    refused(engine.apply(&foreign).await, "no connection for changes");

    // Signed and late.
    let mut late = stage.index(&["customer_id"]);
    late.expires_at = now();
    refused(engine.apply(&signed(&late, &[&people.dana])).await, "has expired");
    // An approver who is taken out of the list counts no more, also for what waits already.
    let old = stage.old_snapshot().await;
    let waiting = signed(&stage.index(&["created_at", "id"]), &[&people.dana]);
    assert_eq!(engine.apply(&waiting).await, Answer::Accepted);
    engine.reaches(&waiting, S::Applying).await;
    stage.allow_exactly(
        &people
            .list()
            .replace("dana", "fay")
            .replace(&people.dana.public().to_string(), &people.stranger.public().to_string()),
    );
    let ended = engine.settles(&waiting).await;
    assert_eq!(ended.state, S::Aborted, "{}", ended.detail);
    assert!(ended.detail.contains("eli, fay; the order has none"), "{}", ended.detail);
    drop(old);

    engine.stop().await;
    assert_eq!(journal(&stage).matches("read back").count(), 0);
    stage.nothing_is_left_over().await;
}

/// Every byte of an order flipped once, and every byte of what was signed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_flipped_bit_is_another_order() {
    let stage = Stage::set().await;
    let key = ApproverKey::generate().unwrap();
    let order = signed(&stage.index(&["customer_id", "-created_at"]), &[&key]);
    assert_eq!(signers(&order), [key.public()]);
    let bytes = encode_body(&order).unwrap();
    let mut read = 0;
    for at in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        let Ok(altered) = decode_body::<Apply>(&flipped) else { continue };
        read += 1;
        // Whom the controller names, and how old it is, is no part of what was signed.
        let Apply { approved_by, fence, .. } = order.clone();
        let same = Apply { approved_by, fence, ..altered.clone() } == order;
        assert_eq!(signers(&altered).contains(&key.public()), same, "bit {at}");
    }
    assert!(read > bytes.len(), "only {read} of them could be read at all");

    let text = order.approval(&rendered(&order).unwrap()).text();
    let signature: Signature = order.signatures[0];
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        assert!(!verify(&signature, &String::from_utf8(bytes).unwrap()), "byte {at}");
    }
}
